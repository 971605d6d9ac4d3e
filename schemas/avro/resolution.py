"""Converts an event of one schema version to the shape of another: the needed part of Avro's resolution. Pure.

`compatibility` allows a version to add and drop fields with a default, and symbols of an enum with a default. So
resolution fills in fields, drops fields, and replaces symbols; it does nothing else.
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
    """Return the function that gives an event of `written` the shape of `wanted`.

    Args:
        written: Schema that the event was written with.
        wanted: Schema that the result has.
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
    """Return a function that makes a new default each time, so that no two events share a list."""
    data = default_bytes(field) or b""
    read = reader(field.type, raw=raw)
    return lambda: read(data, 0)[0]


def _same(value: Any) -> Any:
    """Return a value unchanged."""
    return value


def _step(written: Type, wanted: Type, raw: bool) -> Step:
    """Return the step for one value; types that cannot change have the identity."""
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
        case Union(), Union() if written.non_null and wanted.non_null:
            step = partial(_unless_null, _step(written.non_null, wanted.non_null, raw))
    return step


def _symbol(wanted: Enum, value: Any) -> Any:
    """Return a symbol, or the enum's default if the enum lacks it."""
    return value if value in wanted.symbols else wanted.default


def _each(step: Step, value: Any) -> Any:
    """Apply the step to each item of a list."""
    return [step(item) for item in value]


def _each_value(step: Step, value: Any) -> Any:
    """Apply the step to each value of a map."""
    return {key: step(item) for key, item in value.items()}


def _unless_null(step: Step, value: Any) -> Any:
    """Apply the step unless the value is null."""
    return None if value is None else step(value)
