"""Generator of `scenarios/automated_car_crash.jsonl`: a car under an automated lane keeping system hits a lorry.

It is a labelled scenario, not a recording: no open recording shows a crash with its DSSAD records (UN R157). The seed
is fixed, and a test compares the committed file with this module's output.

    python -m streams.domains.vehicle.crash_scenario > streams/domains/vehicle/scenarios/automated_car_crash.jsonl

| second | what happens |
|---|---|
| 2 | the system is activated at 58 km/h |
| 20 | roadworks appear: transition demand |
| 26 | the driver did not take over, a lorry stands in the lane: emergency braking at 6.5 m/s² |
| 27 | impact at 34.6 km/h, left front |
| 28 | severe failure: the car stops by itself |
| 60 | the ignition is switched off |
"""

import json
import math
import random
import sys
from collections.abc import Iterator
from typing import Any

from streams.domains.vehicle.signals import IGNITION_OFF, SIGNAL

SEED = 157
VEHICLE = "av-07"
DSSAD = "vehicle.dssad-event"

HEADER: dict[str, Any] = {
    "scenario": 1,
    "title": "An automated car hits a standing lorry after a transition demand that nobody answered",
    "domain": "vehicle",
    "seed": SEED,
    "facts": [
        "UN R157 8.2.1: the occurrences; 8.3: flag, reason, date and time to 1 s, order of equal time stamps",
        "UN R157: emergency braking demand above 5 m/s²; a severe failure begins the minimum risk manoeuvre at once",
        "49 CFR 563.5, 563.7: trigger of 8 km/h within 150 ms, delta-V at 100 per second, speed at 2 per second",
        "a 1.9 t car and a standing 12 t lorry that move on together: delta-V along 30 km/h of 34.6",
    ],
    "begins_at": "2026-03-02T08:00:00Z",
    "about": "Positions lie on a Seoul riverside road; the car, its driver and the crash are made up.",
}

CRUISE_KMH = 58.0
BRAKED_AT_MS, HIT_AT_MS, STOPS_AT_MS, ENDS_AT_MS = 26_000, 27_000, 28_500, 60_000
ACTIVE_AT_MS, DEMAND_AT_MS = 2_000, 20_000
BRAKING_M_S2 = 6.5
AFTER_KMH = 4.6
DELTA_V_KMH = (-30.0, -13.5)
"""Change of velocity in the impact, forward and to the left, km/h."""

PULSE_MS = 100
SIGNALS_EVERY_MS, SAMPLES_EVERY_MS = 500, 10
SAMPLED_MS = (26_800, 27_400)
AIRBAG_AT_MS = HIT_AT_MS + 30
LATITUDE, LONGITUDE = 37.5297, 126.9302
METRES_PER_DEGREE = 111_320.0
LORRY_METRES = 3.0
"""Distance between the radar and its target at impact."""

OCCURRENCES: tuple[tuple[int, str, str | None, str], ...] = (
    (ACTIVE_AT_MS, "ACTIVATION", None, "hands may leave the wheel"),
    (DEMAND_AT_MS, "TRANSITION_DEMAND", "UNPLANNED_EVENT", "roadworks that the map does not know"),
    (BRAKED_AT_MS, "EMERGENCY_MANOEUVRE_STARTED", None, "a lorry stands in the lane, 16 m before the radar"),
    (HIT_AT_MS, "EDR_TRIGGER_INPUT", None, "same second as the next: the sequence tells the order"),
    (HIT_AT_MS, "COLLISION_DETECTED", None, "left front"),
    (HIT_AT_MS + 1000, "EMERGENCY_MANOEUVRE_ENDED", None, "the danger is past"),
    (HIT_AT_MS + 1000, "SEVERE_VEHICLE_FAILURE", None, "front axle"),
    (HIT_AT_MS + 1000, "MINIMUM_RISK_MANOEUVRE", None, "at once: a severe failure does not wait 10 s"),
)


def speed_kmh(at_ms: int) -> float:
    """Return the car's speed in km/h, some milliseconds after the start."""
    if at_ms <= BRAKED_AT_MS:
        return CRUISE_KMH
    if at_ms <= HIT_AT_MS:
        return CRUISE_KMH - BRAKING_M_S2 * 3.6 * (at_ms - BRAKED_AT_MS) / 1000
    left = max(0, STOPS_AT_MS - at_ms) / (STOPS_AT_MS - HIT_AT_MS - PULSE_MS)
    return AFTER_KMH * min(1.0, left)


def driven_m(at_ms: int) -> float:
    """Return the metres driven, some milliseconds after the start."""
    steps = range(0, at_ms, SAMPLES_EVERY_MS)
    return sum(speed_kmh(step) for step in steps) / 3.6 * SAMPLES_EVERY_MS / 1000


def events() -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield all events with their offsets in ms; the order of equal offsets is that of the file."""
    for number, (at_ms, occurrence, reason, note) in enumerate(OCCURRENCES, start=1):
        fields: dict[str, Any] = {"vehicle": VEHICLE, "occurrence": occurrence, "reason": reason}
        fields |= {"sequence": number, "utc_offset": "+09:00", "software_version": "R157.01-4.2"}
        fields["speed"] = round(speed_kmh(at_ms), 1)
        yield at_ms, {"topic": DSSAD, "fields": fields, "note": note}
    for at_ms in range(0, ENDS_AT_MS + 1, SIGNALS_EVERY_MS):
        yield at_ms, {"topic": SIGNAL, "fields": _signal(at_ms)}
    noise = random.Random(SEED)  # noqa: S311  it makes a scenario, no secret
    for at_ms in range(SAMPLED_MS[0] + SAMPLES_EVERY_MS, SAMPLED_MS[1] + 1, SAMPLES_EVERY_MS):
        if at_ms % SIGNALS_EVERY_MS:
            yield at_ms, {"topic": SIGNAL, "fields": {"vehicle": VEHICLE, **_sample(at_ms, noise)}}


def _signal(at_ms: int) -> dict[str, Any]:
    metres = driven_m(at_ms)
    fields: dict[str, Any] = {"vehicle": VEHICLE, "speed": round(speed_kmh(at_ms), 2)}
    if SAMPLED_MS[0] < at_ms <= SAMPLED_MS[1]:
        fields |= {"acceleration_longitudinal": -BRAKING_M_S2, "acceleration_lateral": 0.0}
    fields |= {
        "current_location_latitude": LATITUDE,
        "current_location_longitude": round(
            LONGITUDE + metres / METRES_PER_DEGREE / math.cos(math.radians(LATITUDE)), 6
        ),
        "current_location_heading": 90.0,
    }
    level = "SAE_0" if at_ms < ACTIVE_AT_MS else "SAE_3" if at_ms < DEMAND_AT_MS else "SAE_3_DISENGAGING"
    fields["adas_active_autonomy_level"] = level if at_ms < STOPS_AT_MS else "SAE_0"
    fields["driver_is_hands_on_wheel"] = at_ms < ACTIVE_AT_MS
    if DEMAND_AT_MS <= at_ms <= HIT_AT_MS:
        to_lorry = driven_m(HIT_AT_MS) - metres + LORRY_METRES
        fields["adas_obstacle_detection_front_center_distance"] = round(to_lorry, 1)
    if at_ms == ENDS_AT_MS:
        fields["ends"] = IGNITION_OFF
    return fields


def _sample(at_ms: int, noise: random.Random) -> dict[str, Any]:
    """Return a sample of the pulse: the mean of a half sine since the sample before, with noise."""
    x, y = (-BRAKING_M_S2, 0.0) if at_ms <= HIT_AT_MS else (0.0, 0.0)
    share = _pulse(at_ms) - _pulse(at_ms - SAMPLES_EVERY_MS)
    per_share = 1000 / SAMPLES_EVERY_MS / 3.6
    x, y = x + DELTA_V_KMH[0] * share * per_share, y + DELTA_V_KMH[1] * share * per_share
    fields: dict[str, Any] = {
        "acceleration_longitudinal": round(x + noise.uniform(-1.0, 1.0), 2),
        "acceleration_lateral": round(y + noise.uniform(-1.0, 1.0), 2),
    }
    if at_ms == AIRBAG_AT_MS:
        fields["cabin_seat_row1_driver_side_airbag_is_deployed"] = True
    return fields


def _pulse(at_ms: int) -> float:
    """Return the share of the change of velocity that has happened: the integral of a half sine."""
    passed = min(max((at_ms - HIT_AT_MS) / PULSE_MS, 0.0), 1.0)
    return (1 - math.cos(math.pi * passed)) / 2


def text() -> str:
    """Return the scenario as JSON Lines."""
    ordered = sorted(events(), key=lambda event: event[0])
    lines = [HEADER, *({"topic": e["topic"], "offset_ms": at, **e} for at, e in ordered)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(text())
