"""Reads what Air Korea's sources share: hours, networks, cities, and the flags of its interface. Pure.

A stamp is the end of its hour: 2021-10-01 24 is the mean of 23:00 to 24:00 of that day, and 01 is the first hour of a
day (docs/fields/air-quality.md#air-korea). Korea's clock is UTC+9 without summer time since 1988.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from streams.domains.air_quality.cells import column, local_time, member, number, since_1970, text
from streams.domains.air_quality.plausibility import SOURCE_FLAG, anomalies
from streams.domains.air_quality.units import PARTICLES

ZONE = "Asia/Seoul"
SEOUL_ZONE = ZoneInfo(ZONE)
UNKNOWN_CITY = "unknown"

NETWORKS = {
    "도시대기": "urban",
    "도로변대기": "roadside",
    "국가배경": "background",
    "국가배경농도": "background",
    "교외대기": "suburban",
    "항만": "port",
}
CITIES = {
    "서울": "Seoul",
    "부산": "Busan",
    "대구": "Daegu",
    "인천": "Incheon",
    "광주": "Gwangju",
    "대전": "Daejeon",
    "울산": "Ulsan",
    "세종": "Sejong",
}
"""The provinces that are a city. In the others a region names the city behind the province: 경기 수원시."""

SEOUL_DISTRICTS = frozenset(
    (
        "강남구",
        "강동구",
        "강북구",
        "강서구",
        "관악구",
        "광진구",
        "구로구",
        "금천구",
        "노원구",
        "도봉구",
        "동대문구",
        "동작구",
        "마포구",
        "서대문구",
        "서초구",
        "성동구",
        "성북구",
        "송파구",
        "양천구",
        "영등포구",
        "용산구",
        "은평구",
        "종로구",
        "중구",
        "중랑구",
    )
)
"""Stations of Air Korea that are named after a district of Seoul; pages of one station do not say the city."""

_SEOUL_CODES = "111"
_STAMP = re.compile(
    r"(\d{4})[-./]?(\d{2})[-./]?(\d{2})[ T]?(\d{2})(?::?(\d{2})(?::?(\d{2}))?|시)?(?:\.0)?", re.ASCII
)
_MEMBERS = {"pm10": "pm10", "pm2_5": "pm25", "no2": "no2", "o3": "o3", "co": "co", "so2": "so2"}


def hour_begin(name: str, stamp: str) -> datetime:
    """Return when the hour of a stamp began: the stamp is its end.

    Args:
        name: Name of the column or member, for the error.
        stamp: YYYYMMDDHH, YYYYMMDDHHMM, or YYYY-MM-DD HH:MM; hours 00 to 24.

    Raises:
        ValueError: It is no such stamp, or there is no such day or hour.
    """
    match = _STAMP.fullmatch(stamp.strip())
    if match is None:
        raise ValueError(f"column {name}: expected a day and an hour YYYYMMDDHH, got {stamp.strip()[:40]!r}")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    if minute > 59 or second > 59 or (hour == 24 and (minute or second)):
        raise ValueError(f"column {name}: no such time of day: {stamp.strip()[:40]!r}")
    end = local_time((year, month, day), hour, SEOUL_ZONE)
    try:
        return end + timedelta(minutes=minute, seconds=second) - timedelta(hours=1)
    except OverflowError:
        raise ValueError(f"column {name}: no such hour in the calendar: {stamp.strip()[:40]!r}") from None


DOUBTS = frozenset(("점검중", "점검및교정", "장비점검", "자료이상", "통신장애"))
"""What the networks write for a value they doubt, or in its place: being checked, being calibrated, equipment check,
faulty data, no connection (docs/fields/air-quality.md#air-korea)."""


def measured(cells: Mapping[str, tuple[str, str]]) -> tuple[dict[str, float | None], list[str]]:
    """Return values and flags of a row; a doubt of the network in a value's place is null and flagged.

    Args:
        cells: Name of the column and its cell, by field.

    Raises:
        ValueError: A cell is neither a number nor such a doubt.
    """
    values: dict[str, float | None] = {}
    flags = []
    for field, (name, cell) in cells.items():
        doubt = "" if cell.isascii() else "".join(cell.split())
        if doubt in DOUBTS:
            values[field] = None
            flags.append(f"{SOURCE_FLAG}:{field}:{doubt}")
        else:
            values[field] = number(name, cell)
    return values, flags


def network(name: str | None) -> str | None:
    """Return the kind of a network in English, or its name if it is another."""
    return None if name is None else NETWORKS.get(name, name)


def city_of(region: str | None, station: str, code: str | None) -> str:
    """Return the city of a station.

    Args:
        region: Province, or province and town, as the source spells it; None if it does not say.
        station: Name of the station.
        code: Code of the station, if there is one.
    """
    words = (region or "").split()
    if words:
        return CITIES.get(words[0][:2], words[1] if len(words) > 1 else words[0])
    if (code or "").startswith(_SEOUL_CODES) or (code is None and station in SEOUL_DISTRICTS):
        return CITIES["서울"]
    return UNKNOWN_CITY


class StationNames:
    """Names of the stations of one source. A name that two stations share has the code behind it for the second.

    The event's key is the name, and hours of two stations must not mix. The first station keeps its name.
    """

    def __init__(self) -> None:
        self._of: dict[str, str | None] = {}

    def name(self, name: str, code: str | None) -> str:
        """Return a station's name in this source."""
        first = self._of.setdefault(name, code)
        return name if first == code or code is None else f"{name} ({code})"


def reading(values: Mapping[str, float | None], occurred_at: int, **fields: Any) -> dict[str, Any]:
    """Return the fields of an hourly reading in ppm.

    Args:
        values: Value of each pollutant.
        occurred_at: Beginning of the hour, µs since 1970 UTC.
        fields: Station, city, network, flags of the source.
    """
    found: dict[str, Any] = {"zone": ZONE, "averaging": "PT1H", "gas_unit": "PPM", **fields, **values}
    stated = found.pop("flags", [])
    found["flags"] = [*stated, *anomalies({**found, "occurred_at": occurred_at})]
    return found


def reading_of_item(
    item: Mapping[str, Any], asked_for: str | None, names: StationNames
) -> tuple[int, dict[str, Any]]:
    """Return the beginning of the hour and the fields of an item of Air Korea's interface.

    Args:
        item: Member of `items` (ver 1.0 to 1.5), or of `list` of the interface before 2020.
        asked_for: Station of the request, for items that do not name one.
        names: Names of the stations of this source.

    Raises:
        ValueError: It names no station or no hour, has no value's member, or a value is no number.
    """
    given = {name: member(name, item.get(name)) for name in ("stationName", "stationCode", "dataTime")}
    station = text(given["stationName"]) or asked_for
    if station is None:
        raise ValueError("item without stationName: nobody knows where this was measured")
    begin = since_1970(hour_begin("dataTime", given["dataTime"]))
    if not any(f"{name}Value" in item for name in _MEMBERS.values()):
        raise ValueError("item without a value: expected pm10Value, o3Value or another pollutant's")
    cells = {field: f"{name}Value" for field, name in _MEMBERS.items()}
    values, flags = measured({field: (name, member(name, item.get(name))) for field, name in cells.items()})
    for field, name in _MEMBERS.items():
        flag = text(member(f"{name}Flag", item.get(f"{name}Flag")))
        if flag is not None:
            flags.append(f"{SOURCE_FLAG}:{field}:{flag}")
    code = text(given["stationCode"])
    region = text(member("sidoName", item.get("sidoName")))
    return begin, reading(
        values,
        begin,
        station=names.name(station, code),
        city=city_of(region, station, code),
        network=network(text(member("mangName", item.get("mangName")))),
        flags=flags,
    )


SEOUL_SERVICES: Mapping[str, str] = {
    "RealtimeCityAir": "PT1H",
    "TimeAverageCityAir": "PT1H",
    "DailyAverageCityAir": "P1D",
    "TimeAverageAirQuality": "PT1H",
    "DailyAverageAirQuality": "P1D",
    "RealtimeRoadsideStation": "PT1H",
    "DailyAverageRoadside": "P1D",
    "ListAirQualityByDistrictService": "PT1H",
}
"""Services of Seoul's interface whose rows are stations, and what they average over: Seoul Open Data Plaza, OA-2219,
OA-2221, OA-2220, OA-2275, OA-2218, OA-2223, OA-2224, OA-1200 (docs/fields/air-quality.md#air-korea)."""

_SEOUL_STATION = ("MSRSTE_NM", "MSRSTN_NM", "MSRSTENAME")
_SEOUL_STAMP = ("MSRDT", "MSRMT_DT", "MSRDT_DE", "MSRMT_YMD", "MSRDATE")
_SEOUL_GRADE = ("IDEX_NM", "CAI_GRD", "GRADE")
_SEOUL_MEMBERS = {
    "pm10": ("PM10", "PM_HOUR", "PM"),
    "pm2_5": ("PM25", "FPM"),
    "o3": ("O3", "OZON", "OZONE"),
    "no2": ("NO2", "NTDX", "NITROGEN"),
    "co": ("CO", "CBMX", "CARBON"),
    "so2": ("SO2", "SPDX", "SULFUROUS"),
}
"""Members of each value: the first names, those of the new names that the row has, the district service's. Of PM10's
hour (PM_HOUR) and its day so far (PM_ALDY), the hour counts."""


def reading_of_seoul(
    row: Mapping[str, Any], names: StationNames, service: str | None
) -> tuple[int, dict[str, Any]]:
    """Return the beginning of the hour or day and the fields of a row of Seoul's interface.

    The interface writes 0 where nothing was measured. A particle value of 0, and every value of a row of zeros, is
    flagged as doubted by its source.

    Args:
        row: Member of `row`.
        names: Names of the stations of this source.
        service: The page's service, of `SEOUL_SERVICES`; None if it is not known, and the stamp decides.

    Raises:
        ValueError: It names no station or no time, has no value's member, or a value is no number.
    """
    station = _first(row, *_SEOUL_STATION)
    if station is None:
        raise ValueError("row without MSRSTE_NM or MSRSTN_NM: nobody knows where this was measured")
    averaging, begin = _seoul_interval(row, service)
    found = {
        field: next((name for name in members if name in row), None)
        for field, members in _SEOUL_MEMBERS.items()
    }
    if not any(found.values()):
        raise ValueError("row without a value: expected PM10 or PM, O3 or OZON, NO2 or NTDX, or another's")
    values, flags = measured(
        {field: (name or field, member(name or field, row.get(name or ""))) for field, name in found.items()}
    )
    there = {field: value for field, value in values.items() if value is not None}
    checked = any((_first(row, name) or "").replace(" ", "") == _BEING_CHECKED for name in _SEOUL_GRADE)
    nothing = not any(there.values())
    for field, value in there.items():
        if checked:
            flags.append(f"{SOURCE_FLAG}:{field}:{_BEING_CHECKED}")
        elif value == 0 and (nothing or field in PARTICLES):
            flags.append(f"{SOURCE_FLAG}:{field}:0")
    roadside = "roadside" if "Roadside" in (service or "") else None
    fields = {"station": names.name(station, None), "city": "Seoul", "averaging": averaging, "flags": flags}
    return begin, reading(values, begin, **fields, network=roadside)


_BEING_CHECKED = "점검중"
"""Grade of a station that is being checked; its values are zero."""

_DAY = re.compile(r"(\d{4})[-./]?(\d{2})[-./]?(\d{2})(?:[ T]?00(?::?00){0,2})?(?:\.0)?", re.ASCII)


def _seoul_interval(row: Mapping[str, Any], service: str | None) -> tuple[str, int]:
    """Return the averaging interval of a row, and when it began.

    Raises:
        ValueError: There is no such time, or a service of days gives an hour, or one of hours a day.
    """
    name = next((each for each in _SEOUL_STAMP if _first(row, each) is not None), _SEOUL_STAMP[0])
    stamp = (_first(row, name) or "").removesuffix(".0")
    averaging = SEOUL_SERVICES.get(service or "", "P1D" if sum(map(str.isdecimal, stamp)) == 8 else "PT1H")
    if averaging == "PT1H":
        return averaging, since_1970(hour_begin(name, stamp))
    match = _DAY.fullmatch(stamp)
    if match is None:
        raise ValueError(f"member {name}: expected a day YYYYMMDD, got {stamp[:40]!r}")
    year, month, day = map(int, match.groups())
    return averaging, since_1970(local_time((year, month, day), 0, SEOUL_ZONE))


def _first(row: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of some members that has a value."""
    found = (text(member(name, row.get(name))) for name in names)
    return next((each for each in found if each is not None), None)


_CONFIRMED = re.compile(r"(SO2|CO|O3|NO2|PM-?10|PM-?2\.?5)\s*(\(.*\))?", re.IGNORECASE)


def confirmed_column(cell: str) -> str:
    """Normalise a column of the confirmed hourly tables: units are dropped, PM2.5 is PM25, 측정소ID is 측정소코드."""
    name = column(cell)
    match = _CONFIRMED.fullmatch(name)
    if match is not None:
        return re.sub(r"[-.]", "", match[1].upper())
    return {"측정소ID": "측정소코드", "측정소 코드": "측정소코드", "측정망": "망"}.get(name, name)


CONFIRMED_VALUES = {"so2": "SO2", "co": "CO", "o3": "O3", "no2": "NO2", "pm10": "PM10", "pm2_5": "PM25"}


def reading_of_row(cells: Mapping[str, str], names: StationNames) -> tuple[int, dict[str, Any]]:
    """Return the beginning of the hour and the fields of a row of the confirmed hourly tables.

    Args:
        cells: Cells by the names that `confirmed_column` gives.
        names: Names of the stations of this source.

    Raises:
        ValueError: It names no station or no hour, or a value is no number.
    """
    station, code = text(cells["측정소명"]), text(cells.get("측정소코드", ""))
    if station is None:
        raise ValueError("column 측정소명: expected a station, got nothing")
    begin = since_1970(hour_begin("측정일시", cells["측정일시"]))
    values, flags = measured({field: (name, cells.get(name, "")) for field, name in CONFIRMED_VALUES.items()})
    return begin, reading(
        values,
        begin,
        flags=flags,
        station=names.name(station, code),
        city=city_of(text(cells.get("지역", "")), station, code),
        network=network(text(cells.get("망", ""))),
    )
