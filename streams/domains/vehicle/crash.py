"""Numbers of a crash: change of velocity, direction of force, severity. Pure.

Axes are those of VSS and ISO 8855: X forward, Y to the left. Trigger and windows: 49 CFR 563.5 and 563.7.

A velocity is known at sample times only. Between two of them it is taken to change evenly, so a change of velocity that
lies partly in a window counts by its part of the time there.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

KMH = 3.6
"""km/h of one m/s."""

STANDARD_GRAVITY = 9.80665
"""m/s² of one g."""

TRIGGER_KMH = 8.0
"""Change of velocity within `TRIGGER_WINDOW_US` at which an event is recorded.

49 CFR 563.5 asks for a change that equals or exceeds 8 km/h, UN R160 for one of more than 8 km/h. The lower one holds.
"""

TRIGGER_WINDOW_US = 150_000
WAKE_KMH = 0.8
"""Change of velocity within `WAKE_WINDOW_US` that begins an event; at or below it the event ends."""

WAKE_WINDOW_US = 20_000
AFTER_END_US = 30_000
"""How long delta-V is still recorded after the end of an event (49 CFR 563.7)."""

LONGEST_US = 300_000
"""Longest time from time zero for delta-V and its maximum (49 CFR 563.7)."""

DELTA_V_ACCURACY = 0.1
"""Share of a delta-V by which it may be wrong (49 CFR 563.8, table III)."""

SPEED_ACCURACY_KMH = 1.0
"""How far a speed may be wrong (49 CFR 563.8, table III)."""

SEVERITY_TABLE = "delta-v-bands@1"
_BANDS = ((8.0, "NONE"), (15.0, "MINOR"), (30.0, "MODERATE"))
_SERIOUS_TO = 50.0
_ROUNDING_KMH = 1e-9
"""What a sum of samples may lose by rounding."""


class VelocityChange(NamedTuple):
    """Change of velocity over a time in which it is taken to be even.

    Attributes:
        begin_us: When it began, µs since 1970 UTC.
        end_us: When it ended, µs since 1970 UTC.
        x: Longitudinal change, km/h.
        y: Lateral change, km/h.
    """

    begin_us: int
    end_us: int
    x: float
    y: float


class Window(NamedTuple):
    """Change of velocity within a window of time.

    Attributes:
        begin_us: Its beginning, µs since 1970 UTC.
        x: Longitudinal change, km/h.
        y: Lateral change, km/h.
    """

    begin_us: int
    x: float
    y: float

    @property
    def size(self) -> float:
        """The larger of both changes, km/h."""
        return max(abs(self.x), abs(self.y))


def delta_v_kmh(acceleration: float, duration_s: float) -> float:
    """Return the change of velocity in km/h under a constant acceleration (m/s²): Δv = a·Δt."""
    return acceleration * duration_s * KMH


def m_s2(delta_v: float, duration_s: float) -> float:
    """Return the mean acceleration in m/s² of a change of velocity (km/h): a = Δv/Δt."""
    return delta_v / KMH / duration_s


def total(changes: Sequence[VelocityChange], from_us: int, to_us: int) -> Window:
    """Return the change of velocity from one time to another; a change that lies partly there counts by its part."""
    x = y = 0.0
    for each in changes:
        inside = min(each.end_us, to_us) - max(each.begin_us, from_us)
        if inside > 0:
            share = inside / (each.end_us - each.begin_us)
            x, y = x + each.x * share, y + each.y * share
    return Window(from_us, x, y)


def largest(changes: Sequence[VelocityChange], length_us: int) -> Window:
    """Return the window with the largest change, longitudinal or lateral, of those that end in the newest change.

    Args:
        changes: Changes in the order of time, at least one. Those older than `length_us` before the beginning of the
            newest one count in no window.
        length_us: Length of the window, µs.
    """
    newest = changes[-1]
    edges = (edge + length_us for each in changes for edge in (each.begin_us, each.end_us))
    ends = {newest.end_us, *(end for end in edges if newest.begin_us < end < newest.end_us)}
    return max((total(changes, end - length_us, end) for end in sorted(ends)), key=lambda window: window.size)


def onset(changes: Sequence[VelocityChange], window: Window) -> int:
    """Return when the change of a window began: behind what changes nothing, or the other way, at its beginning."""
    along = abs(window.x) >= abs(window.y)
    for each in changes:
        same_way = each.x * window.x if along else each.y * window.y
        if each.end_us > window.begin_us and same_way > 0:
            return max(each.begin_us, window.begin_us)
    return window.begin_us


def exceeds_wake(x: float, y: float) -> bool:
    """Return whether a change of velocity (km/h) within 20 ms begins or continues an event."""
    return max(abs(x), abs(y)) > WAKE_KMH


def triggers(x: float, y: float) -> bool:
    """Return whether a change of velocity (km/h) within 150 ms is a crash: 8 or more, longitudinal or lateral."""
    return max(abs(x), abs(y)) >= TRIGGER_KMH - _ROUNDING_KMH


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
    """Return the severity of a resultant delta-V (km/h): 8, 15 and 30 begin a band, 50 still is `SERIOUS`.

    What fires as 8 km/h is 8 km/h here, so rounding makes it no less.
    """
    for below, name in _BANDS:
        if delta_v < below - _ROUNDING_KMH:
            return name
    return "SERIOUS" if delta_v <= _SERIOUS_TO + _ROUNDING_KMH else "CRITICAL"
