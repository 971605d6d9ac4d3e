"""One signal and its vehicle's state → accidents, when a crash trigger fires. Pure.

The trigger depends on what the vehicle reports:

- Accelerations at least every 50 ms. An event begins when the change of velocity within 20 ms exceeds 0.8 km/h. It
  fires when the change reaches 8 km/h within 150 ms, or an air bag deploys. It ends when the change within 20 ms is
  0.8 km/h or less (49 CFR 563.5). The accident is derived when delta-V is complete: 30 ms after the end, or 300 ms from
  time zero (49 CFR 563.7). Time zero is the beginning of the 20 ms in which the event began. A sample holds since the
  one before.
- No acceleration, speeds at least every 150 ms: 8 km/h lost or gained within 150 ms.
- Coarser speeds: a suspicion, marked `coarse`, without delta-V and severity. Steps up to 1 s: the loss of speed is at
  least full braking (1 g) plus 8 km/h. Steps up to 10 s: a mean deceleration of 4 m/s² or more to a standstill of 30 s,
  or until the recording ends.

For 10 s after an accident speeds make no accident: the speeds of the same crash come later. A signal that is not newer
than the last one of its vehicle changes nothing. `accident_state` owns the state, `crash` the formulas.
"""

from collections.abc import Mapping
from typing import Any

from streams.domains.vehicle import crash
from streams.domains.vehicle.accident_state import AccidentState, Context, Crash, Suspicion
from streams.domains.vehicle.crash import VelocityChange

LONGEST_SAMPLE_US = 50_000
"""Time between two accelerations above which they are not joined."""

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

IGNORED_AFTER_US = 10_000_000
"""Time after an accident in which speeds make none."""

Signal = Mapping[str, Any]
Accident = dict[str, Any]
"""Fields of `vehicle.accident` without vehicle and rule, with `occurred_us` and `inputs` beside."""


def apply_signal(stored: Mapping[str, Any] | None, signal: Signal) -> tuple[AccidentState, list[Accident]]:
    """Apply one signal to its vehicle's state.

    Args:
        stored: State before, as the changelog holds it; None for the first signal.
        signal: Fields of `vehicle.signal`, `occurred_at` in µs since 1970 UTC.

    Returns:
        State after, and the accidents that are complete.
    """
    at: int = signal["occurred_at"]
    state = AccidentState() if stored is None else AccidentState.read(stored)
    if stored is not None and at <= state.frontier:
        return state, []
    state.frontier = at
    found = [*_apply_acceleration(state, signal), *_apply_speed(state, signal)]
    if signal.get("ends") is not None:
        found += [*_end_event(state), *_confirm_suspicion(state)]
        state.end_recording()
    state.context = state.context.after(signal)
    return state, found


def _input(signal: Signal) -> list[str]:
    return [signal["event_id"], signal["salt"].hex()]


# accelerations


def _apply_acceleration(state: AccidentState, signal: Signal) -> list[Accident]:
    """Apply a signal's acceleration and air bag; return the accident if the event is complete."""
    x, y = signal.get("acceleration_longitudinal"), signal.get("acceleration_lateral")
    deployed = signal.get("cabin_seat_row1_driver_side_airbag_is_deployed") is True
    at, last = signal["occurred_at"], state.last_a
    found: list[Accident] = []
    if last is not None and at - last > LONGEST_SAMPLE_US:
        found = _end_event(state)
        state.end_acceleration()
        last = None
    if x is not None or y is not None:
        state.last_a = at
        if last is not None:
            seconds = (at - last) / 1e6
            change = VelocityChange(
                last, at, crash.delta_v_kmh(x or 0.0, seconds), crash.delta_v_kmh(y or 0.0, seconds)
            )
            _add_change(state, signal, change, sideways=y is not None)
    if deployed and not state.deployed:
        state.deployed = True
        _deploy_restraint(state, signal)
    if state.event is not None and at >= state.event.complete_us:
        found += _end_event(state)
    return found


def _add_change(state: AccidentState, signal: Signal, change: VelocityChange, *, sideways: bool) -> None:
    """Add a change of velocity: begin, continue, fire or end the event."""
    at = change.end_us
    window = state.joined(change)
    awake = crash.exceeds_wake(*crash.total(window, at - crash.WAKE_WINDOW_US))
    if state.event is None:
        state.until_end = state.until_end and awake
        if not awake or state.until_end:
            return
        begun_us = min(each.begin_us for each in window if each.begin_us >= at - crash.WAKE_WINDOW_US)
        state.event = Crash(begun_us, _input(signal), state.context)
        added = crash.total(window, begun_us)
    else:
        added = (change.x, change.y)
    event = state.event
    event.add(at, added, sideways=sideways)
    if crash.triggers(*crash.total(window, at - crash.TRIGGER_WINDOW_US)):
        event.fire("DELTA_V_150_MS", _input(signal))
    event.end_us = None if awake else event.end_us or at


def _deploy_restraint(state: AccidentState, signal: Signal) -> None:
    """Fire by a deployed air bag; without an open event it begins one (49 CFR 563.5)."""
    if state.event is None:
        at = signal["occurred_at"]
        state.event = Crash(at, _input(signal), state.context, end_us=at)
    state.event.restraint = True
    state.event.fire("RESTRAINT", _input(signal))


def _end_event(state: AccidentState) -> list[Accident]:
    """Close the open event; return its accident if it fired. The next event begins after its end."""
    event = state.take_event()
    if event is None or event.trigger is None or event.signal is None:
        return []
    state.slices, state.until_end = [], event.end_us is None
    measured = event.max > 0
    return [
        _accident(state, event.context, event.zero_us, (event.first, event.signal))
        | {
            "trigger": event.trigger,
            "basis": "ACCELERATION",
            "delta_v_longitudinal": event.max_x if measured else None,
            "delta_v_lateral": event.max_y if measured and event.sideways else None,
            "max_delta_v": event.max if measured else None,
            "max_delta_v_ms": event.max_us / 1000 if measured else None,
            "pdof_clock": crash.pdof_clock(event.max_x, event.max_y) if measured else None,
            "severity": crash.severity(event.max) if measured else None,
            "restraint": event.restraint,
        }
    ]


# speeds


def _apply_speed(state: AccidentState, signal: Signal) -> list[Accident]:
    """Apply a signal's speed; return the accident that it shows or confirms."""
    speed, at = signal.get("speed"), signal["occurred_at"]
    if speed is None:
        return []
    before = state.speeds
    state.speeds = [*(each for each in before if at - each[0] <= FINE_STEP_US), (at, speed)]
    found = _check_standstill(state, at, speed)
    if not before or _speeds_ignored(state, at) or at - before[-1][0] > LONGEST_STEP_US:
        return found
    step_us, drop = at - before[-1][0], before[-1][1] - speed
    if step_us <= FINE_STEP_US:
        changes = [speed - each[1] for each in before if at - each[0] <= FINE_STEP_US]
        if not crash.triggers(min(changes), max(changes)):
            return found
        return [*found, _speed_accident(state, signal, max(changes, key=abs))]
    seconds = step_us / 1e6
    if step_us <= SHORT_STEP_US:
        explained = crash.delta_v_kmh(crash.STANDARD_GRAVITY, seconds) + crash.TRIGGER_KMH
        return (
            [*found, _coarse_accident(state, _suspicion(state, signal, drop))] if drop >= explained else found
        )
    if drop / crash.KMH / seconds >= STEP_M_S2 and abs(speed) <= STANDSTILL_KMH:
        state.suspicion = _suspicion(state, signal, drop)
    return found


def _speeds_ignored(state: AccidentState, at: int) -> bool:
    """Return whether speeds are ignored: accelerations decide, or an accident was less than 10 s ago."""
    if state.event is not None or state.last_a is not None:
        return True
    return state.fired_us is not None and at - state.fired_us <= IGNORED_AFTER_US


def _check_standstill(state: AccidentState, at: int, speed: float) -> list[Accident]:
    """Confirm a suspicion by its standstill, or drop it."""
    if state.suspicion is None:
        return []
    if abs(speed) > STANDSTILL_KMH:
        state.suspicion = None
        return []
    return _confirm_suspicion(state) if at - state.suspicion.at >= STANDSTILL_US else []


def _confirm_suspicion(state: AccidentState) -> list[Accident]:
    suspicion = state.take_suspicion()
    return [] if suspicion is None else [_coarse_accident(state, suspicion)]


def _suspicion(state: AccidentState, signal: Signal, drop: float) -> Suspicion:
    return Suspicion(signal["occurred_at"], drop, _input(signal), state.context)


def _coarse_accident(state: AccidentState, suspicion: Suspicion) -> Accident:
    one = suspicion.input
    return _accident(state, suspicion.context, suspicion.at, (one, one)) | {
        "trigger": "SPEED_STEP_COARSE",
        "basis": "SPEED",
        "coarse": True,
        "speed_drop": suspicion.drop,
    }


def _speed_accident(state: AccidentState, signal: Signal, change: float) -> Accident:
    one = _input(signal)
    return _accident(state, state.context, signal["occurred_at"], (one, one)) | {
        "trigger": "DELTA_V_150_MS",
        "basis": "SPEED",
        "delta_v_longitudinal": change,
        "max_delta_v": abs(change),
        "pdof_clock": crash.pdof_clock(change, 0.0),
        "severity": crash.severity(abs(change)),
    }


def _accident(
    state: AccidentState, context: Context, at: int, inputs: tuple[list[str], list[str]]
) -> Accident:
    """Count an accident and return the fields that all accidents have."""
    number = state.count_accident(at)
    latitude, longitude = context.place
    return {
        "occurred_us": at,
        "inputs": list(inputs),
        "coarse": False,
        "delta_v_longitudinal": None,
        "delta_v_lateral": None,
        "max_delta_v": None,
        "max_delta_v_ms": None,
        "pdof_clock": None,
        "severity": None,
        "severity_table": crash.SEVERITY_TABLE,
        "event_number": number,
        "restraint": False,
        "speed_before": context.speed,
        "speed_drop": None,
        "autonomy_level": context.level,
        "latitude": latitude,
        "longitude": longitude,
        "signal_id": inputs[1][0],
    }
