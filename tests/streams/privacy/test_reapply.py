"""Erasures are applied again at a start: no older copy of the keys brings a person back."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from infra.kafka.topics import ensure_topics
from schemas.catalog import load_catalog
from streams.config import StreamsConfig
from streams.errors import KafkaDownError, StopError, SubjectForgottenError
from streams.identity.event_ids import device_id, device_salt
from streams.privacy.erasure import erase
from streams.privacy.erasure_journal import FOLDER, note, notes
from streams.privacy.field_encryption import FieldLocation, SubjectKeys
from streams.privacy.reapply import TOPIC, read_erased, reapply
from streams.produce.kafka import Producer

CATALOG = load_catalog()


class Deployment:
    """A data directory with keys of three persons and a copy of it, and a Kafka."""

    def __init__(self, kafka: str, folder: Path) -> None:
        ensure_topics(kafka, CATALOG)
        self.config = StreamsConfig(kafka=kafka, data=folder / "data", delivery_timeout_s=10.0)
        self.persons = [f"p-{uuid4().hex}" for _ in range(3)]
        self.values = {each: self.store.encrypt(self.place(each), b"61.5") for each in self.persons}
        self.copy = folder / "copy"
        shutil.copytree(self.config.keys, self.copy)

    @property
    def store(self) -> SubjectKeys:
        """Open the keys as a process does at its start."""
        return SubjectKeys(self.config.keys)

    def place(self, person: str) -> FieldLocation:
        """Return where a person's value stands."""
        return FieldLocation("health.measurement", person, "018cc251-f400-7a79-abf4-01bdf43e4d1b", "age")

    def restore(self) -> None:
        """Bring the copy back, made before any erasure, in place of what is there."""
        shutil.rmtree(self.config.keys)
        shutil.copytree(self.copy, self.config.keys)

    def readable(self) -> list[bool]:
        """Tell of each person whether a new process reads the value."""
        return [self._opens(each) for each in self.persons]

    def _opens(self, person: str) -> bool:
        try:
            return self.store.decrypt(self.place(person), self.values[person]) == b"61.5"
        except SubjectForgottenError:
            return False


def erasure(person: str) -> dict[str, object]:
    """Make the event of an erasure."""
    head = {"event_id": device_id(), "salt": device_salt(), "source": "urn:city:forget", "occurred_at": 1}
    return {**head, "recorded_at": None, "subject": person, "ground": "GDPR Art. 17", "keys": ["k"]}


@pytest.fixture
def city(kafka: str, tmp_path: Path) -> Deployment:
    """Three persons with keys."""
    return Deployment(kafka, tmp_path)


def send(city: Deployment, *events: dict[str, object]) -> None:
    """Send erasures to Kafka."""
    with Producer(city.config, CATALOG) as producer:
        for event in events:
            producer.produce(TOPIC, event)


def test_a_restored_copy_of_the_keys_brings_nobody_back(city: Deployment) -> None:
    """Kafka names who was erased; a second start finds nothing left to do, and new values are refused."""
    first, second, _ = city.persons
    send(city, erasure(first), erasure(second))
    erase(city.config.keys, [first, second])
    city.restore()
    assert city.readable() == [True, True, True]
    done = reapply(city.config, CATALOG)
    assert (done.keys, done.unsent) == (2, ())
    assert "2 keys had come back" in str(done)
    assert city.readable() == [False, False, True]
    assert reapply(city.config, CATALOG).keys == 0
    with pytest.raises(SubjectForgottenError):
        city.store.encrypt(city.place(first), b"62")


def test_an_erasure_that_a_crash_interrupted_is_finished(city: Deployment) -> None:
    """It was noted, and the process died before the key was destroyed or Kafka had the event."""
    event = erasure(city.persons[0])
    note(city.config.keys, event)
    done = reapply(city.config, CATALOG)
    assert (done.keys, list(done.unsent)) == (1, [event])
    assert city.readable() == [False, True, True]
    send(city, *done.unsent)
    assert reapply(city.config, CATALOG).unsent == ()
    assert event["event_id"] in read_erased(city.config, CATALOG).event_ids


def test_notes_that_were_kept_apart_erase_in_what_was_restored(city: Deployment) -> None:
    """All of a city comes from a copy older than the erasure, Kafka too: the notes are copied into its keys."""
    event, kept = erasure(city.persons[1]), city.config.data.parent / "kept"
    note(city.config.keys, event)
    shutil.copytree(city.config.keys / FOLDER, kept)
    city.restore()
    assert list(notes(city.config.keys)) == []
    shutil.copytree(kept, city.config.keys / FOLDER)
    done = reapply(city.config, CATALOG)
    assert (done.keys, list(done.unsent)) == (1, [event])
    assert city.readable() == [True, False, True]


def test_rows_of_clickhouse_count_where_kafka_lost_its_records(city: Deployment) -> None:
    """The caller reads them; a key beside the mark of its erasure goes even where nobody knows the subject."""
    first, second, _ = city.persons
    assert reapply(city.config, CATALOG, [first]).keys == 1
    (name,) = city.store.names(second)
    city.store.forget(second)
    shutil.copy(city.copy / "subjects" / f"{name}.key", city.config.keys / "subjects")
    assert city.readable() == [False, True, True]
    assert reapply(city.config, CATALOG).keys == 1
    assert city.readable() == [False, False, True]


class OneBrokenRecord:
    """A reader of a topic that holds one record, which no schema reads."""

    def __init__(self, *_: object) -> None:
        self.messages = [SimpleNamespace(value=lambda: b"\x00\x00\x00\x00\x04broken")]

    def partitions(self, _: str) -> list[int]:
        """Return the numbers of the partitions."""
        return [0]

    def watermarks(self, *_: object) -> tuple[int, int]:
        """Return first and last offset."""
        return 0, 1

    def read(self, *_: object) -> list[SimpleNamespace]:
        """Return the records."""
        return self.messages

    def close(self) -> None:
        """Close nothing."""


def test_a_record_that_no_schema_reads_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom it erased is not known."""
    monkeypatch.setattr("streams.privacy.reapply.PartitionReader", OneBrokenRecord)
    done = reapply(StreamsConfig(data=tmp_path), CATALOG)
    assert (done.unreadable, bool(done)) == (1, True)
    assert "1 records of platform.erasure cannot be read" in str(done)


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"subject": 1}', b"\xff\xfe"])
def test_a_damaged_note_stops_the_start_with_one_line(city: Deployment, damage: bytes) -> None:
    """Passing over it could leave a person readable."""
    note(city.config.keys, erasure(city.persons[0]))
    (path,) = (city.config.keys / FOLDER).glob("*.json")
    path.write_bytes(damage)
    with pytest.raises(StopError, match="not the note of an erasure") as error:
        reapply(city.config, CATALOG)
    assert str(path) in str(error.value)


def test_without_kafka_the_start_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not go on as if nobody had been erased."""
    monkeypatch.setattr("streams.partition_reader.REQUEST_S", 0.5)
    config = StreamsConfig(kafka="127.0.0.1:1", data=tmp_path)
    with pytest.raises(KafkaDownError):
        read_erased(config, CATALOG)
