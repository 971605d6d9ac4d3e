"""What is odd about a reading. It is flagged and kept: yellow dust and a broken sensor look alike at first.

Flags: ``OUT_OF_RANGE:<field>`` beyond what the city's air has shown, ``NEGATIVE:<field>`` (instruments
drift below zero), ``NOT_A_NUMBER:<field>``, ``PM2_5_ABOVE_PM10`` (the finer particles are part of the
coarser), ``UNKNOWN:wind_direction``. A negative or non-finite value enters no index; every other value
does.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from streams.domains.air_quality.units import GASES, PARTICLES, POLLUTANTS, in_ppm, to_micro

HIGHEST = {
    "PT1H": {"pm10": 2000, "pm2_5": 1000, "no2": 0.5, "o3": 0.4, "co": 50, "so2": 0.5},
    "P1D": {"pm10": 1000, "pm2_5": 500, "no2": 0.2, "o3": 0.15, "co": 20, "so2": 0.2},
}
"""Highest plausible concentration by averaging time: particles in µg/m³, gases in ppm."""

WEATHER = {
    "temperature": (-60.0, 60.0),
    "pressure": (850.0, 1090.0),
    "dew_point": (-80.0, 40.0),
    "precipitation": (0.0, 400.0),
    "wind_speed": (0.0, 90.0),
}
"""Plausible weather near the ground: °C, hPa, °C, mm in the interval, m/s."""

COMPASS_POINTS = frozenset(
    ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"]
)


def oddities(reading: Mapping[str, Any]) -> list[str]:
    """Tell what is odd about a reading.

    Args:
        reading: Fields of ``air-quality.reading``; a missing field counts as not measured.

    Returns:
        Flags in a fixed order, empty for a plausible reading.
    """
    return [*_concentrations(reading), *_weather(reading)]


def _concentrations(reading: Mapping[str, Any]) -> Iterator[str]:
    highest = HIGHEST[reading["averaging"]]
    for field in POLLUTANTS:
        value = reading.get(field)
        if value is None:
            continue
        if not math.isfinite(value):
            yield f"NOT_A_NUMBER:{field}"
        elif value < 0:
            yield f"NEGATIVE:{field}"
        elif _above(field, value, reading["gas_unit"], highest[field]):
            yield f"OUT_OF_RANGE:{field}"
    coarse, fine = (reading.get(field) for field in PARTICLES)
    if coarse is not None and fine is not None and fine > coarse >= 0:
        yield "PM2_5_ABOVE_PM10"


def _above(field: str, value: float, unit: str, highest: float) -> bool:
    if field not in GASES:
        return value > highest
    numerator, denominator = in_ppm(field, (to_micro(value), 1), unit)
    return numerator > to_micro(highest) * denominator


def _weather(reading: Mapping[str, Any]) -> Iterator[str]:
    for field, (lowest, highest) in WEATHER.items():
        value = reading.get(field)
        if value is None:
            continue
        if not math.isfinite(value):
            yield f"NOT_A_NUMBER:{field}"
        elif not lowest <= value <= highest:
            yield f"OUT_OF_RANGE:{field}"
    direction = reading.get("wind_direction")
    if direction is not None and direction not in COMPASS_POINTS:
        yield "UNKNOWN:wind_direction"
