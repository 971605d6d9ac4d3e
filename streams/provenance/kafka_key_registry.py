"""The key registry in Kafka: reads each partition of its topic from the beginning, then what is new."""

from collections.abc import Iterator

from confluent_kafka import KafkaException

from schemas.catalog import Catalog
from schemas.codec import decode
from schemas.errors import UndecodableError
from streams.config import StreamsConfig
from streams.errors import KafkaDownError, StopError
from streams.partition_reader import REQUEST_S, PartitionReader
from streams.provenance.key_registry import TOPIC, Received, Registry


class KafkaKeySource:
    """The reader of `platform.source-key`, for one caller at a time. It connects at the first read.

    Args:
        config: Settings.
        catalog: Topics and schemas.
    """

    def __init__(self, config: StreamsConfig, catalog: Catalog) -> None:
        self._config = config
        self._catalog = catalog
        self._reader: PartitionReader | None = None
        self._next: dict[int, int] = {}

    def read_on(self) -> Iterator[Received]:
        """Return the records since the last call, up to the current end.

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
            raise KafkaDownError(self._config.kafka, REQUEST_S, str(error.args[0])) from error
        return iter(found)

    def close(self) -> None:
        """Close the connection. The next read opens another."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _read(self) -> list[Received]:
        reader = self._connected()
        marks = {number: reader.watermarks(TOPIC, number) for number in self._next}
        self._next = {number: max(self._next[number], begin) for number, (begin, _) in marks.items()}
        ends = {number: end for number, (_, end) in marks.items()}
        topic = self._catalog.topics[TOPIC]
        found: list[Received] = []
        for message in reader.read(TOPIC, dict(self._next), ends):
            self._next[message.partition()] = message.offset() + 1
            try:
                _, event = decode(message.value(), self._catalog, topic, raw=True)
            except UndecodableError:  # the ClickHouse sink dead-letters it
                continue
            found.append(Received(message.timestamp()[1], event))
        self._next = {
            number: max(at, ends[number]) for number, at in self._next.items()
        }  # control records, too
        return found

    def _connected(self) -> PartitionReader:
        if self._reader is None:
            self._reader = PartitionReader(self._config, "registry")
            partitions = self._reader.partitions(TOPIC)
            if not partitions:
                raise StopError(f"topic {TOPIC} does not exist: `city up` creates the catalogue's topics")
            self._next = {number: self._next.get(number, 0) for number in partitions}
        return self._reader


def kafka_registry(config: StreamsConfig, catalog: Catalog) -> Registry:
    """Return the registry of a deployment, or an empty one if the catalogue has no such topic."""
    source = KafkaKeySource(config, catalog) if TOPIC in catalog.topics else None
    return Registry(source, config.origin_settle_s)
