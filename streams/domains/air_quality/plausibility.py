"""Finds anomalies of a reading. They are flagged, not refused: yellow dust and a damaged sensor look alike at first.

Flags: ``OUT_OF_RANGE:<field>`` beyond what the city's air has shown, ``NEGATIVE:<field>`` (instruments drift below
zero), ``NOT_A_NUMBER:<field>``, ``PM2_5_ABOVE_PM10`` (the finer particles are part of the coarser),
``UNKNOWN:wind_direction``, ``UNKNOWN:zone``. A negative or non-finite value enters no index; every other value does.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from streams.domains.air_quality.reference import PLAUSIBLE_C, plausible, reference_temperature
from streams.domains.air_quality.units import GASES, MICRO, POLLUTANTS, UNITS, in_ppm, to_micro
from streams.zones import zone_of

HIGHEST = {
    "PT1H": {"pm10": 2000, "pm2_5": 1000, "no2": 0.5, "o3": 0.4, "co": 50, "so2": 0.5},
    "P1D": {"pm10": 1000, "pm2_5": 500, "no2": 0.2, "o3": 0.15, "co": 20, "so2": 0.2},
}
"""Highest plausible concentration by averaging time: particles in µg/m³, gases in ppm."""

DRIFT = {"pm10": -10, "pm2_5": -10, "no2": -0.005, "o3": -0.005, "co": -0.5, "so2": -0.005}
"""Lowest concentration that is an instrument's drift around zero; what is below it is a code or a fault."""

SOURCE_FLAG = "SOURCE_FLAG"
"""Flag of a value that the source itself calls doubtful: `SOURCE_FLAG:pm10:점검및교정`. The value enters no index."""

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


def _in_own_unit(field: str, highest: float, unit: str) -> float:
    """Return a highest plausible concentration in the unit of the reading, rounded down to a millionth.

    µg/m³ are those of the hottest reference, the lowest of all.
    """
    if field in GASES:
        numerator, denominator = in_ppm(field, (1, 1), unit, PLAUSIBLE_C[1])
        return to_micro(highest) * denominator // numerator / MICRO
    return highest


_PLAUSIBLE = {
    (averaging, unit): [(field, _in_own_unit(field, fields[field], unit)) for field in POLLUTANTS]
    for averaging, fields in HIGHEST.items()
    for unit in UNITS
}
"""Highest concentrations in the unit of the reading: a fast test; values above are compared exactly."""
_PLAUSIBLE_WEATHER = [(field, *bounds) for field, bounds in WEATHER.items()]


def sound_parts(field: str, parts: Sequence[Decimal], unit: str) -> list[bool]:
    """Return which parts of an hour may enter its mean.

    Left out is what stands for "no value" or shows a fault: below drift (-999, -9999), high nines (999, 9999), weather
    that no place has, and a concentration above `HIGHEST` unless most parts of the hour are: then it is an event.

    Args:
        field: Field of the reading.
        parts: The parts, in the unit of the field.
        unit: Unit of the gases, `PPM` or `UG_M3`; another text for the rest.
    """
    if field in WEATHER:
        lowest, highest = WEATHER[field]
        return [lowest <= part <= highest for part in parts]
    own = unit if field in GASES else "UG_M3"
    low = Decimal(str(-_in_own_unit(field, -DRIFT[field], own)))
    high = Decimal(str(_in_own_unit(field, HIGHEST["PT1H"][field], own)))
    above = sum(part > high for part in parts)
    event = 2 * above > len(parts)
    return [
        low <= part and (part <= high or event) and not (4 * part > high and _is_nines(part))
        for part in parts
    ]


def _is_nines(value: Decimal) -> bool:
    """Return whether a value is 999, 9999, 999.9 and the like, which stand for no value."""
    return value >= 999 and set(f"{value.normalize():f}") <= {"9", "."}


def doubted(flags: Sequence[str]) -> frozenset[str]:
    """Return the fields whose values the source itself calls doubtful, by the flags of a reading."""
    return frozenset(flag.split(":", 2)[1] for flag in flags if flag.startswith(f"{SOURCE_FLAG}:"))


def anomalies(reading: Mapping[str, Any]) -> list[str]:
    """Return the anomalies of a reading.

    Args:
        reading: Fields of ``air-quality.reading``; a missing field counts as not measured.

    Returns:
        Flags in a fixed order; empty for a plausible reading.
    """
    found: list[str] = []
    for field, highest in _PLAUSIBLE[reading["averaging"], reading["gas_unit"]]:
        value = reading.get(field)
        if value is not None and not 0 <= value <= highest:
            found += _concentration(field, value, reading)
    coarse, fine = reading.get("pm10"), reading.get("pm2_5")
    if coarse is not None and fine is not None and fine > coarse >= 0:
        found.append("PM2_5_ABOVE_PM10")
    for field, lowest, highest in _PLAUSIBLE_WEATHER:
        value = reading.get(field)
        if value is not None and not lowest <= value <= highest:
            found.append(f"{'OUT_OF_RANGE' if math.isfinite(value) else 'NOT_A_NUMBER'}:{field}")
    temperature = reading.get("gas_temperature")
    if temperature is not None and not plausible(temperature):
        found.append(f"{'OUT_OF_RANGE' if math.isfinite(temperature) else 'NOT_A_NUMBER'}:gas_temperature")
    zone = reading.get("zone")
    if zone is not None and zone_of(zone) is None:
        found.append("UNKNOWN:zone")
    direction = reading.get("wind_direction")
    if direction is not None and direction not in COMPASS_POINTS:
        found.append("UNKNOWN:wind_direction")
    return found


def _concentration(field: str, value: float, reading: Mapping[str, Any]) -> list[str]:
    """Return the anomalies of a concentration that did not pass the fast test."""
    if not math.isfinite(value):
        return [f"NOT_A_NUMBER:{field}"]
    if value < 0:
        return [f"NEGATIVE:{field}"]
    above = _above(field, value, reading, HIGHEST[reading["averaging"]][field])
    return [f"OUT_OF_RANGE:{field}"] if above else []


def _above(field: str, value: float, reading: Mapping[str, Any], highest: float) -> bool:
    if field not in GASES:
        return value > highest
    micro, temperature = (to_micro(value), 1), reference_temperature(reading)
    numerator, denominator = in_ppm(field, micro, reading["gas_unit"], temperature)
    return numerator > to_micro(highest) * denominator
