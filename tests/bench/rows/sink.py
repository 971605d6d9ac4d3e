"""ClickHouse sink: Kafka → archive and typed table, against clickhouse-connect and against ready-made blocks.

All sides store every record twice, raw in the archive and decoded in its table, and must end with exactly one
row of each. The peers commit after each insert but claim nothing, check nothing and cannot repeat an insert
safely. The limit inserts the very blocks that ours would (Native for the archive, `FORMAT Avro` for the
table), made before the clock starts: no Kafka, no framing. The Kafka engine reads in an engine of its own and
asks the platform's schema registry; its process is engine and side in one, so of its processor time nothing
is told apart.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from requests import RequestException

from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.jars import Jar, download
from infra.kafka.ports import free_ports
from infra.kafka.progress import SilentProgress
from infra.ports import free_port
from infra.settings import Ports, Settings
from infra.stack.stores import answers
from infra.web.app import serve
from schemas.catalog import load_catalog
from tests.bench.child import run_side
from tests.bench.harness import Row, Run, Side, SideError
from tests.bench.kafka_stage import Broker
from tests.bench.work import readings
from tests.harness.broker import RunningKafka
from tests.harness.engine import EngineProcess
from tests.streams.clickhouse_sink.stage import Stage, make_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figures import Measured
    from tests.harness.engine import ClickHouse


CONNECTOR = Jar("com.clickhouse.kafka", "clickhouse-kafka-connect", "v1.5.0", "")
"""The Kafka Connect sink by the names in its own build file."""


@dataclass(frozen=True)
class SinkStage:
    """A broker with readings, and an engine with their tables."""

    broker: Broker
    made: Stage

    @property
    def table(self) -> str:
        """The readings' typed table."""
        return self.made.topic("reading").table


@contextlib.contextmanager
def stage(events: int) -> Iterator[SinkStage]:
    """Start a broker and an engine, and fill the topic."""
    with tempfile.TemporaryDirectory(prefix="city-bench-sink-") as name:
        embedded = EmbeddedKafka(Path(name) / "kafka", free_ports())
        (Path(name) / "clickhouse").mkdir()
        door = EngineProcess(Path(name) / "clickhouse" / "data")
        with RunningKafka(embedded) as running:
            opened = door.start()
            try:
                broker = Broker(embedded.bootstrap, running.pid or 0, Path(name))
                yield _filled(broker, opened, events)
            finally:
                door.stop()


def _filled(broker: Broker, opened: ClickHouse, events: int) -> SinkStage:
    made = make_stage(broker.kafka, opened)
    broker.fill(made.topic("reading").name, readings(events))
    return SinkStage(broker, made)


def measure(way: str, on: SinkStage, run: Run) -> Measured:
    """Empty the tables, run a side, and look at what it stored.

    Raises:
        SideError: It failed, or did not store every record once.
    """
    client = on.made.clickhouse.client(database=on.made.config.database)
    try:
        for table in ("records", on.table):
            client.command(f"TRUNCATE TABLE {table}")
        config = on.made.config
        told = {
            "way": way,
            "stage": on.made.name,
            "total": run.events,
            "servers": [on.broker.pid, on.made.clickhouse.pid],
            "config": {
                "kafka": config.kafka,
                "url": config.url,
                "user": config.user,
                "password": config.password,
                "database": config.database,
                "group": run.group,
            },
        }
        measured = run_side("sink", told)
        for table in ("records", on.table):
            found = client.query(f"SELECT count() FROM {table}").result_rows[0][0]
            if found != run.events:
                raise SideError(f"stored {found} rows in {table}, expected {run.events}")
        return measured
    finally:
        client.close()


def measure_kafka_engine(on: SinkStage, run: Run) -> Measured:
    """Have ClickHouse's Kafka engine read the topic into tables of an engine of its own.

    Raises:
        SideError: It failed, or did not store every record once.
    """
    with tempfile.TemporaryDirectory(prefix="city-bench-engine-") as name, registry(Path(name)) as url:
        told = {
            "stage": on.made.name,
            "total": run.events,
            "servers": [on.broker.pid],
            "kafka": on.made.config.kafka,
            "group": run.group,
            "registry": url,
            "folder": name,
        }
        measured = run_side("sink_engine", told)
        found = json.loads((Path(name) / "stored.json").read_text(encoding="utf-8"))
    if found != [run.events, run.events]:
        raise SideError(f"stored {found} different records in archive and table, expected {run.events} each")
    return measured


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Serve the platform's schema registry; the value is its address.

    Raises:
        SideError: It does not answer.
    """
    settings = Settings(data=folder, ports=Ports(web=free_port()))
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(settings, load_catalog(), stop), name="bench-registry")
    thread.start()
    try:
        while not answers(f"{settings.web_url}/ping", timeout_s=1):
            if not thread.is_alive():
                raise SideError("the schema registry did not start")
        yield settings.web_url
    finally:
        stop.set()
        thread.join(20)


def measure_kafka_connect(_: SinkStage, __: Run) -> Measured:
    """Look for the Kafka Connect sink where the broker's jars come from.

    Raises:
        SideError: It is not there, which is so for every version up to the one that was looked for.
    """
    with tempfile.TemporaryDirectory(prefix="city-bench-jars-") as name:
        try:
            download(CONNECTOR, Path(name), SilentProgress().file)
        except RequestException as error:
            raise SideError(f"{CONNECTOR} cannot be looked for: {type(error).__name__}") from error
        except RuntimeError as error:
            raise SideError(
                f"{CONNECTOR} is not in any repository that jgo asks: its makers publish a zip file "
                "with each release and nothing else"
            ) from error
    raise SideError(f"{CONNECTOR} is published now, so this row can be given a side that runs it")


SINK_ROW = Row(
    "sink",
    "Kafka to archive and typed table",
    Side("ours", partial(measure, "ours")),
    (
        Side("clickhouse-connect, decoded rows", partial(measure, "rows"), target=3.0),
        Side("clickhouse-connect, Arrow", partial(measure, "arrow"), target=3.0),
        Side("ClickHouse Kafka engine in chDB", measure_kafka_engine, target=3.0),
        Side("ClickHouse Kafka Connect sink", measure_kafka_connect, target=3.0),
        Side("ready-made blocks, INSERT FORMAT Avro", partial(measure, "blocks"), target=0.5),
    ),
    stage,
    events=200_000,
    small=5_000,
)
