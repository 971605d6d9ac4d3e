"""Hypothesis strategies that make any value of any type, so that a property holds for schemas not yet written."""

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from schemas.avro import MISSING, Array, Enum, Field, Fixed, Map, Primitive, Record, Type, Union
from schemas.avro.limits import EPOCH, FIRST_DAY, LAST_DAY

if TYPE_CHECKING:
    from collections.abc import Callable

INSTANTS = st.integers(FIRST_DAY * 86_400_000_000, (LAST_DAY + 1) * 86_400_000_000 - 1).map(
    lambda microseconds: EPOCH + dt.timedelta(microseconds=microseconds)
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def milliseconds(instant: dt.datetime) -> dt.datetime:
    """Cut an instant to whole milliseconds."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "bytes": st.binary(max_size=40),
    "string": TEXT,
    "uuid": st.uuids(),
    "date": st.dates(dt.date(1900, 1, 1), dt.date(2299, 12, 31)),
    "timestamp-millis": INSTANTS.map(milliseconds),
    "timestamp-micros": INSTANTS,
}


def values(kind: Type) -> st.SearchStrategy[Any]:
    """Make values of a type."""
    makers: dict[type, Callable[[Any], st.SearchStrategy[Any]]] = {
        Primitive: _simple,
        Fixed: _simple,
        Enum: lambda each: st.sampled_from(each.symbols),
        Array: lambda each: st.lists(values(each.items), max_size=3),
        Map: lambda each: st.dictionaries(TEXT, values(each.values), max_size=3),
        Union: lambda each: st.one_of([values(branch) for branch in each.branches]),
        Record: events,
    }
    return makers[type(kind)](kind)


def events(record: Record) -> st.SearchStrategy[dict[str, Any]]:
    """Make records with every field given."""
    return st.fixed_dictionaries({each.name: values(each.type) for each in record.fields})


def sparse_events(record: Record) -> st.SearchStrategy[dict[str, Any]]:
    """Make records in which any field that has a default may be missing."""
    needed = {each.name: values(each.type) for each in record.fields if each.default is MISSING}
    optional = {each.name: values(each.type) for each in record.fields if each.default is not MISSING}
    return st.fixed_dictionaries(needed, optional=optional)


def _simple(kind: Primitive | Fixed) -> st.SearchStrategy[Any]:
    """Make values of a type that holds no other type."""
    if kind.logical == "decimal":
        limit = 10**kind.precision - 1
        return st.integers(-limit, limit).map(lambda number: Decimal(number).scaleb(-kind.scale))
    if isinstance(kind, Fixed):
        return st.binary(min_size=kind.size, max_size=kind.size)
    return PRIMITIVES[kind.logical or kind.name]


SIMPLE: list[Type] = [
    *(Primitive(name) for name in ("boolean", "int", "long", "float", "double", "bytes", "string")),
    Primitive("string", "uuid"),
    Primitive("int", "date"),
    Primitive("long", "timestamp-millis"),
    Primitive("long", "timestamp-micros"),
    Primitive("bytes", "decimal", 12, 2),
    Fixed("n.D", 8, "decimal", 12, 4),
    Fixed("n.F", 3),
    Enum("n.E", ("A", "B", "C")),
]


def _around(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    """Put types into lists, maps, unions and records."""
    not_union = inner.filter(lambda each: not isinstance(each, Union))
    several = st.lists(inner, min_size=1, max_size=4)
    return st.one_of(
        inner.map(Array),
        inner.map(Map),
        not_union.map(lambda each: Union((Primitive("null"), each))),
        several.map(lambda kinds: Record("n.R", tuple(Field(f"f{n}", kind) for n, kind in enumerate(kinds)))),
    )


TYPES: st.SearchStrategy[Type] = st.recursive(st.sampled_from(SIMPLE), _around, max_leaves=6)
