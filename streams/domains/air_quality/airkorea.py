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
        ValueError: It names no station or no hour, or a value is no number.
    """
    given = {name: member(name, item.get(name)) for name in ("stationName", "stationCode", "dataTime")}
    station = text(given["stationName"]) or asked_for
    if station is None:
        raise ValueError("item without stationName: nobody knows where this was measured")
    begin = since_1970(hour_begin("dataTime", given["dataTime"]))
    values = {
        field: number(f"{name}Value", member(f"{name}Value", item.get(f"{name}Value")))
        for field, name in _MEMBERS.items()
    }
    flags = []
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


def reading_of_seoul(row: Mapping[str, Any], names: StationNames) -> tuple[int, dict[str, Any]]:
    """Return the beginning of the hour and the fields of a row of Seoul's interface.

    Args:
        row: Member of `row` of `RealtimeCityAir` or `TimeAverageCityAir` (Seoul Open Data Plaza, OA-2219, OA-2221).
        names: Names of the stations of this source.

    Raises:
        ValueError: It names no station or no hour, or a value is no number.
    """
    station = _first(row, "MSRSTE_NM", "MSRSTN_NM")
    if station is None:
        raise ValueError("row without MSRSTE_NM: nobody knows where this was measured")
    begin = since_1970(hour_begin("MSRDT", _first(row, "MSRDT", "MSRDT_DE", "MSRMT_DT") or ""))
    values = {field: number(name, _first(row, name) or "") for field, name in CONFIRMED_VALUES.items()}
    checked = _first(row, "IDEX_NM") == _BEING_CHECKED
    flags = [
        f"{SOURCE_FLAG}:{field}:{_BEING_CHECKED}" for field in values if checked and values[field] is not None
    ]
    fields = {"station": names.name(station, None), "city": "Seoul", "flags": flags}
    return begin, reading(values, begin, **fields)


_BEING_CHECKED = "점검중"
"""Grade of a station that is being checked; its values are zero."""


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
    values = {field: number(name, cells.get(name, "")) for field, name in CONFIRMED_VALUES.items()}
    return begin, reading(
        values,
        begin,
        station=names.name(station, code),
        city=city_of(text(cells.get("지역", "")), station, code),
        network=network(text(cells.get("망", ""))),
    )
