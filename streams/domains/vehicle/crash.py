"""What a crash is in numbers: change of velocity, direction of force, severity. Pure.

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
"""How long delta-V is still recorded behind the end of an event."""

LONGEST_US = 300_000
"""Time from time zero within which the maximum is looked for."""

SEVERITY_TABLE = "delta-v-bands@1"
_BANDS = ((8.0, "NONE"), (15.0, "MINOR"), (30.0, "MODERATE"))
_SERIOUS_TO = 50.0


class Slice(NamedTuple):
    """Change of velocity over the time between two samples, km/h.

    Attributes:
        begin_us: When it began, µs since 1970.
        end_us: When it ended.
        x: Longitudinal change.
        y: Lateral change.
    """

    begin_us: int
    end_us: int
    x: float
    y: float


def delta_v_kmh(acceleration: float, duration_s: float) -> float:
    """Return the change of velocity under an acceleration (m/s²) that holds: Δv = a·Δt."""
    return acceleration * duration_s * KMH


def total(slices: Sequence[Slice], from_us: int) -> tuple[float, float]:
    """Add up the slices that lie wholly behind a moment."""
    inside = [each for each in slices if each.begin_us >= from_us]
    return sum(each.x for each in inside), sum(each.y for each in inside)


def woken(x: float, y: float) -> bool:
    """Whether a change of velocity within 20 ms begins an event, or keeps it going."""
    return max(abs(x), abs(y)) > WAKE_KMH


def triggers(x: float, y: float) -> bool:
    """Whether a change of velocity within 150 ms is to be recorded (8 km/h or more, along or across)."""
    return max(abs(x), abs(y)) >= TRIGGER_KMH


def resultant(x: float, y: float) -> float:
    """Return √(ΔVx² + ΔVy²)."""
    return math.hypot(x, y)


def pdof_clock(x: float, y: float) -> int:
    """Return where the force came from as a clock hour: 12 from the front, 3 from the right, 6 from behind.

    The angle is atan2(−ΔVy, −ΔVx): a car that is hit from the front is pushed backwards. It counts to the
    left, a clock to the right.
    """
    degrees = math.degrees(math.atan2(-y, -x))
    return round(-degrees / 30) % 12 or 12


def severity(delta_v: float) -> str:
    """Return the band of a resultant delta-V (km/h): 8, 15 and 30 begin a band, 50 still is SERIOUS."""
    for below, name in _BANDS:
        if delta_v < below:
            return name
    return "SERIOUS" if delta_v <= _SERIOUS_TO else "CRITICAL"
