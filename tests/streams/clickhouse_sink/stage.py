"""A stage for a sink: topics, tables and a group of its own on the shared Kafka and engine, and a check.

The check reads Kafka with a plain consumer and ClickHouse with plain queries; it shares no code with the
sink but the codec, which says what a schema reads.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaException,
    Producer,
    TopicPartition,
)

from infra.kafka.topics import ensure_topics
from schemas.catalog import Catalog, load_catalog
from schemas.codec import decode
from schemas.errors import UndecodableError
from schemas.names import table_name, topic_name
from schemas.tables import create_archive, create_database, create_table
from streams.clickhouse_sink.sink import SinkConfig, run
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.model import Topic
    from streams.clickhouse_sink.batch_writer import TransformForTests
    from tests.harness.engine import ClickHouse


ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Kept:
    """A record as a plain consumer sees it."""

    partition: int
    offset: int
    stamp: tuple[int, int]
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


@dataclass
class Stage:
    """Topics and tables of one test."""

    name: str
    kafka: str
    clickhouse: ClickHouse
    catalog: Catalog
    config: SinkConfig
    metrics: list[tuple[str, float, dict[str, str]]] = field(default_factory=list)

    def topic(self, event: str) -> Topic:
        """Return a topic of the stage by its event."""
        return next(topic for topic in self.catalog.topics.values() if topic.event == event)

    def produce(self, topic: Topic, values: list[bytes | None], partition: int = 0, **told: Any) -> None:
        """Write values as they are, in this order, into one partition."""
        producer = Producer({"bootstrap.servers": self.kafka, "linger.ms": 5, "acks": "all"})
        headers = told.get("headers", [("cause", b"test"), ("simulated", b"true")])
        for number, value in enumerate(values):
            while True:
                try:
                    key = f"k{number}".encode()
                    producer.produce(topic.name, value, key, partition=partition, headers=headers)
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(30) == 0

    @contextlib.contextmanager
    def sink(self, transform: TransformForTests | None = None, **changes: Any) -> Iterator[threading.Thread]:
        """Run a sink in a thread of this process."""
        stop, failed = threading.Event(), []

        def body() -> None:
            try:
                run(
                    replace(self.config, **changes),
                    self.catalog,
                    stop,
                    lambda *told: self.metrics.append((told[0], told[1], dict(told[2]))),
                    transform_for_tests=transform,
                )
            except Exception as error:  # noqa: BLE001 - raised below, in the test's own thread
                failed.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        try:
            yield thread
        finally:
            stop.set()
            thread.join(15)
        assert not thread.is_alive()
        if failed:
            raise failed[0]

    @contextlib.contextmanager
    def process(self, *points: str, **changes: Any) -> Iterator[subprocess.Popen[bytes]]:
        """Run a sink in a process of its own.

        Args:
            points: Where it kills or stops itself; see `process.py`.
            changes: Settings.
        """
        config = {**asdict(replace(self.config, **changes)), "password": self.config.password}
        command = [
            sys.executable,
            "-m",
            "tests.streams.clickhouse_sink.process",
            self.name,
            json.dumps(config),
            *points,
        ]
        process = subprocess.Popen(command, cwd=ROOT)
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)

    def ends(self) -> dict[tuple[str, int], int]:
        """Return where each partition ends."""
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": "stage"})
        try:
            return {
                (name, partition): consumer.get_watermark_offsets(
                    TopicPartition(name, partition), timeout=10
                )[1]
                for name in self.catalog.topics
                for partition in range(2)
            }
        finally:
            consumer.close()

    def commits(self) -> dict[tuple[str, int], tuple[int, str]]:
        """Return the group's commits: offset and metadata.

        Asked by a consumer that never joins: the admin client's question for a group's offsets can crash librdkafka
        2.16 while the coordinator is loading.
        """
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": self.config.group})
        try:
            told = consumer.committed([TopicPartition(*place) for place in self.places()], timeout=10)
        except KafkaException:  # the coordinator is loading
            return {}
        finally:
            consumer.close()
        return {(p.topic, p.partition): (p.offset, p.metadata or "") for p in told if p.offset >= 0}

    def places(self) -> list[tuple[str, int]]:
        """Return every topic and partition of the stage."""
        return [(name, partition) for name in self.catalog.topics for partition in range(2)]

    def drained(self) -> bool:
        """Whether the group has confirmed everything."""
        commits = self.commits()
        return all(commits.get(place, (0, "")) == (end, "") for place, end in self.ends().items() if end)

    def drain(self, timeout_s: float = 40) -> None:
        """Wait until two looks in a row see nothing left."""
        still = 0

        def settled() -> bool:
            nonlocal still
            still = still + 1 if self.drained() else 0
            return still >= 2

        eventually(settled, self.commits, within_s=timeout_s)

    def kept(self, topic: Topic) -> list[Kept]:
        """Read a whole topic with a plain consumer."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.kafka,
                "group.id": f"kept-{uuid.uuid4().hex}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
            }
        )
        left = {place for place in self.places() if place[0] == topic.name}
        found: list[Kept] = []
        try:
            consumer.assign([TopicPartition(name, part, OFFSET_BEGINNING) for name, part in left])
            while left:
                for m in consumer.consume(5000, 0.3):
                    if m.error() is not None:
                        assert m.error().name() == "_PARTITION_EOF", m.error()
                        left.discard((m.topic(), m.partition()))
                        continue
                    headers = list(m.headers() or [])
                    found.append(Kept(m.partition(), m.offset(), m.timestamp(), m.key(), m.value(), headers))
        finally:
            consumer.close()
        return found

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the engine, in the stage's database."""
        client = self.clickhouse.client(database=self.config.database)
        try:
            return list(client.query(sql, query_formats={"String": "bytes"}).result_rows)
        finally:
            client.close()

    def check(self, topic: Topic) -> dict[str, int]:
        """Assert that archive, table and dead letters hold exactly what the topic holds; return the counts."""
        kept = self.kept(topic)
        if topic.archived:
            self._check_archive(topic, kept)
        good: dict[str, set[tuple[int, int]]] = {}
        bad = set()
        for record in kept:
            try:
                event = decode(record.value, self.catalog, topic)[1]
            except UndecodableError:
                bad.add((record.partition, record.offset))
            else:
                good.setdefault(str(event["event_id"]), set()).add((record.partition, record.offset))
        facts = self.rows(f"SELECT toString(event_id), _partition, _offset FROM {topic.table} FINAL")
        assert len(facts) == len({row[0] for row in facts})
        assert {_text(row[0]) for row in facts} == set(good)
        for event_id, partition, offset in facts:
            assert (partition, offset) in good[_text(event_id)]
        everything = self.rows(f"SELECT DISTINCT _partition, _offset FROM {topic.table}")
        assert not bad & set(everything)
        return {"records": len(kept), "events": len(good), "undecodable": len(bad)}

    def dead_letters(self, event: str) -> dict[tuple[int, int], tuple[str, str, bytes]]:
        """Return the dead letters of a topic by partition and offset: stage, reason, bytes."""
        topic, letters = self.topic(event), self.topic("dead-letter")
        found: dict[tuple[int, int], tuple[str, str, bytes]] = {}
        ids = set()
        for record in self.kept(letters):
            try:
                told = decode(record.value, self.catalog, letters, raw=True)[1]
            except UndecodableError:
                continue
            if told["origin"].get("topic") == topic.name:
                place = (told["origin"]["partition"], told["origin"]["offset"])
                ids.add((place, told["event_id"]))
                found[place] = (told["stage"], told["reason"], told["bytes"])
        assert len(ids) == len(found), "a repeated dead letter has another id"
        return found

    def _check_archive(self, topic: Topic, kept: list[Kept]) -> None:
        found = self.rows(
            "SELECT partition, offset, timestamp_type, timestamp_ms, key, value, headers "
            f"FROM records WHERE topic = '{topic.name}' ORDER BY partition, offset"
        )
        assert [row[:2] for row in found] == sorted((record.partition, record.offset) for record in kept)
        for row, record in zip(
            found, sorted(kept, key=lambda each: (each.partition, each.offset)), strict=True
        ):
            assert (row[2] + 1, row[3]) == record.stamp
            assert (row[4], row[5]) == (record.key, record.value)
            assert [tuple(pair.values()) if isinstance(pair, dict) else tuple(pair) for pair in row[6]] == [
                (name.encode(), value) for name, value in record.headers
            ]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def make_catalog(name: str, domain: str = "air_quality") -> Catalog:
    """Return a domain of the packaged catalogue under another name, alone."""
    found = load_catalog().domains[domain]
    topics = tuple(
        replace(
            each,
            name=topic_name(name, each.event),
            domain=name,
            table=table_name(topic_name(name, each.event)),
        )
        for each in found.topics
    )
    return Catalog({name: replace(found, name=name, topics=topics)})


def make_stage(
    kafka: str, clickhouse: ClickHouse, catalog: Catalog | None = None, partitions: int = 2
) -> Stage:
    """Make topics and tables; everything has a name that nobody else uses. Stages' own looks are at two partitions."""
    unique = f"s{uuid.uuid4().hex[:8]}"
    catalog = catalog or make_catalog(unique)
    ensure_topics(kafka, catalog, partitions)
    client = clickhouse.client()
    for sql in (
        create_database(unique),
        create_archive(unique),
        *(create_table(topic, unique) for topic in catalog.topics.values()),
    ):
        client.command(sql)
    client.close()
    config = SinkConfig(
        kafka=kafka,
        url=clickhouse.url,
        user=clickhouse.user,
        password=clickhouse.password,
        database=unique,
        group=f"{unique}-sink",
        max_age_s=0.2,
        metrics_interval_s=1.0,
        session_timeout_s=3.0,
        heartbeat_s=0.5,
    )
    return Stage(unique, kafka, clickhouse, catalog, config)


@contextlib.contextmanager
def a_stage(kafka: str, clickhouse: ClickHouse) -> Iterator[Stage]:
    """Make a stage and take its tables down again."""
    made = make_stage(kafka, clickhouse)
    try:
        yield made
    finally:
        client = clickhouse.client()
        client.command(f"DROP DATABASE {made.config.database}")
        client.close()
