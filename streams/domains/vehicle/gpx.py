"""GPX tracks → vehicle signals. Pure.

GPX 1.0 and 1.1 (Topografix), also without their namespace. One source record is one track point, `trkpt`. The document
is read in pieces, so its length does not matter. Waypoints and routes are no measurements of a drive: they are skipped
with what stands around the track points, and so is a track point without a time.

- Times are UTC by the schema; one without a zone is taken so, with the flag `NO_ZONE`.
- `speed` (m/s) and `course` (degrees) stand in the point itself in 1.0, and in extensions in 1.1: Garmin's
  TrackPointExtension 2, OsmAnd, GPSLogger, or without a namespace. They are those of the receiver: `gnss_speed`.
- An element that comes again with another value is flagged, and the first one counts; a second time refuses the point.
- Other numbers of the point and of its extensions keep their names in `other`. A heart rate is the person's, not the
  vehicle's: it is left out, with the flag `LEFT_OUT:hr`. Texts (names, comments, links) are no measurements, also where
  they are made of digits.
- A point without a fix (`fix` is `none`, or 0, 0) has no position, and the flag `NO_FIX`.

A document names no vehicle: the pseudonym is made from its digest, with the flag `NO_VEHICLE_ID`. Each track has its
own and is closed by its own signal, for nothing says that two tracks are of one vehicle. Segments of a track are one
drive: a new one begins where reception was lost.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, BinaryIO, cast
from xml.etree.ElementTree import Element

from streams.domains.vehicle.order import with_closing_signals
from streams.domains.vehicle.signals import (
    KMH,
    NO_FIX,
    NO_VEHICLE_ID,
    NO_ZONE,
    SIGNAL,
    micros,
    number,
    range_flags,
)
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.xml_stream import IGNORED, LIST, Tags, XmlElement, XmlEnvelope, cut

NAME = "gpx-track"
RULE = f"read-{NAME}@1"

FIELDS: Mapping[str, str] = {
    "ele": "current_location_altitude",
    "speed": "gnss_speed",
    "course": "current_location_heading",
    "bearing": "current_location_heading",
}
"""Field of each element, by its name; the first that is there counts."""

UNITS: Mapping[str, str] = {
    "magvar": "deg",
    "geoidheight": "m",
    "hdop": "1",
    "vdop": "1",
    "pdop": "1",
    "sat": "1",
    "ageofdgpsdata": "s",
    "dgpsid": "1",
    "atemp": "Celsius",
    "wtemp": "Celsius",
    "depth": "m",
    "cad": "rpm",
    "accuracy": "m",
}
"""Unit of each further element, by its name (GPX 1.0 and 1.1, TrackPointExtension 1 and 2)."""

KNOWN = frozenset((*FIELDS, *UNITS, "fix"))
REPEATED = "REPEATED"
"""Flag of a signal whose point has several values of one name, such as `REPEATED:ele`. The first one counts."""
TEXTS = frozenset(
    (
        *(
            "name",
            "cmt",
            "desc",
            "src",
            "sym",
            "type",
            "link",
            "url",
            "urlname",
            "author",
            "email",
            "keywords",
        ),
        *("address", "phonenumber", "categories"),
    )
)
"""Elements whose content is text (GPX 1.0 and 1.1; Garmin's GpxExtensions 3). Nothing in them is kept."""

PERSONAL = frozenset(("hr", "heartrate", "heart_rate"))
_ROOT = re.compile(rb"<(?:[\w.-]+:)?gpx[\s>]")
_MARKUP = re.compile(rb"<(?![?!]|(?:[\w.-]+:)?gpx[\s>])")
_TRACK = re.compile(rb"<(?:[\w.-]+:)?trk[\s>]")
_LEAP = re.compile(r"(:\d\d):60(?=[.Z+-]|$)")
_MIDNIGHT = re.compile(r"[Tt]24:00:00(\.0+)?(?=[Zz+-]|$)")
"""The end of a day, which is the beginning of the next one (XML Schema part 2, 3.2.7)."""

_LONGEST_FRAME = 1 << 20
"""Bytes between two track points in which the beginning of a track is looked for."""


def matches(head: bytes) -> bool:
    """Return whether a document's root is `gpx`."""
    bare = head.replace(b"\0", b"")  # UTF-16
    root = _ROOT.search(bare)
    return root is not None and _MARKUP.search(_without_comments(bare[: root.start()])) is None


def _without_comments(head: bytes) -> bytes:
    return re.sub(rb"<!--.*?-->", b"", head, flags=re.DOTALL)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a document; yield one item per track point, and one for what stands around them."""
    digest, begins = _survey(stream)
    return with_closing_signals(lambda: _items(stream, digest, begins))


class _Digested:
    """A stream whose bytes are digested while they are read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read further bytes."""
        found = self._stream.read(size)
        self.digest.update(found)
        return found


def _survey(stream: BinaryIO) -> tuple[str, list[int]]:
    """Return the digest of a document, and the offsets where a further track begins."""
    stream.seek(0)
    digested = _Digested(stream)
    around = None
    for part in cut(cast("BinaryIO", digested), _role):
        around = part if isinstance(part, XmlEnvelope) else around
    begins = []
    for begin, end in around.spans[1:] if around is not None else ():
        stream.seek(begin)
        if _TRACK.search(stream.read(min(end - begin, _LONGEST_FRAME)).replace(b"\0", b"")):
            begins.append(end)
    return digested.digest.hexdigest()[:12], begins


@lru_cache(maxsize=1024)
def _role(tags: Tags) -> str:
    names = [_bare(tag) for tag in tags]
    if names[0] != "gpx":
        return ""
    if names[1:] == ["trk", "trkseg"]:
        return LIST
    return "" if names[1:2] in ([], ["trk"]) else IGNORED


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2].lower()


def _items(stream: BinaryIO, digest: str, begins: list[int]) -> Iterator[Item]:
    stream.seek(0)
    record, known = 0, None
    for part in cut(stream, _role):
        if isinstance(part, XmlEnvelope):
            yield _around(record + 1, part, known)
            continue
        track = bisect_right(begins, part.span[0]) + 1
        item = _point(record + 1, part, f"gpx:{digest}" if track == 1 else f"gpx:{digest}-{track}")
        record += not isinstance(item, Skipped)
        known = part.problem
        yield item


def _around(record: int, part: XmlEnvelope, known: str | None) -> Item:
    """Return the item of what stands around the track points, or of what is no GPX document.

    Args:
        record: Its number, if it is a record.
        part: What stands around the track points.
        known: Problem of the last element. Damage inside it reaches to the document's end and is refused there.
    """
    problem = part.problem
    if problem is None and (part.root is None or _bare(part.root.tag) != "gpx"):
        problem = "expected a GPX document: its root is gpx"
    if problem is not None and problem != known:
        return Refused(record, 1, part.data, problem, RULE, part.spans)
    return Skipped(1, "what stands around the track points", part.spans)


def _point(record: int, part: XmlElement, vehicle: str) -> Item:
    """Return the item of an element of a segment."""
    spans, element = (part.span,), part.element
    if element is None:
        return Refused(record, part.line, part.data, part.problem or "not XML", RULE, spans)
    if _bare(element.tag) != "trkpt":
        return Skipped(part.line, "element of a segment that is no track point", spans)
    values, again = _values(element)
    if not values.get("time"):
        return Skipped(part.line, "track point without a time", spans)
    try:
        draft = _draft(element, values, vehicle, again)
    except ValueError as error:
        return Refused(record, part.line, part.data, str(error), RULE, spans)
    return Accepted(record, part.line, part.data, (draft,), spans)


def _values(element: Element) -> tuple[dict[str, str], list[str]]:
    """Return the texts of a point's elements by their names, and the names that have several values.

    An element of the point itself counts before one of its extensions, and of several the first one.
    """
    own, inner = list[Element](), list[Element]()
    waiting = [(each, own) for each in reversed(element)]
    while waiting:
        each, level = waiting.pop()
        if _bare(each.tag) in TEXTS:
            continue
        waiting += [(child, inner) for child in reversed(each)]
        level.append(each)
    found: dict[str, str] = {}
    again: dict[str, None] = {}
    for level in (own, inner):
        of_level: dict[str, str] = {}
        for each in level:
            name, text = _bare(each.tag), (each.text or "").strip()
            if text and len(each) == 0 and of_level.setdefault(name, text) != text:
                again[name] = None
        found = {**of_level, **found}
    return found, list(again)


def _draft(element: Element, values: Mapping[str, str], vehicle: str, again: list[str]) -> EventDraft:
    """Return a point's signal.

    Args:
        element: The point.
        values: Texts of its elements by their names.
        again: Names that have several values.
        vehicle: The vehicle's pseudonym.

    Raises:
        ValueError: Its position or its time is invalid, or it has several times.
    """
    if "time" in again:
        raise ValueError("time: expected one, got several")
    latitude, longitude = _degrees(element, "lat", 90.0), _degrees(element, "lon", 180.0)
    at, flags = _time(values["time"])
    flags = [NO_VEHICLE_ID, *flags]
    fields: dict[str, Any] = {"vehicle": vehicle}
    if latitude == longitude == 0 or values.get("fix", "").lower() == "none":
        flags.append(NO_FIX)
    else:
        fields |= {"current_location_latitude": latitude, "current_location_longitude": longitude}
    flags += [f"{REPEATED}:{name}" for name in again if name in KNOWN or number(values[name]) is not None]
    other: dict[str, float] = {}
    for name, text in sorted(values.items()):
        if name in PERSONAL:
            flags.append(f"LEFT_OUT:{name}")
            continue
        value, field = number(text), FIELDS.get(name)
        if value is None:
            flags += [f"NO_NUMBER:{name}"] if field is not None or name in UNITS else []
        elif field is None:
            other[f"{name} [{UNITS.get(name, '')}]"] = value
        elif field not in fields or name != "bearing":
            fields[field] = value * KMH if name == "speed" else value
    return EventDraft(SIGNAL, at, {**fields, "other": other, "flags": [*flags, *range_flags(fields)]})


def _degrees(element: Element, name: str, most: float) -> float:
    text = element.get(name, "").strip()
    found = number(text)
    if found is None or abs(found) > most:
        raise ValueError(f"{name}: expected degrees within {most:.0f}, got {text[:40]!r}")
    return found


def _time(text: str) -> tuple[int, list[str]]:
    """Return a time in µs since 1970 UTC and its flags.

    Raises:
        ValueError: It is no time of XML Schema, or before 1970.
    """
    later = timedelta()
    if _LEAP.search(text):
        text, later = _LEAP.sub(r"\1:59", text), timedelta(seconds=1)
    elif _MIDNIGHT.search(text):
        text, later = _MIDNIGHT.sub("T00:00:00", text), timedelta(days=1)
    try:
        found = datetime.fromisoformat(text) + later
    except (ValueError, OverflowError):
        raise ValueError(f"time: expected ISO 8601, got {text[:40]!r}") from None
    if "T" not in text.upper():
        raise ValueError(f"time: expected a date and a time, got {text[:40]!r}")
    return micros(found), [NO_ZONE] if found.tzinfo is None else []
