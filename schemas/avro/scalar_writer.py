"""Writes single values as Avro binary, strictly: numbers, text, bytes, UUIDs, instants, days, decimals.

No value is converted silently: no number is cut, no naive time becomes local time. A value that does not fit raises
`MismatchError`. `writer` composes single values.
"""

import datetime as dt
import struct
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any, Final
from uuid import UUID

from schemas.avro.limits import EPOCH, EPOCH_DAY, FIRST_DAY, LAST_DAY, PER_DAY, UUID_TEXT
from schemas.avro.tree import Fixed, Primitive

Write = Callable[[bytearray, Any], None]

_DOUBLE = struct.Struct("<d").pack
_FLOAT = struct.Struct("<f").pack
_INFINITY = float("inf")


class MismatchError(Exception):
    """A value does not fit its type; `path` names the field, outermost first."""

    def __init__(self, reason: str, path: str = "") -> None:
        self.reason = reason
        self.path = path
        super().__init__(reason)

    def within(self, name: str) -> "MismatchError":
        """Return the same error with an outer field in front of its path."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        return MismatchError(self.reason, f"{name}{joint}{self.path}")


def write_long(out: bytearray, value: int) -> None:
    """Append a variable-length zig-zag integer of up to 64 bits; the caller has checked the range."""
    rest = (value << 1) ^ (value >> 63)
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)


def mismatch(expected: str, value: Any) -> MismatchError:
    """Return the error of a value that is not the expected one."""
    return MismatchError(f"expected {expected}, got {type(value).__name__} {value!r:.60}")


def primitive(kind: Primitive) -> Write:
    """Compile a primitive type into its writer."""
    if kind.logical == "decimal":
        return _decimal(kind)
    return _WRITES[kind.logical or kind.name]


def _write_null(_: bytearray, value: Any) -> None:
    """Write nothing."""
    if value is not None:
        raise mismatch("null", value)


def _write_boolean(out: bytearray, value: Any) -> None:
    """Write a boolean."""
    if value is not True and value is not False:
        raise mismatch("a boolean", value)
    out.append(value)


def _integer(bits: int, name: str) -> Write:
    """Compile an integer of 32 or 64 bits."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    def write(out: bytearray, value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            raise mismatch(name, value)
        write_long(out, value)

    return write


def _real(pack: Callable[[float], bytes], name: str) -> Write:
    """Compile a finite number of 32 or 64 bits."""

    def write(out: bytearray, value: Any) -> None:
        if type(value) is not float and type(value) is not int:
            raise mismatch(name, value)
        if not -_INFINITY < value < _INFINITY:
            raise mismatch(f"{name} that is finite (leave an unknown value null)", value)
        try:
            out += pack(value)
        except OverflowError:
            raise mismatch(f"{name}; this is too large", value) from None

    return write


def _write_bytes(out: bytearray, value: Any) -> None:
    """Write bytes."""
    if type(value) is not bytes:
        raise mismatch("bytes", value)
    write_long(out, len(value))
    out += value


def write_string(out: bytearray, value: Any) -> None:
    """Write text."""
    if type(value) is not str:
        raise mismatch("a string", value)
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise mismatch("a string that UTF-8 can hold", value) from None
    if len(data) < 64:
        out.append(len(data) << 1)
    else:
        write_long(out, len(data))
    out += data


def _write_uuid(out: bytearray, value: Any) -> None:
    """Write a UUID as its canonical text."""
    text = str(value) if type(value) is UUID else value
    if type(text) is not str or UUID_TEXT.fullmatch(text) is None:
        raise mismatch("a UUID (lower case, with hyphens)", value)
    out.append(72)
    out += text.encode()


def _instant(logical: str) -> Write:
    """Compile an instant: an aware datetime, or milli- or microseconds since 1970 UTC."""
    per_day = PER_DAY[logical]
    unit = dt.timedelta(days=1) // per_day
    low, high = FIRST_DAY * per_day, (LAST_DAY + 1) * per_day

    def write(out: bytearray, value: Any) -> None:
        number = value
        if isinstance(value, dt.datetime):
            if value.tzinfo is None:
                raise mismatch("an instant with a time zone", value)
            number = (value - EPOCH) // unit
        if type(number) is not int:
            raise mismatch(f"an aware datetime or an int ({logical})", value)
        if not low <= number < high:
            raise mismatch("an instant from 1900 to 2299", value)
        write_long(out, number)

    return write


def _write_date(out: bytearray, value: Any) -> None:
    """Write a day given as a date or as days since 1970."""
    number = value
    if type(value) is dt.date:
        number = value.toordinal() - EPOCH_DAY
    if type(number) is not int:
        raise mismatch("a date", value)
    if not FIRST_DAY <= number <= LAST_DAY:
        raise mismatch("a day from 1900 to 2299", value)
    write_long(out, number)


def _decimal(kind: Primitive | Fixed) -> Write:
    """Compile a decimal number that the scale holds exactly; bytes are written as they are."""
    precision, scale = kind.precision, kind.scale
    size = kind.size if isinstance(kind, Fixed) else 0
    write_raw = _exactly(size) if size else _write_bytes

    def write(out: bytearray, value: Any) -> None:
        if type(value) is bytes:
            return write_raw(out, value)
        if type(value) is not Decimal or not value.is_finite():
            raise mismatch("a finite Decimal", value)
        with localcontext(prec=precision + scale + 80):
            scaled = value.scaleb(scale)
            unscaled = int(scaled)
        if scaled != unscaled or abs(unscaled) >= 10**precision:
            raise mismatch(f"a decimal of {precision} digits, {scale} of them after the point", value)
        length = size or (unscaled + (unscaled < 0)).bit_length() // 8 + 1
        return write_raw(out, unscaled.to_bytes(length, "big", signed=True))

    return write


def fixed(kind: Fixed) -> Write:
    """Compile a fixed type into its writer."""
    return _decimal(kind) if kind.logical == "decimal" else _exactly(kind.size)


def _exactly(size: int) -> Write:
    """Compile a fixed number of bytes."""

    def write(out: bytearray, value: Any) -> None:
        if type(value) is not bytes or len(value) != size:
            raise mismatch(f"{size} bytes", value)
        out += value

    return write


_WRITES: Final[dict[str, Write]] = {
    "null": _write_null,
    "boolean": _write_boolean,
    "int": _integer(32, "an int"),
    "long": _integer(64, "a long"),
    "float": _real(_FLOAT, "a float"),
    "double": _real(_DOUBLE, "a double"),
    "bytes": _write_bytes,
    "string": write_string,
    "uuid": _write_uuid,
    "date": _write_date,
    "timestamp-millis": _instant("timestamp-millis"),
    "timestamp-micros": _instant("timestamp-micros"),
}
