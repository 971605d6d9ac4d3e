"""The load's events: readings of many stations, and signals of vehicles that crash now and then.

An event's id is a UUIDv7 of the moment at which it was made, so whoever meets the id later, be it in an event derived
from it, knows how long ago that was (`born_ms`). Times of occurrence run ahead of the clock: each station has its next
day or hour, each vehicle its next tenth of a second.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

READING = "air-quality.reading"
INDEX = "air-quality.index"
SIGNAL = "vehicle.signal"
ACCIDENT = "vehicle.accident"

STATIONS = 1000
"""Half of them tell daily means, half hourly ones."""
VEHICLES = 200
SIGNAL_EVERY = 5
"""One event in so many is a signal of a vehicle; the others are readings."""

DAY_US, HOUR_US, TENTH_US = 86_400_000_000, 3_600_000_000, 100_000
_BEGIN_US = 946_684_800_000_000  # 2000: a station has a new day many times a second, and stays below 2100
_WEATHERS = 97

ROUND = 120
"""Signals of a vehicle from one trip to the next: 12 s of its time, more than an accident keeps the rules silent."""
CRASH_AT, BRAKE_AT, BRAKE_FOR = 30, 80, 10
SHOWN_AT = CRASH_AT + 2
"""Step whose signal shows a crash: behind the pulse, so that it is known whole."""
_CRUISE_KMH, _CRASHED_KMH, _STEP_KMH, _BRAKE_KMH = 50.0, 20.0, 2.0, 1.5


def born_ms(event_id: str) -> int:
    """Return when an event of the load was made, in milliseconds since 1970."""
    return int(event_id[:8] + event_id[9:13], 16)


def station(number: int) -> str:
    """Return a station's name; those with even numbers tell daily means."""
    return f"station-{number:03}"


@dataclass
class Load:
    """Makes events without end, and counts them.

    Attributes:
        readings: Readings made.
        signals: Signals made.
        crashes: Signals among them that show a crash.
    """

    readings: int = 0
    signals: int = 0
    crashes: int = 0
    _random: Random = field(default_factory=lambda: Random(1))
    _weathers: list[dict[str, Any]] = field(default_factory=lambda: [_weather(n) for n in range(_WEATHERS)])

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield topics and events, each made when it is asked for."""
        while True:
            for _ in range(SIGNAL_EVERY - 1):
                yield READING, self._reading()
            yield SIGNAL, self._signal()

    def _reading(self) -> dict[str, Any]:
        turn, number = divmod(self.readings, STATIONS)
        self.readings += 1
        hourly = number % 2
        name = station(number)
        return {
            **self._weathers[(turn + number) % _WEATHERS],
            **self._envelope(f"urn:city:{name}", _BEGIN_US + turn * (HOUR_US if hourly else DAY_US)),
            "station": name,
            "averaging": "PT1H" if hourly else "P1D",
        }

    def _signal(self) -> dict[str, Any]:
        turn, number = divmod(self.signals, VEHICLES)
        self.signals += 1
        step = (turn + number) % ROUND  # so that not all crash at once
        self.crashes += step == SHOWN_AT and turn > 2
        name = f"vehicle-{number:03}"
        return {
            **self._envelope(f"urn:city:{name}", _BEGIN_US + turn * TENTH_US),
            "vehicle": name,
            "speed": speed_kmh(step),
            "current_location_latitude": 37.5 + number / 10_000,
            "current_location_longitude": 127.0 + step / 10_000,
            "ends": "IGNITION_OFF" if step == ROUND - 1 else None,
        }

    def _envelope(self, source: str, occurred_us: int) -> dict[str, Any]:
        made_ms, serial = time.time_ns() // 1_000_000, self.readings + self.signals
        return {
            "event_id": f"{made_ms >> 16:08x}-{made_ms & 0xFFFF:04x}-7000-8000-{serial:012x}",
            "salt": self._random.randbytes(16),
            "source": source,
            "occurred_at": occurred_us,
            "recorded_at": None,
        }


def speed_kmh(step: int) -> float:
    """Return a vehicle's speed at one of its steps: cruise, crash, gather speed, brake hard, gather speed."""
    if CRASH_AT <= step < BRAKE_AT:
        return min(_CRUISE_KMH, _CRASHED_KMH + (step - CRASH_AT) * _STEP_KMH)
    slowed = min(max(step - BRAKE_AT, 0), BRAKE_FOR) * _BRAKE_KMH
    gathered = max(step - BRAKE_AT - BRAKE_FOR, 0) * _STEP_KMH
    return min(_CRUISE_KMH, _CRUISE_KMH - slowed + gathered)


def _weather(number: int) -> dict[str, Any]:
    """Give pollutants that come round slowly, so that categories change now and then, as in the recordings."""
    swing = math.sin(2 * math.pi * number / _WEATHERS)
    return {
        "city": "Seoul",
        "gas_unit": "PPM",
        "pm10": round(60 + 50 * swing, 1),
        "pm2_5": round(30 + 25 * swing, 1),
        "no2": round(0.04 + 0.03 * swing, 3),
        "o3": round(0.05 - 0.04 * swing, 3),
        "co": round(0.8 + 0.5 * swing, 1),
        "so2": round(0.005 + 0.003 * swing, 3),
        "flags": [],
    }
