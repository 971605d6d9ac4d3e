"""Generates straight-line code for records: one function for each record type, for the common form of each value.

It promises the same bytes as the general writer. A value of an uncommon Python type goes to its field's general writer.
An event that does not fit goes to the record's general writer, which alone finds and describes errors.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

from schemas.avro.limits import FIRST_DAY, LAST_DAY, PER_DAY, UUID_TEXT
from schemas.avro.scalar_writer import MismatchError, Write, write_long
from schemas.avro.tree import MISSING, NULL, Array, Enum, Fixed, Primitive, Record, Type, Union

Lines = list[str]
GeneralField = tuple[str, Write, bytes | None]
"""Name, general writer and encoded default of a field."""


def straight_writer(kind: Record, fields: Sequence[GeneralField], general: Write) -> Write:
    """Generate the writer of a record.

    Args:
        kind: The record.
        fields: Name, general writer and encoded default of each field, in order.
        general: General writer of the record.
    """
    known: dict[str, Any] = {**_KNOWN, "general": general}
    body: Lines = []
    for number, (field, (name, write, default)) in enumerate(zip(kind.fields, fields, strict=True)):
        known[f"write_{number}"] = write
        clear = field.type.non_null if isinstance(field.type, Union) else field.type
        if isinstance(clear, Enum):
            known[f"heads_{number}"] = {word: at << 1 for at, word in enumerate(clear.symbols[:64])}
        lines = _field(field.type, number)
        if default is None:
            body += [f"value = event[{name!r}]", *lines]
        else:
            body += [f"value = get({name!r}, MISSING)", "if value is MISSING:", f"    out += {default!r}"]
            body += ["    left_out += 1", "else:", *(f"    {line}" for line in lines)]
    source = "\n".join(
        (
            "def write(out, event):",
            "    if type(event) is not dict:",
            "        return general(out, event)",
            "    begin, append, get, left_out = len(out), out.append, event.get, 0",
            "    try:",
            *(f"        {line}" for line in body),
            f"        if len(event) + left_out == {len(kind.fields)}:",
            "            return",
            "    except (KeyError, UnicodeEncodeError, MismatchError):",
            "        pass",
            "    del out[begin:]",
            "    general(out, event)",
        )
    )
    exec(compile(source, f"<writer of {kind.name}>", "exec"), known)  # noqa: S102 - from our own parsed types alone
    write_record: Write = known["write"]
    return write_record


def write_eight(out: bytearray, value: int) -> None:
    """Append a long as `write_long` does; without a loop if it has eight bytes, as today's microseconds have."""
    word = value << 1
    if not 0x0002000000000000 <= word < 0x0100000000000000:
        write_long(out, value)
        return
    word = word & 0x000000000FFFFFFF | (word & 0x00FFFFFFF0000000) << 4
    word = word & 0x00003FFF00003FFF | (word & 0x0FFFC0000FFFC000) << 2
    word = word & 0x007F007F007F007F | (word & 0x3F803F803F803F80) << 1
    out += (word | 0x0080808080808080).to_bytes(8, "little")


def _field(kind: Type, number: int) -> Lines:
    """Return the code that writes a field."""
    if not isinstance(kind, Union):
        return _value(kind, number, "")
    if kind.non_null is None:
        return [f"write_{number}(out, value)"]
    null_head = kind.branches.index(NULL) << 1
    written = _value(kind.non_null, number, f"append({2 - null_head})")
    return ["if value is None:", f"    append({null_head})", f"el{written[0]}", *written[1:]]


def _value(kind: Type, number: int, head: str) -> Lines:
    """Return the code that writes a value other than null: its common form in line, any other by the general writer."""
    usual, lines = _usual(kind)
    inner = [head, *lines] if head else lines
    spelled = [f"if {usual}:", *(f"    {line}" for line in inner), "else:", "    write_{number}(out, value)"]
    return [line.format(number=number) for line in spelled]


def _usual(kind: Type) -> tuple[str, Lines]:
    """Return the test for the common form of a type's value, and the code that writes that form."""
    if isinstance(kind, Primitive) and kind.logical in PER_DAY:
        low, high = FIRST_DAY * PER_DAY[kind.logical], (LAST_DAY + 1) * PER_DAY[kind.logical]
        return f"type(value) is int and {low} <= value < {high}", ["write_eight(out, value)"]
    if isinstance(kind, Fixed) and not kind.logical:
        return f"type(value) is bytes and len(value) == {kind.size}", ["out += value"]
    if isinstance(kind, Primitive):
        return _WRITES.get(kind, _NOTHING)
    return _WRITES.get(type(kind), _NOTHING)


_NOTHING: Final = ("False", ["pass"])
_WRITES: Final[dict[Any, tuple[str, Lines]]] = {
    Primitive("string"): (
        "type(value) is str",
        [
            "data = value.encode()",
            "if len(data) < 64:",
            "    append(len(data) << 1)",
            "else:",
            "    write_long(out, len(data))",
            "out += data",
        ],
    ),
    Primitive("bytes"): ("type(value) is bytes", ["write_long(out, len(value))", "out += value"]),
    Primitive("string", "uuid"): (
        "type(value) is str and is_uuid(value) is not None",
        ["append(72)", "out += value.encode()"],
    ),
    Primitive("double"): ("type(value) is float and -infinity < value < infinity", ["out += double(value)"]),
    Primitive("boolean"): ("value is True or value is False", ["append(value)"]),
    Primitive("int"): ("type(value) is int and 0 <= value < 64", ["append(value << 1)"]),
    Primitive("long"): ("type(value) is int and 0 <= value < 64", ["append(value << 1)"]),
    Enum: ("type(value) is str and value in heads_{number}", ["append(heads_{number}[value])"]),
    Array: ("type(value) is list and not value", ["append(0)"]),
}
_KNOWN: Final[dict[str, Any]] = {
    "KeyError": KeyError,
    "UnicodeEncodeError": UnicodeEncodeError,
    "MismatchError": MismatchError,
    "MISSING": MISSING,
    "infinity": float("inf"),
    "double": struct.Struct("<d").pack,
    "is_uuid": UUID_TEXT.fullmatch,
    "write_eight": write_eight,
    "write_long": write_long,
}
