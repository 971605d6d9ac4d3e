"""What the readers of vehicle signals share: plausible ranges, numbers, times and ids. Pure."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.names import topic_name
from streams.zones import LAST_US

DOMAIN = "vehicle"
SIGNAL = topic_name(DOMAIN, "signal")
RECORDING_ENDED = "RECORDING_ENDED"
IGNITION_OFF = "IGNITION_OFF"

PLAUSIBLE: Mapping[str, tuple[float, float]] = {
    "speed": (-50.0, 300.0),
    "acceleration_longitudinal": (-500.0, 500.0),
    "acceleration_lateral": (-500.0, 500.0),
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


KMH = 3.6
"""km/h of one m/s."""

NO_ZONE = "NO_ZONE"
"""Flag of a signal whose time has no zone: it is taken as UTC."""

NO_FIX = "NO_FIX"
"""Flag of a signal whose receiver had no position: it says so or gives 0, 0. The signal has no position."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)

NO_VEHICLE_ID = "NO_VEHICLE_ID"
"""Flag of a signal whose source names no vehicle: its pseudonym is made from the source's digest."""


def number(text: str) -> float | None:
    """Return a decimal number, or None if a text is none that is finite."""
    found = float(text) if _NUMBER.fullmatch(text) else math.nan
    return found if math.isfinite(found) else None


_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


def with_points(cells: list[str]) -> list[str]:
    """Return the cells of a row with points for decimal commas.

    `1,500` has a decimal comma if another cell of the row plainly has one, such as `0,5` or `37,512345`. Else it may be
    fifteen hundred: it stays, and is no number.

    Args:
        cells: Cells of a table whose delimiter is no comma, without the spaces around them.
    """
    commas = [each for each in cells if _COMMA.fullmatch(each)]
    if all(map(_EITHER.fullmatch, commas)):
        return cells
    return [each.replace(",", ".") if _COMMA.fullmatch(each) else each for each in cells]


def micros(at: datetime) -> int:
    """Return an instant in µs since 1970 UTC; without a zone it is taken as UTC.

    Raises:
        ValueError: It is before 1970 or after 9999 in UTC.
    """
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    found = (aware - _EPOCH) // timedelta(microseconds=1)
    if found < 0:
        raise ValueError(f"time before 1970: {at.isoformat()}")
    if found > LAST_US:
        raise ValueError(f"time after the year 9999 UTC: {at.isoformat()}")
    return found


LONGEST_ID = 200
"""Longest id of a vehicle that is taken as it stands, in characters."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def vehicle_id(found: Any) -> str | None:
    """Return a vehicle's id as its source gives it, a number as its digits; None if it gives none.

    Args:
        found: A value of JSON.
    """
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    text = found.strip() if isinstance(found, str) else ""
    return text if 0 < len(text) <= LONGEST_ID and not _CONTROL.search(text) else None
