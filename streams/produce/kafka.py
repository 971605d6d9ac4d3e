"""Sends records to Kafka: idempotent, with `acks=all` and a bounded queue.

- A record is confirmed by all in-sync replicas, or the `wait` or `flush` that covers it raises `DeliveryError`.
- A full queue makes the caller wait. Nothing is dropped.
- If Kafka does not answer at the start, `KafkaDownError` says so in one line.
- Records are partitioned by murmur2 of the key, as in Java clients, so all writers agree.

`streams.produce.producer` makes the records.
"""

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as KafkaProducer

from schemas.catalog import Catalog
from streams.config import StreamsConfig
from streams.errors import DeliveryError, KafkaDownError, RefusedEventError
from streams.privacy.field_encryption import SubjectKeys
from streams.produce.deliveries import DeliveryTracker
from streams.produce.producer import EventProducer
from streams.record import Header, ProducerRecord
from streams.signing.signer import Signer

__all__ = ["DeliveryTracker", "EventProducer", "Header", "Producer", "ProducerRecord"]

_SERVE_EVERY = 1_000
_BY_KEY = -1  # RD_KAFKA_PARTITION_UA
_TURN_S = 0.05
_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE)


class Producer(EventProducer):
    """Producer that sends to Kafka, see `EventProducer.produce`. One per process suffices. Any thread may use it.

    Args:
        config: Settings.
        catalog: Topics and schemas.
        keys: The subjects' keys. Made from `config` when first needed if None.
        signer: Signs each event of a raw topic. None: events are not signed.

    Raises:
        KafkaDownError: Nothing answers at `config.kafka` within `config.connect_timeout_s`.
    """

    def __init__(
        self,
        config: StreamsConfig,
        catalog: Catalog,
        keys: SubjectKeys | None = None,
        signer: Signer | None = None,
    ) -> None:
        super().__init__(config, catalog, keys, signer)
        self._loose = DeliveryTracker()
        self._since_served = 0
        self._last_error = ""
        self._fatal = ""
        self._kafka = KafkaProducer(self._settings())
        try:
            self._kafka.list_topics(timeout=config.connect_timeout_s)
        except KafkaException as error:
            raise KafkaDownError(config.kafka, config.connect_timeout_s, self._last_error) from error

    def send(self, record: ProducerRecord, deliveries: DeliveryTracker | None = None) -> None:
        """Queue a record in librdkafka. Wait while its queue is full.

        Raises:
            RefusedEventError: The record is too large for Kafka.
            DeliveryError: The queue stayed full, or the producer had a fatal error.
        """
        if deliveries is None:
            deliveries = self._loose
        self._serve()
        deliveries.expect()
        try:
            try:
                self._hand_over(record, deliveries)
            except BufferError:
                self._wait_for_room(record, deliveries)
        except BaseException:
            deliveries.sent -= 1
            raise

    def wait(self, deliveries: DeliveryTracker) -> None:
        """Wait until every record of `deliveries` is delivered or failed.

        Raises:
            DeliveryError: A record failed, or Kafka did not report in time.
        """
        deadline = time.monotonic() + 2 * self.config.delivery_timeout_s
        while deliveries.pending:
            self._kafka.flush(_TURN_S)
            if deliveries.pending and time.monotonic() > deadline:
                raise DeliveryError("(any)", "no delivery report in time", failed=deliveries.pending)
        deliveries.check()

    def flush(self) -> None:
        """Wait for all records that were sent without their own `DeliveryTracker`.

        Raises:
            DeliveryError: A record failed, or Kafka did not report in time.
        """
        covered, self._loose = self._loose, DeliveryTracker()
        self.wait(covered)

    def backlog(self) -> int:
        """Return the number of records that are queued or in flight."""
        return len(self._kafka)

    def _settings(self) -> Mapping[str, Any]:
        config = self.config
        return {
            "bootstrap.servers": config.kafka,
            "client.id": "city-produce",
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 20,
            "delivery.timeout.ms": int(config.delivery_timeout_s * 1000),
            "queue.buffering.max.messages": config.queue_records,
            "topic.metadata.propagation.max.ms": 5_000,
            "log_level": 2,
            "error_cb": self._note,
        }

    def _note(self, error: KafkaError) -> None:
        """Keep librdkafka's last error for the message of the error that is raised later."""
        if error.fatal():
            self._fatal = error.str()
        self._last_error = error.str()

    def _serve(self) -> None:
        """Serve delivery reports every `_SERVE_EVERY` records. Raise after a fatal error."""
        if self._fatal:
            raise DeliveryError("(any)", f"the producer is beyond repair: {self._fatal}")
        self._since_served += 1
        if self._since_served >= _SERVE_EVERY:
            self._since_served = 0
            self._kafka.poll(0)

    def _hand_over(self, record: ProducerRecord, deliveries: DeliveryTracker) -> None:
        """Give a record to librdkafka. Raise BufferError if its queue is full."""
        topic, key, value, headers, partition = record
        try:
            self._kafka.produce(
                topic,
                value,
                key,
                _BY_KEY if partition is None else partition,
                on_delivery=deliveries.report,
                headers=list(headers) if headers else None,
            )
        except KafkaException as error:
            kafka_error = error.args[0]
            if kafka_error.code() in _TOO_LARGE:
                raise RefusedEventError(topic, f"too large: {kafka_error.str()}") from error
            raise DeliveryError(topic, kafka_error.str()) from error

    def _wait_for_room(self, record: ProducerRecord, deliveries: DeliveryTracker) -> None:
        """Let the queue drain and retry until twice the delivery timeout is over."""
        deadline = time.monotonic() + 2 * self.config.delivery_timeout_s
        while time.monotonic() < deadline:
            self._kafka.poll(_TURN_S)
            with contextlib.suppress(BufferError):
                self._hand_over(record, deliveries)
                return
        raise DeliveryError(record.topic, "the queue stayed full: Kafka takes nothing")
