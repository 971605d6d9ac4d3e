"""What is left to read of a partition behind an offset (docs/delivery.md#readable-offsets).

A committed offset may stay below the end although nothing is left to read: the offsets between hold the control records
of transactions, aborted records, or what compaction removed. Only a consumer can tell, so this one looks.
"""

import time
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.consumer_settings import READ_COMMITTED

ANSWER_S = 5.0
"""Longest wait for a record or the end of a partition, in seconds. The next look goes on where this one ended."""

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

    A long run of aborted records may take more looks than one. What a look has passed is kept, at the granularity of
    transactions. Within one, the consumer goes on if the next look is at the same partition.

    Args:
        kafka: Bootstrap address.
    """

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._consumer: Consumer | None = None
        self._known: dict[PartitionId, _Known] = {}
        self._unfinished: tuple[PartitionId, int] | None = None

    def first_readable(self, partition: PartitionId, offset: int, end: int) -> int:
        """Return the offset of the first record at or behind `offset` that a consumer gets; `end` if there is none.

        What was found once is not looked for again.

        Args:
            partition: Topic and partition.
            offset: The offset to begin at: not before the partition's first one.
            end: The partition's last stable offset.

        Raises:
            KafkaException: Kafka does not answer, or more is to be passed than one look passes: ask again.
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
            if self._unfinished is not None and first < end:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its public name
            begin = first
        return min(begin, end)

    def close(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            self._consumer.close()

    def _look(self, partition: PartitionId, begin: int) -> tuple[int, bool]:
        """Return the offset of the first record from `begin` on, and True; or the offset that was reached, and False.

        What is reached is the end of the partition, unless `_unfinished` tells the partition and the offset.
        """
        consumer = self._connected()
        if self._unfinished != (partition, begin):
            consumer.assign([TopicPartition(*partition, begin)])
        self._unfinished = None
        try:
            deadline = time.monotonic() + ANSWER_S
            while True:
                message = consumer.poll(0.2)
                if message is not None:
                    return _answer(message, begin)
                if time.monotonic() >= deadline:
                    (position,) = consumer.position([TopicPartition(*partition)])
                    self._unfinished = (partition, max(position.offset, begin))
                    return self._unfinished[1], False
        finally:
            if self._unfinished is None:
                consumer.unassign()

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
                    "fetch.queue.backoff.ms": 10,  # control records fill the queue; 1 s by default
                    "max.partition.fetch.bytes": 1 << 16,  # one record is enough
                    "log_level": 2,
                    **READ_COMMITTED,
                }
            )
        return self._consumer


def _answer(message: Message, begin: int) -> tuple[int, bool]:
    error = message.error()
    if error is None:
        return message.offset(), True
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
        return max(message.offset(), begin), False
    raise KafkaException(error)
