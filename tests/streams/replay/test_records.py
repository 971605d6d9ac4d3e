"""What becomes of a source record: its events, or one dead letter; with a producer in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from schemas.catalog import load_catalog
from streams.errors import RefusedEventError, SubjectForgottenError
from streams.identity.secret import DeploymentSecret
from streams.produce.deliveries import DeliveryTracker
from streams.readers.formats import Accepted, EventDraft, Format, Item, Refused
from streams.record import ProducerRecord
from streams.replay.checkpoint import ReplayCheckpoint
from streams.replay.input import Input
from streams.replay.recordings import Recording
from streams.replay.records import RecordWriter
from streams.replay.schedule import DAY_US
from streams.replay.time_shift import shifted
from streams.testing import MemoryProducer

DIGEST = "ab" * 32
TOPIC = "air-quality.reading"
FIELDS = {"station": "s", "city": "c", "averaging": "PT1H", "gas_unit": "PPM"}
DATA = b"row"


def no_items(_: BinaryIO) -> Iterator[Item]:
    """Read nothing."""
    return iter(())


def some_file(*, shift_us: int = 0) -> Input:
    """A file of some format, at its beginning."""
    form = Format("some", "air_quality", "a row", lambda _: True, no_items)
    return Input(Recording(Path("some.csv"), DIGEST, form), ReplayCheckpoint("some", shift_us))


def accepted(*fields: dict[str, Any]) -> Accepted:
    """Make a source record with an event for each set of fields."""
    return Accepted(
        7, 8, DATA, tuple(EventDraft(TOPIC, 5_000_000 + n, each) for n, each in enumerate(fields))
    )


def writer(producer: MemoryProducer | None = None) -> RecordWriter:
    """Make a writer into memory."""
    return RecordWriter(producer or MemoryProducer(load_catalog()), DeploymentSecret(bytes(32)), 9 * DAY_US)


def decoded(records: list[ProducerRecord]) -> list[dict[str, Any]]:
    """Tell the events of some records."""
    producer = MemoryProducer(load_catalog())
    for record in records:
        producer.send(record, DeliveryTracker())
    return [each.event for each in producer.sent()]


def test_the_same_record_makes_the_same_bytes() -> None:
    """However often it is written."""
    first, second = (writer().write(some_file(), accepted(FIELDS, FIELDS)) for _ in range(2))
    assert first == second


def test_several_events_of_a_record_have_ids_of_their_own() -> None:
    """The number of the event in its record goes into the id; the source is the record's."""
    _, records = writer().write(some_file(), accepted(FIELDS, FIELDS))
    events = decoded(records)
    assert len({event["event_id"] for event in events}) == 2
    assert {event["source"] for event in events} == {f"replay:{DIGEST[:16]}#7"}


def test_a_shift_moves_the_time_and_keeps_the_id() -> None:
    """The id is made of the recorded time."""
    (plain,) = decoded(writer().write(some_file(), accepted(FIELDS))[1])
    (moved,) = decoded(writer().write(some_file(shift_us=DAY_US), accepted(FIELDS))[1])
    assert moved["event_id"] == plain["event_id"]
    assert moved["occurred_at"] == plain["occurred_at"] + DAY_US
    assert (plain["recorded_at"], moved["recorded_at"]) == (None, 5_000_000)


def test_a_shift_moves_every_other_moment_of_an_event_too() -> None:
    """A delivery stays two hours ahead of its order, at whatever depth a schema keeps a moment."""
    order, supply = (
        load_catalog().topics[name].schema.tree for name in ("energy.order", "cargo.supply-event")
    )
    assert shifted(order, {"delivery_at": 7, "quantity_wh": 7}, DAY_US) == {
        "delivery_at": 7 + DAY_US,
        "quantity_wh": 7,
    }
    told = {
        "record_time": None,
        "declared_wrong_at": 8,
        "sensor_reports": [{"time": 9, "type": "t"}],
        "new": 1,
    }
    assert shifted(supply, told, DAY_US) == {
        **told,
        "declared_wrong_at": 8 + DAY_US,
        "sensor_reports": [{"time": 9 + DAY_US, "type": "t"}],
    }


@pytest.mark.parametrize("wrong", [{**FIELDS, "colour": "red"}, {**FIELDS, "pm10": "much"}, {"station": "s"}])
def test_a_record_that_the_door_refuses_becomes_a_dead_letter(wrong: dict[str, Any]) -> None:
    """All of its events or none: one wrong event refuses the record, with its bytes and the reason."""
    item, records = writer().write(some_file(), accepted(FIELDS, wrong))
    assert isinstance(item, Refused)
    (letter,) = decoded(records)
    assert (letter["bytes"], letter["rule"]) == (DATA, "produce@1")
    assert letter["origin"] == {"path": "some.csv", "sha256": DIGEST, "record": 7, "line": 8}
    assert letter["occurred_at"] == 9 * DAY_US


class ForgottenDoor(MemoryProducer):
    """A producer that knows everyone as forgotten."""

    def prepare(self, topic_name: str, *arguments: Any, **options: Any) -> ProducerRecord:
        """Refuse readings."""
        if topic_name == TOPIC:
            raise SubjectForgottenError
        return super().prepare(topic_name, *arguments, **options)


def test_a_record_of_a_forgotten_subject_leaves_no_bytes() -> None:
    """It is refused and counted, and the dead letter holds nothing of it."""
    item, records = writer(ForgottenDoor(load_catalog())).write(some_file(), accepted(FIELDS))
    assert isinstance(item, Refused)
    (letter,) = decoded(records)
    assert (letter["bytes"], letter["length"]) == (b"", 0)
    assert "forgotten" in letter["reason"]


def test_a_record_that_kafka_finds_too_large_can_be_refused_after_all() -> None:
    """Its dead letter names the limit."""
    item, records = writer().refuse(some_file(), accepted(FIELDS), RefusedEventError(TOPIC, "too large"))
    assert isinstance(item, Refused)
    (letter,) = decoded(records)
    assert "too large" in letter["reason"]


def test_a_dead_letter_has_the_time_of_the_record_before_it() -> None:
    """Shifted like everything of its file."""
    file = some_file(shift_us=DAY_US)
    file.count(accepted(FIELDS))
    (letter,) = decoded(writer().write(file, Refused(8, 9, b"x", "why", "rule@1"))[1])
    assert letter["occurred_at"] == 5_000_000 + DAY_US


def test_of_a_person_neither_id_nor_source_tells_the_row(tmp_path: Path) -> None:
    """Both follow from the deployment's secret as well, and are the same each time."""
    from streams.config import StreamsConfig
    from streams.identity.event_ids import recording_id

    producer = MemoryProducer(load_catalog(), StreamsConfig(data=tmp_path))
    item = Accepted(
        7, 8, DATA, (EventDraft("health.measurement", 5_000_000, {"person": "anna", "cycle": "c"}),)
    )
    (one,), (again,) = (writer(producer).write(some_file(), item)[1] for _ in range(2))
    assert one == again
    (event,) = decoded([one])
    assert event["source"].startswith(f"replay:{DIGEST[:16]}#")
    assert event["source"] != f"replay:{DIGEST[:16]}#7"
    assert event["event_id"] != recording_id(5_000, bytes.fromhex(DIGEST), 7)
    other = RecordWriter(producer, DeploymentSecret(b"x" * 32), 9 * DAY_US)
    assert decoded(other.write(some_file(), item)[1])[0]["event_id"] != event["event_id"]
