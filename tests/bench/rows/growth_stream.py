"""Growth of agents and sink: neither an event's cost nor the time to start grows with what was there before.

A topic holds 1 M, then 10 M readings that both groups have committed; archive and typed table hold them too, filled
inside the engine, at the same distance in time. Then one reading comes, and a worker is started: the time until its
outcome is there is what starting takes. Then a window of readings comes: processor time of worker and engine
for each. Agents are all that are packaged; the sink keeps the roll-ups of air quality.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from confluent_kafka import Consumer, TopicPartition

from infra.clickhouse.migrations.migrate import migrate
from schemas.catalog import load_catalog
from schemas.codec import encode
from schemas.names import AGENTS_GROUP, CLICKHOUSE_SINK_GROUP
from tests.bench.fill import KEYS, YEAR_S, Fill, settle, source_key
from tests.bench.harness import SideError
from tests.bench.kafka_stage import Broker, a_broker
from tests.bench.limits import LimitRow, Quantity
from tests.bench.rows.growth_ledger import FLAT, size_words
from tests.bench.several import cpu_s, several
from tests.bench.work import READING, reading_events
from tests.harness.engine import ClickHouse, EngineProcess
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PROGRAM = "tests.bench.sides.growth_worker"
INDEX = "air-quality.index"
LARGEST = 10_000_000
FLAT_START = 1.5
"""Joining a group takes one to some seconds, whatever there is to read."""
WINDOW_SHARE = 100
PATIENCE_S = 300.0


@dataclass(frozen=True)
class Cost:
    """What a worker took.

    Attributes:
        start_s: From its start to the outcome of its first record.
        cpu_us: Processor time of its process for each event of the window.
        engine_us: The same of the engine; 0 for agents.
        resident_mib: Its memory at the end.
    """

    start_s: float
    cpu_us: float
    engine_us: float
    resident_mib: float


@dataclass(frozen=True)
class Grown:
    """A broker and an engine that hold so many readings."""

    broker: Broker
    opened: ClickHouse
    client: Any
    fill: Fill
    until_s: int

    def readings(self, begin: int, count: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield readings that go on where the table ends, each source in its turn."""
        schema = self.fill.topic.schema
        for number, event in enumerate(itertools.islice(reading_events(begin + count), begin, None), begin):
            key = source_key(self.fill.topic, number)
            at = self.until_s * 1_000_000 + (number // KEYS + 1) * self.fill.step_us
            yield key.encode(), encode(schema, {**event, "station": key, "occurred_at": at})

    def rows(self) -> int:
        """Return the rows of the typed table."""
        return int(self.client.command(f"SELECT count() FROM {self.fill.table}"))


@contextlib.contextmanager
def grown(size: int) -> Iterator[Grown]:
    """Start a broker and an engine, and fill both."""
    with tempfile.TemporaryDirectory(prefix="city-bench-growth-") as name, a_broker() as broker:
        (Path(name) / "clickhouse").mkdir()
        door = EngineProcess(Path(name) / "clickhouse" / "data")
        opened = door.start()
        client = opened.client(send_receive_timeout=600)
        try:
            catalog = load_catalog()
            migrate(client, catalog)
            fill = Fill(catalog.topics[READING], size, int(YEAR_S * size / LARGEST))
            made = Grown(broker, opened, client, fill, int(time.time()))
            fill.run(client, made.until_s)
            pairs = itertools.cycle(list(made.readings(0, KEYS)))
            broker.fill(READING, itertools.islice(pairs, size))
            for partition, end in enumerate(broker.ends(READING)):
                client.command(
                    "INSERT INTO city.records (topic, partition, offset, timestamp_type, timestamp_ms, key, value) "
                    f"SELECT '{READING}', {partition}, number, 1, {made.until_s * 1000}, 'key', repeat('v', 150) "
                    f"FROM numbers({end})"
                )
            settle(client)
            yield made
        finally:
            client.close()
            door.stop()


def commit_all(kafka: str, group: str) -> None:
    """Let a group have committed every topic up to its end."""
    client = Consumer({"bootstrap.servers": kafka, "group.id": group, "enable.auto.commit": False})
    try:
        topics = client.list_topics(timeout=10).topics
        places = [
            TopicPartition(name, number)
            for name, topic in topics.items()
            for number in topic.partitions
            if not name.startswith("__")
        ]
        for place in places:
            place.offset = client.get_watermark_offsets(place, timeout=10)[1]
        client.commit(offsets=places, asynchronous=False)
    finally:
        client.close()


def cost(
    on: Grown, group: str, told: dict[str, Any], count: Callable[[], int], window: Sequence[Any]
) -> Cost:
    """Start a worker for the window's first record, then let it work through the rest.

    Raises:
        SideError: It failed, or did not do its work in time.
    """
    commit_all(on.broker.kafka, group)
    before = count()
    on.broker.fill(READING, window[:1])
    begun = time.monotonic()
    with several([(PROGRAM, json.dumps(told))]) as processes:
        eventually(
            lambda: count() > before,
            f"{group}: something comes of a first record",
            within_s=PATIENCE_S,
            every_s=0.01,
            error=SideError,
        )
        start_s = time.monotonic() - begun
        on.broker.await_commit(group, READING, PATIENCE_S)
        engine = [psutil.Process(on.opened.pid)] if "sink" in told else []
        own, servers = cpu_s(processes), cpu_s(engine)
        on.broker.fill(READING, window[1:])
        on.broker.await_commit(group, READING, PATIENCE_S)
        own, servers = cpu_s(processes) - own, cpu_s(engine) - servers
        resident = processes[0].memory_info().rss / (1 << 20)
    events = len(window) - 1
    return Cost(start_s, own / events * 1e6, servers / events * 1e6, resident)


def agents_cost(on: Grown, window: Sequence[Any]) -> Cost:
    """Let all agents of the platform work."""
    told = {"agents": {"kafka": on.broker.kafka, "data": str(on.broker.folder / "agents")}}
    return cost(on, AGENTS_GROUP, told, lambda: sum(on.broker.ends(INDEX)), window)


def sink_cost(on: Grown, window: Sequence[Any]) -> Cost:
    """Let the ClickHouse sink work.

    Raises:
        SideError: It did not store every reading.
    """
    opened = on.opened
    told = {"kafka": on.broker.kafka, "url": opened.url, "user": opened.user, "password": opened.password}
    before = on.rows()
    took = cost(on, CLICKHOUSE_SINK_GROUP, {"sink": told}, on.rows, window)
    eventually(
        lambda: on.rows() == before + len(window),
        lambda: f"{len(window)} rows, {on.rows() - before} stored",
        within_s=10.0,
        error=SideError,
    )
    return took


@contextlib.contextmanager
def stage(events: int) -> Iterator[None]:
    """Make nothing: each size has a broker and an engine of its own."""
    del events
    yield


def measure(_: None, number: int, events: int) -> list[Quantity]:
    """Measure both workers at both sizes.

    Raises:
        SideError: One failed.
    """
    del number
    sizes = (events // 10, events)
    agents, sink = [], []
    for size in sizes:
        with grown(size) as on:
            window = list(on.readings(KEYS, 1 + events // WINDOW_SHARE))
            agents.append(agents_cost(on, window))
            sink.append(sink_cost(on, list(on.readings(KEYS + len(window), len(window)))))
    low, high = (size_words(size) for size in sizes)
    figures = [
        *_figures("agents", agents, ("start_s", "cpu_us", "resident_mib"), low, high),
        *_figures("sink", sink, ("start_s", "cpu_us", "engine_us", "resident_mib"), low, high),
    ]
    return list(figures)


_WORDS = {
    "start_s": ("start", "s", FLAT_START),
    "cpu_us": ("CPU per event", "µs", FLAT),
    "engine_us": ("engine's CPU per event", "µs", FLAT),
    "resident_mib": ("resident", "MiB", FLAT),
}


def _figures(
    who: str, found: Sequence[Cost], names: Sequence[str], low: str, high: str
) -> Iterator[Quantity]:
    for name in names:
        words, unit, flat = _WORDS[name]
        first, last = (float(getattr(each, name)) for each in found)
        yield Quantity(f"{who}: {words} at {low}", unit, first)
        yield Quantity(f"{who}: {words} at {high}", unit, last)
        yield Quantity(f"{who}: {words} at {high} / at {low}", "×", last / first if first else 0.0, most=flat)


GROWTH_STREAM = LimitRow(
    "growth-stream",
    "agents and sink behind a topic and tables of a tenth and all of the events",
    stage,
    measure,
    events=LARGEST,
    small=100_000,
)
