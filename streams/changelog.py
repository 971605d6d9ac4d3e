"""Where keyed state is kept: a compacted Kafka topic for each topic that agents read, partition by partition.

An entry's key is `[topic id, rule, key, stream, owner]` as JSON, its value `01 ‖ offset (8) ‖ state`; an
empty state is a subject that was cleared, no value is an entry that is gone. The owner makes the key of every
process its own, so a process that was stopped and goes on cannot overwrite what another wrote since; whoever
restores takes, of all owners, the entry with the largest offset. Since a state is a pure function of the
records up to its offset, the largest is the newest, whoever wrote it. The topic id keeps the state of a topic
that was deleted and made anew apart.

`Changelog` is the contract; its peers are `KafkaChangelog` here and `MemoryChangelog` in `streams.testing`.
Reading gives what a fully compacted topic would hold, so repeats that Kafka has not compacted yet cost little.
"""

import sys
import time
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from streams.config import StreamsConfig
from streams.door import Deliveries, Door, Prepared
from streams.errors import KafkaDownError, StopError

FORMAT = b"\x01"
_REQUEST_S = 10.0
_SETTINGS = {
    "cleanup.policy": "compact",
    "message.timestamp.type": "LogAppendTime",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(16 << 20),
    "segment.ms": str(3600 * 1000),
}


class Subject(NamedTuple):
    """Whose state: a rule's, of one key in one stream."""

    rule: str
    key: str
    stream: str


class Entry(NamedTuple):
    """What is remembered: the offset of the last record folded, and the state as JSON; empty: cleared."""

    offset: int
    state: bytes


AnySubject = tuple[str, str, str]
"""A `Subject`, or the same without names: made ten times as fast, and not watched by the garbage collector."""

AnyEntry = tuple[int, bytes]
"""An `Entry`, or the same without names."""


class Stored(NamedTuple):
    """An entry as it lies in a changelog: with its subject and who wrote it; entry None: gone."""

    subject: AnySubject
    owner: str
    entry: AnyEntry | None


class Changelog(Protocol):
    """Keeps the entries of the partitions of one topic.

    Attributes:
        owner: Name of this process, unlike that of any other before or beside it.
        partitions: How many partitions the topic has, for good; None: not known.
    """

    owner: str
    partitions: int | None

    def read(self, partition: int) -> Iterable[tuple[AnySubject, str, AnyEntry]]:
        """Return the last entry of each subject and owner that is not gone; blocks, not for the event loop."""

    def write(self, partition: int, entries: Sequence[Stored], deliveries: Deliveries) -> None:
        """Write entries in their order; durable once `deliveries` is settled."""


def changelog_name(group: str, topic: str) -> str:
    """Name the changelog of a topic: `city-agents-air-quality.reading-changelog`."""
    return f"{group}-{topic}-changelog"


class KafkaChangelog:
    """A changelog in Kafka.

    Args:
        config: Settings.
        door: Producer that carries the entries.
        topic: Topic that the agents read.
        owner: Name of this process, unlike that of any other before or beside it.

    Raises:
        StopError: The topic is missing, or the changelog has another number of partitions.
        KafkaDownError: Kafka does not answer.
    """

    def __init__(self, config: StreamsConfig, door: Door, topic: str, owner: str) -> None:
        self._config = config
        self._door = door
        self._name = changelog_name(config.group, topic)
        self.owner = owner
        admin = AdminClient({"bootstrap.servers": config.kafka, "log_level": 2})
        found = _describe(admin, config, topic)
        if found is None:
            raise StopError(f"topic {topic} does not exist: `city up` creates the catalogue's topics")
        self._topic_id, partitions = found
        self.partitions: int | None = partitions
        _ensure(admin, config, self._name, topic, partitions)

    def read(self, partition: int) -> Iterator[tuple[AnySubject, str, AnyEntry]]:
        """Yield the last entry of each subject and owner, of what a partition holds up to its present end."""
        last = self._last(partition)
        while last:  # what is decoded is let go at once
            key, value = last.popitem()
            topic_id, rule, name, stream, owner = orjson.loads(key)
            if topic_id == self._topic_id:
                yield (sys.intern(rule), name, stream), sys.intern(owner), decode_entry(value)

    def _last(self, partition: int) -> dict[bytes, bytes]:
        """Read a partition up to its present end; return the last value of each key that has one."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._config.kafka,
                "group.id": f"{self._config.group}-restore",  # never joined: only librdkafka insists on one
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "log_level": 2,
            }
        )
        try:
            where = TopicPartition(self._name, partition)
            begin, end = _watermarks(consumer, where)
            consumer.assign([TopicPartition(self._name, partition, begin)])
            return self._read_to(consumer, end if end > begin else 0)
        except KafkaException as error:
            raise KafkaDownError(self._config.kafka, _REQUEST_S, str(error)) from error
        finally:
            consumer.close()

    def write(self, partition: int, entries: Sequence[Stored], deliveries: Deliveries) -> None:
        """Hand entries to the producer, which keeps their order."""
        for each in entries:
            value = None if each.entry is None else encode_entry(each.entry)
            key = orjson.dumps([self._topic_id, *each.subject, each.owner])
            self._door.send(Prepared(self._name, key, value, (), partition), deliveries)

    def _read_to(self, consumer: Consumer, end: int) -> dict[bytes, bytes]:
        deadline = time.monotonic() + _REQUEST_S
        position = 0
        last: dict[bytes, bytes] = {}
        while position < end:
            messages = consumer.consume(1_000, timeout=0.2)
            if messages:
                deadline = time.monotonic() + _REQUEST_S
            elif time.monotonic() > deadline:
                raise KafkaDownError(
                    self._config.kafka, _REQUEST_S, f"{self._name} at offset {position} of {end}"
                )
            for message in messages:
                problem = message.error()
                if problem is not None:
                    if problem.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                        raise KafkaException(problem)
                    position = max(position, message.offset())
                    continue
                position = message.offset() + 1
                key, value = message.key(), message.value()
                if value is None:
                    last.pop(key, None)
                else:
                    last[key] = value
        return last


def encode_entry(entry: AnyEntry) -> bytes:
    """Write an entry as a changelog value."""
    offset, state = entry
    return FORMAT + offset.to_bytes(8, "big") + state


def decode_entry(value: bytes) -> AnyEntry:
    """Read a changelog value.

    Raises:
        StopError: It was written by another version of the platform.
    """
    if not value.startswith(FORMAT) or len(value) < 9:
        raise StopError(f"state changelog: expected format 01, got {value[:1].hex() or 'nothing'}")
    return int.from_bytes(value[1:9], "big"), value[9:]


def _watermarks(consumer: Consumer, where: TopicPartition) -> tuple[int, int]:
    """Ask for a partition's first offset and its end; one just created may not have found its leader yet."""
    deadline = time.monotonic() + _REQUEST_S
    while True:
        try:
            begin, end = consumer.get_watermark_offsets(where, timeout=_REQUEST_S)
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return begin, end


def _describe(admin: AdminClient, config: StreamsConfig, name: str) -> tuple[str, int] | None:
    """Return a topic's id and number of partitions, or None if there is no such topic."""
    future = admin.describe_topics(TopicCollection([name]), request_timeout=_REQUEST_S)[name]
    try:
        told = future.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise KafkaDownError(config.kafka, _REQUEST_S, error.args[0].str()) from error
    # A Kafka id prints as unpadded base64; `ledger_sink.kafka_source` reads it so, too.
    return b64decode(f"{told.topic_id}==", validate=True).hex(), len(told.partitions)


def _ensure(admin: AdminClient, config: StreamsConfig, name: str, topic: str, partitions: int) -> None:
    """Create the changelog, or hold the one that exists to the topic's number of partitions."""
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
