"""Reads OpenAQ's measurements, one sensor at one time each, into readings of a station's hour or day. Pure.

OpenAQ stamps a measurement with the end of its interval: 03:00 is 02:00 to 03:00 (docs/fields/air-quality.md#openaq).
A row of the archive does not say how long its interval is; it is the distance between the rows of the sensor.

`sensors.py` puts the measurements together.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

import tzfpy

from streams.domains.air_quality.airkorea import UNKNOWN_CITY
from streams.domains.air_quality.cells import member, number, since_1970, text
from streams.domains.air_quality.plausibility import SOURCE_FLAG
from streams.domains.air_quality.sensors import COMPLETENESS, DAY_US, HOUR_US, Measurement, Place, is_day
from streams.domains.air_quality.units import MICRO, PARTICLES
from streams.zones import zone_of

LEAST_PERCENT = 100 * COMPLETENESS
_FIELDS = {
    "pm25": "pm2_5", "pm2.5": "pm2_5", "pm10": "pm10", "no2": "no2", "o3": "o3", "co": "co", "so2": "so2",
    "temperature": "temperature", "pressure": "pressure", "wind_speed": "wind_speed", "windspeed": "wind_speed",
}  # fmt: skip
_Scale = tuple[str, Decimal, Decimal]
"""Kind of a unit, and what a value is multiplied by after something was added: 50 °F are (50 - 32) · 5/9 °C."""
_NONE = Decimal(0)
_CONCENTRATIONS: dict[str, _Scale] = {
    "μg/m3": ("UG_M3", Decimal(1), _NONE),
    "mg/m3": ("UG_M3", Decimal(1000), _NONE),
    "ng/m3": ("UG_M3", Decimal("0.001"), _NONE),
    "ppm": ("PPM", Decimal(1), _NONE),
    "μmol/mol": ("PPM", Decimal(1), _NONE),
    "ppb": ("PPM", Decimal("0.001"), _NONE),
    "nmol/mol": ("PPM", Decimal("0.001"), _NONE),
    "ppt": ("PPM", Decimal("0.000001"), _NONE),
    "pmol/mol": ("PPM", Decimal("0.000001"), _NONE),
}
_PARTICLE_UNITS = {name: scale for name, scale in _CONCENTRATIONS.items() if scale[0] == "UG_M3"}
_WEATHER_UNITS: dict[str, dict[str, _Scale]] = {
    "temperature": {
        "°c": ("", Decimal(1), _NONE),
        "°f": ("", Decimal(5) / Decimal(9), Decimal(-32)),
        "k": ("", Decimal(1), Decimal("-273.15")),
    },
    "pressure": {
        "hpa": ("", Decimal(1), _NONE),
        "kpa": ("", Decimal(10), _NONE),
        "pa": ("", Decimal("0.01"), _NONE),
        "mmhg": ("", Decimal("1.333224"), _NONE),
        "inhg": ("", Decimal("33.86389"), _NONE),
        "atm": ("", Decimal("1013.25"), _NONE),
    },
    "wind_speed": {
        "m/s": ("", Decimal(1), _NONE),
        "km/h": ("", Decimal(1) / Decimal("3.6"), _NONE),
        "mph": ("", Decimal("0.44704"), _NONE),
        "kn": ("", Decimal(1852) / Decimal(3600), _NONE),
    },
}
"""Units by their normalised spelling. Factors: NIST SP 811, appendix B."""
_SPELLINGS = {
    "ug/m3": "μg/m3", "μg/m^3": "μg/m3", "ug/m^3": "μg/m3", "μg/m**3": "μg/m3", "ug/m**3": "μg/m3", "μgm-3": "μg/m3",
    "ugm-3": "μg/m3", "mg/m^3": "mg/m3", "mgm-3": "mg/m3", "ng/m^3": "ng/m3", "ngm-3": "ng/m3",
    "umol/mol": "μmol/mol", "ppmv": "ppm", "ppbv": "ppb", "pptv": "ppt", "c": "°c", "degc": "°c", "celsius": "°c",
    "f": "°f", "degf": "°f", "fahrenheit": "°f", "kelvin": "k", "mb": "hpa", "mbar": "hpa", "torr": "mmhg",
    "ms-1": "m/s", "mps": "m/s", "kmh": "km/h", "kph": "km/h", "km/hr": "km/h", "kt": "kn", "kts": "kn",
    "knots": "kn", "mi/h": "mph",
}  # fmt: skip
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
    stated = {name: cells.get(f"averagingperiod.{name}", "") for name in ("value", "unit")}
    found = _measurement(
        name=_named(location, number_of),
        city=text(cells.get("city", "")),
        where=(number("lat", cells.get("lat", "")), number("lon", cells.get("lon", ""))),
        at=at,
        sensor=text(cells.get("sensors_id", "")) or f"{location}/{cells['parameter']}",
        parameter=cells["parameter"],
        unit=cells.get("units", ""),
        value=cells["value"],
    )
    return found._replace(interval=_averaging_period(stated))


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
    if "value" not in result:
        raise ValueError("result without a value")
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
    stated = []
    if isinstance(flags, dict) and flags.get("hasFlags") is True:
        stated.append(f"{SOURCE_FLAG}:{found.field}:hasFlags")
    too_little = _too_little(result)
    if too_little is not None and found.value is not None:
        stated.append(f"INCOMPLETE:{found.field}:{too_little}")
        found = found._replace(value=None)
    return found._replace(interval=interval, flags=tuple(stated))


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
    "locationid": "location_id", "location_name": "location", "locationname": "location",
    "sensor_id": "sensors_id", "sensorid": "sensors_id", "sensorsid": "sensors_id",
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
    kind, exact = "", None
    if field_name:
        kind, scale, added = _unit(parameter, field_name, unit)
        exact = None if measured is None else (Decimal(value.strip()) + added) * scale
    return Measurement(place, sensor, field_name, kind, exact, _end(at), None, ())


def _end(at: datetime) -> int:
    """Return the end of an interval, µs since 1970 UTC; its beginning may lie a day before."""
    since_1970(at - timedelta(days=1, hours=1))
    return since_1970(at)


def _unit(parameter: str, field_name: str, unit: str) -> _Scale:
    """Return the kind of a unit, its factor, and what is added before.

    Raises:
        ValueError: The parameter has no such unit.
    """
    known = _WEATHER_UNITS.get(field_name, _PARTICLE_UNITS if field_name in PARTICLES else _CONCENTRATIONS)
    spelled = "".join(unicodedata.normalize("NFKC", unit).lower().split())
    spelled = spelled.replace("−", "-")
    found = known.get(_SPELLINGS.get(spelled, spelled))
    if found is None:
        stated = f"the unit {unit.strip()[:20]!r}" if unit.strip() else "no unit"
        raise ValueError(f"{parameter.strip()[:20]} in {stated}: expected {', '.join(known)}")
    return found


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
            return _averaging_period(result.get("averagingPeriod"))
        hours, minutes, seconds = map(int, match.groups())
        length = ((hours * 60 + minutes) * 60 + seconds) * MICRO
    return _checked(length)


def _checked(length: int) -> int:
    """Return the length of an interval in µs.

    Raises:
        ValueError: It is neither a day nor at most an hour.
    """
    if not (0 < length <= HOUR_US or is_day(length)):
        raise ValueError(f"an interval of {length / 1e6:g} s: expected an hour, a part of one, or a day")
    return length


_PERIOD_UNITS = {"second": MICRO, "minute": 60 * MICRO, "hour": HOUR_US, "day": DAY_US}


def _averaging_period(stated: Any) -> int | None:
    """Return the length of the averaging period of the interface's version 1, in µs; None if it does not say.

    Raises:
        ValueError: It is no time, or neither a day nor at most an hour.
    """
    if not isinstance(stated, dict):
        return None
    value = number("averagingPeriod.value", member("averagingPeriod.value", stated.get("value")))
    unit = text(member("averagingPeriod.unit", stated.get("unit")))
    if value is None or unit is None:
        return None
    factor = _PERIOD_UNITS.get(unit.strip().lower().removesuffix("s"))
    if factor is None:
        raise ValueError(f"averagingPeriod.unit: expected hours, minutes, seconds or days, got {unit[:20]!r}")
    return _checked(round(min(value, 1e6) * factor))


def _too_little(result: Mapping[str, Any]) -> str | None:
    """Return how much of its interval a mean covers, if that is less than 75 % by any share that the result states.

    Raises:
        ValueError: A share is no number.
    """
    coverage = result.get("coverage")
    if not isinstance(coverage, dict):
        return None
    observed, expected, complete, covered = (
        number(f"coverage.{name}", member(f"coverage.{name}", coverage.get(name)))
        for name in ("observedCount", "expectedCount", "percentComplete", "percentCoverage")
    )
    counted = 100 * observed / expected if observed is not None and expected else None
    low = [share for share in (counted, complete, covered) if share is not None and share < LEAST_PERCENT]
    if not low:
        return None
    if counted in low:
        return f"{observed:g}_OF_{expected:g}"
    return f"{min(low):g}_OF_100"


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
