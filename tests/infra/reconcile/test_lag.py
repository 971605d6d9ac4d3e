"""Lag counts what can be read, and what open transactions hold back is told."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.kafka.topics import ensure_topics
from infra.reconcile import count, drain, held_back
from infra.reconcile import lag as lag_module
from infra.reconcile.held_back import describe_held_back
from infra.reconcile.lag import LagMeter
from infra.settings import Settings
from infra.status import reader
from infra.status.ledger_facts import LedgerFacts
from infra.status.model import LogFact
from infra.status.reader import StatusReader
from infra.status.terminal import totals_line, view
from infra.web.metrics import render
from tests.harness.transactions import Raw, TransactionalProducer, is_released
from tests.harness.waiting import eventually
from tests.streams.clickhouse_sink.stage import make_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from schemas.catalog import Catalog


class Topic:
    """One topic of a catalogue of its own, a group that reads it, and a meter of that group."""

    def __init__(self, kafka: str, catalog: Catalog, name: str, group: str) -> None:
        self.kafka, self.catalog, self.name = kafka, catalog, name
        self.meter = LagMeter(kafka, catalog)
        self._group = group
        self._consumer = Consumer({"bootstrap.servers": kafka, "group.id": group})

    @property
    def record(self) -> list[Raw]:
        """A record of partition 0."""
        return [Raw(self.name, b"value", partition=0)]

    def commit(self, offset: int) -> None:
        """Have the group commit an offset."""
        self._consumer.commit(offsets=[TopicPartition(self.name, 0, offset)], asynchronous=False)

    def lags(self) -> list[int]:
        """Return the group's lag at two looks."""
        return [self.meter.lag()[self._group].get((self.name, 0), 0) for _ in range(2)]

    def close(self) -> None:
        """Close the connections."""
        self.meter.close()
        self._consumer.close()


@pytest.fixture
def topic(kafka: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Topic]:
    """A topic of this test alone; an open transaction is reported at once."""
    name, group = f"l{uuid.uuid4().hex[:8]}", f"g-{uuid.uuid4().hex}"
    catalog = make_catalog(name)
    ensure_topics(kafka, catalog)
    topic = next(each.name for each in catalog.topics.values() if each.event == "reading")
    monkeypatch.setattr(lag_module, "group_topics", lambda _: {group: [topic]})
    monkeypatch.setattr(held_back, "OPEN_S", 0.0)
    made = Topic(kafka, catalog, topic, group)
    yield made
    made.close()


def test_a_group_has_no_lag_once_no_readable_record_is_left(topic: Topic) -> None:
    """Control records and aborted ones are left over for ever; so are offsets that were deleted."""
    producer = TransactionalProducer(topic.kafka)
    producer.commit(topic.record)
    producer.abort(topic.record)
    assert topic.lags() == [4, 4]
    topic.commit(1)
    assert topic.lags() == [3, 0]
    producer.commit(topic.record)
    assert topic.lags() == [2, 2]  # counted from the first readable one on
    topic.commit(5)
    assert topic.lags() == [1, 0]
    topic.commit(1)
    assert topic.lags()[-1] == 2
    admin = AdminClient({"bootstrap.servers": topic.kafka})
    (deleted,) = admin.delete_records([TopicPartition(topic.name, 0, 6)]).values()
    deleted.result(20)
    assert topic.lags() == [0, 0]


def test_an_open_transaction_is_told_with_what_it_holds_back(topic: Topic, tmp_path: Path) -> None:
    """Status and metrics name topic, partition and number; the counts end before it; then all is as it was."""
    TransactionalProducer(topic.kafka).commit(topic.record)
    topic.commit(1)
    zombie = TransactionalProducer(topic.kafka)
    zombie.begin(topic.record)
    TransactionalProducer(topic.kafka).commit(topic.record)
    assert topic.lags()[-1] == 0
    held = topic.meter.held_back()
    assert held == {(topic.name, 0): 3}
    (line,) = describe_held_back(held)
    assert line.startswith(
        f"topic {topic.name} partition 0: up to 3 records held back by an open transaction"
    )
    marks = count.watermarks(topic.kafka, [topic.name])
    assert marks[topic.name, 0] == (0, 2)
    assert count.consumer_pass(topic.kafka, topic.catalog, marks)[topic.name].records == 1

    settings = Settings(data=tmp_path, kafka=topic.kafka)
    status = StatusReader(settings, topic.catalog).read()
    (problem,) = [each for each in status.problems if each.reason == "held-back"]
    assert line == f"{problem.what}: {problem.todo}"
    assert next(row.held_back for row in status.topics if row.topic == topic.name) == 3
    assert any(line in str(each) for each in view(status, "", {}).renderables)
    assert f'city_topic_held_back{{topic="{topic.name}"}} 3.0' in render(status).decode()

    TransactionalProducer(topic.kafka, zombie.identity)
    eventually(lambda: is_released(topic.kafka, topic.name), "the zombie's transaction is aborted")
    assert topic.lags() == [3, 3]
    assert topic.meter.held_back() == {}


def test_a_transaction_in_flight_is_not_told(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Producers that commit every second hold records back most of the time: that is their way of writing."""
    monkeypatch.setattr(held_back, "OPEN_S", 3600.0)
    producer = TransactionalProducer(topic.kafka)
    producer.begin(topic.record)
    topic.lags()
    assert topic.meter.held_back() == {}
    producer.end()


def test_a_run_waits_for_open_transactions_and_names_those_that_stay(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says once what it waits for. A transaction that stays open for too long is left to the report."""
    monkeypatch.setattr(drain, "POLL_S", 0.01)
    producer, said = TransactionalProducer(topic.kafka), list[str]()
    drain.wait_released(topic.meter, lambda: None, said.append)
    assert said == []
    producer.begin(topic.record)
    drain.wait_released(topic.meter, lambda: None, said.append, within_s=0.5)
    assert len(said) == 1
    assert said[0].startswith("waiting: topic ")
    assert topic.meter.held_back()

    def end(_: Sequence[str] | str) -> None:
        producer.end()

    drain.wait_released(topic.meter, lambda: None, end)
    assert topic.meter.held_back() == {}


def test_aborted_records_and_markers_are_neither_records_nor_unsealed(
    topic: Topic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commits and two aborts: two records; all sealed is two of two, at the first look; a real gap shows."""
    for _ in range(2):
        producer = TransactionalProducer(topic.kafka)
        producer.commit(topic.record)
        producer.abort(topic.record)
    logs: list[LogFact] = []
    monkeypatch.setattr(reader, "ledger_facts", lambda *_: LedgerFacts(logs))

    def look() -> tuple[int | None, int | None, int | None, str]:
        status = StatusReader(Settings(data=tmp_path, kafka=topic.kafka), topic.catalog).read()
        row = next(each for each in status.topics if each.topic == topic.name)
        return row.records, row.sealed, row.unsealed, totals_line(status)

    def sealed_up_to(leaves: int, offset: int) -> LogFact:
        return LogFact(topic.name, 0, "x", sealed=leaves, next_offset=offset, appended=leaves)

    logs[:] = [sealed_up_to(2, 5)]
    records, sealed, unsealed, line = look()
    assert (records, sealed, unsealed) == (2, 2, 0)
    assert "sealed 2 of 2," in line
    logs[:] = [sealed_up_to(1, 1)]
    records, sealed, unsealed, line = look()
    assert (sealed, unsealed) == (1, 4)  # at most: counted from the first readable one on
    assert records == 5
    assert "sealed 1 of 5," in line
    logs[:] = [LogFact(topic.name, 0, "x", sealed=None, appended=None, unreadable="checkpoint: damaged")]
    assert look()[:2] == (None, None)
