"""What Kafka, ClickHouse and the ledger say about each partition before the sink starts; and the sink sent back."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.clickhouse import damaged_parts
from infra.connections import connect
from infra.kafka.admin import READ_COMMITTED, reason
from infra.recovery.errors import StoreDamagedError, StoresDisagreeError
from infra.recovery.start_check import PartitionFacts, Refill, refills
from ledger_sink.errors import LedgerError
from ledger_sink.log.epochs import current_log
from ledger_sink.log.state import read_state
from ledger_sink.store import FileStore
from schemas.names import ARCHIVE_TABLE, CLICKHOUSE_SINK_GROUP, DATABASE, dead_letter_topic, table_name
from streams.backlog import Backlog
from streams.clickhouse_sink.batch import REPLAY_BEFORE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.recovery.start_check import Partition
    from infra.settings import Settings
    from schemas.catalog import Catalog
    from schemas.model import Topic

ANSWER_S = 10.0
LOADED_S = 30.0
"""Seconds that a coordinator has to load a group's commits after the broker's start."""
LATER_S = 5.0
"""Seconds beyond the session timeout in which a killed sink's membership must have ended."""
_EVENT_ID = "toUUIDOrZero(substring(value, 7, 36))"
"""The event's id in a record's value: frame of 5 bytes, length of one byte, text (docs/events.md#frame)."""


def refill(settings: Settings, catalog: Catalog) -> list[Refill]:
    """Compare the stores, and send the sink back to rows that are missing. Return what was missing.

    Raises:
        StoresDisagreeError: Kafka is older than another store, or the sink cannot be sent back.
        StoreDamagedError: ClickHouse cannot read a part of a table.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_address,
            "group.id": CLICKHOUSE_SINK_GROUP,
            "enable.auto.commit": False,
            **READ_COMMITTED,
        }
    )
    try:
        found = refills(_facts(settings, catalog, consumer))
        back = [each for each in found if each.first < each.before]
        if back:
            _send_back(consumer, back, settings.session_timeout_s + LATER_S)
    except KafkaException as error:
        raise StoresDisagreeError(
            f"Kafka did not say how far the ClickHouse sink is: {reason(error)}; start again"
        ) from error
    except ClickHouseError as error:
        raise StoreDamagedError(_why(settings, error)) from error
    finally:
        consumer.close()
    return found


def parts_set_aside(settings: Settings) -> list[str]:
    """Return one line for each table with damaged parts that ClickHouse has set aside.

    Raises:
        StoreDamagedError: ClickHouse does not say.
    """
    try:
        with closing(connect(settings)) as client:
            return damaged_parts.set_aside(client)
    except ClickHouseError as error:
        raise StoreDamagedError(
            f"ClickHouse did not list its damaged parts: {_line(error)}; start again"
        ) from error


def _facts(settings: Settings, catalog: Catalog, consumer: Any) -> dict[Partition, PartitionFacts]:
    known = consumer.list_topics(timeout=ANSWER_S).topics
    partitions = [
        (name, number) for name in catalog.topics if name in known for number in known[name].partitions
    ]
    committed = {(each.topic, each.partition): _reached(each) for each in _committed(consumer, partitions)}
    store = FileStore(settings.data / "ledger")
    facts = {}
    with closing(connect(settings)) as client, closing(Backlog(settings.kafka_address)) as backlog:
        rows = _Rows(client, backlog)
        for name, number in partitions:
            topic = catalog.topics[name]
            low, end = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=ANSWER_S)
            stored = rows.end(topic, number)
            log = _sealed(store, settings.city, topic, number)
            reached = min(committed[name, number], end)
            missing = rows.first_missing((topic, number), low, reached, log) if reached else None
            facts[name, number] = PartitionFacts(low, end, committed[name, number], stored, log[0], missing)
    return facts


def _committed(consumer: Any, partitions: list[Partition]) -> list[TopicPartition]:
    """Return the group's commits, as soon as its coordinator has loaded them."""
    deadline = time.monotonic() + LOADED_S
    while True:
        try:
            found: list[TopicPartition] = consumer.committed(
                [TopicPartition(*each) for each in partitions], timeout=ANSWER_S
            )
            _require_taken(found)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return found


def _reached(committed: TopicPartition) -> int:
    """Return the offset that the sink's group has come to; 0 if it never committed."""
    return max(0, int(committed.offset))


def _sealed(store: FileStore, city: str, topic: Topic, partition: int) -> tuple[int, int]:
    """Return the offset behind the last sealed record, and the number of sealed records of the newest epoch.

    Both are 0 without a readable log: the ledger and the audit report that.
    """
    if not topic.sealed:
        return 0, 0
    try:
        folder = current_log(store, city, topic.name, partition).folder
        state = read_state(store, folder)
        controls = len(store.listing(f"{folder}/control"))
    except LedgerError:
        return 0, 0
    return (state.next_offset, state.size - controls) if state is not None and state.size else (0, 0)


class _Rows:
    """The rows of ClickHouse, asked with few queries."""

    def __init__(self, client: Any, backlog: Backlog) -> None:
        self._client = client
        self._backlog = backlog
        self._archive: dict[Partition, tuple[int, int]] = {
            (str(topic), int(number)): (int(count), int(last) + 1)
            for topic, number, count, last in client.query(
                f"SELECT topic, partition, uniqExact(offset), max(offset) FROM {DATABASE}.{ARCHIVE_TABLE} "
                "GROUP BY topic, partition"
            ).result_rows
        }
        self._typed: dict[str, dict[int, int]] = {}
        self._lost: dict[str, dict[int, int]] = {}

    def end(self, topic: Topic, partition: int) -> int:
        """Return the offset behind the last row of a partition, 0 without any."""
        if topic.archived:
            return self._archive.get((topic.name, partition), (0, 0))[1]
        return self._typed_ends(topic).get(partition, 0)

    def first_missing(
        self, partition: tuple[Topic, int], low: int, reached: int, log: tuple[int, int]
    ) -> int | None:
        """Return the first offset below `reached` whose row is missing, or None.

        Args:
            partition: Topic and partition.
            low: First offset that Kafka has.
            reached: Offset that the sink has come to.
            log: Offset behind the last sealed record, and the number of sealed records.
        """
        topic, number = partition
        end = self.end(topic, number)
        found = []
        if end < reached:
            # Control records and aborted records have no row: only what can be read is missing.
            readable = self._backlog.first_readable((topic.name, number), max(end, low), reached)
            found += [end] if readable < reached or end < low else []
        if topic.archived:
            found += (
                [self._first_gap(topic.name, number, low)]
                if self._has_gaps(topic, number, reached, log)
                else []
            )
            lost = self._typed_lost(topic).get(number)
            found += [] if lost is None else [lost]
        return min((each for each in found if each < reached), default=None)

    def _has_gaps(self, topic: Topic, partition: int, reached: int, log: tuple[int, int]) -> bool:
        """Return whether the archive has fewer rows than the log has sealed records, where the sink has passed both."""
        sealed, records = log
        if not records or sealed > reached:
            return False
        rows = self._client.query(
            f"SELECT uniqExact(offset) FROM {DATABASE}.{ARCHIVE_TABLE} WHERE topic = {{topic:String}} "
            "AND partition = {partition:UInt32} AND offset < {sealed:UInt64}",
            parameters={"topic": topic.name, "partition": partition, "sealed": sealed},
        ).result_rows
        return int(rows[0][0]) < records

    def _first_gap(self, topic: str, partition: int, low: int) -> int:
        """Return the first offset from `low` on that has no row; control records leave such gaps, too."""
        before, after = self._client.query(
            "SELECT min(offset), minIf(offset + 1, next != offset + 1) FROM (SELECT offset, "
            "leadInFrame(offset, 1, offset + 2) OVER (ORDER BY offset "
            "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next "
            f"FROM (SELECT DISTINCT offset FROM {DATABASE}.{ARCHIVE_TABLE} WHERE topic = {{topic:String}} "
            "AND partition = {partition:UInt32} AND offset >= {low:UInt64}))",
            parameters={"topic": topic, "partition": partition, "low": low},
        ).result_rows[0]
        return low if int(before) > low else int(after)

    def _typed_ends(self, topic: Topic) -> dict[int, int]:
        if topic.name not in self._typed:
            self._typed[topic.name] = {
                int(number): int(last) + 1
                for number, last in self._client.query(
                    f"SELECT _partition, max(_offset) FROM {DATABASE}.{topic.table} GROUP BY _partition"
                ).result_rows
            }
        return self._typed[topic.name]

    def _typed_lost(self, topic: Topic) -> dict[int, int]:
        """Return by partition the first archived offset whose event is in no typed row and in no dead letter."""
        if topic.name not in self._lost:
            self._lost[topic.name] = {}
            archived = sum(count for (name, _), (count, _) in self._archive.items() if name == topic.name)
            rows = int(self._value(f"SELECT count() FROM {DATABASE}.{topic.table}"))
            if rows < archived:
                self._lost[topic.name] = dict(self._lost_events(topic))
        return self._lost[topic.name]

    def _lost_events(self, topic: Topic) -> Iterable[tuple[int, int]]:
        letters = table_name(dead_letter_topic(topic.domain))
        rows = self._client.query(
            f"SELECT partition, min(offset) FROM {DATABASE}.{ARCHIVE_TABLE} WHERE topic = {{topic:String}} "
            f"AND {_EVENT_ID} NOT IN (SELECT event_id FROM {DATABASE}.{topic.table}) "
            f"AND (partition, offset) NOT IN ({_refused(letters)}) GROUP BY partition",
            parameters={"topic": topic.name},
        ).result_rows
        return [(int(number), int(offset)) for number, offset in rows]

    def _value(self, sql: str) -> Any:
        return self._client.query(sql).result_rows[0][0]


def _refused(letters: str) -> str:
    """Return a query of partition and offset of the topic's records that the sink has refused."""
    return (
        f"SELECT toUInt32(assumeNotNull(origin_partition)), toUInt64(assumeNotNull(origin_offset)) "
        f"FROM {DATABASE}.{letters} WHERE origin_topic = {{topic:String}} AND stage = 'decode'"
    )


def _send_back(consumer: Any, found: list[Refill], within_s: float) -> None:
    """Commit where the sink is to begin, as soon as no member of a killed stack is left in the group.

    Raises:
        KafkaException: Kafka does not take the commit in time.
    """
    offsets = [
        TopicPartition(*each.partition, each.first, metadata=f"{REPLAY_BEFORE}{each.before}")
        for each in found
    ]
    deadline = time.monotonic() + within_s
    while True:
        try:
            _require_taken(consumer.commit(offsets=offsets, asynchronous=False) or ())
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def _require_taken(found: Iterable[TopicPartition]) -> None:
    for each in found:
        if each.error is not None:
            raise KafkaException(each.error)


def _why(settings: Settings, error: ClickHouseError) -> str:
    """Return the line for a store that did not say which rows it has: the part that it cannot read, if there is one."""
    with suppress(ClickHouseError), closing(connect(settings)) as client:
        found = damaged_parts.unsound(client)
        if found:
            return found[0]
    return f"ClickHouse did not say which rows it has: {_line(error)}; start again"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
