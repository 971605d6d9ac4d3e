"""Writes Python values as Avro binary, strictly.

`writer(kind)` compiles a type once into a function that appends a value's bytes to a buffer. The bytes depend on the
value alone: a map's keys are written in order. A value that does not fit is refused with the path of the field; no
field is ignored, none invented. `scalar_writer` writes single values.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from schemas.avro.scalar_writer import (
    MismatchError,
    Write,
    fixed,
    mismatch,
    primitive,
    write_long,
    write_string,
)
from schemas.avro.straight_writer import GeneralField, straight_writer
from schemas.avro.tree import (
    MISSING,
    NULL,
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Primitive,
    Record,
    Type,
    Union,
    describe,
)

__all__ = ["MismatchError", "Write", "default_bytes", "default_value", "write_long", "writer"]


def writer(kind: Type) -> Write:
    """Compile a type into a function that appends a value to a buffer, or raises MismatchError."""
    return _BUILDERS[type(kind)](kind)


def default_value(kind: Type, default: Any) -> Any:
    """Return the value of a default in a schema; bytes are text there, one letter per byte.

    Args:
        kind: Type of the field.
        default: The default in plain JSON.
    """
    if isinstance(default, str) and (isinstance(kind, Fixed) or kind == Primitive("bytes")):
        return default.encode("latin-1")
    if isinstance(kind, Union):  # a default is of the first branch
        return default_value(kind.branches[0], default)
    return default


def _enum(kind: Enum) -> Write:
    """Compile an enum: a symbol as its number."""
    symbols = kind.symbols
    numbers = {symbol: number for number, symbol in enumerate(symbols)}

    def write(out: bytearray, value: Any) -> None:
        number = numbers.get(value) if type(value) is str else None
        if number is None:
            raise mismatch(f"one of {', '.join(symbols)}", value)
        write_long(out, number)

    return write


def _array(kind: Array) -> Write:
    """Compile a list: one block."""
    write_item = writer(kind.items)

    def write(out: bytearray, value: Any) -> None:
        if type(value) is not list and type(value) is not tuple:
            raise mismatch("a list", value)
        if value:
            write_long(out, len(value))
            for number, item in enumerate(value):
                try:
                    write_item(out, item)
                except MismatchError as error:
                    raise error.within(f"[{number}]") from None
        out.append(0)

    return write


def _map(kind: Map) -> Write:
    """Compile a map: one block, keys in order."""
    write_item = writer(kind.values)

    def write(out: bytearray, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise mismatch("a map", value)
        if value:
            if not all(type(key) is str for key in value):
                raise mismatch("a map of text", value)
            write_long(out, len(value))
            for key in sorted(value):
                try:
                    write_string(out, key)
                    write_item(out, value[key])
                except MismatchError as error:
                    raise error.within(f"[{key!r}]") from None
        out.append(0)

    return write


def _union(kind: Union) -> Write:
    """Compile a union: a value under the branch that it fits."""
    clear = kind.non_null
    if clear is not None:
        return _nullable(writer(clear), kind.branches.index(NULL))
    branches = [(number << 1, _fits(each), writer(each)) for number, each in enumerate(kind.branches)]
    expected = describe(kind)

    def write(out: bytearray, value: Any) -> None:
        for head, fits, write_branch in branches:
            if fits(value):
                out.append(head)
                return write_branch(out, value)
        raise mismatch(expected, value)

    return write


def _nullable(write_clear: Write, null_branch: int) -> Write:
    """Compile a union of null and one type."""
    null_head, clear_head = null_branch << 1, 1 - null_branch << 1

    def write(out: bytearray, value: Any) -> None:
        if value is None:
            out.append(null_head)
        else:
            out.append(clear_head)
            write_clear(out, value)

    return write


def _fits(kind: Type) -> Callable[[Any], bool]:
    """Return the test whether a value fits a branch: by its Python type, a record by its fields."""
    if isinstance(kind, Record):
        known = {each.name for each in kind.fields}
        needed = {each.name for each in kind.fields if each.default is MISSING}
        return lambda value: isinstance(value, Mapping) and needed <= value.keys() <= known
    accepted = _ACCEPTED[(kind.logical or kind.name) if isinstance(kind, Primitive) else type(kind).__name__]
    return lambda value: type(value) in accepted


def general_fields(kind: Record) -> list[GeneralField]:
    """Return name, general writer and encoded default of each field of a record."""
    return [(each.name, writer(each.type), default_bytes(each)) for each in kind.fields]


def general_record(fields: Sequence[GeneralField]) -> Write:
    """Compile a record: fields without a default are required, unknown fields are refused."""
    known = {name for name, _, _ in fields}

    def write(out: bytearray, value: Any) -> None:
        if type(value) is not dict and not isinstance(value, Mapping):
            raise mismatch("a record", value)
        given = 0
        get = value.get
        for name, write_field, default in fields:
            item = get(name, MISSING)
            if item is MISSING:
                if default is None:
                    raise MismatchError("is missing and has no default", name)
                out += default
                continue
            given += 1
            try:
                write_field(out, item)
            except MismatchError as error:
                raise error.within(name) from None
        if given != len(value):
            raise MismatchError(
                "is no field of the schema", str(next(key for key in value if key not in known))
            )

    return write


def _record(kind: Record) -> Write:
    """Compile a record to straight-line code that falls back to the general writer."""
    fields = general_fields(kind)
    return straight_writer(kind, fields, general_record(fields))


def default_bytes(field: Field) -> bytes | None:
    """Return the encoded default of a field; None if it has none.

    Raises:
        MismatchError: The default does not fit the field's type.
    """
    if field.default is MISSING:
        return None
    out = bytearray()
    try:
        if isinstance(field.type, Union):
            out.append(0)
            writer(field.type.branches[0])(out, default_value(field.type, field.default))
        else:
            writer(field.type)(out, default_value(field.type, field.default))
    except MismatchError as error:
        raise MismatchError(f"default: {error.reason}", field.name) from None
    return bytes(out)


_BUILDERS: Final[dict[type, Callable[[Any], Write]]] = {
    Primitive: primitive,
    Fixed: fixed,
    Enum: _enum,
    Array: _array,
    Map: _map,
    Union: _union,
    Record: _record,
}
_ACCEPTED: Final[dict[str, tuple[type, ...]]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (float, int),
    "double": (float, int),
    "bytes": (bytes,),
    "string": (str,),
    "uuid": (str, UUID),
    "timestamp-millis": (int, dt.datetime),
    "timestamp-micros": (int, dt.datetime),
    "date": (int, dt.date),
    "decimal": (Decimal, bytes),
    "Fixed": (bytes, Decimal),
    "Enum": (str,),
    "Array": (list, tuple),
    "Map": (dict,),
}
