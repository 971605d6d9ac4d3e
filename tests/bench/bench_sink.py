"""The ClickHouse sink against clickhouse-connect's insert of decoded rows, in turn, on one broker.

`python -m tests.bench.bench_sink [--records N] [--rounds N]` prints for each round records per second and
processor time per record, and the ratios. Both do the same work: every record of a topic into the archive
and, decoded, into the typed table; the peer commits its offsets after each insert, but claims nothing and
proves nothing.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer

from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.ports import free_ports
from infra.kafka.running import RunningKafka
from schemas.codec import decode
from schemas.tables import ARCHIVE, insert_columns
from streams.sinks.clickhouse import ClickHouseSink, SinkConfig
from tests.fixtures.clickhouse import DoorProcess
from tests.streams.sinks.events import framed
from tests.streams.sinks.stage import ROOT, make_catalog, make_stage

if TYPE_CHECKING:
    from schemas.model import Catalog, Topic
    from tests.streams.sinks.stage import Stage

BATCH = 20_000


def ours(config: SinkConfig, catalog: Catalog, total: int) -> float:
    """Run the sink until everything is confirmed; return the seconds from the first record on."""
    figures: dict[str, float] = {}
    sink = ClickHouseSink(config, catalog, lambda name, value, _labels: figures.__setitem__(name, value))
    begun = 0.0
    while figures.get("sink.records_total", 0) < total:
        sink.turn()
        if not begun and any(lane.waiting or lane.task for lane in sink.lanes()):
            begun = time.perf_counter()
    seconds = time.perf_counter() - begun
    sink.close()
    return seconds


def peer(config: SinkConfig, catalog: Catalog, total: int) -> float:
    """Decode every record and insert rows; return the seconds from the first record on."""
    import clickhouse_connect

    topic = _topic(catalog)
    host, port = config.url.split("//")[1].rstrip("/").split(":")
    told: dict[str, Any] = {"username": config.user, "password": config.password, "database": config.database}
    client = clickhouse_connect.get_client(host=host, port=int(port), **told)
    consumer = Consumer(
        {
            "bootstrap.servers": config.kafka,
            "group.id": config.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic.name])
    names = insert_columns(topic)
    begun, done = 0.0, 0
    while done < total:
        messages = consumer.consume(BATCH, 0.2)
        if not messages:
            continue
        begun = begun or time.perf_counter()
        archive, rows = [], []
        for m in messages:
            kind, stamp = m.timestamp()
            headers = [tuple(pair) for pair in m.headers() or ()]
            archive.append(
                (topic.name, m.partition(), m.offset(), kind - 1, stamp, m.key(), m.value(), headers)
            )
            event = decode(m.value(), catalog, topic)[1]
            meta = {
                "_partition": m.partition(),
                "_offset": m.offset(),
                "_received_at": datetime.fromtimestamp(stamp / 1000, UTC),
            }
            rows.append([{**event, **meta}[name] for name in names])
        client.insert("records", archive, column_names=[column.name for column in ARCHIVE])
        client.insert(topic.table, rows, column_names=names)
        consumer.commit(asynchronous=False)
        done += len(messages)
    seconds = time.perf_counter() - begun
    consumer.close()
    return seconds


def _topic(catalog: Catalog) -> Topic:
    return next(topic for topic in catalog.topics.values() if topic.event == "reading")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def measured(who: str, stage: Stage, group: str, total: int, compression: str) -> tuple[float, float]:
    """Run one side in a process of its own; return records per second and microseconds of processor time a record."""
    config = {
        "kafka": stage.kafka,
        "url": stage.door.url,
        "user": stage.door.user,
        "password": stage.door.password,
    }
    config |= {"database": stage.config.database, "group": group, "compression": compression}
    told = json.dumps([who, stage.name, total, config])
    command = [sys.executable, "-m", "tests.bench.bench_sink", "--child", told]
    answer = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=300
    ).stdout
    seconds, cpu = json.loads(answer.splitlines()[-1])
    return total / seconds, cpu / total * 1e6


def child(told: str) -> None:
    """One side, told by `measured`."""
    who, name, total, config = json.loads(told)
    run = {"ours": ours, "peer": peer}[who]
    before = resource.getrusage(resource.RUSAGE_SELF)
    seconds = run(SinkConfig(**config, metrics_interval_s=0.05), make_catalog(name), total)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(json.dumps([seconds, cpu]) + "\n")


def compare(records: int, rounds: int, compression: str) -> None:
    """Start a broker and an engine, fill a topic, let both sides store it in turn."""
    with tempfile.TemporaryDirectory(prefix="bench-sink-") as folder:
        broker = EmbeddedKafka(Path(folder) / "kafka", free_ports())
        (Path(folder) / "clickhouse").mkdir()
        door = DoorProcess(Path(folder) / "clickhouse" / "data")
        with RunningKafka(broker):
            opened = door.start()
            try:
                _compare(make_stage(broker.bootstrap, opened), records, rounds, compression)
            finally:
                door.stop()


def _compare(stage: Stage, records: int, rounds: int, compression: str) -> None:
    topic, random = stage.topic("reading"), Random(1)
    values: list[bytes | None] = [framed(topic.schema, random) for _ in range(2000)]
    for start in range(0, records, len(values)):
        stage.produce(topic, values, start // len(values) % 2)
    results: dict[str, list[tuple[float, float]]] = {"ours": [], "peer": []}
    for number in range(rounds):
        for who in ("ours", "peer") if number % 2 == 0 else ("peer", "ours"):
            client = stage.door.client(database=stage.config.database)
            for table in ("records", topic.table):
                client.command(f"TRUNCATE TABLE {table}")
            client.close()
            speed, cpu = measured(who, stage, f"bench-{who}-{number}", records, compression)
            results[who].append((speed, cpu))
            say(f"{who} {number}: {speed:,.0f} records/s, {cpu:.1f} µs/record")
    for place, what in ((0, "records/s"), (1, "µs of processor time a record")):
        for who, found in results.items():
            figures = sorted(each[place] for each in found)
            middle = statistics.median(figures)
            say(f"{who}, {what}: min {figures[0]:,.1f} median {middle:,.1f} max {figures[-1]:,.1f}")
    ratio = statistics.median(a[0] / b[0] for a, b in zip(results["ours"], results["peer"], strict=True))
    saved = statistics.median(b[1] / a[1] for a, b in zip(results["ours"], results["peer"], strict=True))
    say(f"ratio ours / peer: {ratio:.1f}× records/s, {saved:.1f}× per processor second")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compression", default="none")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child)
    else:
        compare(arguments.records, arguments.rounds, arguments.compression)
