"""What the readers of vehicle signals share: plausibility, and the closing signal. Pure."""

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
"""Range outside which a value is flagged, in the field's unit; it is accepted all the same."""


def oddities(fields: Mapping[str, Any]) -> list[str]:
    """Name what is doubtful about a signal, such as `OUT_OF_RANGE:speed`."""
    return [
        f"OUT_OF_RANGE:{name}"
        for name, (low, high) in PLAUSIBLE.items()
        if fields.get(name) is not None and not low <= fields[name] <= high
    ]


def closed(items: Iterable[Item]) -> Iterator[Item]:
    """Mark the last accepted record of a vehicle's recording as closing (docs/identity.md#closing-events).

    Order and number of the items stay; what follows the last accepted one is held back until it is known to
    be the last.
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
