"""Encodes events as record values and decodes them: 0x00, schema id in 4 bytes, Avro datum (docs/events.md#frame).

It promises:

- Equal events give equal bytes.
- `encode` writes nothing that its schema does not allow.
- For any bytes, `decode` returns an event that uses every byte, or raises `UndecodableError` with the reason.
- With the topic given, the event has the shape of the topic's latest schema, whichever version wrote it.

The producer encrypts personal fields; here they are bytes.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from schemas.avro.reader import MalformedError
from schemas.avro.resolution import Resolve, resolver
from schemas.avro.writer import MismatchError
from schemas.errors import EventError, UndecodableError, UnknownSchemaError
from schemas.model import Schema, Topic

HEADER_SIZE = 5  # bytes in front of the datum


class SchemaSource(Protocol):
    """Source of schemas by id: the catalogue, or a subscriber's view of the registry."""

    def schema(self, schema_id: int, /) -> Schema:
        """Return the schema of this id.

        Raises:
            UnknownSchemaError: There is no such schema.
        """
        ...


@lru_cache(maxsize=1024)
def _resolver(written: Schema, wanted: Schema, raw: bool) -> Resolve:
    """Compile the resolution from one version of an event to another, once per process."""
    return resolver(written.tree, wanted.tree, raw=raw)


def encode(schema: Schema, event: Mapping[str, Any]) -> bytes:
    """Encode an event as a record's value.

    Args:
        schema: Schema to write with, usually `topic.schema`.
        event: Value by field. UUIDs are text or UUID, instants aware datetimes or µs since 1970, personal fields
            bytes. Fields with a default may be absent.

    Returns:
        Frame and Avro datum.

    Raises:
        EventError: A field is missing, unknown, or does not fit; the error names the first one.
    """
    out = bytearray(schema.frame)
    try:
        schema.write(out, event)
    except MismatchError as error:
        raise EventError(error.path or "event", error.reason, schema.subject) from None
    return bytes(out)


def frame_id(value: bytes | None) -> int:
    """Return the schema id of a value's frame (docs/events.md#frame).

    Raises:
        UndecodableError: The value is empty, has no magic byte, or ends within the frame.
    """
    if not value:
        raise UndecodableError("the value is empty")
    if value[0] != 0:
        raise UndecodableError(f"no magic byte: expected 00, got {value[0]:02x}")
    if len(value) < HEADER_SIZE:
        raise UndecodableError(f"truncated: the frame has {len(value)} of {HEADER_SIZE} bytes")
    return int.from_bytes(value[1:HEADER_SIZE], "big")


def decode(
    value: bytes | None, catalog: SchemaSource, topic: Topic | None = None, *, raw: bool = False
) -> tuple[Schema, dict[str, Any]]:
    """Decode a record's value.

    Args:
        value: Value of the record; an absent or empty one is refused.
        catalog: Source of schemas by id.
        topic: Topic of the record. With it, only the topic's schemas are accepted, and the event gets the shape of
            the latest one. Without it, any schema is accepted, and the event stays as written.
        raw: Leave logical types as their base type: UUIDs as text, instants as µs since 1970.

    Returns:
        The schema that the event was written with, and the event.

    Raises:
        UndecodableError: No schema reads the value to its last byte; the message has the reason in one line.
    """
    schema = _schema_of(frame_id(value), catalog, topic)
    data = value or b""  # never empty: frame_id refuses an empty value
    try:
        event, end = (schema.read_raw if raw else schema.read)(data, HEADER_SIZE)
    except MalformedError as error:
        raise UndecodableError(f"{schema.subject} v{schema.version}: {error.path}: {error.reason}") from None
    if end != len(data):
        raise UndecodableError(f"{schema.subject} v{schema.version}: {len(data) - end} bytes left over")
    if topic is not None and schema is not topic.schemas[-1]:
        return schema, _resolver(schema, topic.schema, raw)(event)
    return schema, event


def _schema_of(schema_id: int, catalog: SchemaSource, topic: Topic | None) -> Schema:
    """Return the schema that a frame names, or raise UndecodableError."""
    if topic is not None:
        for each in topic.schemas:
            if each.id == schema_id:
                return each
        raise UndecodableError(f"schema id {schema_id} does not belong on {topic.name}")
    try:
        return catalog.schema(schema_id)
    except UnknownSchemaError as error:
        raise UndecodableError(str(error)) from None
