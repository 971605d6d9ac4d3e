"""Reads single values from Avro binary, strictly: numbers, text, bytes, UUIDs, instants, days, decimals.

For any bytes a function returns a value or raises `MalformedError`; it reads nothing past the end. `reader` composes
single values.
"""

import datetime as dt
import struct
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any, Final
from uuid import UUID

from schemas.avro.limits import EPOCH, EPOCH_DAY, FIRST_DAY, LAST_DAY, PER_DAY, UUID_TEXT
from schemas.avro.tree import Fixed, Primitive

Read = Callable[[bytes, int], tuple[Any, int]]

_DOUBLE = struct.Struct("<d").unpack_from
_FLOAT = struct.Struct("<f").unpack_from
TRUNCATED = "ends too early"


class MalformedError(Exception):
    """Bytes are no datum of the type; `path` names the field, outermost first."""

    def __init__(self, reason: str, path: str = "") -> None:
        self.reason = reason
        self.path = path
        super().__init__(reason)

    def within(self, name: str) -> "MalformedError":
        """Return the same error with an outer field in front of its path."""
        return MalformedError(self.reason, f"{name}.{self.path}" if self.path else name)


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """Read a variable-length zig-zag integer of up to 64 bits.

    Args:
        data: The bytes.
        at: Position of the integer.

    Returns:
        The integer and the position after it.

    Raises:
        MalformedError: The bytes end too early, or the integer has more than 64 bits.
    """
    try:
        byte = data[at]
        at += 1
        if byte < 0x80:  # one byte: most lengths, branches and counts
            return (byte >> 1) ^ -(byte & 1), at
        rest, shift = byte & 0x7F, 7
        while True:
            byte = data[at]
            at += 1
            rest |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise MalformedError("an integer of more than 10 bytes")
    except IndexError:
        raise MalformedError(TRUNCATED) from None
    if rest >> 64:
        raise MalformedError("an integer of more than 64 bits")
    return (rest >> 1) ^ -(rest & 1), at


def primitive(kind: Primitive, raw: bool) -> Read:
    """Compile a primitive type into its reader; `raw` as in `reader.reader`."""
    match kind.logical:
        case "":
            return _READS[kind.name]
        case "uuid":
            return _uuid(raw)
        case "date":
            return _date(raw)
        case "decimal":
            return _decimal(kind, raw)
        case instant:
            return _instant(instant, raw)


def _read_null(_: bytes, at: int) -> tuple[None, int]:
    """Read nothing."""
    return None, at


def _read_boolean(data: bytes, at: int) -> tuple[bool, int]:
    """Read a boolean."""
    byte = data[at] if at < len(data) else -1
    if byte not in (0, 1):
        raise MalformedError(TRUNCATED if byte < 0 else f"expected a boolean of 0 or 1, got {byte}")
    return byte == 1, at + 1


def _read_int(data: bytes, at: int) -> tuple[int, int]:
    """Read an integer of 32 bits."""
    value, end = read_long(data, at)
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        raise MalformedError(f"expected an int of 32 bits, got {value}")
    return value, end


def _finite(name: str, unpack: Callable[[bytes, int], tuple[Any, ...]], size: int) -> Read:
    """Compile a float or a double that is finite (docs/events.md#values)."""

    def read(data: bytes, at: int) -> tuple[float, int]:
        try:
            value: float = unpack(data, at)[0]
        except struct.error:
            raise MalformedError(TRUNCATED) from None
        if not isfinite(value):
            raise MalformedError(f"expected a finite {name}, got {value}")
        return value, at + size

    return read


def _read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """Read bytes."""
    length, start = read_long(data, at)
    end = start + length
    if length < 0:
        raise MalformedError(f"a length of {length}")
    if end > len(data):
        raise MalformedError(TRUNCATED)
    return data[start:end], end


def read_string(data: bytes, at: int) -> tuple[str, int]:
    """Read a text; if its length has one byte, without a further call."""
    head = data[at] if at < len(data) else 1
    if head < 0x80 and not head & 1:
        start = at + 1
        end = start + (head >> 1)
        found = data[start:end]
        if end > len(data):
            raise MalformedError(TRUNCATED)
    else:
        found, end = _read_bytes(data, at)
    try:
        return found.decode(), end
    except UnicodeDecodeError:
        raise MalformedError("text that is not UTF-8") from None


def _uuid(raw: bool) -> Read:
    """Compile a UUID, written as its canonical text."""

    def read(data: bytes, at: int) -> tuple[Any, int]:
        text, end = read_string(data, at)
        if UUID_TEXT.fullmatch(text) is None:
            raise MalformedError(f"expected a UUID (lower case, with hyphens), got {text!r:.60}")
        return text if raw else UUID(text), end

    return read


def _instant(logical: str, raw: bool) -> Read:
    """Compile an instant."""
    per_day = PER_DAY[logical]
    unit = dt.timedelta(days=1) // per_day
    low, high = FIRST_DAY * per_day, (LAST_DAY + 1) * per_day

    def read(data: bytes, at: int) -> tuple[Any, int]:
        number, end = read_long(data, at)
        if not low <= number < high:
            raise MalformedError(f"expected an instant from 1900 to 2299, got {number} ({logical})")
        return number if raw else EPOCH + number * unit, end

    return read


def _date(raw: bool) -> Read:
    """Compile a day."""

    def read(data: bytes, at: int) -> tuple[Any, int]:
        number, end = read_long(data, at)
        if not FIRST_DAY <= number <= LAST_DAY:
            raise MalformedError(f"expected a day from 1900 to 2299, got {number}")
        return number if raw else dt.date.fromordinal(number + EPOCH_DAY), end

    return read


def _decimal(kind: Primitive | Fixed, raw: bool) -> Read:
    """Compile a decimal number."""
    read_raw = _exactly(kind.size) if isinstance(kind, Fixed) else _read_bytes
    limit, scale = 10**kind.precision, kind.scale

    def read(data: bytes, at: int) -> tuple[Any, int]:
        found, end = read_raw(data, at)
        unscaled = int.from_bytes(found, "big", signed=True)
        if not found or abs(unscaled) >= limit:
            raise MalformedError(f"expected a decimal of {kind.precision} digits, got {len(found)} bytes")
        if raw:
            return found, end
        digits = tuple(int(digit) for digit in str(abs(unscaled)))
        return Decimal((unscaled < 0, digits, -scale)), end

    return read


def fixed(kind: Fixed, raw: bool) -> Read:
    """Compile a fixed type into its reader; `raw` as in `reader.reader`."""
    return _decimal(kind, raw) if kind.logical == "decimal" else _exactly(kind.size)


def _exactly(size: int) -> Read:
    """Compile a fixed number of bytes."""

    def read(data: bytes, at: int) -> tuple[bytes, int]:
        end = at + size
        if end > len(data):
            raise MalformedError(TRUNCATED)
        return data[at:end], end

    return read


_READS: Final[dict[str, Read]] = {
    "null": _read_null,
    "boolean": _read_boolean,
    "int": _read_int,
    "long": read_long,
    "float": _finite("float", _FLOAT, 4),
    "double": _finite("double", _DOUBLE, 8),
    "bytes": _read_bytes,
    "string": read_string,
}
