"""Converts events to and from JSON for people: examples, `city produce`, `city dead-letters show`. Pure.

Bytes are hex, instants ISO 8601 with a zone, days ISO 8601, decimals text; all other values are JSON's own. Personal
fields are in clear, as a producer has them. It promises `from_plain(record, to_plain(event)) == event`. The codec
decides whether the event fits.
"""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any
from uuid import UUID

from schemas.avro import MISSING, Array, Fixed, Map, Primitive, Record, Type, Union, describe
from schemas.errors import EventError
from schemas.model import Schema


def clear_tree(schema: Schema) -> Record:
    """Return a schema's record with its personal fields in clear, as a producer has them."""
    fields = tuple(_clear(each) if each.clear_type is not None else each for each in schema.tree.fields)
    return Record(schema.tree.name, fields, schema.tree.doc)


def from_plain(record: Record, plain: Any) -> dict[str, Any]:
    """Return the event of plain JSON.

    Args:
        record: Type of the event, usually `clear_tree(schema)`.
        plain: Value that `json.loads` returned.

    Raises:
        EventError: The value is no object, or a field's text cannot be read; the error names the field.
    """
    if not isinstance(plain, Mapping):
        raise EventError("event", f"expected an object, got {type(plain).__name__}")
    return _record(record, plain, "")


def to_plain(value: Any) -> Any:
    """Return an event, or any value in it, as plain JSON."""
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else finite(value)


def finite(value: Any) -> Any:
    """Return a value with null in place of each number that is not finite, which JSON does not have (RFC 8259 §6)."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


def _clear(field: Any) -> Any:
    """Return a personal field with its natural type."""
    nullable = isinstance(field.type, Union)
    kind = Union((Primitive("null"), field.clear_type)) if nullable else field.clear_type
    return type(field)(field.name, kind, field.doc, field.default, field.unit, low_cardinality=False)


def _record(record: Record, plain: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Read a record; fields it does not know are left as they are, for the codec to refuse."""
    known = {each.name: each.type for each in record.fields}
    return {
        name: _value(known[name], item, f"{where}{name}") if name in known else item
        for name, item in plain.items()
    }


def _value(kind: Type, plain: Any, where: str) -> Any:
    """Read one value."""
    match kind:
        case Record() if isinstance(plain, Mapping):
            return _record(kind, plain, f"{where}.")
        case Array(items) if isinstance(plain, list):
            return [_value(items, item, f"{where}[{number}]") for number, item in enumerate(plain)]
        case Map(values) if isinstance(plain, Mapping):
            return {key: _value(values, item, f"{where}[{key!r}]") for key, item in plain.items()}
        case Union() if plain is not None:
            return _value(_branch(kind, plain), plain, where)
        case Primitive() | Fixed() if isinstance(plain, str):
            return _text(kind, plain, where)
    return plain


def _branch(kind: Union, plain: Any) -> Type:
    """Return the branch of a plain value: the record that has its fields, else the one that is not null."""
    for each in kind.branches:
        if isinstance(each, Record) and isinstance(plain, Mapping):
            needed = {field.name for field in each.fields if field.default is MISSING}
            if needed <= plain.keys() <= {field.name for field in each.fields}:
                return each
    return kind.non_null or kind.branches[-1]


def _text(kind: Primitive | Fixed, text: str, where: str) -> Any:
    """Read a value for which JSON has no type of its own."""
    try:
        match kind.logical:
            case "timestamp-millis" | "timestamp-micros":
                return dt.datetime.fromisoformat(text)
            case "date":
                return dt.date.fromisoformat(text)
            case "decimal":
                return Decimal(text)
        if isinstance(kind, Fixed) or kind.name == "bytes":
            return bytes.fromhex(text)
    except (ValueError, InvalidOperation):
        raise EventError(where, f"cannot read {text!r:.60} as {describe(kind)}") from None
    return text
