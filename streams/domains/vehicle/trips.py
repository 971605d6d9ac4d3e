"""One signal and its vehicle's state → a trip, when it closes. Pure.

A trip closes at a signal with `ends`, or when the next signal comes after more than `SILENCE_US`. A signal that is not
newer than the last one of its vehicle (a repeat, or a late one) changes nothing. That holds after the closing signal
too, so a repeat opens no second trip.

Distance is the integral of speed (trapezoids) over steps of at most `LONGEST_STEP_US`; fuel and carbon dioxide
likewise.
"""

from collections.abc import Mapping
from typing import Any

SILENCE_US = 300_000_000
LONGEST_STEP_US = 60_000_000
STANDSTILL_KMH = 1.0
"""Speed below which a vehicle is at standstill."""

_HOUR_US = 3_600_000_000

TripState = dict[str, Any]
"""Persisted state of one vehicle: the newest time (`frontier`) and the open trip, or None. Its keys do not change."""

Trip = dict[str, Any]
"""Sums of one trip so far, its first and last signal; with `ended_by` once it is closed."""

Signal = Mapping[str, Any]
_AMOUNTS = (("speed", "distance_km"), ("fuel_consumption", "fuel_l"), ("co2_emission", "co2_kg"))


def apply_signal(state: TripState | None, signal: Signal) -> tuple[TripState, list[Trip]]:
    """Apply one signal to its vehicle's state.

    Args:
        state: State before; None for the first signal.
        signal: Fields of `vehicle.signal`, `occurred_at` in µs since 1970 UTC.

    Returns:
        State after, and the trips that closed, in the form that `summary` takes.
    """
    at: int = signal["occurred_at"]
    trip = None if state is None else state["trip"]
    if state is not None and at <= state["frontier"]:
        return state, []
    finished: list[Trip] = []
    if trip is not None and at - trip["last_us"] > SILENCE_US:
        finished.append({**trip, "ended_by": "SILENCE"})
        trip = None
    trip = _extend(trip or _begin(signal), signal)
    if signal.get("ends") is not None:
        finished.append({**trip, "ended_by": signal["ends"]})
        trip = None
    return {"frontier": at, "trip": trip}, finished


def _begin(signal: Signal) -> Trip:
    return {
        "first": _input(signal),
        "started_us": signal["occurred_at"],
        "signals": 0,
        "standing_us": 0,
        "with_speed_us": 0,
        "max_speed": None,
        "start": None,
        "end": None,
        "last": {},
        **dict.fromkeys((amount for _, amount in _AMOUNTS), None),
    }


def _extend(trip: Trip, signal: Signal) -> Trip:
    at: int = signal["occurred_at"]
    trip = {**trip, "last_us": at, "last_input": _input(signal), "signals": trip["signals"] + 1}
    last = dict(trip["last"])
    for rate, amount in _AMOUNTS:
        value = signal.get(rate)
        if value is None:
            continue
        before, last[rate] = last.get(rate), [at, value]
        trip[amount] = trip[amount] or 0.0
        if before is not None and at - before[0] <= LONGEST_STEP_US:
            trip[amount] += (before[1] + value) / 2 * (at - before[0]) / _HOUR_US
            if rate == "speed":
                trip["with_speed_us"] += at - before[0]
                at_standstill = max(before[1], value) < STANDSTILL_KMH
                trip["standing_us"] += at - before[0] if at_standstill else 0
    trip["last"] = last
    if signal.get("speed") is not None:
        trip["max_speed"] = max(trip["max_speed"] or 0.0, signal["speed"])
    position = [signal.get("current_location_latitude"), signal.get("current_location_longitude")]
    if None not in position:
        trip["start"] = trip["start"] or position
        trip["end"] = position
    return trip


def _input(signal: Signal) -> list[str]:
    return [signal["event_id"], signal["salt"].hex()]


def summary(trip: Trip) -> dict[str, Any]:
    """Return a closed trip as fields of `vehicle.trip`, without vehicle and rule."""
    start, end = trip["start"] or [None, None], trip["end"] or [None, None]
    distance_km, hours = trip["distance_km"] or 0.0, trip["with_speed_us"] / _HOUR_US
    return {
        "started_at": trip["started_us"],
        "duration_s": (trip["last_us"] - trip["started_us"]) / 1e6,
        "standing_s": trip["standing_us"] / 1e6,
        "distance_km": distance_km,
        "max_speed": trip["max_speed"],
        "mean_speed": distance_km / hours if hours else None,
        "fuel_l": trip["fuel_l"],
        "co2_kg": trip["co2_kg"],
        "signals": trip["signals"],
        "start_latitude": start[0],
        "start_longitude": start[1],
        "end_latitude": end[0],
        "end_longitude": end[1],
        "ended_by": trip["ended_by"],
        "first_id": trip["first"][0],
        "last_id": trip["last_input"][0],
    }
