"""The accelerations of a signal → the open event of its vehicle. Pure.

A sample stands for the mean since the sample before it (sample and hold). So a pulse that a recorder averages over its
interval gives its delta-V at any rate, and one that it samples does at the rates of a crash recorder: 49 CFR 563.7 asks
for 100 delta-V per second, UN R160 takes accelerations alone from 500 per second.

- Samples at most 1 s apart are joined. An event begins when the change of velocity within 20 ms exceeds 0.8 km/h, or
  that within 150 ms reaches 8 km/h (49 CFR 563.5).
- Where a sample stands for more than 150 ms, the event has no delta-V: it is a suspicion.
- A sample behind a gap stands for no more than twice the usual interval: what was lost is not known.
- A channel that stands above the threshold from its first sample on, and never changes, has shown no beginning of an
  event. Nor has a value that stays the same for 300 ms while the speeds stay: it is a stuck sensor.
"""

from streams.domains.vehicle import crash, wheels
from streams.domains.vehicle.accident_state import (
    DELTA_V,
    RESTRAINT,
    AccidentState,
    Crash,
    Signal,
    input_of,
    value_of,
)
from streams.domains.vehicle.crash import VelocityChange

SAMPLED_US = 50_000
"""Time between two accelerations up to which speeds cannot disprove a delta-V: two samples in a pulse of 100 ms."""

MEASURED_US = crash.TRIGGER_WINDOW_US
"""Time between two accelerations above which they show no delta-V: longer than the window of the trigger."""

JOINED_US = 1_000_000
"""Time between two accelerations above which they are not joined."""

USUAL = 2
"""How many of its usual intervals a sample may stand for."""

LARGEST_M_S2 = 200 * crash.STANDARD_GRAVITY
"""Acceleration above which a value is no measurement: crash pulses of cars peak below 100 g."""


def apply(state: AccidentState, signal: Signal) -> None:
    """Apply a signal's accelerations and air bag to the open event."""
    value = (
        value_of(signal, "acceleration_longitudinal", LARGEST_M_S2),
        value_of(signal, "acceleration_lateral", LARGEST_M_S2),
    )
    at = signal["occurred_at"]
    if value != (None, None) and at != state.last_a:
        joined = state.live
        change = _change(state, at, value[0] or 0.0, value[1] or 0.0)
        _follow(state, at, value)
        if joined:
            _add_change(state, signal, change, sideways=value[1] is not None)
    if signal.get("cabin_seat_row1_driver_side_airbag_is_deployed") is True and not state.deployed:
        state.deployed = True
        _deploy_restraint(state, signal)


def is_interrupted(state: AccidentState, at: int) -> bool:
    """Return whether the accelerations stopped coming before a time (µs since 1970 UTC)."""
    return state.live and state.last_a is not None and at - state.last_a > JOINED_US


def is_stuck(state: AccidentState, event: Crash) -> bool:
    """Return whether an event is a sensor that stands still: one value for 300 ms, and speeds that stay."""
    first_us = event.zero_us + max(crash.WAKE_WINDOW_US, event.longest_us)
    return event.end_us is None and state.since_us <= first_us and is_disproved(event)


def is_coarse(event: Crash) -> bool:
    """Return whether an event is known from accelerations that are too slow for a delta-V."""
    return event.measured and not event.by_speed and not event.restraint and event.longest_us > MEASURED_US


def is_undersampled(state: AccidentState, event: Crash) -> bool:
    """Return whether an event's accelerations are too slow to outweigh speeds, and speeds disprove it.

    Above `MEASURED_US` any speed does that has not fired itself: nothing between two speeds escapes them.
    """
    if is_coarse(event) and not event.across and event.drop is None:
        return bool(state.speeds) and state.speeds[-1][0] >= event.zero_us
    return event.longest_us > SAMPLED_US and is_disproved(event)


def is_disproved(event: Crash) -> bool:
    """Return whether only longitudinal accelerations fired an event, while the speeds changed by less."""
    if event.speed_x is None or event.by_speed or event.restraint or event.across or event.drop is not None:
        return False
    return event.measured and not crash.triggers(event.speed_x, 0.0)


def _change(state: AccidentState, at: int, x: float, y: float) -> VelocityChange:
    """Return the change of velocity that a sample stands for."""
    gap_us = at - (state.last_a or at)
    usual_us = max([state.gap_us or 0, *(each[1] - each[0] for each in state.slices)])
    held_us = min(gap_us, USUAL * usual_us) if usual_us else gap_us
    seconds = held_us / 1e6
    return VelocityChange(at - held_us, at, crash.delta_v_kmh(x, seconds), crash.delta_v_kmh(y, seconds))


def _follow(state: AccidentState, at: int, value: tuple[float | None, float | None]) -> None:
    """Keep what the next sample is compared with."""
    gap_us = None if state.last_a is None else at - state.last_a
    if gap_us is None or gap_us > wheels.FINE_US:
        state.fine_us = at
    if value != tuple(state.value):
        state.value, state.since_us = value, at
    if not state.live:
        state.begun_us = at
    state.last_a, state.gap_us, state.live = at, gap_us, True


def _add_change(state: AccidentState, signal: Signal, change: VelocityChange, *, sideways: bool) -> None:
    """Add a change of velocity: begin, continue, fire or end the event."""
    at = change.end_us
    state.join(change)
    state.own_x += change.x
    newest = crash.total(state.changes(at - crash.WAKE_WINDOW_US), at - crash.WAKE_WINDOW_US, at)
    awake = crash.exceeds_wake(newest.x, newest.y)
    state.felt_us = at if awake else state.felt_us
    if state.event is None and state.until_end:
        state.until_end, state.slices = awake, state.slices if awake else []
        return
    if state.event is None and not awake and not state.can_trigger():
        return
    changes = state.changes()
    most = crash.largest(changes, crash.TRIGGER_WINDOW_US)
    fired = crash.triggers(most.x, most.y)
    if state.event is None:
        if state.since_us <= state.begun_us or not (awake or fired):
            return
        zero_us = min(change.begin_us, at - crash.WAKE_WINDOW_US)
        zero_us = max(changes[0].begin_us, zero_us) if awake else crash.onset(changes, most)
        state.event = Crash(zero_us, input_of(signal), state.context)
        for each in changes:
            state.event.add(each)
    else:
        state.event.add(change)
    event = state.event
    wheels.follow(event, change)
    event.sideways = event.sideways or sideways
    event.longest_us = max(event.longest_us, change.end_us - change.begin_us)
    if fired:
        event.keep_window(crash.onset(changes, most), at, most)
        event.measured, event.across = True, event.across or crash.triggers(0.0, most.y)
        event.fire(DELTA_V, input_of(signal))
    event.felt = event.felt or awake
    if event.felt:
        event.end_us = None if awake else event.end_us or at


def _deploy_restraint(state: AccidentState, signal: Signal) -> None:
    """Fire by a deployed air bag; without an open event it begins one (49 CFR 563.5)."""
    if state.event is None:
        at = signal["occurred_at"]
        state.event = Crash(at, input_of(signal), state.context, end_us=at)
    state.event.restraint = True
    state.event.fire(RESTRAINT, input_of(signal))
