"""Whether the speeds changed with the wheels alone: they lock or spin, and the vehicle goes on. Pure.

A crash is over with its change of speed. Wheels that lock leave the vehicle most of its speed, so it goes on braking
behind the change; wheels that spin, likewise, leave it accelerating. So only a channel of accelerations that shows this
takes a trigger from the speeds:

- it comes without a gap, at most 30 ms apart (20 ms and the jitter of a clock), does change, and stays below the wake
  threshold (1.1 g), which tyres do not reach;
- in the 100 ms behind the change, at least 50 of them, its mean goes the same way, with at least half of that within
  the change, and 0.5 m/s². Where its largest value stood still, it may be cut off: then with 0.9 of that value.
- Or, in the end, the speed is again where the accelerations say; or wheels that were found to lock turn again.

A sensor that tells g for m/s², is cut off, or loses samples in the pulse shows a pulse that ends, or nothing.
"""

from itertools import pairwise

from streams.domains.vehicle import crash
from streams.domains.vehicle.accident_state import AccidentState, Crash
from streams.domains.vehicle.crash import VelocityChange

FINE_US = 3 * crash.WAKE_WINDOW_US // 2
"""Time between two accelerations up to which they can take a trigger from the speeds.

A clock of 50 samples per second with a jitter of half an interval; one sample lost is a gap.
"""

BEHIND_US = 100_000
"""How long the accelerations are looked at behind a change of the speeds."""

ENOUGH_US = 50_000
"""Least time of accelerations behind it."""

SHARE = 0.5
"""Share of the acceleration within a change that goes on behind it: tyres that slide keep most of their friction."""

CUT_OFF_SHARE = 0.9
"""The same where the largest value stood still."""

LEAST_M_S2 = 0.5
"""Acceleration behind the change that is no noise: locked wheels on ice brake with twice as much."""

SLIDING_US = 10_000_000
"""How long wheels may stand before they turn again: a stop from 200 km/h with 0.6 g."""

STOOD = 3
"""Equal samples in a row that make a largest value stand still."""


def note_change(state: AccidentState, event: Crash, from_us: int, to_us: int) -> None:
    """Note a change of the speeds that an event reached, with the accelerations within it.

    Args:
        state: The vehicle's state.
        event: The event.
        from_us: Beginning of the change, µs since 1970 UTC.
        to_us: Its end.
    """
    within = [each for each in state.changes(from_us) if each.begin_us < to_us]
    event.reached_us, event.behind_x, event.behind_us = to_us, 0.0, 0
    event.within = max(_mean(within, from_us, to_us), event.within, key=abs)
    event.top = _cut_off(within)
    for each in state.changes(to_us):
        follow(event, each)


def follow(event: Crash, change: VelocityChange) -> None:
    """Add an acceleration behind the change of the speeds."""
    if event.reached_us is None:
        return
    begin_us, end_us = event.reached_us, event.reached_us + BEHIND_US
    inside_us = min(change.end_us, end_us) - max(change.begin_us, begin_us)
    if inside_us > 0:
        event.behind_x += crash.total([change], begin_us, end_us).x
        event.behind_us += inside_us


def is_awaited(event: Crash, at: int) -> bool:
    """Return whether accelerations of the time behind the change, which may explain it, are still to come."""
    return (
        event.quiet
        and not event.measured
        and event.reached_us is not None
        and at < event.reached_us + BEHIND_US
    )


def explain(state: AccidentState, event: Crash) -> bool:
    """Return whether an event is one of the wheels alone; keep the speed that they may come back to."""
    if event.measured or event.restraint or not event.quiet or state.last_a is None:
        return False
    if not state.is_fine(event.zero_us, state.last_a, FINE_US):
        return False
    if _is_going_on(event) or _is_agreed_again(state, event):
        _keep_slip(state, event)
        return True
    return _is_coming_back(state, event)


def _keep_slip(state: AccidentState, event: Crash) -> None:
    """Keep the speed before wheels locked; of several locks, that of the fastest."""
    speed = event.context.speed
    if speed is None or (event.speed_x or 0.0) > 0:
        return
    if state.slip is None or event.zero_us - state.slip[0] > SLIDING_US or speed > state.slip[1]:
        state.slip = (event.zero_us, speed)


def _is_going_on(event: Crash) -> bool:
    """Return whether the vehicle goes on braking, or accelerating, behind the change."""
    if event.behind_us < ENOUGH_US:
        return False
    behind = crash.m_s2(event.behind_x, event.behind_us / 1e6)
    least = max(LEAST_M_S2, SHARE * abs(event.within), CUT_OFF_SHARE * event.top)
    return behind * event.within > 0 and abs(behind) >= least


def _is_agreed_again(state: AccidentState, event: Crash) -> bool:
    """Return whether the speed is, in the end, where the accelerations say."""
    if event.from_speed is None or event.speed_x is None or not state.speeds:
        return False
    missed = state.speeds[-1][1] - event.from_speed - event.x
    return abs(missed) <= abs(event.speed_x) * crash.DELTA_V_ACCURACY + 2 * crash.SPEED_ACCURACY_KMH


def _is_coming_back(state: AccidentState, event: Crash) -> bool:
    """Return whether wheels that locked turn again, no faster than before."""
    if state.slip is None or event.from_speed is None or not event.speed_x or event.speed_x < 0:
        return False
    since_us, speed = state.slip
    is_back = event.from_speed + event.speed_x <= speed + crash.SPEED_ACCURACY_KMH
    return is_back and event.zero_us - since_us <= SLIDING_US


def _mean(changes: list[VelocityChange], from_us: int, to_us: int) -> float:
    """Return the mean longitudinal acceleration (m/s²) from one time to another."""
    return (
        crash.m_s2(crash.total(changes, from_us, to_us).x, (to_us - from_us) / 1e6)
        if to_us > from_us
        else 0.0
    )


def _cut_off(changes: list[VelocityChange]) -> float:
    """Return the largest acceleration (m/s²) if it stood still, else 0."""
    sizes = [abs(crash.m_s2(each.x, (each.end_us - each.begin_us) / 1e6)) for each in changes]
    most, run, longest = max(sizes, default=0.0), 1, 1
    for before, after in pairwise(sizes):
        run = run + 1 if abs(before - after) <= 1e-6 and most - after <= 1e-6 else 1
        longest = max(longest, run)
    return most if longest >= STOOD else 0.0
