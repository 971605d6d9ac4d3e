"""The other times of an event that is moved to now: what was to happen two hours later still does.

Only the envelope's `occurred_at` is the replay's own; a delivery, a validity or a sensor's time stands in the event's
fields, and is found by its type in the schema. The originals are told by `occurred_at - recorded_at`.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from schemas.avro.tree import Array, Primitive, Record, Union

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.avro.tree import Type


def shifted(record: Record, fields: Mapping[str, Any], by_us: int) -> dict[str, Any]:
    """Return fields with every moment in them moved; what the schema does not know stays, for the door to judge.

    Args:
        record: The event's schema as a tree.
        fields: Values by name, without the envelope.
        by_us: What is added, µs.
    """
    types = {each.name: each.type for each in record.fields}
    return {
        name: _moved(types[name], value, by_us) if name in types else value for name, value in fields.items()
    }


def _moved(kind: Type, value: Any, by_us: int) -> Any:
    match kind, value:
        case Primitive(logical="timestamp-micros"), dt.datetime():
            return value + dt.timedelta(microseconds=by_us)
        case Primitive(logical="timestamp-micros"), int():
            return value + by_us
        case Array(items), list() | tuple():
            return [_moved(items, each, by_us) for each in value]
        case Record(), dict():
            return shifted(kind, value, by_us)
        case Union(branches), _ if value is not None:
            full = [branch for branch in branches if branch != Primitive("null")]
            return _moved(full[0], value, by_us) if len(full) == 1 else value
    return value
