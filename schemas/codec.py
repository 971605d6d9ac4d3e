"""An event ↔ the bytes of a record's value: 0x00, schema id in 4 bytes, Avro datum (docs/events.md#frame).

It promises that equal events give equal bytes; that `encode` sends nothing its schema does not allow; and
that whatever bytes come, `decode` returns an event that they hold to the last byte, or raises
`UndecodableError` with the reason. With the topic given, the event has the shape of the topic's latest
schema, whichever version it was written with. Encrypting personal fields is left to the producer: here they
are bytes.
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
    """Whoever knows schemas by their ids: the catalogue, or a subscriber's view of the registry."""

    def schema(self, schema_id: int, /) -> Schema:
        """Return the schema of this id.

        Raises:
            UnknownSchemaError: There is none.
        """
        ...


@lru_cache(maxsize=1024)
def _resolver(written: Schema, wanted: Schema, raw: bool) -> Resolve:
    """Compile the step from one version of an event to another, once per process."""
    return resolver(written.tree, wanted.tree, raw=raw)


def encode(schema: Schema, event: Mapping[str, Any]) -> bytes:
    """Write an event as a record's value.

    Args:
        schema: The topic's schema, `topic.schema` as a rule.
        event: Field by name. UUIDs as text or UUID, instants as aware datetimes or microseconds since 1970,
            personal fields as bytes; fields that have a default may be left out.

    Raises:
        EventError: Naming the first field that is missing, unknown, or does not fit.
    """
    out = bytearray(schema.head)
    try:
        schema.write(out, event)
    except MismatchError as error:
        raise EventError(error.path or "event", error.reason, schema.subject) from None
    return bytes(out)


def frame_id(value: bytes | None) -> int:
    """Read the schema id in front of a value.

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
    """Read a record's value.

    Args:
        value: The record's value.
        catalog: Knows the schemas by id; the catalogue as a rule.
        topic: The topic the record stands on. With it, only the topic's own schemas count, and the event is
            given the shape of the latest one; without it, any schema of the catalogue, and the event as
            written.
        raw: Leave logical types as their base: UUIDs as text, instants as microseconds.

    Returns:
        The schema it was written with, and the event.

    Raises:
        UndecodableError: With the reason, in one line.
    """
    schema = _schema_of(frame_id(value), catalog, topic)
    data = value or b""  # never empty: frame_id has refused that
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
    """Find the schema that a value names."""
    if topic is not None:
        for each in topic.schemas:
            if each.id == schema_id:
                return each
        raise UndecodableError(f"schema id {schema_id} does not belong on {topic.name}")
    try:
        return catalog.schema(schema_id)
    except UnknownSchemaError as error:
        raise UndecodableError(str(error)) from None
