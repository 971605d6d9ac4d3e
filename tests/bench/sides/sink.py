"""All sides of the sink row; each stores every record of a topic in the archive and in its typed table."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer

from schemas.codec import decode
from schemas.tables import ARCHIVE, columns, insert_columns
from streams.clickhouse_sink.archive_insert import insert_archive
from streams.clickhouse_sink.avro_container import container
from streams.clickhouse_sink.batch import OffsetRange, make_batch
from streams.clickhouse_sink.client import ClickHouseClient
from streams.clickhouse_sink.insert_sql import insert_rows
from streams.clickhouse_sink.sink import ClickHouseSink, SinkConfig
from streams.gc_tuning import tune_gc
from tests.bench.clock import Clock
from tests.streams.clickhouse_sink.stage import make_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.model import Catalog, Topic

BATCH = 20_000
ARCHIVE_NAMES = [column.name for column in ARCHIVE]


@dataclass(frozen=True)
class Job:
    """What a side is told."""

    config: SinkConfig
    catalog: Catalog
    topic: Topic
    clock: Clock

    def client(self) -> Any:
        """Return a client of clickhouse-connect; what it would import at its first insert is there already."""
        import clickhouse_connect

        for name in ("numpy", "pandas", "pyarrow"):
            importlib.import_module(name)
        host, port = self.config.url.split("//")[1].rstrip("/").split(":")
        return clickhouse_connect.get_client(
            host=host,
            port=int(port),
            username=self.config.user,
            password=self.config.password,
            database=self.config.database,
        )

    def consumed(self) -> Iterator[tuple[Any, Sequence[Any]]]:
        """Yield batches of messages with their consumer, until all were counted."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.config.kafka,
                "group.id": self.config.group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        consumer.subscribe([self.topic.name])
        left = self.clock.total
        while left > 0:
            messages = [each for each in consumer.consume(BATCH, 0.2) if each.error() is None]
            if messages:
                left -= len(messages)
                yield consumer, messages
        consumer.close()


def ours(job: Job) -> None:
    """Run the sink as its process does, until everything is confirmed."""
    tune_gc()
    figures: dict[str, float] = {}
    sink = ClickHouseSink(
        job.config, job.catalog, lambda name, value, _labels: figures.__setitem__(name, value)
    )
    while figures.get("sink.records_total", 0) < job.clock.total:
        sink.run_once()
        if any(each.waiting or each.task for each in sink.partitions()):
            job.clock.begin()
    job.clock.count(job.clock.total)
    job.clock.finish()
    sink.close()


Insert = Callable[[str, Sequence[str], list[list[Any]]], None]


def decoded(job: Job, insert: Insert, *, raw: bool) -> None:
    """Decode every record; insert both tables' rows with `insert`; commit.

    Args:
        job: What to do.
        insert: Takes a table, its columns and its rows.
        raw: Whether ids are left as text and times as microseconds, which is all that Arrow needs.
    """
    names = insert_columns(job.topic)
    for consumer, messages in job.consumed():
        job.clock.begin()
        archive, rows = [], []
        for m in messages:
            kind, stamp = m.timestamp()
            headers = [tuple(pair) for pair in m.headers() or ()]
            archive.append(
                [m.topic(), m.partition(), m.offset(), kind - 1, stamp, m.key(), m.value(), headers]
            )
            event = decode(m.value(), job.catalog, job.topic, raw=raw)[1]
            received = stamp * 1000 if raw else datetime.fromtimestamp(stamp / 1000, UTC)
            meta = {"_partition": m.partition(), "_offset": m.offset(), "_received_at": received}
            rows.append([{**event, **meta}[name] for name in names])
        insert("records", ARCHIVE_NAMES, archive)
        insert(job.topic.table, names, rows)
        consumer.commit(asynchronous=False)
        job.clock.count(len(messages))
    job.clock.finish()


def as_rows(job: Job) -> Insert:
    """Insert rows as clickhouse-connect's own documentation does."""
    client = job.client()

    def insert(table: str, names: Sequence[str], rows: list[list[Any]]) -> None:
        client.insert(table, rows, column_names=names)

    return insert


def as_arrow(job: Job) -> Insert:
    """Insert rows as one Arrow table."""
    import pyarrow as pa

    client = job.client()
    pair = pa.struct([("name", pa.string()), ("value", pa.binary())])
    known = {column.name: column.type for column in (*columns(job.topic), *ARCHIVE)}

    def kind_of(name: str) -> Any:
        if name == "headers":
            return pa.list_(pair)
        return pa.timestamp("us", tz="UTC") if "DateTime64" in known[name] else None

    def insert(table: str, names: Sequence[str], rows: list[list[Any]]) -> None:
        found = {
            name: pa.array(_structs(column) if name == "headers" else column, type=kind_of(name))
            for name, column in zip(names, zip(*rows, strict=True), strict=True)
        }
        client.insert_arrow(table, pa.table(found))

    return insert


def _structs(column: Sequence[Any]) -> list[list[dict[str, Any]]]:
    return [[{"name": name, "value": value} for name, value in each] for each in column]


def blocks(job: Job) -> None:
    """Insert blocks that were made before: what the engine takes at most, over the same HTTP."""
    kept: dict[int, list[Any]] = {}
    for _, messages in job.consumed():
        for message in messages:
            kept.setdefault(message.partition(), []).append(message)
    engine, marker = ClickHouseClient(job.config), bytes(range(16))
    ready: list[list[tuple[str, bytes, str]]] = []
    for found in kept.values():
        ready.append([])
        for begin in range(0, len(found), BATCH):
            part = found[begin : begin + BATCH]
            claim = OffsetRange(part[0].offset(), part[-1].offset())
            batch = make_batch(job.topic.name, part[0].partition(), claim, part)
            sql, body = insert_archive(batch, job.config.database, "1")
            ready[-1].append((sql, body, f"{job.config.group}{batch.token}"))
            sql = insert_rows(job.topic, job.topic.schema, marker, job.config.database, "1")
            body = container(job.topic.schema, batch, marker)
            ready[-1].append((sql, body, f"{job.config.group}{batch.token}:rows"))

    def store(partition: Sequence[tuple[str, bytes, str]]) -> None:
        for sql, body, token in partition:
            engine.insert(sql, body, token)

    with ThreadPoolExecutor(len(ready)) as pool:
        job.clock.begin()
        list(pool.map(store, ready))
        job.clock.count(job.clock.total)
        job.clock.finish()


def main() -> None:
    """Run the side that is asked for."""
    told = json.loads(sys.argv[1])
    catalog = make_catalog(told["stage"])
    topic = next(each for each in catalog.topics.values() if each.event == "reading")
    config = SinkConfig(**told["config"], metrics_interval_s=0.05)
    job = Job(config, catalog, topic, Clock(told["total"], told["servers"]))
    ways: dict[str, Callable[[], None]] = {
        "ours": lambda: ours(job),
        "rows": lambda: decoded(job, as_rows(job), raw=False),
        "arrow": lambda: decoded(job, as_arrow(job), raw=True),
        "blocks": lambda: blocks(job),
    }
    ways[told["way"]]()


if __name__ == "__main__":
    main()
