"""An event of one schema version in the shape of another: Avro's resolution, as far as it is needed here.

`compatibility` lets a version add and drop fields that have a default and add symbols to an enum that has
one; so that is all there is to do: fill in, drop, replace. Pure.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from schemas.avro.reader import reader
from schemas.avro.tree import Array, Enum, Field, Map, Record, Type, Union
from schemas.avro.writer import default_bytes

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
        (each.name, _step(there[each.name].type, each.type, raw))
        for each in wanted.fields
        if each.name in there
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


def _step(written: Type, wanted: Type, raw: bool) -> Step:
    """Make the step for one value; types that may not change are left alone."""
    if written == wanted:
        return _same
    step: Step = _same
    match written, wanted:
        case Enum(), Enum():
            step = partial(_symbol, wanted)
        case Record(), Record():
            step = resolver(written, wanted, raw=raw)
        case Array(old), Array(new):
            step = partial(_each, _step(old, new, raw))
        case Map(old), Map(new):
            step = partial(_each_value, _step(old, new, raw))
        case Union(), Union() if written.clear and wanted.clear:
            step = partial(_unless_null, _step(written.clear, wanted.clear, raw))
    return step


def _symbol(wanted: Enum, value: Any) -> Any:
    """Take a symbol that is gone for the enum's default."""
    return value if value in wanted.symbols else wanted.default


def _each(step: Step, value: Any) -> Any:
    """Take the step for each item of a list."""
    return [step(item) for item in value]


def _each_value(step: Step, value: Any) -> Any:
    """Take the step for each value of a map."""
    return {key: step(item) for key, item in value.items()}


def _unless_null(step: Step, value: Any) -> Any:
    """Take the step unless there is no value."""
    return None if value is None else step(value)
