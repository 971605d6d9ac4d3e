"""enviroCar tracks → vehicle signals. Pure.

A track is a GeoJSON FeatureCollection (RFC 7946) of the enviroCar REST API: one Feature per time, with
`properties.phenomenons.<name>.{value, unit}`. One source record is one Feature. The collection is read in pieces, so
its length does not matter; a damaged feature takes no other along.

The car is the feature's own `sensor`, else the collection's: an id (text or number), or an object that holds one. A
collection of several cars is one recording of each. Without a car the id of the track stands in, with the flag
`NO_VEHICLE_ID`.

A phenomenon in the unit of its field becomes that field; any other keeps its name and unit in `other`. A feature is
refused if it cannot be parsed (NaN and Infinity are no JSON) or RFC 7946 forbids it: no Feature, a geometry other than
Point, coordinates out of range, an invalid time, a value that is no number.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from streams.domains.vehicle.order import with_closing_signals
from streams.domains.vehicle.signals import (
    NO_VEHICLE_ID,
    SIGNAL,
    micros,
    range_flags,
    vehicle_id,
)
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.json_stream import CUT_OFF, Element, Envelope, cut, envelope
from streams.readers.json_value import JsonError, parse

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

_FEATURES = ("features",)
UNKNOWN = "envirocar:unknown"


def matches(head: bytes) -> bool:
    """Return whether a file begins like a track, or like a single feature of one."""
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return begins and b'"phenomenons"' in head and (b'"FeatureCollection"' in head or b'"Feature"' in head)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a track; yield one item per feature, and one for what stands around them."""
    return with_closing_signals(lambda: _items(stream))


def _items(stream: BinaryIO) -> Iterator[Item]:
    stream.seek(0)
    track = _collection(envelope(stream, [_FEATURES]))
    stream.seek(0)
    record, is_whole = 0, True
    for record, part in enumerate(cut(stream, [_FEATURES]), start=1):
        if isinstance(part, Element):
            item = _feature(record, part, track)
            is_whole = part.problem != CUT_OFF
            yield item
        else:
            yield _around(record, part, track, is_whole=is_whole)


def _collection(around: Envelope) -> Mapping[str, Any]:
    """Return the collection without its features; empty if it cannot be parsed."""
    try:
        found = parse(around.data)
    except JsonError:
        return {}
    return found if isinstance(found, dict) else {}


def _feature(record: int, part: Element, track: Mapping[str, Any]) -> Item:
    spans = (part.span,)
    if part.problem is not None:
        return Refused(record, part.line, part.data, part.problem, RULE, spans)
    try:
        draft = _draft(parse(part.data), track)
    except ValueError as error:
        return Refused(record, part.line, part.data, str(error), RULE, spans)
    return Accepted(record, part.line, part.data, (draft,), spans)


def _around(record: int, part: Envelope, track: Mapping[str, Any], *, is_whole: bool) -> Item:
    """Return the item of what stands around the features: a single feature, an envelope, or what is no track.

    Args:
        record: Its number, if it is a record.
        part: What stands around the features.
        track: It, parsed.
        is_whole: False if the text ends inside the last feature, which is refused for it.
    """
    if track.get("type") == "Feature" and not part.arrays:
        try:
            draft = _draft(track, track)
        except ValueError as error:
            return Refused(record, part.line, part.data, str(error), RULE, part.spans)
        return Accepted(record, part.line, part.data, (draft,), part.spans)
    problem = part.problem
    if problem is None and not track:
        problem = "what stands around the features is no JSON object"
    if problem is None and not part.arrays:
        problem = "expected a GeoJSON FeatureCollection (RFC 7946, 3.3)"
    if problem is not None and is_whole:
        return Refused(record, part.line, part.data, problem, RULE, part.spans)
    return Skipped(part.line, "what stands around the features", part.spans)


def _vehicle(feature: Mapping[str, Any], track: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the vehicle's pseudonym and its flags: enviroCar's id of the car, else of the track."""
    own, common = _properties(feature), _properties(track)
    for holder in (own, common):
        found = _sensor_id(holder.get("sensor"))
        if found is not None:
            return f"envirocar:{found}", []
    for candidate in (own.get("track"), common.get("id")):
        found = vehicle_id(candidate)
        if found is not None:
            return f"envirocar:{found}", [NO_VEHICLE_ID]
    return UNKNOWN, [NO_VEHICLE_ID]


def _properties(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    found = holder.get("properties")
    return found if isinstance(found, dict) else {}


def _sensor_id(sensor: Any) -> str | None:
    """Return the id of a sensor: the value itself, or that of its properties or of its own."""
    if not isinstance(sensor, dict):
        return vehicle_id(sensor)
    found = vehicle_id(_properties(sensor).get("id"))
    return vehicle_id(sensor.get("id")) if found is None else found


def _draft(feature: Any, track: Mapping[str, Any]) -> EventDraft:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise ValueError(f"expected a GeoJSON Feature (RFC 7946, 3.2), got {feature!r:.60}")
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        raise ValueError(f"properties: expected an object, got {properties!r:.40}")  # noqa: TRY004  a wrong record
    vehicle, flags = _vehicle(feature, track)
    fields: dict[str, Any] = {"vehicle": vehicle, **_position(feature.get("geometry"))}
    other: dict[str, float] = {}
    for name, unit, value in _phenomenons(properties.get("phenomenons")):
        field = FIELDS.get((name, unit))
        if field is None:
            other[f"{name} [{unit}]"] = value
        else:
            fields[field] = value
    fields |= {"other": other, "flags": [*flags, *range_flags(fields)]}
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
    return micros(found)
