"""Korea's comprehensive air-quality index, 통합대기환경지수 (docs/fields/air-quality.md#korean-index).

Rules beside the table:

- the index exists only where PM10, PM2.5, NO2 and O3 all have a sub-index;
- it is the highest sub-index; +50 when two pollutants are unhealthy (101) or worse, +75 when three or more
  are;
- it never exceeds 500.

A concentration is cut to the table's precision (0.001 ppm, CO 0.01 ppm, 1 µg/m³) before it is looked up.
"""

from typing import NamedTuple

from streams.domains.air_quality.scale import Scale
from streams.domains.air_quality.units import MICRO, Exact
from streams.domains.air_quality.us_aqi import Index

HIGHEST = 500
UNHEALTHY_FROM = 101
TWO_UNHEALTHY = 50
MORE_UNHEALTHY = 75
NEEDED = frozenset({"pm10", "pm2_5", "no2", "o3"})

PM10_STEEP_FROM = 70 * MICRO
"""Threshold M of the predicted moving PM10 value, in millionths of µg/m³."""
PM2_5_STEEP_FROM = 30 * MICRO
"""Threshold M of the predicted moving PM2.5 value, in millionths of µg/m³."""

_BANDS = (0, 50, 100, 250, 500)

SCALES = {
    "pm10": Scale(1, (0, 30, 80, 150, 600), _BANDS, highest=HIGHEST),
    "pm2_5": Scale(1, (0, 15, 35, 75, 500), _BANDS, highest=HIGHEST),
    "o3": Scale(1000, (0, 30, 90, 150, 600), _BANDS, highest=HIGHEST),
    "no2": Scale(1000, (0, 30, 60, 200, 2000), _BANDS, highest=HIGHEST),
    "co": Scale(100, (0, 200, 900, 1500, 5000), _BANDS, highest=HIGHEST),
    "so2": Scale(1000, (0, 20, 50, 150, 1000), _BANDS, highest=HIGHEST),
}


class Concentrations(NamedTuple):
    """Concentrations that enter the index: PM as 24 h values (µg/m³), gases as 1 h values (ppm); None if missing."""

    pm10: Exact | None = None
    pm2_5: Exact | None = None
    o3: Exact | None = None
    no2: Exact | None = None
    co: Exact | None = None
    so2: Exact | None = None


_ROWS = tuple((pollutant, SCALES[pollutant]) for pollutant in Concentrations._fields)


def cai(concentrations: Concentrations) -> Index:
    """Return Korea's comprehensive air-quality index.

    Args:
        concentrations: PM as 24 h values, gases as 1 h values.

    Returns:
        The index with its parts. If a needed pollutant is missing, the index is None and the parts remain.
    """
    parts: dict[str, int] = {}
    highest, decides, unhealthy = -1, None, 0
    for (pollutant, scale), value in zip(_ROWS, concentrations, strict=True):
        index = None if value is None else scale.sub_index(value)
        if index is None:
            continue
        parts[pollutant] = index
        unhealthy += index >= UNHEALTHY_FROM
        if index > highest:
            highest, decides = index, pollutant
    if not parts.keys() >= NEEDED:
        return Index(None, None, parts)
    extra = 0 if unhealthy < 2 else TWO_UNHEALTHY if unhealthy == 2 else MORE_UNHEALTHY
    return Index(min(highest + extra, HIGHEST), decides, parts)
