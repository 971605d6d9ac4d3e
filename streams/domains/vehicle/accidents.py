"""One signal and its vehicle's state → accidents, when a crash trigger fires. Pure.

Accelerations (`accelerations`) and speeds (`speeds`) of a vehicle feed one event. The accident is derived when delta-V
is complete: 30 ms after the end of the event, or 300 ms from time zero (49 CFR 563.7); with speeds alone also when the
vehicle stands. Its delta-V is the larger of both; wheels that lock or spin make none (`wheels`). What is too slow for a
delta-V is a suspicion, marked `coarse`, without delta-V and severity.

No clock ends an event, only a signal: the next one of the vehicle, whenever it comes, or the end of its recording.

For 10 s after an accident speeds make no accident: those of the same crash come later. A signal that is older than the
last one of its vehicle adds nothing, nor does a repeat; with `ends` it closes what is open. Channels may come in
signals of their own at one moment.
`accident_state` owns the state, `crash` the formulas.
"""

from collections.abc import Mapping
from typing import Any

from streams.domains.vehicle import accelerations, crash, speeds, wheels
from streams.domains.vehicle.accident_state import (
    COARSE_STEP,
    AccidentState,
    Context,
    Crash,
    Signal,
    Suspicion,
    value_of,
)
from streams.domains.vehicle.order import closes_late, is_left_out

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
    if is_left_out(signal):
        return state, []
    if stored is not None and not state.is_new(at, signal["event_id"]):
        return state, _end_recording(state) if closes_late(signal, state.stretch) else []
    state.see(at, signal["event_id"])
    found: list[Accident] = []
    if accelerations.is_interrupted(state, at):
        found += _end_event(state)
        state.end_acceleration()
    accelerations.apply(state, signal)
    step = speeds.apply(state, signal)
    if step is not None:
        found.append(_coarse_accident(state, step))
    if _is_complete(state, at):
        found += _end_event(state)
    if signal.get("ends") is not None:
        found += _end_recording(state)
    elif speeds.is_confirmed(state, at):
        found += _confirm(state)
    state.context = state.context.after(signal, value_of(signal, "speed", speeds.LARGEST_KMH))
    return state, found


def _is_complete(state: AccidentState, at: int) -> bool:
    """Return whether the open event is complete at a time (µs since 1970 UTC)."""
    if state.event is None or speeds.is_over(state):
        return state.event is not None
    is_awaited = wheels.is_awaited(state.event, at) or speeds.is_awaited(state, at)
    return at >= state.event.complete_us and not is_awaited


def _end_recording(state: AccidentState) -> list[Accident]:
    """Close what is open and drop what belongs to the recording; return the accidents."""
    found = [*_end_event(state), *_confirm(state)]
    state.end_recording()
    return found


def _confirm(state: AccidentState) -> list[Accident]:
    """Return the accident of the open suspicion, if there is one."""
    suspicion = state.take_suspicion()
    return [] if suspicion is None else [_coarse_accident(state, suspicion)]


def _end_event(state: AccidentState) -> list[Accident]:
    """Close the open event; return its accident if it fired. The next event begins after its end."""
    event = state.take_event()
    if event is None or event.trigger is None or event.signal is None:
        return []
    if event.felt or event.measured or not state.live:
        state.until_end = state.live and event.longest_us > 0 and event.end_us is None
        state.slices = state.slices if state.until_end else []
    if accelerations.is_stuck(state, event) or accelerations.is_undersampled(state, event):
        return []
    if wheels.explain(state, event):
        return []
    if event.drop is not None and (event.trigger == COARSE_STEP or accelerations.is_coarse(event)):
        return [_coarse_accident(state, Suspicion(event.zero_us, event.drop, event.signal, event.context))]
    event.complete()
    found = _accident(state, event.context, event.zero_us, (event.first, event.signal))
    return [found | {"trigger": event.trigger, "restraint": event.restraint} | _delta_v(event)]


def _delta_v(event: Crash) -> Accident:
    """Return the delta-V of an event by the accelerations, or by the speeds where those show more."""
    x, y, at_us, basis = event.max_x, event.max_y, event.max_us, "ACCELERATION"
    if accelerations.is_coarse(event):
        return {"basis": basis, "coarse": True}
    if event.by_speed and event.speed_x is not None and abs(event.speed_x) > abs(x):
        x, at_us, basis = event.speed_x, event.speed_us, "SPEED"
    most = crash.resultant(x, y)
    if not most:
        return {"basis": basis}
    return {
        "basis": basis,
        "delta_v_longitudinal": x,
        "delta_v_lateral": y if event.sideways else None,
        "max_delta_v": most,
        "max_delta_v_ms": at_us / 1000,
        "pdof_clock": crash.pdof_clock(x, y),
        "severity": crash.severity(most),
    }


def _coarse_accident(state: AccidentState, suspicion: Suspicion) -> Accident:
    one = suspicion.input
    return _accident(state, suspicion.context, suspicion.at, (one, one)) | {
        "trigger": COARSE_STEP,
        "basis": "SPEED",
        "coarse": True,
        "speed_drop": suspicion.drop,
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
