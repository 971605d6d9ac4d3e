"""What is left to read of a partition behind an offset (docs/delivery.md#readable-offsets).

A committed offset may stay below the end although nothing is left to read: the offsets between hold the control records
of transactions, aborted records, or what compaction removed. Only a consumer can tell, so this one looks.
"""

import time
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.consumer_settings import READ_COMMITTED

ANSWER_S = 5.0
"""Longest wait for a record or the end of a partition, in seconds."""

PartitionId = tuple[str, int]
"""Topic and partition number."""


class _Known(NamedTuple):
    """What was found: there is nothing to read at or behind `begin` and before `first`."""

    begin: int
    first: int
    is_record: bool
    """True if a record is at `first`."""


class Backlog:
    """A consumer that joins no group, for one caller at a time. It connects when it is asked for the first time.

    Args:
        kafka: Bootstrap address.
    """

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._consumer: Consumer | None = None
        self._known: dict[PartitionId, _Known] = {}

    def first_readable(self, partition: PartitionId, offset: int, end: int) -> int:
        """Return the offset of the first record at or behind `offset` that a consumer gets; `end` if there is none.

        What was found once is not looked for again.

        Args:
            partition: Topic and partition.
            offset: The offset to begin at: not before the partition's first one.
            end: The partition's last stable offset.

        Raises:
            KafkaException: Kafka does not answer.
        """
        begin = offset
        known = self._known.get(partition)
        if known is not None and known.begin <= offset <= known.first:
            if known.is_record:
                return min(known.first, end)
            begin = known.first
        if begin < end:
            first, is_record = self._look(partition, begin)
            self._known[partition] = _Known(offset, first, is_record)
            begin = first
        return min(begin, end)

    def close(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            self._consumer.close()

    def _look(self, partition: PartitionId, begin: int) -> tuple[int, bool]:
        """Return the offset of the first record from `begin` on, and True; or the end that was reached, and False."""
        consumer = self._connected()
        consumer.assign([TopicPartition(*partition, begin)])
        try:
            deadline = time.monotonic() + ANSWER_S
            while time.monotonic() < deadline:
                message = consumer.poll(0.2)
                if message is None:
                    continue
                error = message.error()
                if error is None:
                    return message.offset(), True
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    return max(message.offset(), begin), False
                raise KafkaException(error)
        finally:
            consumer.unassign()
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001

    def _connected(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(
                {
                    "bootstrap.servers": self._kafka,
                    "group.id": "backlog",  # required, and never used
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    "auto.offset.reset": "error",
                    "queued.min.messages": 1,
                    "fetch.wait.max.ms": 50,
                    "max.partition.fetch.bytes": 1 << 16,  # one record is enough
                    "log_level": 2,
                    **READ_COMMITTED,
                }
            )
        return self._consumer
