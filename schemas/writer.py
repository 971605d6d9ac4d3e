"""Python values → Avro binary, strictly.

`writer(kind)` compiles a type once into a function that appends a value's bytes to a buffer. It promises
that the bytes are a function of the value alone (a map's keys are written in order) and that a value which
does not fit is refused with the path to it: nothing is converted silently, no field ignored, no number cut,
no naive time taken for local time.
"""

import datetime as dt
import re
import struct
from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from typing import Any, Final
from uuid import UUID

from schemas.avro import (
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

Write = Callable[[bytearray, Any], None]

UUID_TEXT: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
FIRST_DAY: Final = dt.date(1900, 1, 1).toordinal() - EPOCH_DAY  # what DateTime64 and Date32 can hold
LAST_DAY: Final = dt.date(2299, 12, 31).toordinal() - EPOCH_DAY
PER_DAY: Final = {"timestamp-millis": 86_400_000, "timestamp-micros": 86_400_000_000}
_DOUBLE = struct.Struct("<d").pack
_FLOAT = struct.Struct("<f").pack
_INFINITY = float("inf")


class MismatchError(Exception):
    """A value does not fit its type; `path` leads to it, outermost field first."""

    def __init__(self, reason: str, path: str = "") -> None:
        self.reason = reason
        self.path = path
        super().__init__(reason)

    def within(self, name: str) -> "MismatchError":
        """Return the same error seen from one level further out."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        return MismatchError(self.reason, f"{name}{joint}{self.path}")


def writer(kind: Type) -> Write:
    """Compile a type into a function that appends a value to a buffer and raises MismatchError."""
    return _BUILDERS[type(kind)](kind)


def write_long(out: bytearray, value: int) -> None:
    """Append a variable-length zig-zag integer of up to 64 bits; the caller has checked the range."""
    rest = (value << 1) ^ (value >> 63)
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)


def default_value(kind: Type, default: Any) -> Any:
    """Turn a default as it stands in a schema into its value: bytes are text with one byte per letter."""
    if isinstance(default, str) and (isinstance(kind, Fixed) or kind == Primitive("bytes")):
        return default.encode("latin-1")
    if isinstance(kind, Union):  # a default is of the first branch
        return default_value(kind.branches[0], default)
    return default


def _mismatch(expected: str, value: Any) -> MismatchError:
    """Say what was expected and what came."""
    return MismatchError(f"expected {expected}, got {type(value).__name__} {value!r:.60}")


def _primitive(kind: Primitive) -> Write:
    """Compile a primitive type."""
    if kind.logical == "decimal":
        return _decimal(kind)
    return _WRITES[kind.logical or kind.name]


def _write_null(_: bytearray, value: Any) -> None:
    """Write nothing."""
    if value is not None:
        raise _mismatch("null", value)


def _write_boolean(out: bytearray, value: Any) -> None:
    """Write a boolean."""
    if value is not True and value is not False:
        raise _mismatch("a boolean", value)
    out.append(value)


def _integer(bits: int, name: str) -> Write:
    """Write an integer of 32 or 64 bits."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    def write(out: bytearray, value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            raise _mismatch(name, value)
        write_long(out, value)

    return write


def _real(pack: Callable[[float], bytes], name: str) -> Write:
    """Write a finite number of 32 or 64 bits."""

    def write(out: bytearray, value: Any) -> None:
        if type(value) is not float and type(value) is not int:
            raise _mismatch(name, value)
        if not -_INFINITY < value < _INFINITY:
            raise _mismatch(f"{name} that is finite (leave an unknown value null)", value)
        try:
            out += pack(value)
        except OverflowError:
            raise _mismatch(f"{name}; this is too large", value) from None

    return write


def _write_bytes(out: bytearray, value: Any) -> None:
    """Write bytes."""
    if type(value) is not bytes:
        raise _mismatch("bytes", value)
    write_long(out, len(value))
    out += value


def _write_string(out: bytearray, value: Any) -> None:
    """Write text."""
    if type(value) is not str:
        raise _mismatch("a string", value)
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise _mismatch("a string that UTF-8 can hold", value) from None
    if len(data) < 64:
        out.append(len(data) << 1)
    else:
        write_long(out, len(data))
    out += data


def _write_uuid(out: bytearray, value: Any) -> None:
    """Write a UUID as its canonical text."""
    text = str(value) if type(value) is UUID else value
    if type(text) is not str or UUID_TEXT.fullmatch(text) is None:
        raise _mismatch("a UUID (lower case, with hyphens)", value)
    out.append(72)
    out += text.encode()


def _instant(logical: str) -> Write:
    """Write an instant given as an aware datetime, or as milli- or microseconds since 1970 UTC."""
    per_day = PER_DAY[logical]
    unit = dt.timedelta(days=1) // per_day
    low, high = FIRST_DAY * per_day, (LAST_DAY + 1) * per_day

    def write(out: bytearray, value: Any) -> None:
        number = value
        if isinstance(value, dt.datetime):
            if value.tzinfo is None:
                raise _mismatch("an instant with a time zone", value)
            number = (value - EPOCH) // unit
        if type(number) is not int:
            raise _mismatch(f"an aware datetime or an int ({logical})", value)
        if not low <= number < high:
            raise _mismatch("an instant from 1900 to 2299", value)
        write_long(out, number)

    return write


def _write_date(out: bytearray, value: Any) -> None:
    """Write a day given as a date or as days since 1970."""
    number = value
    if type(value) is dt.date:
        number = value.toordinal() - EPOCH_DAY
    if type(number) is not int:
        raise _mismatch("a date", value)
    if not FIRST_DAY <= number <= LAST_DAY:
        raise _mismatch("a day from 1900 to 2299", value)
    write_long(out, number)


def _decimal(kind: Primitive | Fixed) -> Write:
    """Write a decimal number that the scale holds exactly; bytes are taken as written already."""
    precision, scale = kind.precision, kind.scale
    size = kind.size if isinstance(kind, Fixed) else 0
    write_raw = _exactly(size) if size else _write_bytes

    def write(out: bytearray, value: Any) -> None:
        if type(value) is bytes:
            return write_raw(out, value)
        if type(value) is not Decimal or not value.is_finite():
            raise _mismatch("a finite Decimal", value)
        with localcontext(prec=precision + scale + 80):
            scaled = value.scaleb(scale)
            unscaled = int(scaled)
        if scaled != unscaled or abs(unscaled) >= 10**precision:
            raise _mismatch(f"a decimal of {precision} digits, {scale} of them after the point", value)
        length = size or (unscaled + (unscaled < 0)).bit_length() // 8 + 1
        return write_raw(out, unscaled.to_bytes(length, "big", signed=True))

    return write


def _fixed(kind: Fixed) -> Write:
    """Compile a fixed type."""
    return _decimal(kind) if kind.logical == "decimal" else _exactly(kind.size)


def _exactly(size: int) -> Write:
    """Write exactly so many bytes."""

    def write(out: bytearray, value: Any) -> None:
        if type(value) is not bytes or len(value) != size:
            raise _mismatch(f"{size} bytes", value)
        out += value

    return write


def _enum(kind: Enum) -> Write:
    """Write a symbol as its number."""
    symbols = kind.symbols
    numbers = {symbol: number for number, symbol in enumerate(symbols)}

    def write(out: bytearray, value: Any) -> None:
        number = numbers.get(value) if type(value) is str else None
        if number is None:
            raise _mismatch(f"one of {', '.join(symbols)}", value)
        write_long(out, number)

    return write


def _array(kind: Array) -> Write:
    """Write a list as one block."""
    write_item = writer(kind.items)

    def write(out: bytearray, value: Any) -> None:
        if type(value) is not list and type(value) is not tuple:
            raise _mismatch("a list", value)
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
    """Write a map as one block, its keys in order."""
    write_item = writer(kind.values)

    def write(out: bytearray, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise _mismatch("a map", value)
        if value:
            if not all(type(key) is str for key in value):
                raise _mismatch("a map of text", value)
            write_long(out, len(value))
            for key in sorted(value):
                try:
                    _write_string(out, key)
                    write_item(out, value[key])
                except MismatchError as error:
                    raise error.within(f"[{key!r}]") from None
        out.append(0)

    return write


def _union(kind: Union) -> Write:
    """Write a value under the branch it fits."""
    clear = kind.clear
    if clear is not None:
        return _nullable(writer(clear), kind.branches.index(NULL))
    branches = [(number << 1, _fits(each), writer(each)) for number, each in enumerate(kind.branches)]
    expected = describe(kind)

    def write(out: bytearray, value: Any) -> None:
        for head, fits, write_branch in branches:
            if fits(value):
                out.append(head)
                return write_branch(out, value)
        raise _mismatch(expected, value)

    return write


def _nullable(write_clear: Write, null_branch: int) -> Write:
    """Write null or a value of the other branch."""
    null_head, clear_head = null_branch << 1, 1 - null_branch << 1

    def write(out: bytearray, value: Any) -> None:
        if value is None:
            out.append(null_head)
        else:
            out.append(clear_head)
            write_clear(out, value)

    return write


def _fits(kind: Type) -> Callable[[Any], bool]:
    """Tell which branch of a union a value belongs to: by its Python type, records by their fields."""
    if isinstance(kind, Record):
        known = {each.name for each in kind.fields}
        needed = {each.name for each in kind.fields if each.default is MISSING}
        return lambda value: isinstance(value, Mapping) and needed <= value.keys() <= known
    accepted = _ACCEPTED[(kind.logical or kind.name) if isinstance(kind, Primitive) else type(kind).__name__]
    return lambda value: type(value) in accepted


def _record(kind: Record) -> Write:
    """Write a record: every field that has no default, and none that it does not have."""
    fields = [(each.name, writer(each.type), default_bytes(each)) for each in kind.fields]
    known = {each.name for each in kind.fields}

    def write(out: bytearray, value: Any) -> None:
        if type(value) is not dict and not isinstance(value, Mapping):
            raise _mismatch("a record", value)
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


def default_bytes(field: Field) -> bytes | None:
    """Encode a field's default once; None where it has none."""
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


_WRITES: Final[dict[str, Write]] = {
    "null": _write_null,
    "boolean": _write_boolean,
    "int": _integer(32, "an int"),
    "long": _integer(64, "a long"),
    "float": _real(_FLOAT, "a float"),
    "double": _real(_DOUBLE, "a double"),
    "bytes": _write_bytes,
    "string": _write_string,
    "uuid": _write_uuid,
    "date": _write_date,
    "timestamp-millis": _instant("timestamp-millis"),
    "timestamp-micros": _instant("timestamp-micros"),
}
_BUILDERS: Final[dict[type, Callable[[Any], Write]]] = {
    Primitive: _primitive,
    Fixed: _fixed,
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
