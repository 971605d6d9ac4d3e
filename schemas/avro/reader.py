"""Reads Avro binary as Python values, strictly.

`reader(kind, raw=…)` compiles a type once into a function from (bytes, position) to (value, position after it). For any
bytes it returns or raises `MalformedError` with the path of the field. Errors are: a branch, symbol or boolean that
does not exist, text that is not UTF-8, an instant that no table can hold, a number that is not finite, a length past
the end.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from schemas.avro.scalar_reader import (
    TRUNCATED,
    MalformedError,
    Read,
    fixed,
    primitive,
    read_long,
    read_string,
)
from schemas.avro.straight_reader import straight_reader
from schemas.avro.tree import NULL, Array, Enum, Fixed, Map, Primitive, Record, Type, Union

__all__ = ["MalformedError", "Read", "read_long", "reader"]


def reader(kind: Type, *, raw: bool = False) -> Read:
    """Compile a type into a function that reads a value at a position.

    Args:
        kind: The type.
        raw: Leave logical types as their base type: UUIDs as text, instants and days as ints, decimals as bytes.
            They are checked all the same, so both forms accept the same bytes.

    Returns:
        A function that returns the value and the position after it, or raises MalformedError.
    """
    return _BUILDERS[type(kind)](kind, raw)


def _enum(kind: Enum, _: bool) -> Read:
    """Compile an enum: a symbol by its number."""
    symbols = kind.symbols

    def read(data: bytes, at: int) -> tuple[str, int]:
        number, end = read_long(data, at)
        if not 0 <= number < len(symbols):
            raise MalformedError(f"symbol {number} of {len(symbols)}")
        return symbols[number], end

    return read


def _block(data: bytes, at: int) -> tuple[int, int]:
    """Read the head of a block of items; after a negative count comes the block's size in bytes."""
    count, at = read_long(data, at)
    if count < 0:
        _, at = read_long(data, at)
        count = -count
    if count > len(data) - at:  # an item has at least one byte: refuse a huge count before the loop
        raise MalformedError(f"{count} items in {len(data) - at} bytes")
    return count, at


def _array(kind: Array, raw: bool) -> Read:
    """Compile a list."""
    read_item = reader(kind.items, raw=raw)

    def read(data: bytes, at: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        count, at = _block(data, at)
        while count:
            for _ in range(count):
                item, at = read_item(data, at)
                found.append(item)
            count, at = _block(data, at)
        return found, at

    return read


def _map(kind: Map, raw: bool) -> Read:
    """Compile a map."""
    read_item = reader(kind.values, raw=raw)

    def read(data: bytes, at: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        count, at = _block(data, at)
        while count:
            for _ in range(count):
                key, at = read_string(data, at)
                if key in found:
                    raise MalformedError(f"key {key!r:.60} stands twice")
                found[key], at = read_item(data, at)
            count, at = _block(data, at)
        return found, at

    return read


def _union(kind: Union, raw: bool) -> Read:
    """Compile a union: the branch of a number."""
    if kind.non_null is not None:
        return _nullable(reader(kind.non_null, raw=raw), kind.branches.index(NULL) << 1)
    branches = [reader(each, raw=raw) for each in kind.branches]

    def read(data: bytes, at: int) -> tuple[Any, int]:
        number, at = read_long(data, at)
        if not 0 <= number < len(branches):
            raise MalformedError(f"branch {number} of {len(branches)}")
        return branches[number](data, at)

    return read


def _nullable(read_clear: Read, null_head: int) -> Read:
    """Compile a union of null and one type. Most fields of most events are of this kind, so it is short."""
    clear_head = 2 - null_head

    def read(data: bytes, at: int) -> tuple[Any, int]:
        head = data[at] if at < len(data) else -1
        if head == clear_head:
            return read_clear(data, at + 1)
        if head == null_head:
            return None, at + 1
        raise MalformedError(TRUNCATED if head < 0 else f"branch {read_long(data, at)[0]} of 2")

    return read


def general_fields(kind: Record, *, raw: bool) -> list[tuple[str, Read]]:
    """Return name and general reader of each field of a record."""
    return [(each.name, reader(each.type, raw=raw)) for each in kind.fields]


def general_record(fields: Sequence[tuple[str, Read]]) -> Read:
    """Compile a record: field by field."""

    def read(data: bytes, at: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        name = ""
        try:
            for name, read_field in fields:
                found[name], at = read_field(data, at)
        except MalformedError as error:
            raise error.within(name) from None
        return found, at

    return read


def _record(kind: Record, raw: bool) -> Read:
    """Compile a record to straight-line code that falls back to the general reader."""
    fields = general_fields(kind, raw=raw)
    return straight_reader(kind, fields, general_record(fields), raw=raw)


_BUILDERS: Final[dict[type, Callable[[Any, bool], Read]]] = {
    Primitive: primitive,
    Fixed: fixed,
    Enum: _enum,
    Array: _array,
    Map: _map,
    Union: _union,
    Record: _record,
}
