"""Avro binary by property: any value of any type, against an implementation that is not ours, and against an enemy."""

import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro import Array, Map, Primitive, Record, Type, Union, parse, parse_record
from schemas.avro.reader import MalformedError, reader
from schemas.avro.writer import writer
from schemas.catalog import load_catalog
from schemas.codec import decode, encode
from schemas.errors import UndecodableError
from schemas.model import Schema
from tests.properties import fewer
from tests.schemas.strategies import TYPES, events, sparse_events, values

SCHEMAS = list(load_catalog().schemas())
every_schema = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda each: each.subject)


def written(kind: Type, value: Any) -> bytes:
    """Write a bare value."""
    out = bytearray()
    writer(kind)(out, value)
    return bytes(out)


@every_schema
@given(data=st.data())
@fewer(times=10)
def test_every_event_comes_back(schema: Schema, data: st.DataObject) -> None:
    """What is encoded is decoded to the same event, for every schema of the catalogue."""
    event = data.draw(events(schema.tree))
    assert decode(encode(schema, event), load_catalog())[1] == event


@every_schema
@given(data=st.data())
@fewer(times=10)
def test_another_implementation_reads_and_writes_the_same_bytes(schema: Schema, data: st.DataObject) -> None:
    """Fastavro writes the same bytes from the same event, and reads from ours what we wrote."""
    event = data.draw(sparse_events(schema.tree))
    ours = encode(schema, event)[5:]
    parsed = fastavro.parse_schema(json.loads(schema.text))
    found = fastavro.schemaless_reader(io.BytesIO(ours), parsed)
    assert found == decode(encode(schema, event), load_catalog())[1]
    theirs = io.BytesIO()
    fastavro.schemaless_writer(theirs, parsed, _ordered(found))
    assert theirs.getvalue() == ours


def _ordered(value: Any) -> Any:
    """Put the keys of maps in order, which fastavro leaves to its caller."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return value


@every_schema
@given(noise=st.binary(max_size=300))
@fewer(times=10)
def test_any_bytes_give_an_event_or_undecodable(schema: Schema, noise: bytes) -> None:
    """Whatever bytes arrive, decode returns an event or raises its own error."""
    for raw in (False, True):
        try:
            found = decode(schema.frame + noise, load_catalog(), raw=raw)[1]
        except UndecodableError:
            continue
        assert set(found) == {each.name for each in schema.tree.fields}


@every_schema
@given(data=st.data())
@fewer(times=10)
def test_one_flipped_byte_gives_an_event_or_undecodable(schema: Schema, data: st.DataObject) -> None:
    """A damaged value is an event of the same length or refused; raw or not, the same values are refused."""
    value = bytearray(encode(schema, data.draw(events(schema.tree))))
    at = data.draw(st.integers(5, len(value) - 1))
    value[at] ^= data.draw(st.integers(1, 255))
    outcomes = []
    for raw in (False, True):
        try:
            decode(bytes(value), load_catalog(), raw=raw)
            outcomes.append("event")
        except UndecodableError:
            outcomes.append("undecodable")
    assert outcomes[0] == outcomes[1]


@given(data=st.data(), kind=TYPES)
def test_any_value_of_any_type_comes_back(data: st.DataObject, kind: Type) -> None:
    """A round trip holds for types that no schema uses yet, logical types and nesting included."""
    value = data.draw(values(kind))
    found, end = reader(kind)(written(kind, value), 0)
    assert found == value
    assert end == len(written(kind, value))


@given(noise=st.binary(max_size=60), kind=TYPES)
def test_any_bytes_are_a_value_or_malformed(noise: bytes, kind: Type) -> None:
    """Reading a bare value never raises anything but MalformedError and never reads past the end."""
    try:
        _, end = reader(kind)(noise, 0)
    except MalformedError:
        return
    assert end <= len(noise)


NULLABLE_INT = Union((Primitive("null"), Primitive("int")))


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        (NULLABLE_INT, b"\x01\x00", "branch -1 of 2"),
        (NULLABLE_INT, b"\x04\x00", "branch 2 of 2"),
        (Union((Primitive("null"), Primitive("double"))), b"\x03", "branch -2 of 2"),
        (parse({"type": "enum", "name": "E", "symbols": ["A", "B"]}), b"\x01", "symbol -1 of 2"),
        (parse({"type": "enum", "name": "E", "symbols": ["A", "B"]}), b"\x04", "symbol 2 of 2"),
        (Primitive("boolean"), b"\x02", "expected a boolean of 0 or 1, got 2"),
        (Primitive("string"), b"\x01abc", "a length of -1"),
        (Primitive("string"), b"\x04\xff\xff", "text that is not UTF-8"),
        (Primitive("bytes"), b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01a", "ends too early"),
        (Primitive("int"), b"\x80\x80\x80\x80\x20", "expected an int of 32 bits"),
        (Primitive("long"), b"\xff" * 11, "an integer of more than 10 bytes"),
        (Primitive("long"), b"\xff" * 9 + b"\x7f", "an integer of more than 64 bits"),
        (Array(Primitive("int")), b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", "items in 0 bytes"),
        (Map(Primitive("int")), b"\x04\x02a\x02\x02a\x04\x00", "key 'a' stands twice"),
        (
            Primitive("long", "timestamp-micros"),
            b"\xff" * 9 + b"\x01",
            "expected an instant from 1900 to 2299",
        ),
        (Primitive("bytes", "decimal", 2, 0), b"\x04\x7f\xff", "expected a decimal of 2 digits"),
        (Primitive("string", "uuid"), b"\x02x", "expected a UUID"),
    ],
)
def test_crooked_bytes_are_malformed(kind: Type, data: bytes, reason: str) -> None:
    """What no encoder writes is refused, also where other decoders wrap around to the last branch."""
    with pytest.raises(MalformedError, match=reason):
        reader(kind)(data, 0)


def test_blocks_with_a_size_are_read() -> None:
    """Other encoders write lists in several blocks, with the size in front; both are Avro."""
    assert reader(Array(Primitive("int")))(b"\x03\x04\x02\x04\x02\x06\x00", 0) == ([1, 2, 3], 7)


def test_frame_of_the_standard_is_what_we_write() -> None:
    """Id 42, record {long 1, string "hi"} = 00 0000002a 02 04 6869 (docs/events.md#frame)."""
    record = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}],
    }
    schema = Schema(42, "s", 1, record, json.dumps(record))
    assert encode(schema, {"a": 1, "b": "hi"}).hex() == "000000002a02046869"


def test_named_type_is_read_where_it_is_used_again() -> None:
    """A type may be defined once and named afterwards, with or without its namespace."""
    found = parse_record(
        {
            "type": "record",
            "name": "R",
            "namespace": "n",
            "fields": [
                {"name": "a", "type": {"type": "fixed", "name": "F", "size": 2}},
                {"name": "b", "type": "F"},
                {"name": "c", "type": ["null", "n.F"]},
            ],
        }
    )
    assert isinstance(found, Record)
    assert written(found, {"a": b"ab", "b": b"cd", "c": b"ef"}) == b"abcd\x02ef"
