"""Reads the registry's topic: every partition from its beginning, then whatever came since."""

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.catalog import Catalog
from schemas.codec import decode
from schemas.errors import UndecodableError
from streams.config import StreamsConfig
from streams.errors import KafkaDownError, StopError
from streams.origin.registry import TOPIC, Received, Registry

_REQUEST_S = 10.0


class KafkaKeySource:
    """Reads `platform.source-key`; one caller at a time. It connects at the first reading.

    Args:
        config: Settings.
        catalog: Topics and schemas.
    """

    def __init__(self, config: StreamsConfig, catalog: Catalog) -> None:
        self._config = config
        self._catalog = catalog
        self._consumer: Consumer | None = None
        self._next: dict[int, int] = {}

    def read_on(self) -> Iterator[Received]:
        """Return what came since the last call, up to the present end.

        Raises:
            KafkaDownError: Kafka does not answer.
            StopError: The topic does not exist.
        """
        begun = dict(self._next)
        try:
            found = self._read()
        except (KafkaException, KafkaDownError) as error:
            self.close()
            self._next = begun
            if isinstance(error, KafkaDownError):
                raise
            raise KafkaDownError(self._config.kafka, _REQUEST_S, str(error.args[0])) from error
        return iter(found)

    def close(self) -> None:
        """Close the connection; the next reading opens another."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _read(self) -> list[Received]:
        consumer = self._connected()
        ends = {
            number: consumer.get_watermark_offsets(TopicPartition(TOPIC, number), timeout=_REQUEST_S)
            for number in self._next
        }
        for number, (begin, _) in ends.items():
            self._next[number] = max(self._next[number], begin)
        left = {number for number, (_, end) in ends.items() if end > self._next[number]}
        if not left:
            return []
        # Assigned only while there is something to read: a fetch that waits for records holds up the next question.
        consumer.assign([TopicPartition(TOPIC, number, self._next[number]) for number in left])
        try:
            return self._received(consumer, left, {number: end for number, (_, end) in ends.items()})
        finally:
            consumer.unassign()

    def _received(self, consumer: Consumer, left: set[int], ends: Mapping[int, int]) -> list[Received]:
        found: list[Received] = []
        topic = self._catalog.topics[TOPIC]
        deadline = time.monotonic() + _REQUEST_S
        while left:
            if time.monotonic() > deadline:
                raise KafkaDownError(self._config.kafka, _REQUEST_S, f"{TOPIC}: its records do not come")
            for message in consumer.consume(1_000, timeout=0.1):
                problem = message.error()
                if problem is not None:
                    if problem.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                        raise KafkaException(problem)
                    if message.offset() >= ends[message.partition()]:  # not the end of an earlier reading
                        left.discard(message.partition())
                    continue
                number = message.partition()
                self._next[number] = message.offset() + 1
                if self._next[number] >= ends[number]:
                    left.discard(number)
                try:
                    _, event = decode(message.value(), self._catalog, topic, raw=True)
                except UndecodableError:  # the ClickHouse sink dead-letters it
                    continue
                found.append(Received(message.timestamp()[1], event))
        return found

    def _connected(self) -> Consumer:
        if self._consumer is not None:
            return self._consumer
        consumer = self._consumer = Consumer(
            {
                "bootstrap.servers": self._config.kafka,
                "group.id": f"{self._config.group}-registry",  # never joined: only librdkafka insists on one
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "log_level": 2,
            }
        )
        told = consumer.list_topics(TOPIC, timeout=_REQUEST_S).topics[TOPIC]
        if told.error is not None or not told.partitions:
            raise StopError(f"topic {TOPIC} does not exist: `city up` creates the catalogue's topics")
        self._next = {number: self._next.get(number, 0) for number in told.partitions}
        return consumer


def kafka_registry(config: StreamsConfig, catalog: Catalog) -> Registry:
    """Return the registry of a deployment; an empty one for a catalogue that has none."""
    source = KafkaKeySource(config, catalog) if TOPIC in catalog.topics else None
    return Registry(source, config.origin_settle_s)
