"""Shifts the times in an event's fields together with its `occurred_at` (docs/recordings.md#time-shift).

The replay itself shifts only the envelope's `occurred_at`. A delivery, a validity or a sensor's time stands in the
event's fields and is found by its type in the schema. `occurred_at - recorded_at` is the shift, so the original times
can be computed.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from schemas.avro.tree import Array, Primitive, Record, Union

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.avro.tree import Type


def shifted(record: Record, fields: Mapping[str, Any], by_us: int) -> dict[str, Any]:
    """Return fields with all their times shifted. Fields that the schema does not have stay: the producer refuses them.

    Args:
        record: The event's schema as a tree.
        fields: Values by name, without the envelope.
        by_us: What is added, in µs.
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
