"""The US air quality index, by the breakpoints in force since 2024-05-06 (EPA-454/B-24-002).

Sources and check values: docs/fields/air-quality.md#us-index.

The index of a place is its highest sub-index. Rules beside the table:

- of the two ozone values the higher counts; 8 h ozone gives at most 300, and 1 h ozone begins at 0.125 ppm;
- the hour of SO2 gives at most 200; above that its 24 h mean counts, from 305 ppb;
- above the table the last band's line continues, and the index has the flag ``BEYOND_AQI``.
"""

from typing import NamedTuple

from streams.domains.air_quality.scale import Scale
from streams.domains.air_quality.units import Exact

BREAKPOINT_VERSION = "2024-05-06"
HIGHEST_OF_TABLE = 500
BEYOND = "BEYOND_AQI"

_BANDS = (0, 50, 100, 150, 200, 300, 500)

PM2_5_24H = Scale(10, (0, 90, 354, 554, 1254, 2254, 3254), _BANDS)
PM10_24H = Scale(1, (0, 54, 154, 254, 354, 424, 604), _BANDS)
O3_8H = Scale(1000, (0, 54, 70, 85, 105, 200), _BANDS[:6], highest=300)
O3_1H = Scale(1000, (124, 164, 204, 404, 604), (100, 150, 200, 300, 500))
CO_8H = Scale(10, (0, 44, 94, 124, 154, 304, 504), _BANDS)
SO2_1H = Scale(1000, (0, 35, 75, 185, 304), _BANDS[:5], highest=200)
SO2_24H = Scale(1000, (304, 604, 1004), (200, 300, 500))
NO2_1H = Scale(1000, (0, 53, 100, 360, 649, 1249, 2049), _BANDS)


class Averages(NamedTuple):
    """Averages that enter the index: particles in µg/m³, gases in ppm; None if an average is unknown."""

    pm2_5_24h: Exact | None = None
    pm10_24h: Exact | None = None
    o3_8h: Exact | None = None
    o3_1h: Exact | None = None
    co_8h: Exact | None = None
    so2_1h: Exact | None = None
    so2_24h: Exact | None = None
    no2_1h: Exact | None = None


_SCALES = {
    "pm2_5_24h": ("pm2_5", PM2_5_24H),
    "pm10_24h": ("pm10", PM10_24H),
    "o3_8h": ("o3", O3_8H),
    "o3_1h": ("o3", O3_1H),
    "co_8h": ("co", CO_8H),
    "so2_1h": ("so2", SO2_1H),
    "so2_24h": ("so2", SO2_24H),
    "no2_1h": ("no2", NO2_1H),
}
_ROWS = tuple(_SCALES[average] for average in Averages._fields)
"""Pollutant and scale of each average; the earlier one decides between equal sub-indices."""


class Index(NamedTuple):
    """An index with its parts.

    Attributes:
        value: The index; None if no pollutant gives one.
        pollutant: The pollutant with the highest sub-index.
        parts: Sub-index of every pollutant that has one.
        flags: Flags that the index's rules require.
    """

    value: int | None
    pollutant: str | None
    parts: dict[str, int]
    flags: tuple[str, ...] = ()


def us_aqi(averages: Averages) -> Index:
    """Return the US air quality index.

    Args:
        averages: Concentrations over the averaging times of the table.

    Returns:
        The index with its parts. The earlier pollutant of the table decides between equal sub-indices.
    """
    parts: dict[str, int] = {}
    highest, decides = -1, None
    for (pollutant, scale), value in zip(_ROWS, averages, strict=True):
        index = None if value is None else scale.sub_index(value)
        if index is None or index <= parts.get(pollutant, -1):
            continue
        parts[pollutant] = index
        if index > highest:
            highest, decides = index, pollutant
    if decides is None:
        return Index(None, None, parts)
    return Index(highest, decides, parts, (BEYOND,) if highest > HIGHEST_OF_TABLE else ())
