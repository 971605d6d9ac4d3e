"""enviroCar tracks → vehicle signals. Pure.

A track is a GeoJSON FeatureCollection (RFC 7946) of the enviroCar REST API: one Feature per time, with
`properties.phenomenons.<name>.{value, unit}`. One source record is one Feature.

A phenomenon in the unit of its field becomes that field; any other keeps its name and unit in `other`. A feature is
refused if it cannot be parsed or RFC 7946 forbids it: no Feature, a geometry other than Point, coordinates out of
range, an invalid time, a value that is no number. A damaged file gives the features before the damage, and the rest as
one refused record.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, NoReturn

from streams.domains.vehicle.signals import SIGNAL, range_flags, with_closing_signal
from streams.readers.formats import Accepted, EventDraft, Item, Refused

NAME = "envirocar-track"
RULE = f"read-{NAME}@1"

FIELDS: Mapping[tuple[str, str], str] = {
    ("Speed", "km/h"): "speed",
    ("GPS Speed", "km/h"): "gnss_speed",
    ("Rpm", "u/min"): "powertrain_combustion_engine_speed",
    ("GPS Altitude", "m"): "current_location_altitude",
    ("GPS Bearing", "deg"): "current_location_heading",
    ("Consumption", "l/h"): "fuel_consumption",
    ("CO2", "kg/h"): "co2_emission",
}
"""Field of each phenomenon, by its name and unit."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPACE = re.compile(r"[ \t\r\n]*")
_MARKS = (b'"FeatureCollection"', b'"phenomenons"')


@dataclass(frozen=True, slots=True)
class _Piece:
    """A value with its span in the text."""

    begin: int
    end: int
    value: Any


def matches(head: bytes) -> bool:
    """Return whether a file begins like a track."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and all(mark in head for mark in _MARKS)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a track; yield one item per feature."""
    return with_closing_signal(_items(stream.read()))


def _items(data: bytes) -> Iterator[Item]:
    text = data.decode("utf-8-sig", "surrogateescape")
    properties, pieces, damage = _split(text)
    vehicle = _vehicle(properties)
    line, seen, record = 1, 0, 0
    for record, piece in enumerate(pieces, start=1):
        line, seen = line + text.count("\n", seen, piece.begin), piece.begin
        raw = text[piece.begin : piece.end].encode("utf-8", "surrogateescape")
        try:
            draft = _draft(piece.value, vehicle)
        except ValueError as error:
            yield Refused(record, line, raw, str(error), RULE)
        else:
            yield Accepted(record, line, raw, (draft,))
    if damage is not None:
        at, reason = damage
        rest = text[at:].encode("utf-8", "surrogateescape")
        yield Refused(record + 1, 1 + text.count("\n", 0, at), rest, reason, RULE)


def _split(text: str) -> tuple[dict[str, Any], list[_Piece], tuple[int, str] | None]:
    """Split a collection into its features.

    Returns:
        Its properties; its features with their spans; index and reason of its damage, or None.
    """
    decoder = json.JSONDecoder(parse_constant=_no_number)
    properties: dict[str, Any] = {}
    pieces: list[_Piece] = []
    at = 0
    try:
        at = _expect(text, 0, "{")
        while text[at : at + 1] != "}":
            name, at = decoder.raw_decode(text, at)
            at = _expect(text, _space(text, at), ":")
            if name == "features" and text[at : at + 1] == "[":
                at = _expect(text, at, "[")
                while text[at : at + 1] != "]":
                    value, end = decoder.raw_decode(text, at)
                    pieces.append(_Piece(at, end, value))
                    at = _next(text, _space(text, end), "]")
                at = _space(text, at + 1)
            else:
                value, end = decoder.raw_decode(text, at)
                at = _space(text, end)
                if name == "properties" and isinstance(value, dict):
                    properties = value
            at = _next(text, at, "}")
        if _space(text, at + 1) != len(text):
            raise ValueError("text behind the end of the collection")  # noqa: TRY301  as all other damage
    except (ValueError, RecursionError) as error:
        return properties, pieces, (at, f"not GeoJSON from here on: {error}")
    return properties, pieces, None


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _expect(text: str, at: int, sign: str) -> int:
    """Return the index after a sign and the space around it; raise ValueError if it is another sign."""
    at = _space(text, at)
    if text[at : at + 1] != sign:
        raise ValueError(f"expected {sign!r}, got {text[at : at + 10]!r}")
    return _space(text, at + 1)


def _next(text: str, at: int, end: str) -> int:
    """Return the index after the comma between two elements, or that of `end`."""
    if text[at : at + 1] == end:
        return at
    at = _expect(text, at, ",")
    if text[at : at + 1] == end:
        raise ValueError(f"expected a value between ',' and {end!r}")
    return at


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _vehicle(properties: Mapping[str, Any]) -> str:
    """Return the vehicle's pseudonym: enviroCar's id of the car, else of the track."""
    sensor = properties.get("sensor")
    car = sensor.get("properties") if isinstance(sensor, dict) else None
    for holder in (car, properties):
        if isinstance(holder, dict) and isinstance(holder.get("id"), str) and holder["id"].isascii():
            return f"envirocar:{holder['id'][:64]}"
    return "envirocar:unknown"


def _draft(feature: Any, vehicle: str) -> EventDraft:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise ValueError(f"expected a GeoJSON Feature (RFC 7946, 3.2), got {feature!r:.60}")
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        raise ValueError(f"properties: expected an object, got {properties!r:.40}")  # noqa: TRY004  a wrong record
    fields: dict[str, Any] = {"vehicle": vehicle, **_position(feature.get("geometry"))}
    other: dict[str, float] = {}
    for name, unit, value in _phenomenons(properties.get("phenomenons")):
        field = FIELDS.get((name, unit))
        if field is None:
            other[f"{name} [{unit}]"] = value
        else:
            fields[field] = value
    fields |= {"other": other, "flags": range_flags(fields)}
    return EventDraft(SIGNAL, _micros(properties.get("time")), fields)


def _position(geometry: Any) -> dict[str, float]:
    """Return the coordinates of a Point, longitude first (RFC 7946 §3.1.1); none without a geometry."""
    if geometry is None:
        return {}
    if not isinstance(geometry, dict) or geometry.get("type") != "Point":
        raise ValueError(f"geometry: expected a Point or null, got {geometry!r:.60}")
    place = geometry.get("coordinates")
    if not isinstance(place, list) or not 2 <= len(place) <= 3 or not all(map(_is_number, place)):
        raise ValueError(f"coordinates: expected longitude and latitude, got {place!r:.60}")
    longitude, latitude = place[:2]
    if not -180 <= longitude <= 180 or not -90 <= latitude <= 90:
        raise ValueError(
            f"coordinates: expected longitude within 180 and latitude within 90, got {place!r:.60}"
        )
    return {"current_location_longitude": float(longitude), "current_location_latitude": float(latitude)}


def _phenomenons(found: Any) -> Iterator[tuple[str, str, float]]:
    if found is None:
        return
    if not isinstance(found, dict):
        raise ValueError(f"phenomenons: expected an object, got {found!r:.40}")  # noqa: TRY004  a wrong record
    for name, entry in found.items():
        if not isinstance(entry, dict):
            raise ValueError(f"{name}: expected value and unit, got {entry!r:.40}")  # noqa: TRY004  a wrong record
        value, unit = entry.get("value"), entry.get("unit", "")
        if value is None:
            continue
        if not _is_number(value) or not isinstance(unit, str):
            raise ValueError(f"{name}: expected a number with a unit, got {entry!r:.60}")
        yield name, unit, float(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _micros(time: Any) -> int:
    try:
        found = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        raise ValueError(f"time: expected ISO 8601, got {time!r:.40}") from None
    if found.tzinfo is None:
        raise ValueError(f"time: expected an offset such as Z, got {time!r:.40}")
    micros = (found - _EPOCH) // timedelta(microseconds=1)
    if micros < 0:
        raise ValueError(f"time before 1970: {time!r:.40}")
    return micros
