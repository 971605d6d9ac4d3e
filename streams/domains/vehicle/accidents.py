"""One signal and what came before it → an accident, when a crash trigger fires. Pure.

Three ways, by what the vehicle tells:

- Accelerations at least every 50 ms: an event begins where the change of velocity within 20 ms passes
  0.8 km/h, fires when it reaches 8 km/h within 150 ms or an air bag deploys, and ends where it falls to
  0.8 km/h again (49 CFR 563.5). It is told when delta-V is complete: 30 ms behind its end, or 300 ms from time
  zero (563.7). Time zero is the beginning of the 20 ms in which the event is noticed. Each sample is taken to
  hold since the one before it.
- No acceleration, speeds at least every 150 ms: 8 km/h lost or gained within 150 ms.
- Coarser speeds: a suspicion, marked `coarse`, without delta-V and severity. Steps up to 1 s: more was lost
  than full braking (1 g) and 8 km/h can explain. Steps up to 10 s: a mean deceleration of 4 m/s² or more to a
  standstill in which the vehicle stays for 30 s, or until the recording ends.

Behind an accident coarse triggers are silent for 10 s: the speeds of the same crash come later. A signal
that is not newer than the last one of its vehicle changes nothing.
"""

from collections.abc import Mapping
from typing import Any

from streams.domains.vehicle import crash
from streams.domains.vehicle.accident_state import AccidentState, Context, Crash, Suspicion
from streams.domains.vehicle.crash import Slice

LONGEST_SAMPLE_US = 50_000
"""Distance above which two accelerations are not joined."""

FINE_STEP_US = crash.TRIGGER_WINDOW_US
SHORT_STEP_US = 1_000_000
LONGEST_STEP_US = 10_000_000
STEP_M_S2 = 4.0
"""Mean deceleration over a step of 1 to 10 s that ordinary braking does not reach; UN R157 calls a demand of
more than 5 m/s² an emergency."""

STANDSTILL_KMH = 5.0
STANDS_FOR_US = 30_000_000
SILENT_US = 10_000_000

Signal = Mapping[str, Any]
Accident = dict[str, Any]
"""Fields of `vehicle.accident` without vehicle and rule, with `occurred_us` and `inputs` beside."""


def follow(memory: Mapping[str, Any] | None, signal: Signal) -> tuple[AccidentState, list[Accident]]:
    """Let one signal count.

    Args:
        memory: State of its vehicle as it was stored; None for the first signal.
        signal: Fields of `vehicle.signal`, `occurred_at` in µs since 1970 UTC.

    Returns:
        The state to be stored, and the accidents that are complete.
    """
    at: int = signal["occurred_at"]
    kept = AccidentState() if memory is None else AccidentState.read(memory)
    if memory is not None and at <= kept.frontier:
        return kept, []
    kept.frontier = at
    found = [*_accelerated(kept, signal), *_slowed(kept, signal)]
    if signal.get("ends") is not None:
        found += [*_told(kept), *_confirmed(kept)]
        kept.end_recording()
    kept.context = kept.context.after(signal)
    return kept, found


def _input(signal: Signal) -> list[str]:
    return [signal["event_id"], signal["salt"].hex()]


# accelerations


def _accelerated(kept: AccidentState, signal: Signal) -> list[Accident]:
    """Let an acceleration count; return the event if it is complete."""
    x, y = signal.get("acceleration_longitudinal"), signal.get("acceleration_lateral")
    deployed = signal.get("cabin_seat_row1_driver_side_airbag_is_deployed") is True
    at, last = signal["occurred_at"], kept.last_a
    found: list[Accident] = []
    if last is not None and at - last > LONGEST_SAMPLE_US:
        found = _told(kept)
        kept.end_acceleration()
        last = None
    if x is not None or y is not None:
        kept.last_a = at
        if last is not None:
            seconds = (at - last) / 1e6
            change = Slice(
                last, at, crash.delta_v_kmh(x or 0.0, seconds), crash.delta_v_kmh(y or 0.0, seconds)
            )
            _notice(kept, signal, change, sideways=y is not None)
    if deployed and not kept.deployed:
        kept.deployed = True
        _deployed(kept, signal)
    if kept.event is not None and at >= kept.event.complete_us:
        found += _told(kept)
    return found


def _notice(kept: AccidentState, signal: Signal, change: Slice, *, sideways: bool) -> None:
    """Add a change of velocity; begin, fire, go on with or end an event."""
    at = change.end_us
    window = kept.joined(change)
    awake = crash.woken(*crash.total(window, at - crash.WAKE_WINDOW_US))
    if kept.event is None:
        kept.until_end = kept.until_end and awake
        if not awake or kept.until_end:
            return
        begun_us = min(each.begin_us for each in window if each.begin_us >= at - crash.WAKE_WINDOW_US)
        kept.event = Crash(begun_us, _input(signal), kept.context)
        added = crash.total(window, begun_us)
    else:
        added = (change.x, change.y)
    event = kept.event
    event.add(at, added, sideways=sideways)
    if crash.triggers(*crash.total(window, at - crash.TRIGGER_WINDOW_US)):
        event.fire("DELTA_V_150_MS", _input(signal))
    event.end_us = None if awake else event.end_us or at


def _deployed(kept: AccidentState, signal: Signal) -> None:
    """A deployed air bag fires by itself, once in an event (49 CFR 563.5)."""
    if kept.event is None:
        at = signal["occurred_at"]
        kept.event = Crash(at, _input(signal), kept.context, end_us=at)
    kept.event.restraint = True
    kept.event.fire("RESTRAINT", _input(signal))


def _told(kept: AccidentState) -> list[Accident]:
    """End the event that goes on; return its accident if it fired. The next one begins behind its end."""
    event = kept.take_event()
    if event is None or event.trigger is None or event.signal is None:
        return []
    kept.slices, kept.until_end = [], event.end_us is None
    measured = event.max > 0
    return [
        _accident(kept, event.context, event.zero_us, (event.first, event.signal))
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


def _slowed(kept: AccidentState, signal: Signal) -> list[Accident]:
    """Let a speed count; return the accident that it shows or confirms."""
    speed, at = signal.get("speed"), signal["occurred_at"]
    if speed is None:
        return []
    before = kept.speeds
    kept.speeds = [*(each for each in before if at - each[0] <= FINE_STEP_US), (at, speed)]
    found = _stood(kept, at, speed)
    if not before or _silent(kept, at) or at - before[-1][0] > LONGEST_STEP_US:
        return found
    step_us, drop = at - before[-1][0], before[-1][1] - speed
    if step_us <= FINE_STEP_US:
        changes = [speed - each[1] for each in before if at - each[0] <= FINE_STEP_US]
        if not crash.triggers(min(changes), max(changes)):
            return found
        return [*found, _fine(kept, signal, max(changes, key=abs))]
    seconds = step_us / 1e6
    if step_us <= SHORT_STEP_US:
        explained = crash.delta_v_kmh(crash.STANDARD_GRAVITY, seconds) + crash.TRIGGER_KMH
        return [*found, _coarse(kept, _suspicion(kept, signal, drop))] if drop >= explained else found
    if drop / crash.KMH / seconds >= STEP_M_S2 and abs(speed) <= STANDSTILL_KMH:
        kept.suspicion = _suspicion(kept, signal, drop)
    return found


def _silent(kept: AccidentState, at: int) -> bool:
    """Whether speeds say nothing now: accelerations do, or an accident was just told."""
    if kept.event is not None or kept.last_a is not None:
        return True
    return kept.fired_us is not None and at - kept.fired_us <= SILENT_US


def _stood(kept: AccidentState, at: int, speed: float) -> list[Accident]:
    """Confirm a suspicion by its standstill, or drop it."""
    if kept.suspicion is None:
        return []
    if abs(speed) > STANDSTILL_KMH:
        kept.suspicion = None
        return []
    return _confirmed(kept) if at - kept.suspicion.at >= STANDS_FOR_US else []


def _confirmed(kept: AccidentState) -> list[Accident]:
    suspicion = kept.take_suspicion()
    return [] if suspicion is None else [_coarse(kept, suspicion)]


def _suspicion(kept: AccidentState, signal: Signal, drop: float) -> Suspicion:
    return Suspicion(signal["occurred_at"], drop, _input(signal), kept.context)


def _coarse(kept: AccidentState, suspicion: Suspicion) -> Accident:
    one = suspicion.input
    return _accident(kept, suspicion.context, suspicion.at, (one, one)) | {
        "trigger": "SPEED_STEP_COARSE",
        "basis": "SPEED",
        "coarse": True,
        "speed_drop": suspicion.drop,
    }


def _fine(kept: AccidentState, signal: Signal, change: float) -> Accident:
    one = _input(signal)
    return _accident(kept, kept.context, signal["occurred_at"], (one, one)) | {
        "trigger": "DELTA_V_150_MS",
        "basis": "SPEED",
        "delta_v_longitudinal": change,
        "max_delta_v": abs(change),
        "pdof_clock": crash.pdof_clock(change, 0.0),
        "severity": crash.severity(abs(change)),
    }


def _accident(
    kept: AccidentState, context: Context, at: int, inputs: tuple[list[str], list[str]]
) -> Accident:
    """Make an accident with what all of them tell, and count it."""
    number = kept.count_accident(at)
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
