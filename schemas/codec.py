"""An event ↔ the bytes of a record's value: 0x00, schema id as 4 bytes big-endian, Avro datum (STANDARDS §12.2)."""

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import fastavro

from schemas.errors import EventError, UndecodableError, UnknownSchemaError
from schemas.model import Catalog, Schema

HEADER = 5


@lru_cache(maxsize=4096)
def _parsed(text: str, raw: bool) -> Any:
    import json

    record = json.loads(text)
    return fastavro.parse_schema(_strip(record) if raw else record)


def _strip(kind: Any) -> Any:
    if isinstance(kind, dict):
        return {key: _strip(value) for key, value in kind.items() if key != "logicalType"}
    return [_strip(each) for each in kind] if isinstance(kind, list) else kind


def encode(schema: Schema, event: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    buffer.write(b"\0" + schema.id.to_bytes(4, "big"))
    try:
        fastavro.schemaless_writer(
            buffer, _parsed(schema.text, False), event, strict_allow_default=True, disable_tuple_notation=True
        )
    except Exception as error:
        raise EventError("event", str(error), schema.subject) from None
    return buffer.getvalue()


def frame_id(value: bytes) -> int:
    if not value:
        raise UndecodableError("the value is empty")
    if value[0] != 0:
        raise UndecodableError(f"no magic byte: expected 00, got {value[0]:02x}")
    if len(value) < HEADER:
        raise UndecodableError(f"the frame is truncated: {len(value)} of {HEADER} bytes")
    return int.from_bytes(value[1:HEADER], "big")


def decode(value: bytes, catalog: Catalog, *, raw: bool = False) -> tuple[Schema, dict[str, Any]]:
    try:
        schema = catalog.schema(frame_id(value))
    except UnknownSchemaError as error:
        raise UndecodableError(str(error)) from None
    buffer = io.BytesIO(value)
    buffer.seek(HEADER)
    try:
        event = fastavro.schemaless_reader(buffer, _parsed(schema.text, raw))
    except Exception as error:
        raise UndecodableError(f"{schema.subject}: {error}") from None
    if buffer.tell() != len(value):
        raise UndecodableError(f"{len(value) - buffer.tell()} bytes left over")
    return schema, event
