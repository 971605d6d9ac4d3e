"""The temperature that gases in µg/m³ refer to (docs/fields/air-quality.md#reference-temperature).

A mass concentration of a gas says how much gas there is only with the temperature that its volume is stated at. It
belongs to the reading. Where the reading does not state it, it follows from the network and the date:

- China (GB 3095-2012, item 3.14): 0 °C before 2018-09-01 in China, 25 °C from then on.
- The European Union's directive 2008/50/EC (annex VI) and those who follow it: 20 °C.
- elsewhere 25 °C, as in the United States and Korea.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from streams.zones import micros

CHINA_BEFORE_C, CHINA_C, EUROPE_C, ELSEWHERE_C = 0.0, 25.0, 20.0, 25.0
CHINA_CHANGED_US = micros(datetime(2018, 9, 1, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC))
"""When the amendment of GB 3095-2012 came into force: the first instant of that day in China, µs since 1970 UTC."""

PLAUSIBLE_C = (-50.0, 60.0)
"""Reference temperatures that a reading may state; another value is flagged and not used."""

_CHINA_ALIASES = ("PRC", "Asia/Chongqing", "Asia/Chungking", "Asia/Harbin", "Asia/Kashgar")
"""Names of China's zones that the tz database keeps for old data, without a country."""

_EUROPE = frozenset(
    (
        "AT",
        "BE",
        "BG",
        "CH",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GB",
        "GR",
        "HR",
        "HU",
        "IE",
        "IS",
        "IT",
        "LI",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "NO",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    )
)


def reference_temperature(reading: Mapping[str, Any]) -> float:
    """Return the temperature that a reading's gases refer to, in °C.

    Args:
        reading: Fields of `air-quality.reading`, instants in µs since 1970 UTC. The date is that of `recorded_at` where
            a replay has shifted the times.
    """
    stated = reading.get("gas_temperature")
    if stated is not None and plausible(stated):
        return float(stated)
    recorded_at = reading.get("recorded_at")
    return by_network(
        reading.get("zone"),
        reading.get("city"),
        reading["occurred_at"] if recorded_at is None else recorded_at,
    )


def plausible(temperature: float) -> bool:
    """Return whether a reading may state this reference temperature."""
    return math.isfinite(temperature) and PLAUSIBLE_C[0] <= temperature <= PLAUSIBLE_C[1]


def by_network(zone: str | None, city: str | None, at_us: int) -> float:
    """Return the reference temperature of a network at a date, in °C.

    Args:
        zone: IANA time zone of the station; it names the country.
        city: City of the station; it names the country of readings without a zone.
        at_us: When the air was measured, µs since 1970 UTC.
    """
    country = _countries().get(zone or "") or ("CN" if city == "Beijing" else "")
    if country == "CN":
        return CHINA_BEFORE_C if at_us < CHINA_CHANGED_US else CHINA_C
    return EUROPE_C if country in _EUROPE else ELSEWHERE_C


@cache
def _countries() -> Mapping[str, str]:
    """Return the country of each zone, by the table of the tz database."""
    lines = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {row[2]: row[0] for row in rows} | dict.fromkeys(_CHINA_ALIASES, "CN")
