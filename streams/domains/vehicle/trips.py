"""One signal and its vehicle's state → a trip, when it closes. Pure.

A trip closes at a signal with `ends`, or when the next signal comes after more than `SILENCE_US`. A signal that is not
newer than the last one of its vehicle (a repeat, or a late one) adds nothing. That holds after the closing signal
too, so a repeat opens no second trip. With `ends` it closes the open trip at the last signal that was kept.

Distance is the integral of speed (trapezoids) over steps of at most `LONGEST_STEP_US`; fuel and carbon dioxide
likewise. Where the vehicle tells no speed (GPX tracks), it is that of the receiver's speed; without one, the length of
the path over the positions.
"""

import math
from collections.abc import Mapping
from typing import Any

from streams.domains.vehicle.order import SILENCE_US, closes_late, is_left_out

LONGEST_STEP_US = 60_000_000
STANDSTILL_KMH = 1.0
"""Speed below which a vehicle is at standstill."""

_HOUR_US = 3_600_000_000

TripState = dict[str, Any]
"""Persisted state of one vehicle: newest time (`frontier`) and open trip, each None without. Its keys do not change."""

Trip = dict[str, Any]
"""Sums of one trip so far, its first and last signal; with `ended_by` once it is closed."""

Signal = Mapping[str, Any]
_AMOUNTS = (("fuel_consumption", "fuel_l"), ("co2_emission", "co2_kg"))
_METERS = ("speed", "gnss_speed", "path")
"""What tells the distance, best first."""

_EARTH_KM = 6_371.0088
"""Mean radius of the Earth (WGS 84)."""


def apply_signal(state: TripState | None, signal: Signal) -> tuple[TripState, list[Trip]]:
    """Apply one signal to its vehicle's state.

    Args:
        state: State before; None for the first signal.
        signal: Fields of `vehicle.signal`, `occurred_at` in µs since 1970 UTC.

    Returns:
        State after, and the trips that closed, in the form that `summary` takes.
    """
    at: int = signal["occurred_at"]
    state = state or {"frontier": None, "trip": None}
    frontier, trip = state["frontier"], state["trip"]
    if is_left_out(signal):
        return state, []
    if frontier is not None and at <= frontier:
        if trip is None or not closes_late(signal, [trip["started_us"], trip["before_us"]]):
            return state, []
        return {**state, "trip": None}, [{**trip, "ended_by": signal["ends"]}]
    finished: list[Trip] = []
    if trip is not None and at - trip["last_us"] > SILENCE_US:
        finished.append({**trip, "ended_by": "SILENCE"})
        trip = None
    trip = _extend(trip or _begin(signal, frontier), signal)
    if signal.get("ends") is not None:
        finished.append({**trip, "ended_by": signal["ends"]})
        trip = None
    return {"frontier": at, "trip": trip}, finished


def _begin(signal: Signal, frontier: int | None) -> Trip:
    return {
        "before_us": frontier,
        "first": _input(signal),
        "started_us": signal["occurred_at"],
        "signals": 0,
        "meters": {},
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
    position = [signal.get("current_location_latitude"), signal.get("current_location_longitude")]
    trip["meters"] = dict(trip["meters"])
    for name, value in (
        ("speed", signal.get("speed")),
        ("gnss_speed", signal.get("gnss_speed")),
        ("path", None if None in position else position),
    ):
        if value is not None:
            before, last[name] = last.get(name), [at, value]
            trip["meters"][name] = _metered(trip["meters"].get(name), before, last[name])
    trip["last"] = last
    if None not in position:
        trip["start"] = trip["start"] or position
        trip["end"] = position
    return trip


def _metered(meter: list[Any] | None, before: list[Any] | None, now: list[Any]) -> list[Any]:
    """Return a meter with one more value: km, µs with a value at both ends, µs at standstill, highest speed or None."""
    km, with_us, still_us, highest = meter or [0.0, 0, 0, None]
    is_speed = not isinstance(now[1], list)
    if is_speed:
        highest = max(highest or 0.0, now[1])
    if before is None or now[0] - before[0] > LONGEST_STEP_US:
        return [km, with_us, still_us, highest]
    step_us = now[0] - before[0]
    if is_speed:
        step_km, fastest = (before[1] + now[1]) / 2 * step_us / _HOUR_US, max(before[1], now[1])
    else:
        step_km = _distance_km(before[1], now[1])
        fastest = step_km * _HOUR_US / step_us
    still_us += step_us if fastest < STANDSTILL_KMH else 0
    return [km + step_km, with_us + step_us, still_us, highest]


def _distance_km(one: list[float], other: list[float]) -> float:
    """Return the distance of two positions (latitude and longitude in degrees) on a sphere, in km (haversine)."""
    a, b = math.radians(one[0]), math.radians(other[0])
    across = math.sin(math.radians(other[1] - one[1]) / 2) ** 2
    share = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * across
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(share)))


def _meter(trip: Trip) -> list[Any]:
    """Return the best meter of a trip that measured a step, else the best of all."""
    meters: dict[str, list[Any]] = trip["meters"]
    found = [meters[name] for name in _METERS if name in meters]
    measured = [each for each in found if each[1]]
    return next(iter([*measured, *found]), [0.0, 0, 0, None])


def _input(signal: Signal) -> list[str]:
    return [signal["event_id"], signal["salt"].hex()]


def summary(trip: Trip) -> dict[str, Any]:
    """Return a closed trip as fields of `vehicle.trip`, without vehicle and rule."""
    start, end = trip["start"] or [None, None], trip["end"] or [None, None]
    distance_km, with_us, still_us, highest = _meter(trip)
    hours = with_us / _HOUR_US
    return {
        "started_at": trip["started_us"],
        "duration_s": (trip["last_us"] - trip["started_us"]) / 1e6,
        "standing_s": still_us / 1e6,
        "distance_km": distance_km,
        "max_speed": highest,
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
