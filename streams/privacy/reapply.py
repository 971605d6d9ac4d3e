"""Applies erasures again at a start, so that keys from an older copy of `<data>/keys/subjects` bring nobody back.

Every place that knows an erasure counts: the records of `platform.erasure` in Kafka, the notes beside the keys, and
subjects that the caller read elsewhere (rows of ClickHouse). An erasure that is noted and not in Kafka is sent again,
under the same event id. All of it is safe to repeat, and to interrupt anywhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaException

from schemas.catalog import Catalog
from schemas.codec import decode
from schemas.errors import UndecodableError
from schemas.names import topic_name
from streams.config import StreamsConfig
from streams.errors import KafkaDownError, StopError
from streams.partition_reader import REQUEST_S, PartitionReader
from streams.privacy.erasure import erase
from streams.privacy.erasure_journal import notes
from streams.privacy.field_encryption import SubjectKeys

TOPIC = topic_name("platform", "erasure")


@dataclass(frozen=True)
class Erased:
    """The records of `platform.erasure`.

    Attributes:
        subjects: Whose keys were destroyed.
        event_ids: Ids of the events.
        unreadable: Records that no schema of the topic reads.
    """

    subjects: frozenset[str]
    event_ids: frozenset[str]
    unreadable: int


@dataclass(frozen=True)
class Reapplied:
    """The outcome of a reapplication.

    Attributes:
        subjects: Erased subjects that are known.
        keys: Keys that had come back and were destroyed again.
        unsent: Noted erasures that Kafka does not have.
        unreadable: Records of `platform.erasure` that no schema reads.
    """

    subjects: int
    keys: int
    unsent: tuple[dict[str, object], ...] = ()
    unreadable: int = 0

    def __bool__(self) -> bool:
        """Return whether there is anything to say."""
        return bool(self.subjects or self.keys or self.unreadable)

    def __str__(self) -> str:
        text = f"erasures applied again: {self.subjects} subjects"
        if self.keys:
            text += f", {self.keys} keys had come back and are destroyed again"
        if self.unsent:
            text += f", {len(self.unsent)} erasures sent again to {TOPIC}"
        if self.unreadable:
            text += f"; {self.unreadable} records of {TOPIC} cannot be read: whom they erased is not known"
        return text


def read_erased(config: StreamsConfig, catalog: Catalog) -> Erased:
    """Read `platform.erasure` from its beginning to its end, committed records only.

    Args:
        config: Settings.
        catalog: Topics and schemas.

    Raises:
        KafkaDownError: Kafka does not answer.
        StopError: The topic does not exist.
    """
    reader = PartitionReader(config, "erasures")
    subjects, ids, unreadable = set(), set(), 0
    try:
        partitions = reader.partitions(TOPIC)
        if not partitions:
            raise StopError(f"topic {TOPIC} does not exist: `city up` creates the catalogue's topics")
        marks = {number: reader.watermarks(TOPIC, number) for number in partitions}
        begins = {number: begin for number, (begin, _) in marks.items()}
        for message in reader.read(TOPIC, begins, {number: end for number, (_, end) in marks.items()}):
            try:
                _, event = decode(message.value(), catalog, catalog.topics[TOPIC], raw=True)
            except UndecodableError:
                unreadable += 1
                continue
            subjects.add(event["subject"])
            ids.add(event["event_id"])
    except KafkaException as error:
        raise KafkaDownError(config.kafka, REQUEST_S, str(error.args[0])) from error
    finally:
        reader.close()
    return Erased(frozenset(subjects), frozenset(ids), unreadable)


def reapply(config: StreamsConfig, catalog: Catalog, known: Iterable[str] = ()) -> Reapplied:
    """Destroy the keys of all erased subjects again. Call it before anything that decrypts runs.

    The keys are gone before Kafka is asked for the subjects that notes and markers know.

    Args:
        config: Settings.
        catalog: Topics and schemas.
        known: Erased subjects that the caller knows from elsewhere.

    Returns:
        The outcome. The caller sends the events of `unsent`.

    Raises:
        KafkaDownError: Kafka does not answer.
        StopError: A note cannot be read, or the topic does not exist.
    """
    store = SubjectKeys(config.keys)
    noted = list(notes(config.keys))
    first = {*known, *(str(event["subject"]) for event in noted)}
    keys = store.sweep() + erase(config.keys, sorted(first))
    found = read_erased(config, catalog)
    keys += erase(config.keys, sorted(found.subjects - first))
    unsent = tuple(event for event in noted if event["event_id"] not in found.event_ids)
    return Reapplied(len(found.subjects | first), keys, unsent, found.unreadable)
