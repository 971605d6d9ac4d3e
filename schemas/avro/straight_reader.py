"""Generates straight-line code for records: one function for each record type, for the common form of each value.

It promises the same values as the general reader. If a byte is uncommon, malformed or missing, the generated function
calls the general reader, which alone finds and describes errors. So the generated code only tests that a value has its
common form.
"""

import struct
from collections.abc import Sequence
from math import inf
from typing import Any, Final

from schemas.avro.limits import FIRST_DAY, LAST_DAY, PER_DAY, UUID_TEXT
from schemas.avro.scalar_reader import MalformedError, Read, read_long, read_string
from schemas.avro.tree import NULL, Array, Enum, Primitive, Record, Type, Union

Lines = list[str]
_READS: Final = {
    Primitive("string"): """\
head = data[at]
if head & 0x81:  # a length of more than one byte, or negative
    {otherwise}
else:
    end = at + 1 + (head >> 1)
    {value} = data[at + 1:end].decode()
    at = end""",
    Primitive("bytes"): """\
head = data[at]
if head & 0x81:
    {otherwise}
else:
    end = at + 1 + (head >> 1)
    {value} = data[at + 1:end]
    at = end""",
    Primitive("string", "uuid"): """\
{value} = data[at + 1:at + 37].decode()
if data[at] != 72 or is_uuid({value}) is None:
    return general(data, start)
at += 37""",
    Primitive("double"): """\
{value}, = double(data, at)
if not -infinity < {value} < infinity:
    return general(data, start)
at += 8""",
    Primitive("boolean"): """\
head = data[at]
if head > 1:
    return general(data, start)
{value} = head == 1
at += 1""",
    Primitive("long"): """\
{value} = data[at]
if {value} < 128:
    {value} = ({value} >> 1) ^ -({value} & 1)
    at += 1
else:
    {otherwise}""",
    Enum: """\
head = data[at]
if head & 0x81:
    return general(data, start)
{value} = symbols_{number}[head >> 1]
at += 1""",
    Array: """\
if data[at]:
    {otherwise}
else:
    {value} = []
    at += 1""",
}
_INSTANT: Final = """\
{value}, at = read_eight(data, at)
if not {low} <= {value} < {high}:
    return general(data, start)"""
_OTHER: Final = "{otherwise}"
_LIKE: Final = {Primitive("int"): Primitive("long")}  # of one byte


def straight_reader(kind: Record, fields: Sequence[tuple[str, Read]], general: Read, *, raw: bool) -> Read:
    """Generate the reader of a record.

    Args:
        kind: The record.
        fields: Name and general reader of each field, in order.
        general: General reader of the record.
        raw: Leave logical types as their base type.
    """
    known: dict[str, Any] = {**_KNOWN, "general": general}
    body: Lines = []
    for number, (field, (_, read)) in enumerate(zip(kind.fields, fields, strict=True)):
        known[f"read_{number}"] = read
        if isinstance(_clear(field.type), Enum):
            known[f"symbols_{number}"] = _clear(field.type).symbols  # type: ignore[union-attr]
        body += _field(field.type, number, raw)
    found = ", ".join(f"{field.name!r}: v{number}" for number, field in enumerate(kind.fields))
    source = "\n".join(
        (
            "def read(data, start):",
            "    at = start",
            "    try:",
            *(f"        {line}" for line in body or ["pass"]),
            "    except (IndexError, StructError, UnicodeDecodeError, MalformedError):",
            "        return general(data, start)",
            "    if at > len(data):",  # a slice past the end is shorter, not an error
            "        return general(data, start)",
            f"    return {{{found}}}, at",
        )
    )
    exec(compile(source, f"<reader of {kind.name}>", "exec"), known)  # noqa: S102 - from our own parsed types alone
    read_record: Read = known["read"]
    return read_record


def read_eight(data: bytes, at: int) -> tuple[int, int]:
    """Read a long as `read_long` does; without a loop if it has eight bytes, as today's microseconds have."""
    word = int.from_bytes(data[at : at + 8], "little")
    if word & 0x8080808080808080 != 0x0080808080808080:
        return read_long(data, at)
    word = word & 0x007F007F007F007F | (word & 0x7F007F007F007F00) >> 1
    word = word & 0x00003FFF00003FFF | (word & 0x3FFF00003FFF0000) >> 2
    word = word & 0x000000000FFFFFFF | (word & 0x0FFFFFFF00000000) >> 4
    return (word >> 1) ^ -(word & 1), at + 8


def _clear(kind: Type) -> Type:
    """Return the other type of a nullable type; any other type unchanged."""
    return kind.non_null or kind if isinstance(kind, Union) else kind


def _field(kind: Type, number: int, raw: bool) -> Lines:
    """Return the code that reads a field."""
    if not isinstance(kind, Union):
        return _value(kind, number, raw)
    if kind.non_null is None:
        return [f"v{number}, at = read_{number}(data, at)"]
    null_head = kind.branches.index(NULL) << 1
    return [
        "head = data[at]",
        "at += 1",
        f"if head == {2 - null_head}:",
        *(f"    {line}" for line in _value(kind.non_null, number, raw, nullable=True)),
        f"elif head == {null_head}:",
        f"    v{number} = None",
        "else:",
        "    return general(data, start)",
    ]


def _value(kind: Type, number: int, raw: bool, *, nullable: bool = False) -> Lines:
    """Return the code that reads a value other than null."""
    template, low, high = _OTHER, 0, 0
    if isinstance(kind, Primitive) and kind.logical in PER_DAY and raw:
        per_day = PER_DAY[kind.logical]
        template, low, high = _INSTANT, FIRST_DAY * per_day, (LAST_DAY + 1) * per_day
    elif isinstance(kind, Primitive) and (raw or not kind.logical):
        template = _READS.get(_LIKE.get(kind, kind), _OTHER)
    elif isinstance(kind, Enum | Array):
        template = _READS[type(kind)]
    # the field's general reader starts at the head of its union
    otherwise = f"v{number}, at = read_{number}(data, at{' - 1' if nullable else ''})"
    spelled = template.format(value=f"v{number}", number=number, otherwise=otherwise, low=low, high=high)
    return spelled.split("\n")


_KNOWN: Final[dict[str, Any]] = {
    "IndexError": IndexError,
    "StructError": struct.error,
    "UnicodeDecodeError": UnicodeDecodeError,
    "MalformedError": MalformedError,
    "double": struct.Struct("<d").unpack_from,
    "infinity": inf,
    "is_uuid": UUID_TEXT.fullmatch,
    "read_eight": read_eight,
    "read_string": read_string,
}
