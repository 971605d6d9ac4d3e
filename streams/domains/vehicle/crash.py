"""Numbers of a crash: change of velocity, direction of force, severity. Pure.

Axes are those of VSS and ISO 8855: X forward, Y to the left. Trigger and windows: 49 CFR 563.5 and 563.7.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

KMH = 3.6
"""km/h of one m/s."""

STANDARD_GRAVITY = 9.80665
"""m/s² of one g."""

TRIGGER_KMH = 8.0
"""Change of velocity within `TRIGGER_WINDOW_US` at which an event is recorded."""

TRIGGER_WINDOW_US = 150_000
WAKE_KMH = 0.8
"""Change of velocity within `WAKE_WINDOW_US` that begins an event; at or below it the event ends."""

WAKE_WINDOW_US = 20_000
AFTER_END_US = 30_000
"""How long delta-V is still recorded after the end of an event (49 CFR 563.7)."""

LONGEST_US = 300_000
"""Longest time from time zero for delta-V and its maximum (49 CFR 563.7)."""

SEVERITY_TABLE = "delta-v-bands@1"
_BANDS = ((8.0, "NONE"), (15.0, "MINOR"), (30.0, "MODERATE"))
_SERIOUS_TO = 50.0


class VelocityChange(NamedTuple):
    """Change of velocity between two samples of acceleration.

    Attributes:
        begin_us: Time of the first sample, µs since 1970 UTC.
        end_us: Time of the second sample, µs since 1970 UTC.
        x: Longitudinal change, km/h.
        y: Lateral change, km/h.
    """

    begin_us: int
    end_us: int
    x: float
    y: float


def delta_v_kmh(acceleration: float, duration_s: float) -> float:
    """Return the change of velocity in km/h under a constant acceleration (m/s²): Δv = a·Δt."""
    return acceleration * duration_s * KMH


def total(changes: Sequence[VelocityChange], from_us: int) -> tuple[float, float]:
    """Return the sums (longitudinal, lateral; km/h) of the changes that begin at `from_us` or later."""
    inside = [each for each in changes if each.begin_us >= from_us]
    return sum(each.x for each in inside), sum(each.y for each in inside)


def exceeds_wake(x: float, y: float) -> bool:
    """Return whether a change of velocity (km/h) within 20 ms begins or continues an event."""
    return max(abs(x), abs(y)) > WAKE_KMH


def triggers(x: float, y: float) -> bool:
    """Return whether a change of velocity (km/h) within 150 ms is a crash: 8 or more, longitudinal or lateral."""
    return max(abs(x), abs(y)) >= TRIGGER_KMH


def resultant(x: float, y: float) -> float:
    """Return the resultant √(ΔVx² + ΔVy²)."""
    return math.hypot(x, y)


def pdof_clock(x: float, y: float) -> int:
    """Return the principal direction of force as clock hour: 12 from the front, 3 from the right, 6 from behind.

    The angle is atan2(−ΔVy, −ΔVx): a car that is hit from the front is pushed backwards. The angle counts to the left,
    a clock to the right.
    """
    degrees = math.degrees(math.atan2(-y, -x))
    return round(-degrees / 30) % 12 or 12


def severity(delta_v: float) -> str:
    """Return the severity of a resultant delta-V (km/h): 8, 15 and 30 begin a band, 50 still is `SERIOUS`."""
    for below, name in _BANDS:
        if delta_v < below:
            return name
    return "SERIOUS" if delta_v <= _SERIOUS_TO else "CRITICAL"
