"""Example events as they stand on the wire, for tests that have no subject's key, and as rows of a table."""

from collections.abc import Mapping
from typing import Any

from schemas.avro.writer import write_long
from schemas.catalog import Topic
from schemas.codec import HEADER_SIZE
from schemas.personal_values import clear_bytes


def on_the_wire(topic: Topic, example: Mapping[str, Any]) -> dict[str, Any]:
    """Put in place of personal values the bytes that would be encrypted."""
    given = [name for name in topic.schema.personal if example.get(name) is not None]
    return {**example, **{name: clear_bytes(topic.schema, name, example[name]) for name in given}}


def row_datum(partition: int, offset: int, received_ms: int, value: bytes) -> bytes:
    """Make a datum of `schemas.row_schema.meta_record` from a record.

    Args:
        partition: Partition of the record.
        offset: Offset of the record.
        received_ms: Timestamp of the record, milliseconds since 1970, UTC.
        value: Framed value; the schema is that of its frame.
    """
    out = bytearray()
    write_long(out, partition)
    write_long(out, offset)
    write_long(out, received_ms)
    out += memoryview(value)[HEADER_SIZE:]
    return bytes(out)
