"""What the readers of vehicle signals share: plausible ranges and the closing signal. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from schemas.names import topic_name
from streams.readers.formats import Accepted, Item

DOMAIN = "vehicle"
SIGNAL = topic_name(DOMAIN, "signal")
RECORDING_ENDED = "RECORDING_ENDED"
IGNITION_OFF = "IGNITION_OFF"

PLAUSIBLE: Mapping[str, tuple[float, float]] = {
    "speed": (-50.0, 300.0),
    "gnss_speed": (0.0, 300.0),
    "powertrain_combustion_engine_speed": (0.0, 10_000.0),
    "current_location_heading": (0.0, 360.0),
    "current_location_altitude": (-450.0, 9_000.0),
    "chassis_steering_wheel_angle": (-1_080.0, 1_080.0),
    "fuel_consumption": (0.0, 200.0),
    "co2_emission": (0.0, 500.0),
}
"""Range of a field in its unit. A value outside is accepted with a flag."""


def range_flags(fields: Mapping[str, Any]) -> list[str]:
    """Return a flag for each value outside its plausible range, such as `OUT_OF_RANGE:speed`."""
    return [
        f"OUT_OF_RANGE:{name}"
        for name, (low, high) in PLAUSIBLE.items()
        if fields.get(name) is not None and not low <= fields[name] <= high
    ]


def with_closing_signal(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items of one vehicle's recording, the last accepted one with `ends` set.

    Order and number of the items stay. The newest accepted item and those after it wait until the next accepted one, or
    the end, comes. Why: docs/identity.md#closing-events.
    """
    held: list[Item] = []
    for item in items:
        if isinstance(item, Accepted) and held:
            yield from held
            held = []
        held.append(item)
    if held and isinstance(held[0], Accepted):
        last = held[0].drafts[-1]
        ended = replace(last, fields={**last.fields, "ends": RECORDING_ENDED})
        held[0] = replace(held[0], drafts=(*held[0].drafts[:-1], ended))
    yield from held
