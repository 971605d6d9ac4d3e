"""One signal and what came before it → hard braking, when it is over. Pure.

There is no public standard for "hard"; the thresholds are the platform's own, by what speed was told how
often:

- `SPEED_WINDOW`: speeds at least every second: mean deceleration over the last 0.5 to 1 s of 3.5 m/s² or
  more (about 8 mph per second, where insurers' recorders begin to count).
- `SPEED_STEP`: coarser, steps of more than 1 s and at most 10 s: mean over the step of 2.0 m/s² or more. A
  mean over 5 s hides the peak, so the threshold is lower and the event is marked.

One braking is one event, however many samples it has; it is told with the first sample that is no longer hard,
with a closing signal, or after a gap. A signal that is not newer than the last one changes nothing.
"""

from collections.abc import Mapping
from typing import Any

WINDOW_M_S2 = 3.5
STEP_M_S2 = 2.0
SHORTEST_WINDOW_US = 500_000
LONGEST_WINDOW_US = 1_000_000
LONGEST_STEP_US = 10_000_000
BEYOND_TYRES_M_S2 = 12.0
"""Above this no tyre brakes: it is an accident, not a braking."""

SPACING_US = 50_000
"""Samples that are kept for the window lie at least this far apart; bounds what is kept to 21 samples."""

KMH = 3.6

Memory = dict[str, Any]
Signal = Mapping[str, Any]


def follow(memory: Memory | None, signal: Signal) -> tuple[Memory, list[Memory]]:
    """Let one signal count.

    Args:
        memory: What is kept of its vehicle; None for the first signal.
        signal: Fields of `vehicle.signal`, `occurred_at` in µs since 1970 UTC.

    Returns:
        What is to be kept, and the brakings that are over, as `fields` takes them.
    """
    at: int = signal["occurred_at"]
    if memory is not None and at <= memory["frontier"]:
        return memory, []
    kept: Memory = dict(memory or {"samples": [], "braking": None, "place": [None, None]}) | {"frontier": at}
    place = [signal.get("current_location_latitude"), signal.get("current_location_longitude")]
    finished: list[Memory] = []
    speed = signal.get("speed")
    if speed is not None:
        sample = [at, speed, signal["event_id"], signal["salt"].hex()]
        kept["samples"], kept["braking"], over = _braked(kept, sample)
        finished += over
    if None not in place:
        kept["place"] = place
    if signal.get("ends") is not None:
        finished += _over(kept)
        kept |= {"samples": [], "braking": None}
    return kept, finished


def _braked(kept: Memory, sample: list[Any]) -> tuple[list[Any], Memory | None, list[Memory]]:
    """Judge a sample by those before it; return what is kept, the braking that goes on, and those over."""
    samples: list[list[Any]] = kept["samples"]
    if not samples or sample[0] - samples[-1][0] > LONGEST_STEP_US:
        return [sample], None, _over(kept)
    basis, before = _compared(samples, sample)
    deceleration = 0.0
    if before is not None:
        deceleration = (before[1] - sample[1]) / KMH / (sample[0] - before[0]) * 1e6
    threshold = STEP_M_S2 if basis == "SPEED_STEP" else WINDOW_M_S2
    hard = threshold <= deceleration <= BEYOND_TYRES_M_S2
    braking, over = kept["braking"], []
    if braking is not None and not (hard and braking["basis"] == basis):
        over, braking = _over(kept), None
    if hard and before is not None:
        braking = braking or {"basis": basis, "first": before, "peak": 0.0}
        braking = {**braking, "peak": max(braking["peak"], deceleration), "last": sample}
    recent = [each for each in samples if sample[0] - each[0] <= LONGEST_WINDOW_US]
    if len(recent) >= 2 and recent[-1][0] - recent[-2][0] < SPACING_US:
        recent = recent[:-1]
    return [*recent, sample], braking, over


def _compared(samples: list[list[Any]], sample: list[Any]) -> tuple[str, list[Any] | None]:
    """Choose the earlier sample that one is compared with."""
    if sample[0] - samples[-1][0] > LONGEST_WINDOW_US:
        return "SPEED_STEP", samples[-1]
    inside = [each for each in samples if SHORTEST_WINDOW_US <= sample[0] - each[0] <= LONGEST_WINDOW_US]
    return "SPEED_WINDOW", inside[-1] if inside else None


def _over(kept: Memory) -> list[Memory]:
    return [] if kept["braking"] is None else [{**kept["braking"], "place": kept["place"]}]


def fields(braking: Memory) -> dict[str, Any]:
    """Spell a braking as fields of `vehicle.hard-braking`, without vehicle and rule."""
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
