"""The only door into Kafka: idempotent, `acks=all`, with a bounded queue, and honest about failure.

It promises: a record is either confirmed by all in-sync replicas or its failure is raised as `DeliveryError`
from the `wait` or `flush` that covers it; a full queue makes the caller wait, never drops; a Kafka that does
not answer is one clear line at once. What a record looks like is decided in `streams.produce.producer`.

Records are partitioned by murmur2 of the key, as Java clients do, so all writers agree.
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
    """A door into Kafka; see `EventProducer.produce`. One per process is enough, any thread may use it.

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
        """Hand a record to librdkafka; waits while its queue is full."""
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
        """Wait until Kafka confirmed or refused every record of `deliveries`."""
        deadline = time.monotonic() + 2 * self.config.delivery_timeout_s
        while deliveries.pending:
            self._kafka.flush(_TURN_S)
            if deliveries.pending and time.monotonic() > deadline:
                raise DeliveryError("(any)", "no delivery report in time", failed=deliveries.pending)
        deliveries.check()

    def flush(self) -> None:
        """Wait for all records that were sent without their own `DeliveryTracker`."""
        covered, self._loose = self._loose, DeliveryTracker()
        self.wait(covered)

    def backlog(self) -> int:
        """Return how many records are queued or on their way."""
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
        """Keep what librdkafka complains about, for the message of the error that is raised later."""
        if error.fatal():
            self._fatal = error.str()
        self._last_error = error.str()

    def _serve(self) -> None:
        """Run waiting delivery reports now and then, and refuse to go on after a fatal error."""
        if self._fatal:
            raise DeliveryError("(any)", f"the producer is beyond repair: {self._fatal}")
        self._since_served += 1
        if self._since_served >= _SERVE_EVERY:
            self._since_served = 0
            self._kafka.poll(0)

    def _hand_over(self, record: ProducerRecord, deliveries: DeliveryTracker) -> None:
        """Give a record to librdkafka; BufferError: its queue is full."""
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
        """Let the queue drain and try again, as long as Kafka takes anything."""
        deadline = time.monotonic() + 2 * self.config.delivery_timeout_s
        while time.monotonic() < deadline:
            self._kafka.poll(_TURN_S)
            with contextlib.suppress(BufferError):
                self._hand_over(record, deliveries)
                return
        raise DeliveryError(record.topic, "the queue stayed full: Kafka takes nothing")
