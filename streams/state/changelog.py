"""The changelog of keyed state: a compacted Kafka topic for each topic that agents read (docs/delivery.md#state).

An entry's key is `[topic id, rule, key, stream, owner]` as JSON. Its value is `01 ‖ offset (8) ‖ state`. An empty state
is a cleared subject; a record without a value removes the entry.

- The owner makes every process's keys its own. So a process that was stopped and continued cannot overwrite a newer
  entry of another process.
- A restore takes the entry with the largest offset, over all owners. A state is a pure function of the records up to
  its offset, so the largest offset is the newest state, no matter which process wrote it.
- The topic id separates the state of a topic that was deleted and created again.

`Changelog` in `entries.py` is the contract. `KafkaChangelog` here and `MemoryChangelog` in `streams.testing` fulfil it.
`read` returns what a fully compacted topic would hold, so repeats that Kafka has not compacted yet cost little.
"""

import sys
import time
from base64 import b64decode
from collections.abc import Iterator, Sequence

import orjson
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic

from streams.config import StreamsConfig
from streams.errors import KafkaDownError, StopError
from streams.partition_reader import PartitionReader
from streams.produce.deliveries import DeliveryTracker
from streams.produce.producer import EventProducer
from streams.record import ProducerRecord
from streams.state.entries import AnyEntry, AnySubject, Stored, decode_entry, encode_entry

_REQUEST_S = 10.0
_SETTINGS = {
    "cleanup.policy": "compact",
    "message.timestamp.type": "LogAppendTime",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(16 << 20),
    "segment.ms": str(3600 * 1000),
}


def changelog_name(group: str, topic: str) -> str:
    """Return the name of a topic's changelog, such as `city-agents-air-quality.reading-changelog`."""
    return f"{group}-{topic}-changelog"


class KafkaChangelog:
    """A changelog in Kafka.

    Args:
        config: Settings.
        producer: Sends the entries.
        topic: Topic that the agents read.
        owner: Name of this process; no other process ever has the same.

    Raises:
        StopError: The topic is missing, or the changelog cannot be created or has another number of partitions.
        KafkaDownError: Kafka does not answer.
    """

    def __init__(self, config: StreamsConfig, producer: EventProducer, topic: str, owner: str) -> None:
        self._config = config
        self._producer = producer
        self._name = changelog_name(config.group, topic)
        self.owner = owner
        self.entries_read = 0
        admin = AdminClient({"bootstrap.servers": config.kafka, "log_level": 2})
        found = _describe(admin, config, topic)
        if found is None:
            raise StopError(f"topic {topic} does not exist: `city up` creates the catalogue's topics")
        self._topic_id, partitions = found
        self.partitions: int | None = partitions
        _ensure(admin, config, self._name, topic, partitions)

    def read(self, partition: int) -> Iterator[tuple[AnySubject, str, AnyEntry]]:
        """Yield the last entry of each subject and owner in a partition, up to its current end.

        Raises:
            KafkaDownError: Kafka does not answer.
            StopError: An entry has another format.
        """
        last = self._last(partition)
        while last:  # frees each entry once it is decoded
            key, value = last.popitem()
            topic_id, rule, name, stream, owner = orjson.loads(key)
            if topic_id == self._topic_id:
                yield (sys.intern(rule), name, stream), sys.intern(owner), decode_entry(value)

    def _last(self, partition: int) -> dict[bytes, bytes]:
        """Return the last value of each key of a partition, up to its current end."""
        reader = PartitionReader(self._config, "restore")
        last: dict[bytes, bytes] = {}
        try:
            begin, end = reader.watermarks(self._name, partition)
            for message in reader.read(self._name, {partition: begin}, {partition: end}):
                self.entries_read += 1
                key, value = message.key(), message.value()
                if value is None:
                    last.pop(key, None)
                else:
                    last[key] = value
        except KafkaException as error:
            raise KafkaDownError(self._config.kafka, _REQUEST_S, str(error)) from error
        finally:
            reader.close()
        return last

    def write(self, partition: int, entries: Sequence[Stored], deliveries: DeliveryTracker) -> None:
        """Hand entries to the producer, which keeps their order.

        Args:
            partition: Partition of the changelog and of the topic.
            entries: Entries and removals.
            deliveries: The entries are durable once it is settled.
        """
        for each in entries:
            value = None if each.entry is None else encode_entry(each.entry)
            key = orjson.dumps([self._topic_id, *each.subject, each.owner])
            self._producer.send(ProducerRecord(self._name, key, value, (), partition), deliveries)


def _describe(admin: AdminClient, config: StreamsConfig, name: str) -> tuple[str, int] | None:
    """Return a topic's id and number of partitions, or None if there is no such topic."""
    future = admin.describe_topics(TopicCollection([name]), request_timeout=_REQUEST_S)[name]
    try:
        description = future.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise KafkaDownError(config.kafka, _REQUEST_S, error.args[0].str()) from error
    # A Kafka id prints as unpadded base64. `ledger_sink.kafka_source` also reads it so.
    return b64decode(f"{description.topic_id}==", validate=True).hex(), len(description.partitions)


def _ensure(admin: AdminClient, config: StreamsConfig, name: str, topic: str, partitions: int) -> None:
    """Create the changelog, or require that the existing one has the topic's number of partitions."""
    if _describe(admin, config, name) is None:
        new = NewTopic(
            name,
            num_partitions=partitions,
            replication_factor=config.changelog_replication,
            config=_SETTINGS,
        )
        try:
            admin.create_topics([new], request_timeout=_REQUEST_S)[name].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise StopError(f"{name}: could not be created: {error.args[0].str()}") from error
    deadline = time.monotonic() + _REQUEST_S
    while (found := _describe(admin, config, name)) is None:
        if time.monotonic() > deadline:
            raise StopError(f"{name}: was created but does not appear")
        time.sleep(0.05)
    if found[1] != partitions:
        raise StopError(
            f"{name}: expected {partitions} partitions as {topic} has, got {found[1]}: the partitions of a"
            " topic with state cannot change; use another group, or delete the changelog and replay"
        )
