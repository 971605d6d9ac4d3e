"""A Kafka topic as a source of records: committed ones only. It needs `confluent-kafka` beside the verifier."""

import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from ledger_sink.format.leaf import RecordFields
from ledger_sink.verifier.errors import UnreadableError, UsageError
from ledger_sink.verifier.records_check import OffsetRange

SILENT_S = 15.0
"""Seconds without a record after which reading fails."""
READ_COMMITTED = {"isolation.level": "read_committed"}
"""A log commits to what a read-committed consumer sees."""
INSTALL = "python3 -m pip install confluent-kafka"


class TopicRecords:
    """The records of a topic. It implements `RecordSource`, joins no group and commits nothing."""

    name = "Kafka"

    def __init__(self, address: str, options: Mapping[str, str] | None = None) -> None:
        """Create the consumer.

        Args:
            address: bootstrap address, `host:port`.
            options: further librdkafka settings, such as a user and password.

        Raises:
            UsageError: if confluent-kafka is not installed, or refuses the settings.
        """
        try:
            self._kafka: Any = import_module("confluent_kafka")
        except ImportError:
            raise UsageError(f"--kafka needs a Kafka client: {INSTALL}; or give --records FILE") from None
        try:
            self._consumer = self._kafka.Consumer(
                {
                    "bootstrap.servers": address,
                    "group.id": "ledger-verify",
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    "auto.offset.reset": "error",
                    **(options or {}),
                    **READ_COMMITTED,
                }
            )
        except (self._kafka.KafkaException, ValueError) as problem:
            raise UsageError(f"Kafka: {problem}") from None

    def offset_range(self, topic: str, partition: int, end: int) -> OffsetRange:
        """Return the offsets from the first that Kafka retains to before `end`.

        Raises:
            UnreadableError: if Kafka does not answer in time.
        """
        try:
            low, _ = self._consumer.get_watermark_offsets(
                self._kafka.TopicPartition(topic, partition), timeout=SILENT_S
            )
        except (self._kafka.KafkaException, TypeError) as problem:
            raise UnreadableError(f"Kafka: watermarks: {problem}") from None
        return OffsetRange(min(low, end), end)

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[RecordFields]:
        """Yield the partition's records with first ≤ offset < end.

        Raises:
            UnreadableError: if Kafka reports an error, or nothing arrives for 15 s before the end.
        """
        self._consumer.assign([self._kafka.TopicPartition(topic, partition, first)])
        heard = time.monotonic()
        while True:
            messages = self._consumer.consume(1000, 0.2)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENT_S:
                raise UnreadableError(f"Kafka: nothing within {SILENT_S:.0f} s")
            for message in messages:
                error = message.error()
                if error is not None:
                    if error.code() == self._kafka.KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public constant
                        return
                    raise UnreadableError(f"Kafka: {error.str()}")
                if message.offset() >= end:
                    return
                yield _record(message)

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


def _record(message: Any) -> RecordFields:
    kind, timestamp_ms = message.timestamp()
    headers = tuple(message.headers() or ())
    return message.offset(), kind - 1, timestamp_ms, message.key(), message.value(), headers
