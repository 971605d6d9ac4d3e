"""An event of one schema version in the shape of another (Avro's schema resolution, as far as evolution here allows).

`compatibility` lets a version add and drop fields that have a default and add symbols to an enum that has one; so that
is all there is to do: fill in, drop, replace. Pure.
"""

from collections.abc import Callable
from typing import Any

from schemas.avro import Array, Enum, Field, Map, Record, Type, Union
from schemas.reader import reader
from schemas.writer import default_bytes

Resolve = Callable[[dict[str, Any]], dict[str, Any]]
Step = Callable[[Any], Any]


def resolver(written: Record, wanted: Record, *, raw: bool) -> Resolve:
    """Make the function that gives an event of `written` the shape of `wanted`.

    Args:
        written: What the event was written with.
        wanted: What the caller wants to see.
        raw: Whether filled-in values are in their raw form, as in `codec.decode`.
    """
    there = {each.name: each for each in written.fields}
    kept = [
        (each.name, _step(there[each.name].type, each.type)) for each in wanted.fields if each.name in there
    ]
    added = [(each.name, _filler(each, raw)) for each in wanted.fields if each.name not in there]

    def resolve(event: dict[str, Any]) -> dict[str, Any]:
        found = {name: step(event[name]) for name, step in kept}
        for name, fill in added:
            found[name] = fill()
        return {each.name: found[each.name] for each in wanted.fields}

    return resolve


def _filler(field: Field, raw: bool) -> Callable[[], Any]:
    """Make a fresh default each time, so that no two events share a list."""
    data = default_bytes(field) or b""
    read = reader(field.type, raw=raw)
    return lambda: read(data, 0)[0]


def _same(value: Any) -> Any:
    """Leave a value alone."""
    return value


def _step(written: Type, wanted: Type) -> Step:
    """Make the step for one value."""
    if written == wanted:
        return _same
    match written, wanted:
        case Enum(), Enum():
            return lambda value: value if value in wanted.symbols else wanted.default
        case Array(old), Array(new):
            inner = _step(old, new)
            return lambda value: [inner(item) for item in value]
        case Map(old), Map(new):
            inner = _step(old, new)
            return lambda value: {key: inner(item) for key, item in value.items()}
        case Record(), Record():
            return resolver(written, wanted, raw=True)
        case Union(), Union() if written.clear and wanted.clear:
            inner = _step(written.clear, wanted.clear)
            return lambda value: None if value is None else inner(value)
    return _same
