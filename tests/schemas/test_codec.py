"""The frame, the datum, and what is refused on either side."""

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from schemas.catalog import Catalog, Schema, Topic
from schemas.codec import decode, encode, frame_id
from schemas.errors import EventError, UndecodableError

READING: Mapping[str, Any] = MappingProxyType(
    {
        "event_id": "01900000-0000-7000-8000-000000000001",
        "salt": bytes(16),
        "source": "device:1",
        "occurred_at": 1_700_000_000_000_000,
        "station": "중구",
        "city": "Seoul",
        "averaging": "P1D",
        "gas_unit": "PPM",
        "pm10": 33.0,
    }
)


@pytest.fixture
def topic(catalog: Catalog) -> Topic:
    """The topic of readings."""
    return catalog.topics["air-quality.reading"]


@pytest.fixture
def schema(topic: Topic) -> Schema:
    """Its schema."""
    return topic.schema


def test_value_starts_with_zero_and_the_schema_id(schema: Schema) -> None:
    """A value is framed as the registry frame says: 00, id in 4 bytes big-endian, datum."""
    value = encode(schema, READING)
    assert value[:5] == b"\x00\x00\x00\x00\x67"
    assert frame_id(value) == 103


def test_field_with_default_may_be_left_out(catalog: Catalog, schema: Schema) -> None:
    """What is left out is read as its default."""
    found = decode(encode(schema, READING), catalog)[1]
    assert (found["pm2_5"], found["flags"], found["recorded_at"]) == (None, [], None)


def test_logical_types_come_back_as_python_values(catalog: Catalog, schema: Schema) -> None:
    """A UUID comes back as a UUID, an instant as an aware datetime in UTC."""
    found = decode(encode(schema, READING), catalog)[1]
    assert found["event_id"] == UUID(READING["event_id"])
    assert found["occurred_at"] == dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC)


def test_raw_leaves_text_and_integers(catalog: Catalog, schema: Schema) -> None:
    """With raw, a UUID stays text and an instant microseconds."""
    found = decode(encode(schema, READING), catalog, raw=True)[1]
    assert (found["event_id"], found["occurred_at"]) == (READING["event_id"], READING["occurred_at"])


def test_raw_event_encodes_to_the_same_bytes(catalog: Catalog, schema: Schema) -> None:
    """Encode takes what decode gives, raw or not, and returns the very bytes."""
    value = encode(schema, READING)
    assert encode(schema, decode(value, catalog, raw=True)[1]) == value
    assert encode(schema, decode(value, catalog)[1]) == value


def test_instant_of_another_zone_is_the_same_instant(schema: Schema) -> None:
    """An aware datetime is converted to UTC."""
    seoul = dt.timezone(dt.timedelta(hours=9))
    there = dt.datetime(2023, 11, 15, 7, 13, 20, tzinfo=seoul)
    assert encode(schema, {**READING, "occurred_at": there}) == encode(schema, READING)


def test_order_of_a_maps_keys_does_not_change_the_bytes(catalog: Catalog) -> None:
    """Equal events give equal bytes, or a repeat would be another event."""
    schema = catalog.topics["platform.metric"].schema
    common = {
        **{k: READING[k] for k in ("event_id", "salt", "source", "occurred_at")},
        "name": "n",
        "value": 1.0,
        "process": "p",
    }
    one = encode(schema, {**common, "labels": {"a": "1", "b": "2"}})
    assert one == encode(schema, {**common, "labels": {"b": "2", "a": "1"}})


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("pm10", "33", "expected a double, got str '33'"),
        ("pm10", True, "expected a double, got bool True"),
        ("pm10", float("nan"), "finite"),
        ("pm10", float("inf"), "finite"),
        ("station", None, "expected a string, got NoneType None"),
        ("station", "\ud800", "UTF-8"),
        ("averaging", "P1Y", "expected one of PT1H, P1D, got str 'P1Y'"),
        ("salt", bytes(15), "expected 16 bytes"),
        ("event_id", "01900000-0000-7000-8000-00000000000A", "expected a UUID (lower case"),
        ("event_id", "01900000000070008000000000000001", "expected a UUID"),
        ("occurred_at", dt.datetime(2026, 1, 1), "expected an instant with a time zone"),  # noqa: DTZ001
        ("occurred_at", 1.5, "expected an aware datetime or an int"),
        ("occurred_at", 2**62, "expected an instant from 1900 to 2299"),
        ("flags", "SPIKE", "expected a list"),
        ("colour", "red", "is no field of the schema"),
    ],
)
def test_event_that_does_not_fit_is_refused_naming_the_field(
    schema: Schema, field: str, value: Any, reason: str
) -> None:
    """Nothing leaves that its schema does not allow, and the error says which field and why."""
    with pytest.raises(EventError) as caught:
        encode(schema, {**READING, field: value})
    assert caught.value.field == field
    assert reason in caught.value.reason
    assert "air-quality.reading-value" in str(caught.value)


def test_missing_field_is_named(schema: Schema) -> None:
    """A field without default has to be there."""
    with pytest.raises(EventError, match="station: is missing and has no default"):
        encode(schema, {name: value for name, value in READING.items() if name != "station"})


def test_error_deep_inside_names_the_path(schema: Schema) -> None:
    """The path leads through lists and records."""
    with pytest.raises(EventError, match=r"flags\[1\]: expected a string, got int 7"):
        encode(schema, {**READING, "flags": ["SPIKE", 7]})


def test_numbers_wider_than_the_type_are_refused(catalog: Catalog) -> None:
    """An int of more than 32 bits is not cut."""
    schema = catalog.topics["air-quality.category-change"].schema
    (example,) = catalog.examples[schema.id].values()
    with pytest.raises(EventError, match="index: expected an int"):
        encode(schema, {**example, "index": 2**31})


@pytest.mark.parametrize("example", ["dead-letter.v1.file.json", "dead-letter.v1.record.json"])
def test_union_of_records_takes_the_one_that_fits(catalog: Catalog, example: str) -> None:
    """A record of a union is told by its fields."""
    schema = catalog.topics["platform.dead-letter"].schema
    event = catalog.examples[1][example]
    assert decode(encode(schema, event), catalog)[1]["origin"] == event["origin"]


def test_record_that_fits_no_branch_is_refused(catalog: Catalog) -> None:
    """A mixture of two records is neither."""
    schema = catalog.topics["platform.dead-letter"].schema
    event = catalog.examples[1]["dead-letter.v1.file.json"]
    with pytest.raises(EventError, match="origin: expected KafkaOrigin or FileOrigin"):
        encode(schema, {**event, "origin": {"topic": "t", "path": "p"}})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the value is empty"),
        (b"", "the value is empty"),
        (b"\x01\x00\x00\x00\x64", "no magic byte: expected 00, got 01"),
        (b"\x00\x00\x00", "truncated: the frame has 3 of 5 bytes"),
        (b"\x00\x00\x00\x03\xe7", "schema id 999 is not in the catalogue"),
        (b"\x00\x00\x00\x00\x64", "air-quality.reading-value v1: event_id: ends too early"),
    ],
)
def test_value_without_whole_frame_is_undecodable(catalog: Catalog, value: bytes | None, reason: str) -> None:
    """The reason says what is wrong with the frame."""
    with pytest.raises(UndecodableError) as caught:
        decode(value, catalog)
    assert caught.value.reason == reason


def test_trailing_bytes_are_undecodable(catalog: Catalog, schema: Schema) -> None:
    """A datum is consumed to the last byte, or it could swallow its neighbour in a block."""
    with pytest.raises(UndecodableError, match="4 bytes left over"):
        decode(encode(schema, READING) + bytes(4), catalog)


def test_every_truncation_is_undecodable(catalog: Catalog, schema: Schema) -> None:
    """Cut anywhere, a value is refused, never half read."""
    value = encode(schema, {**READING, "flags": ["SPIKE"]})
    for length in range(len(value)):
        with pytest.raises(UndecodableError):
            decode(value[:length], catalog)


def test_schema_of_another_topic_does_not_belong(catalog: Catalog, topic: Topic) -> None:
    """With the topic given, a value of another topic's schema is undecodable there."""
    schema = catalog.topics["platform.erasure"].schema
    (example,) = catalog.examples[schema.id].values()
    value = encode(schema, example)
    assert decode(value, catalog)[0] is schema
    with pytest.raises(UndecodableError, match=r"schema id 4 does not belong on air-quality\.reading"):
        decode(value, catalog, topic)


def test_dead_letters_of_every_domain_share_one_schema(catalog: Catalog) -> None:
    """A dead letter of any domain carries schema id 1 and is read on any dead-letter topic."""
    letters = [topic for topic in catalog.topics.values() if topic.kind == "dead-letter"]
    event = catalog.examples[1]["dead-letter.v1.file.json"]
    assert {topic.domain for topic in letters} == set(catalog.domains)
    for topic in letters:
        value = encode(topic.schema, event)
        assert frame_id(value) == 1
        assert decode(value, catalog, topic)[1]["stage"] == "read"
