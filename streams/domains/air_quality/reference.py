"""The temperature that gases in µg/m³ refer to (docs/fields/air-quality.md#reference-temperature).

A mass concentration of a gas says how much gas there is only with the temperature that its volume is stated at. It
belongs to the reading. Where the reading does not state it, it follows from the network and the date:

- China (GB 3095-2012, item 3.14): 0 °C before 2018-09-01 in China, 25 °C from then on.
- The European Union's directive 2008/50/EC (annex VI), its outermost regions, and those who follow it: 20 °C.
- elsewhere 25 °C, as in the United States and Korea.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any
from zoneinfo import ZoneInfo

from streams.zones import micros

CHINA_BEFORE_C, CHINA_C, EUROPE_C, ELSEWHERE_C = 0.0, 25.0, 20.0, 25.0
CHINA_CHANGED_US = micros(datetime(2018, 9, 1, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC))
"""When the amendment of GB 3095-2012 came into force: the first instant of that day in China, µs since 1970 UTC."""

PLAUSIBLE_C = (-50.0, 60.0)
"""Reference temperatures that a reading may state; another value is flagged and not used."""

_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
_OVERSEAS = "AX GF GP MF MQ RE YT"
"""Where the Union's law holds too: Åland and the outermost regions (TFEU, articles 349 and 355), by their own ISO 3166
codes. The Azores, Madeira and the Canaries have those of their countries. Overseas countries such as Greenland, Aruba
or New Caledonia are no part of it."""
_FOLLOWERS = "CH GB GI IS LI NO"
"""Who follows the directive: the EEA, Switzerland, the United Kingdom and Gibraltar."""
_EUROPE = frozenset(f"{_MEMBERS} {_OVERSEAS} {_FOLLOWERS}".split())

_ICELAND = {"Iceland": "IS"}
"""The one old name of Europe whose link leads abroad: the tz database makes it a name of Africa/Abidjan's clock."""


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
        zone: IANA time zone of the station, also by an older name; it names the country.
        city: City of the station; it names the country of readings without a zone.
        at_us: When the air was measured, µs since 1970 UTC.
    """
    country = _countries().get(zone or "") or ("CN" if city == "Beijing" else "")
    if country == "CN":
        return CHINA_BEFORE_C if at_us < CHINA_CHANGED_US else CHINA_C
    return EUROPE_C if country in _EUROPE else ELSEWHERE_C


@cache
def _countries() -> Mapping[str, str]:
    """Return the country of each zone and of its older names, by the tables and backward links of the tz database.

    A name of zone.tab has the country there, also where it is a link to another country's clock (Europe/Oslo to
    Europe/Berlin). Any other link (GB, PRC, Europe/Kiev) has the country of the zone that it leads to.
    """
    folder = files("tzdata") / "zoneinfo"
    rows = [line.split("\t") for line in _lines(folder, "zone.tab") if not line.startswith("#")]
    countries = {row[2]: row[0] for row in rows}
    links = [line.split() for line in _lines(folder, "tzdata.zi") if line.startswith("L ")]
    target = {name: zone for _, zone, name in links}
    for name in target:
        zone = name
        while zone not in countries and zone in target:
            zone = target[zone]
        if zone in countries:
            countries[name] = countries[zone]
    return countries | _ICELAND


def _lines(folder: Traversable, name: str) -> list[str]:
    return [line for line in (folder / name).read_text(encoding="utf-8").splitlines() if line]
