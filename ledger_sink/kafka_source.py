"""Kafka as the ledger reads it: raw records from exact offsets, ids and partitions of topics.

The consumer assigns partitions at given offsets, reads committed records only and joins no group. The group merely
receives committed offsets, so that lag is visible. A missing answer raises `KafkaUnavailableError`: the caller waits,
because Kafka buffers the records.
"""

from __future__ import annotations

import contextlib
import logging
import time
from base64 import b64decode
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from ledger_sink.errors import KafkaUnavailableError
from ledger_sink.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ledger_sink.config import LedgerConfig

ANSWER_S = 5.0
"""Time limit of a request to Kafka, in seconds."""
MOST_AHEAD = 2_000
"""Most records that are read ahead."""
AHEAD_S = 3.0
"""Longest time of reading ahead, in seconds."""
PartitionId = tuple[str, int]
"""Topic and partition."""

log = logging.getLogger("ledger.kafka")


class TopicFacts(NamedTuple):
    """Id and partition count that Kafka reports for a topic."""

    topic_id: bytes
    """16 bytes."""
    partitions: int


READ_COMMITTED = {"isolation.level": "read_committed"}
"""The setting of every consumer of the ledger: it seals what such a consumer sees (docs/ledger.md#logs)."""


class Polled(NamedTuple):
    """What one poll brought, by partition."""

    records: dict[PartitionId, list[Record]]
    lost: set[PartitionId]
    """Partitions whose next offset Kafka no longer has."""
    ends: dict[PartitionId, int]
    """Offset before which nothing is left to read, of partitions whose end was reached. It lies behind control records,
    aborted records, and what compaction removed."""


class KafkaSource:
    """A consumer and an admin client. One thread owns it."""

    def __init__(
        self, config: LedgerConfig, group: str | None = None, options: Mapping[str, Any] | None = None
    ) -> None:
        self._ahead: dict[tuple[PartitionId, int, int], list[Record]] = {}
        """Records read ahead, by partition, first offset and the offset behind the last."""
        common = {"bootstrap.servers": config.kafka, **config.kafka_options}
        if options:
            common["log_level"] = "2"  # a command reports in its own words that Kafka does not answer
        self._admin = AdminClient(common)
        self._consumer = Consumer(
            {
                **common,
                "group.id": group or config.group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                **READ_COMMITTED,
                "auto.offset.reset": "error",
                "queued.max.messages.kbytes": 32768,
                "fetch.max.bytes": 16 << 20,
                "fetch.min.bytes": 1 << 18,  # a fetch costs the broker more than its content: let it gather
                "fetch.wait.max.ms": 400,
                **(options or {}),
            }
        )

    def describe(self, topics: Sequence[str], within_s: float = ANSWER_S) -> dict[str, TopicFacts]:
        """Return id and partition count of the topics that exist.

        Args:
            topics: names of topics.
            within_s: time limit, in seconds.

        Raises:
            KafkaUnavailableError: Kafka does not answer in time.
        """
        try:
            futures = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=within_s)
            return {name: _facts(future) for name, future in futures.items() if _exists(future)}
        except KafkaException as error:
            raise KafkaUnavailableError(f"topics: {error.args[0]}") from error

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first retained offset and the last stable offset: no record behind it can be read yet.

        Raises:
            KafkaUnavailableError: Kafka does not answer in time.
        """
        place = TopicPartition(topic, partition)
        found = []
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest()):
            # Not the consumer: its connection answers in turn, behind a fetch that the broker holds back.
            asked = self._admin.list_offsets(
                {place: spec}, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_S
            )
            try:
                found.append(int(asked[place].result(2 * ANSWER_S).offset))
            except KafkaException as error:
                # librdkafka 2.16 may keep an answer without a leader for good: this makes it ask again.
                with contextlib.suppress(KafkaException):
                    self._admin.list_topics(topic, timeout=ANSWER_S)
                raise KafkaUnavailableError(f"{topic}/{partition}: watermarks: {error.args[0]}") from error
            except TimeoutError as error:
                raise KafkaUnavailableError(
                    f"{topic}/{partition}: no watermarks within {ANSWER_S:.0f} s"
                ) from error
        return found[0], found[1]

    def all_watermarks(self, partitions: Iterable[PartitionId]) -> dict[PartitionId, tuple[int, int]]:
        """Return `watermarks` of many partitions, asked at once.

        Raises:
            KafkaUnavailableError: Kafka does not answer in time.
        """
        wanted = list(partitions)
        if not wanted:
            return {}
        ends: list[dict[PartitionId, int]] = []
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest()):
            asked = self._admin.list_offsets(
                {TopicPartition(*each): spec for each in wanted},
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=ANSWER_S,
            )
            found = {}
            for place, answer in asked.items():
                try:
                    found[place.topic, place.partition] = int(answer.result(2 * ANSWER_S).offset)
                except (KafkaException, TimeoutError):
                    found[place.topic, place.partition] = -1
            ends.append(found)
        # librdkafka 2.16 may keep an answer without a leader for good; `watermarks` makes it ask again.
        return {
            each: (ends[0][each], ends[1][each])
            if min(ends[0][each], ends[1][each]) >= 0
            else self.watermarks(*each)
            for each in wanted
        }

    def assign(self, offsets: Mapping[PartitionId, int]) -> None:
        """Read exactly these partitions from now on, each from its offset."""
        self._consumer.assign([TopicPartition(t, p, offset) for (t, p), offset in offsets.items()])

    def poll(self, max_records: int, timeout_s: float) -> Polled:
        """Read records of the assigned partitions.

        Args:
            max_records: most records to return.
            timeout_s: time limit, in seconds.
        """
        records: defaultdict[PartitionId, list[Record]] = defaultdict(list)
        lost = set()
        ends = {}
        for message in self._consumer.consume(max_records, timeout_s):
            error = message.error()
            partition = message.topic(), message.partition()
            if error is None:
                records[partition].append(record_of(message))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public constant
                ends[partition] = message.offset()
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                lost.add(partition)
            else:
                log.warning("Kafka: %s/%s: %s", *partition, error.str())
        return Polled(records, lost, ends)

    def commit(self, offsets: Mapping[PartitionId, int], *, wait: bool = False) -> None:
        """Commit offsets to the group, so that operators see the lag.

        Args:
            offsets: next offset by partition.
            wait: wait for Kafka's answer.

        Raises:
            KafkaUnavailableError: Kafka did not accept the commit (with `wait` only).
        """
        if not offsets:
            return
        targets = [TopicPartition(t, p, offset) for (t, p), offset in offsets.items()]
        try:
            self._consumer.commit(offsets=targets, asynchronous=not wait)
        except KafkaException as error:
            raise KafkaUnavailableError(f"offset commit: {error.args[0]}") from error

    def committed(self, partitions: Iterable[PartitionId]) -> dict[PartitionId, int]:
        """Return the group's committed offsets, -1001 for a partition without one.

        Raises:
            KafkaUnavailableError: Kafka does not answer in time.
        """
        try:
            found = self._consumer.committed([TopicPartition(t, p) for t, p in partitions], timeout=ANSWER_S)
        except KafkaException as error:
            raise KafkaUnavailableError(f"committed offsets: {error.args[0]}") from error
        return {(tp.topic, tp.partition): tp.offset for tp in found}

    def read_ahead(self, ranges: Mapping[PartitionId, tuple[int, int]]) -> None:
        """Read short ranges of many partitions with one assignment: each assignment costs some 0.2 s.

        What does not come within AHEAD_S is left to `records`.

        Args:
            ranges: first offset and the offset behind the last one, by partition; more than MOST_AHEAD offsets in all:
                nothing is read ahead.
        """
        wanted = {partition: span for partition, span in ranges.items() if span[0] < span[1]}
        if not wanted or sum(end - first for first, end in wanted.values()) > MOST_AHEAD:
            return
        self.assign({partition: first for partition, (first, _) in wanted.items()})
        read: dict[PartitionId, list[Record]] = {partition: [] for partition in wanted}
        position = {partition: first for partition, (first, _) in wanted.items()}
        until = time.monotonic() + AHEAD_S
        while (left := sum(max(0, wanted[each][1] - at) for each, at in position.items())) and (
            time.monotonic() < until
        ):
            polled = self.poll(left, 0.05)
            for partition, found in polled.records.items():
                read[partition] += found
                position[partition] = found[-1].offset + 1
            for partition, at in polled.ends.items():
                position[partition] = max(position[partition], at)
        self._ahead = {
            (partition, *span): [record for record in read[partition] if record.offset < span[1]]
            for partition, span in wanted.items()
            if position[partition] >= span[1]
        }

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[Record]:
        """Return the records of one partition with first ≤ offset < end, in offset order.

        Raises:
            KafkaUnavailableError: no record came for 10 s before the end, or the next offset is gone.
        """
        if first >= end:
            return
        ahead = self._ahead.pop(((topic, partition), first, end), None)
        if ahead is not None:
            yield from ahead
            return
        self.assign({(topic, partition): first})
        position, heard_at = first, time.monotonic()
        while position < end:
            polled = self.poll(min(5000, end - position), 0.2)
            if polled.lost:
                raise KafkaUnavailableError(f"{topic}/{partition}: offset {position} is gone")
            batch = polled.records.get((topic, partition), [])
            for record in batch:
                if record.offset < end:
                    yield record
                position = record.offset + 1
            position = max(position, polled.ends.get((topic, partition), 0))
            heard_at = time.monotonic() if batch else heard_at
            if time.monotonic() - heard_at > 2 * ANSWER_S:
                raise KafkaUnavailableError(
                    f"{topic}/{partition}: no record from offset {position} to {end - 1}"
                )

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


def record_of(message: Any) -> Record:
    """Return a message of confluent-kafka as a record, bytes unchanged."""
    kind, timestamp_ms = message.timestamp()
    headers = message.headers()
    return Record(
        message.offset(),
        kind - 1,  # confluent-kafka counts from 1 (docs/identity.md#record-times)
        timestamp_ms,
        message.key(),
        message.value(),
        tuple(headers) if headers else (),
    )


def _exists(future: Any) -> bool:
    try:
        future.result(ANSWER_S)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return False
        raise
    except TimeoutError as error:
        raise KafkaUnavailableError("topics: no answer") from error
    return True


def _facts(future: Any) -> TopicFacts:
    description = future.result()
    return TopicFacts(id_bytes(description.topic_id), len(description.partitions))


def id_bytes(topic_id: Any) -> bytes:
    """Return the 16 bytes of a Kafka topic id, which prints as unpadded base64.

    `streams.state.changelog` calls this, too.
    """
    return b64decode(f"{topic_id}==", validate=True)
