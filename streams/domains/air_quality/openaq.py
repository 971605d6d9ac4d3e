"""Reads OpenAQ's measurements, one sensor at one time each, into readings of a station's hour or day. Pure.

OpenAQ stamps a measurement with the end of its interval: 03:00 is 02:00 to 03:00 (docs/fields/air-quality.md#openaq).
A row of the archive does not say how long its interval is; it is the distance between the rows of the sensor.

`sensors.py` puts the measurements together.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

import tzfpy

from streams.domains.air_quality.airkorea import UNKNOWN_CITY
from streams.domains.air_quality.cells import member, number, since_1970, text
from streams.domains.air_quality.sensors import HOUR_US, Measurement, Place, is_day
from streams.domains.air_quality.units import GASES, MICRO, PARTICLES
from streams.zones import zone_of

_FIELDS = {
    "pm25": "pm2_5", "pm2.5": "pm2_5", "pm10": "pm10", "no2": "no2", "o3": "o3", "co": "co", "so2": "so2",
    "temperature": "temperature", "pressure": "pressure", "wind_speed": "wind_speed", "windspeed": "wind_speed",
}  # fmt: skip
_MASS, _MASS_MG, _PPM, _PPB = "µg/m³", "mg/m³", "ppm", "ppb"
_UNITS = {
    "µg/m³": _MASS, "μg/m³": _MASS, "ug/m3": _MASS, "µg/m3": _MASS, "μg/m3": _MASS, "ug/m³": _MASS,
    "mg/m³": _MASS_MG, "mg/m3": _MASS_MG, "ppm": _PPM, "ppb": _PPB,
}  # fmt: skip
_SCALES = {_MASS: ("UG_M3", Decimal(1)), _MASS_MG: ("UG_M3", Decimal(1000)), _PPM: ("PPM", Decimal(1))} | {
    _PPB: ("PPM", Decimal("0.001"))
}
_WEATHER_UNITS = {"temperature": {"c", "°c"}, "pressure": {"hpa", "mb"}, "wind_speed": {"m/s"}}
_FROM_NAME = re.compile(r"(?<![a-z])(sensor|location|loc)s?(?:[-_ ]?id)?[-_= ]?(\d+)(?!\d)", re.IGNORECASE)


def measurement_of_row(cells: Mapping[str, str]) -> Measurement:
    """Return the measurement of a row of the archive, or of a table that earlier interfaces exported.

    Args:
        cells: Cells by the names that `archive_column` gives.

    Raises:
        ValueError: It names no place or no time, or a number is none.
    """
    location, number_of = text(cells.get("location", "")), text(cells.get("location_id", ""))
    if location is None and number_of is None:
        raise ValueError("no location: nobody knows where this was measured")
    stamp = text(cells.get("datetime", ""))
    column_of, zone = ("datetime", None) if stamp is not None else ("utc", UTC)
    at = moment(column_of, stamp if stamp is not None else cells.get("utc", ""), zone)
    return _measurement(
        name=_named(location, number_of),
        city=text(cells.get("city", "")),
        where=(number("lat", cells.get("lat", "")), number("lon", cells.get("lon", ""))),
        at=at,
        sensor=text(cells.get("sensors_id", "")) or f"{location}/{cells['parameter']}",
        parameter=cells["parameter"],
        unit=cells.get("units", ""),
        value=cells["value"],
    )


def measurement_of_result(result: Mapping[str, Any], asked_for: str | None) -> Measurement:
    """Return the measurement of a member of `results` of a page of the interface, version 2 or 3.

    Args:
        result: The member.
        asked_for: Place of the request, by the file's name; None if it does not say.

    Raises:
        ValueError: It names no place or no time, or a number is none.
    """
    where = result.get("coordinates") or {}
    where = where if isinstance(where, dict) else {}
    latitude, longitude = (number(each, member(each, where.get(each))) for each in ("latitude", "longitude"))
    name = _place_of(result) or asked_for
    if name is None and latitude is not None and longitude is not None:
        name = f"OpenAQ {latitude:g},{longitude:g}"
    if name is None:
        raise ValueError(
            "result without location or sensor: a page of measurements does not name its station; "
            "name the file location-<id>.json or sensor-<id>.json"
        )
    parameter = result.get("parameter")
    known = parameter if isinstance(parameter, dict) else {"name": parameter, "units": result.get("unit")}
    if text(member("parameter.name", known.get("name"))) is None:
        raise ValueError("result without a parameter: nobody knows what was measured")
    begin, end, local = _period(result)
    interval = _length(result, begin, end)
    if end is None:
        if begin is None:
            raise ValueError("result without a time: expected period.datetimeFrom or period.datetimeTo")
        end = begin + timedelta(microseconds=interval or HOUR_US)
    flags = result.get("flagInfo")
    found = _measurement(
        name=name,
        city=text(member("city", result.get("city"))),
        where=(latitude, longitude),
        at=end if local is None else end.astimezone(local.tzinfo),
        sensor=member("sensorsId", result.get("sensorsId")) or f"{name}/{known['name']}",
        parameter=member("parameter.name", known.get("name")),
        unit=member("parameter.units", known.get("units")),
        value=member("value", result.get("value")),
    )
    doubtful = isinstance(flags, dict) and flags.get("hasFlags") is True
    return found._replace(interval=interval, flag="hasFlags" if doubtful else "")


def place_of_name(name: str) -> str | None:
    """Return the place in a file's name, such as `location-2178-20230222.csv` or `sensor_3919.json`, or None."""
    match = _FROM_NAME.search(name)
    if match is None:
        return None
    return f"OpenAQ {'sensor' if match[1].lower() == 'sensor' else 'location'} {match[2]}"


def moment(name: str, stamp: str, zone: tzinfo | None = None) -> datetime:
    """Return the time of an ISO 8601 stamp.

    Args:
        name: Name of the column or member, for the error.
        stamp: The stamp.
        zone: Zone of a stamp without an offset; None: it needs one.

    Raises:
        ValueError: It is no time, has no offset, or lies outside the years 1970 to 9998.
    """
    try:
        found = datetime.fromisoformat(stamp.strip())
    except ValueError:
        raise ValueError(
            f"{name}: expected a time such as 2023-02-22T01:00:00-07:00, got {stamp[:40]!r}"
        ) from None
    if found.tzinfo is None:
        if zone is None:
            raise ValueError(f"{name}: expected a time with its offset, got {stamp[:40]!r}")
        found = found.replace(tzinfo=zone)
    if not 1970 <= found.year < 9999:
        raise ValueError(f"{name}: expected a year from 1970 on, got {stamp[:40]!r}")
    return found


_ARCHIVE = {
    "locationid": "location_id", "sensor_id": "sensors_id", "sensorid": "sensors_id", "sensorsid": "sensors_id",
    "latitude": "lat", "longitude": "lon", "unit": "units", "datetimeutc": "utc", "date.utc": "utc",
}  # fmt: skip


def archive_column(cell: str) -> str:
    """Normalise a column of the archive and of the exports before it."""
    name = cell.strip().lower()
    return _ARCHIVE.get(name, name)


def _measurement(
    name: str,
    city: str | None,
    where: tuple[float | None, float | None],
    at: datetime,
    sensor: str,
    parameter: str,
    unit: str,
    value: str,
) -> Measurement:
    latitude, longitude = where
    zone = None
    if latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180:
        zone = _zone_at(latitude, longitude)
    place = Place(name, city or UNKNOWN_CITY, zone or _zone_of_offset(at), latitude, longitude)
    measured = number("value", "" if value.strip().lower() in ("nan", "null") else value)
    field_name = _FIELDS.get(parameter.strip().lower(), "")
    kind, scale = _unit(field_name, unit)
    exact = None if measured is None else Decimal(value.strip()) * scale
    return Measurement(
        place, sensor, field_name if kind is not None else "", kind or "", exact, _end(at), None, ""
    )


def _end(at: datetime) -> int:
    """Return the end of an interval, µs since 1970 UTC; its beginning may lie a day before."""
    since_1970(at - timedelta(days=1, hours=1))
    return since_1970(at)


def _unit(field_name: str, unit: str) -> tuple[str | None, Decimal]:
    """Return the kind of a unit, `PPM`, `UG_M3` or empty, and its scale. The kind is None if the field has another."""
    spelled = unit.strip()
    if field_name in _WEATHER_UNITS:
        return ("" if spelled.lower() in _WEATHER_UNITS[field_name] else None), Decimal(1)
    kind, scale = _SCALES.get(_UNITS.get(spelled, ""), (None, Decimal(1)))
    if field_name in PARTICLES:
        return ("" if kind == "UG_M3" else None), scale
    return (kind if field_name in GASES else None), scale


def _named(location: str | None, number_of: str | None) -> str:
    if location is None:
        return f"OpenAQ location {number_of}"
    if number_of is None or location.endswith(f"-{number_of}"):
        return location
    return f"{location}-{number_of}"


def _place_of(result: Mapping[str, Any]) -> str | None:
    """Return the place that a result names."""
    location = result.get("location")
    if isinstance(location, dict):
        return _named_or_none(location.get("name"), location.get("id"))
    ids = (result.get(name) for name in ("locationsId", "locationId", "location_id"))
    found = _named_or_none(location, next((each for each in ids if each is not None), None))
    sensor = text(member("sensorsId", result.get("sensorsId")))
    return found or (f"OpenAQ sensor {sensor}" if sensor is not None else None)


def _named_or_none(name: Any, number_of: Any) -> str | None:
    location, identity = text(member("location", name)), text(member("location id", number_of))
    return None if location is None and identity is None else _named(location, identity)


def _period(result: Mapping[str, Any]) -> tuple[datetime | None, datetime | None, datetime | None]:
    """Return the beginning and the end of a result's interval, and one of them in local time."""
    period = result.get("period")
    period = period if isinstance(period, dict) else {}
    begin, local_begin = _stamps("period.datetimeFrom", period.get("datetimeFrom"))
    end, local_end = _stamps("period.datetimeTo", period.get("datetimeTo"))
    if begin is None and end is None:
        end, local_end = _stamps("date", result.get("date", result.get("datetime")))
    return begin, end, local_end or local_begin


def _stamps(name: str, stamps: Any) -> tuple[datetime | None, datetime | None]:
    if stamps is None:
        return None, None
    if not isinstance(stamps, dict):
        stamps = {"utc": stamps}
    utc, local = (text(member(f"{name}.{each}", stamps.get(each))) for each in ("utc", "local"))
    in_utc = None if utc is None else moment(f"{name}.utc", utc, UTC)
    in_local = None if local is None else moment(f"{name}.local", local)
    return (in_local if in_utc is None else in_utc), in_local


_CLOCK = re.compile(r"(\d{1,4}):(\d{2}):(\d{2})", re.ASCII)


def _length(result: Mapping[str, Any], begin: datetime | None, end: datetime | None) -> int | None:
    """Return the length of a result's interval in µs; None if it does not say.

    Raises:
        ValueError: It is neither a day nor at most an hour.
    """
    if begin is not None and end is not None:
        length = (end - begin) // timedelta(microseconds=1)
    else:
        period = result.get("period")
        stated = period.get("interval") if isinstance(period, dict) else None
        match = _CLOCK.fullmatch(stated) if isinstance(stated, str) else None
        if match is None:
            return None
        hours, minutes, seconds = map(int, match.groups())
        length = ((hours * 60 + minutes) * 60 + seconds) * MICRO
    if not (0 < length <= HOUR_US or is_day(length)):
        raise ValueError(f"an interval of {length / 1e6:g} s: expected an hour, a part of one, or a day")
    return length


@lru_cache(maxsize=4096)
def _zone_at(latitude: float, longitude: float) -> str | None:
    """Return the time zone of a place on land."""
    found = tzfpy.get_tz(longitude, latitude)
    return found if zone_of(found) is not None and not found.startswith("Etc/") else None


def _zone_of_offset(at: datetime) -> str | None:
    """Return the zone of an offset in whole hours; None for others, and for UTC, which says nothing about a place."""
    offset = at.utcoffset() or timedelta(0)
    hours, rest = divmod(offset, timedelta(hours=1))
    return f"Etc/GMT{-hours:+d}" if hours and not rest and -14 <= -hours <= 12 else None
