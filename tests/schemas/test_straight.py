"""Straight-line code against the general codec: whatever comes, the same value, the same bytes, or the same refusal."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro import Array, Enum, Fixed, Map, Primitive, Record, Type, Union
from schemas.avro import reader as reading
from schemas.avro import writer as writing
from schemas.avro.scalar_reader import MalformedError, Read, read_long
from schemas.avro.scalar_writer import MismatchError, Write, write_long
from schemas.avro.straight_reader import read_eight
from schemas.avro.straight_writer import write_eight
from schemas.avro.tree import NULL, Field
from schemas.catalog import load_catalog
from schemas.model import Schema
from tests.properties import fewer
from tests.schemas.strategies import events, sparse_events

SCHEMAS = list(load_catalog().schemas())
every_schema = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda each: each.subject)
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=90), st.binary(max_size=20),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.just("\ud800"), st.just(2**70),
)  # fmt: skip
EACH: tuple[Type, ...] = (
    Primitive("string"), Primitive("bytes"), Primitive("string", "uuid"), Primitive("double"),
                Primitive("float"), Primitive("boolean"), Primitive("int"), Primitive("long"),
                Primitive("long", "timestamp-micros"), Primitive("long", "timestamp-millis"),
                Primitive("int", "date"), Fixed("f", 3), Enum("e", ("A", "B")), Array(Primitive("long")),
                Map(Primitive("string")), Union((NULL, Primitive("double"))), Union((Primitive("string"), NULL)),
                Union((NULL, Enum("g", ("A", "B", "C")))), Union((NULL, Primitive("string"), Primitive("long"))),
                Union((NULL, Primitive("int"))), Union((NULL, Primitive("boolean"))),
)  # fmt: skip
ONE_OF_EACH = Record("every", tuple(Field(f"f{number}", kind) for number, kind in enumerate(EACH)))


def read_by(read: Read, data: bytes) -> str | tuple[str, str]:
    """Return what a reader makes of bytes: the value and its end, or the words of its refusal."""
    try:
        return repr(read(data, 0))  # NaN is not itself, its spelling is
    except MalformedError as error:
        return error.path, error.reason


def written_by(write: Write, event: Any) -> bytes | tuple[str, str]:
    """Return what a writer makes of an event: its bytes behind what was there, or the words of its refusal."""
    out = bytearray(b"before")
    try:
        write(out, event)
    except MismatchError as error:
        return error.path, error.reason
    return bytes(out)


def general_reader(record: Record, *, raw: bool) -> Read:
    """Return the reader that takes field by field."""
    return reading.general_record(reading.general_fields(record, raw=raw))


def general_writer(record: Record) -> Write:
    """Return the writer that takes field by field."""
    return writing.general_record(writing.general_fields(record))


def same_writing(record: Record, event: Any) -> bytes:
    """Hold both writers to one another; return the bytes, or none where the event was refused."""
    straight = written_by(writing.writer(record), event)
    assert straight == written_by(general_writer(record), event)
    return straight[6:] if isinstance(straight, bytes) else b""


def same_reading(record: Record, data: bytes) -> None:
    """Hold both readers to one another, with logical types and without."""
    for raw in (False, True):
        straight = read_by(reading.reader(record, raw=raw), data)
        assert straight == read_by(general_reader(record, raw=raw), data)


def damaged(draw: Callable[[st.SearchStrategy[Any]], Any], value: bytes) -> bytes:
    """Cut bytes, or put others into them."""
    at = draw(st.integers(0, len(value)))
    put = bytes(draw(st.binary(max_size=6)))
    return value[:at] + put + value[at + draw(st.integers(0, 6)) :]


@every_schema
@given(data=st.data())
@fewer(times=10)
def test_events_of_the_catalogue_are_written_and_read_alike(schema: Schema, data: st.DataObject) -> None:
    """Whole events, sparse ones, ones with a strange value or a strange field, and damaged bytes."""
    event = data.draw(st.one_of(events(schema.tree), sparse_events(schema.tree)))
    if data.draw(st.booleans()):
        event = {**event, data.draw(st.sampled_from([*event, "no-such-field"])): data.draw(ODD)}
    value = same_writing(schema.tree, event)
    same_reading(schema.tree, value)
    same_reading(schema.tree, damaged(data.draw, value))


@given(data=st.data())
def test_every_type_is_written_and_read_alike(data: st.DataObject) -> None:
    """A record with a field of each type, each of which may hold anything."""
    event = data.draw(events(ONE_OF_EACH))
    for name in data.draw(st.lists(st.sampled_from(list(event)), max_size=2)):
        event[name] = data.draw(ODD)
    value = same_writing(ONE_OF_EACH, event)
    same_reading(ONE_OF_EACH, value)
    same_reading(ONE_OF_EACH, damaged(data.draw, value))


@given(value=st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(2**47, 2**56)))
def test_eight_bytes_at_once_are_the_same_long(value: int) -> None:
    """A long of any size is written and read as byte by byte."""
    slow, fast = bytearray(), bytearray()
    write_long(slow, value)
    write_eight(fast, value)
    assert fast == slow
    assert read_eight(bytes(fast) + b"\xff", 0) == read_long(bytes(slow), 0) == (value, len(slow))


def test_a_mapping_that_is_no_dict_is_an_event_too() -> None:
    """What is not a dict is left to the general writer, which takes any mapping and nothing else."""
    strange: list[Any] = [{}, [], None, 7]
    for event in strange:
        same_writing(ONE_OF_EACH, event)
