"""One signal and its vehicle's state → hard braking, when it is over. Pure.

No public standard defines "hard". The thresholds are the platform's own and depend on how often speed is reported:

- `SPEED_WINDOW`, speeds at least every second: mean deceleration over the last 0.5 to 1 s of 3.5 m/s² or more (about
  8 mph per second, where insurers' recorders begin to count).
- `SPEED_STEP`, steps of more than 1 s and at most 10 s: mean over the step of 2.0 m/s² or more. A mean over 5 s hides
  the peak, so the threshold is lower and the event states its basis.

One braking is one event, however many samples it has. It is derived at the first sample that is no longer hard, at a
closing signal, or after a gap. A signal that is not newer than the last one adds nothing; with `ends` it closes what is
open.
"""

from collections.abc import Mapping
from typing import Any

from streams.domains.vehicle.order import closes_late, is_left_out, stretch_of

WINDOW_M_S2 = 3.5
STEP_M_S2 = 2.0
SHORTEST_WINDOW_US = 500_000
LONGEST_WINDOW_US = 1_000_000
LONGEST_STEP_US = 10_000_000
BEYOND_TYRES_M_S2 = 12.0
"""Deceleration above which it is no braking but an accident: no tyre brakes harder."""

SPACING_US = 50_000
"""Least time between two kept samples; it bounds the state to 21 samples."""

KMH = 3.6
"""km/h of one m/s."""

BrakingState = dict[str, Any]
"""Persisted state of one vehicle: newest time, open stretch, samples, open braking, last position. Its keys stay."""

Braking = dict[str, Any]
"""One braking: its basis, first and last sample, peak deceleration; with its position when it is over."""

Signal = Mapping[str, Any]
_CLOSED: Mapping[str, Any] = {"stretch": None, "samples": (), "braking": None}


def apply_signal(state: BrakingState | None, signal: Signal) -> tuple[BrakingState, list[Braking]]:
    """Apply one signal to its vehicle's state.

    Args:
        state: State before; None for the first signal.
        signal: Fields of `vehicle.signal`, `occurred_at` in µs since 1970 UTC.

    Returns:
        State after, and the brakings that are over, in the form that `fields` takes.
    """
    at: int = signal["occurred_at"]
    state = state or {"frontier": None, "stretch": None, **_CLOSED, "place": [None, None]}
    frontier = state["frontier"]
    if is_left_out(signal):
        return state, []
    if frontier is not None and at <= frontier:
        return (
            ({**state, **_CLOSED}, _finished(state)) if closes_late(signal, state["stretch"]) else (state, [])
        )
    stretch = stretch_of(state["stretch"], frontier, at)
    kept: BrakingState = {**state, "frontier": at, "stretch": stretch}
    place = [signal.get("current_location_latitude"), signal.get("current_location_longitude")]
    finished: list[Braking] = []
    speed = signal.get("speed")
    if speed is not None:
        sample = [at, speed, signal["event_id"], signal["salt"].hex()]
        kept["samples"], kept["braking"], over = _add_sample(kept, sample)
        finished += over
    if None not in place:
        kept["place"] = place
    if signal.get("ends") is not None:
        finished += _finished(kept)
        kept |= _CLOSED
    return kept, finished


def _add_sample(kept: BrakingState, sample: list[Any]) -> tuple[list[Any], Braking | None, list[Braking]]:
    """Compare a sample with those before it; return the kept samples, the open braking, and those that are over."""
    samples: list[list[Any]] = kept["samples"]
    if not samples or sample[0] - samples[-1][0] > LONGEST_STEP_US:
        return [sample], None, _finished(kept)
    basis, before = _reference(samples, sample)
    deceleration = 0.0
    if before is not None:
        deceleration = (before[1] - sample[1]) / KMH / (sample[0] - before[0]) * 1e6
    threshold = STEP_M_S2 if basis == "SPEED_STEP" else WINDOW_M_S2
    hard = threshold <= deceleration <= BEYOND_TYRES_M_S2
    braking, over = kept["braking"], []
    if braking is not None and not (hard and braking["basis"] == basis):
        over, braking = _finished(kept), None
    if hard and before is not None:
        braking = braking or {"basis": basis, "first": before, "peak": 0.0}
        braking = {**braking, "peak": max(braking["peak"], deceleration), "last": sample}
    recent = [each for each in samples if sample[0] - each[0] <= LONGEST_WINDOW_US]
    if len(recent) >= 2 and recent[-1][0] - recent[-2][0] < SPACING_US:
        recent = recent[:-1]
    return [*recent, sample], braking, over


def _reference(samples: list[list[Any]], sample: list[Any]) -> tuple[str, list[Any] | None]:
    """Return the basis, and the earlier sample to compare with or None."""
    if sample[0] - samples[-1][0] > LONGEST_WINDOW_US:
        return "SPEED_STEP", samples[-1]
    inside = [each for each in samples if SHORTEST_WINDOW_US <= sample[0] - each[0] <= LONGEST_WINDOW_US]
    return "SPEED_WINDOW", inside[-1] if inside else None


def _finished(kept: BrakingState) -> list[Braking]:
    return [] if kept["braking"] is None else [{**kept["braking"], "place": kept["place"]}]


def fields(braking: Braking) -> dict[str, Any]:
    """Return a braking as fields of `vehicle.hard-braking`, without vehicle and rule."""
    first, last = braking["first"], braking["last"]
    return {
        "basis": braking["basis"],
        "peak_deceleration": braking["peak"],
        "duration_s": (last[0] - first[0]) / 1e6,
        "speed_before": first[1],
        "speed_after": last[1],
        "latitude": braking["place"][0],
        "longitude": braking["place"][1],
        "first_id": first[2],
        "last_id": last[2],
    }
