"""The speeds of a signal → the open event of its vehicle, or a suspicion. Pure.

Speeds are samples of the velocity itself: whatever lies between two of them is in their difference. So they decide
beside the accelerations, unless wheels alone explain them (`wheels`).

- Steps of at most 150 ms: 8 km/h within 150 ms, lost or gained. The speed is taken to change evenly within a step.
- Steps up to 1 s: a loss of at least full braking (1 g) plus 8 km/h.
- Steps up to 10 s: a mean deceleration of 4 m/s² or more to a standstill of 30 s, or until the recording ends; none
  where fine accelerations show the same loss.
- A standstill within an event was a value that failed if the speed is back, faster than any vehicle gains it.
"""

from itertools import pairwise

from streams.domains.vehicle import accelerations, crash, wheels
from streams.domains.vehicle.accident_state import (
    COARSE_STEP,
    DELTA_V,
    STOPPED_KMH,
    AccidentState,
    Crash,
    Signal,
    SpeedRow,
    Suspicion,
    input_of,
    value_of,
)
from streams.domains.vehicle.crash import VelocityChange

FINE_STEP_US = crash.TRIGGER_WINDOW_US
SHORT_STEP_US = 1_000_000
LONGEST_STEP_US = 10_000_000
STEP_M_S2 = 4.0
"""Mean deceleration over a step of 1 to 10 s that ordinary braking does not reach.

UN R157 calls a demand above 5 m/s² an emergency.
"""

STANDSTILL_KMH = 5.0
"""Speed up to which a vehicle is at standstill."""

STANDSTILL_US = 30_000_000
"""Standstill that confirms a suspicion."""

STOPPED_US = 100_000
"""How long a vehicle stands, in three speeds, until an event of speeds alone is over before its time."""

IGNORED_AFTER_US = 10_000_000
"""Time after an accident in which speeds make none."""

LARGEST_KMH = 1_000.0
"""Speed above which a value is no measurement."""


def apply(state: AccidentState, signal: Signal) -> Suspicion | None:
    """Apply a signal's speed to the open event.

    Returns:
        A step that no braking explains, if it is no part of an event; None otherwise.
    """
    speed, at = value_of(signal, "speed", LARGEST_KMH), signal["occurred_at"]
    if speed is None or (state.speeds and state.speeds[-1][0] == at):
        return None
    _forget_dropout(state, at, speed)
    before, own_x = state.speeds, state.own_x
    state.own_x = 0.0
    state.speeds = _kept(before, (at, speed))
    if state.suspicion is not None and abs(speed) > STANDSTILL_KMH:
        state.suspicion = None
    if state.event is not None:
        _measure(state, state.event)
    if not before or at - before[-1][0] > LONGEST_STEP_US:
        return None
    if is_ignored(state, at):
        return None
    begin_us, drop = before[-1][0], before[-1][1] - speed
    if at - begin_us <= FINE_STEP_US:
        _check_window(state, signal)
        return None
    return _check_step(state, signal, VelocityChange(begin_us, at, -drop, 0.0), own_x)


def is_ignored(state: AccidentState, at: int) -> bool:
    """Return whether an accident was less than 10 s before a time (µs since 1970 UTC)."""
    return state.fired_us is not None and at - state.fired_us <= IGNORED_AFTER_US


def is_confirmed(state: AccidentState, at: int) -> bool:
    """Return whether the newest speed, of a time (µs since 1970 UTC), confirms the open suspicion."""
    is_newest = bool(state.speeds) and state.speeds[-1][0] == at
    return is_newest and state.suspicion is not None and at - state.suspicion.at >= STANDSTILL_US


def is_over(state: AccidentState) -> bool:
    """Return whether an event of speeds alone is over before its time: the vehicle stands, for more than a dropout."""
    event = state.event
    if event is None or not event.by_speed or state.live:
        return False
    last = state.speeds[-3:]
    stands = len(last) == 3 and all(abs(each[1]) <= STOPPED_KMH for each in last)
    return (
        stands
        and state.speeds[-1][0] - min(at for at, speed in state.speeds if abs(speed) <= STOPPED_KMH)
        >= STOPPED_US
    )


def is_awaited(state: AccidentState, at: int) -> bool:
    """Return whether an event's accelerations ended and a speed behind them, 150 ms later at most, is still to come."""
    event, rows = state.event, state.speeds
    if event is None or event.end_us is None or not event.by_speed or at >= event.limit_us:
        return False
    return rows[-1][0] < event.end_us or event.longest_us > accelerations.SAMPLED_US


def _forget_dropout(state: AccidentState, at: int, speed: float) -> None:
    """Drop a standstill that was none, and the event it fired: the speed is back, but for what 1 g takes.

    Many a device reports a speed that fails as 0, for a sample or two.
    """
    event = state.event
    if event is None or not event.is_by_speeds or not state.speeds or abs(state.speeds[-1][1]) > STOPPED_KMH:
        return
    gained = crash.delta_v_kmh(crash.STANDARD_GRAVITY, (at - state.speeds[-1][0]) / 1e6) + crash.TRIGGER_KMH
    braked = (
        crash.delta_v_kmh(crash.STANDARD_GRAVITY, (at - event.zero_us) / 1e6) + 2 * crash.SPEED_ACCURACY_KMH
    )
    if abs(speed) < max(gained, abs(event.context.speed or 0.0) - braked):
        return
    state.event = None
    state.speeds = [each for each in state.speeds if abs(each[1]) > STOPPED_KMH]


def _kept(rows: list[SpeedRow], newest: SpeedRow) -> list[SpeedRow]:
    """Return the speeds that any 150 ms that end in the newest step can hold, and the newest one."""
    if not rows:
        return [newest]
    from_us = rows[-1][0] - FINE_STEP_US
    first = max((number for number, each in enumerate(rows) if each[0] <= from_us), default=0)
    return [*rows[first:], newest]


def _changes(rows: list[SpeedRow]) -> list[VelocityChange]:
    """Return the changes of the newest speeds whose steps are at most 150 ms."""
    found: list[VelocityChange] = []
    for before, after in zip(reversed(rows[:-1]), reversed(rows[1:]), strict=True):
        if after[0] - before[0] > FINE_STEP_US:
            break
        found.append(VelocityChange(before[0], after[0], after[1] - before[1], 0.0))
    return found[::-1]


def _speed_at(rows: list[SpeedRow], at_us: int) -> float | None:
    """Return the speed at a time between two speeds that are at most 150 ms apart, or None."""
    for before, after in pairwise(rows):
        if before[0] <= at_us <= after[0] and after[0] - before[0] <= FINE_STEP_US:
            share = (at_us - before[0]) / (after[0] - before[0])
            return before[1] + (after[1] - before[1]) * share
    return None


def _measure(state: AccidentState, event: Crash) -> None:
    """Keep the largest change of speed from time zero to 300 ms behind it."""
    rows = state.speeds
    if event.from_speed is None:
        event.from_speed = _speed_at(rows, event.zero_us)
    if event.from_speed is None:
        return
    for at, speed in rows:
        if event.zero_us <= at <= event.limit_us:
            _reach(state, event, speed - event.from_speed, at)


def _reach(state: AccidentState, event: Crash, change: float, at: int) -> None:
    if event.reach_speed(change, at):
        wheels.note_change(state, event, max(event.zero_us, at - crash.TRIGGER_WINDOW_US), at)


def _check_window(state: AccidentState, signal: Signal) -> None:
    """Fire the open event, or a new one, if 150 ms of speeds reach 8 km/h."""
    known = [each[1] for each in state.speeds]
    if not crash.triggers(max(known) - min(known), 0.0):
        return
    at, changes = signal["occurred_at"], _changes(state.speeds)
    most = crash.largest(changes, crash.TRIGGER_WINDOW_US)
    if not crash.triggers(most.x, 0.0):
        return
    begin_us = crash.onset(changes, most)
    if state.event is None:
        state.event = Crash(begin_us, input_of(signal), state.context_at(begin_us))
        for each in state.changes(begin_us):
            state.event.add(each)
        state.event.quiet = state.is_fine(at - crash.TRIGGER_WINDOW_US, at, wheels.FINE_US)
    if not state.event.by_speed and begin_us <= state.event.zero_us:
        state.event.from_speed = _speed_at(state.speeds, begin_us)
    _measure(state, state.event)
    state.event.by_speed = True
    _reach(state, state.event, most.x, at)
    state.event.fire(DELTA_V, input_of(signal))


def _check_step(state: AccidentState, signal: Signal, step: VelocityChange, own_x: float) -> Suspicion | None:
    """Compare a step of more than 150 ms with braking: fire the open event, open a suspicion, or return it.

    Args:
        state: The vehicle's state.
        signal: The signal whose speed ends the step.
        step: The step.
        own_x: Change of velocity by the accelerations within it, km/h.
    """
    at, drop, seconds = step.end_us, -step.x, (step.end_us - step.begin_us) / 1e6
    is_fine = state.is_fine(step.begin_us, at, wheels.FINE_US)
    if seconds * 1e6 > SHORT_STEP_US:
        is_agreed = (
            is_fine and abs(own_x - step.x) <= drop * crash.DELTA_V_ACCURACY + 2 * crash.SPEED_ACCURACY_KMH
        )
        is_stop = drop / crash.KMH / seconds >= STEP_M_S2 and abs(state.speeds[-1][1]) <= STANDSTILL_KMH
        if is_stop and not is_agreed:
            state.suspicion = _suspicion(state, signal, drop)
        return None
    if drop < crash.delta_v_kmh(crash.STANDARD_GRAVITY, seconds) + crash.TRIGGER_KMH:
        return None
    found = _suspicion(state, signal, drop)
    if state.event is None and not state.live and abs(state.speeds[-1][1]) > STOPPED_KMH:
        return found
    if state.event is None:
        state.event = Crash(found.at, found.input, found.context, quiet=is_fine)
        wheels.note_change(state, state.event, step.begin_us, at)
        state.event.within = abs(crash.m_s2(own_x, seconds))
    state.event.drop = drop
    state.event.fire(COARSE_STEP, found.input)
    return None


def _suspicion(state: AccidentState, signal: Signal, drop: float) -> Suspicion:
    return Suspicion(signal["occurred_at"], drop, input_of(signal), state.context)
