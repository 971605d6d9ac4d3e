"""Torque logs (CSV) → vehicle signals. Pure.

Torque (Lite and Pro) writes one row per interval, with the columns that its user chose. One source record is one data
row. A column's unit stands in brackets behind its name: `Speed (OBD)(km/h)`.

- A header begins a session, with columns of its own: the app writes it again in the middle of a file when it goes on.
  The last row of a session closes it. Below a header without the columns of a log every row is refused.
- `-` and an empty cell are missing values. `∞`, `NaN` and texts are no numbers: null, with a flag.
- `Device Time` is the phone's local time in the phone's language (`15-Jun-2019`, `15-Mär-2019`, `15-6월-2019`), to the
  millisecond. `GPS Time` is Java's `Date.toString()`: English, to the second, with a zone. So the zone comes from the
  row's GPS Time, else from the last one before, else from the first one in the file. Without any, local time is taken
  as UTC with the flag `NO_ZONE`; a zone without one offset, such as IST, is none: `NO_ZONE:IST`.
- `Speed (OBD)` is `speed`, `GPS Speed` and `Speed (GPS)` are `gnss_speed`. Other units of the same kind are
  converted. Every other number keeps its column's name and unit in `other`: also the phone's accelerations, which are
  not in the vehicle's axes.

A log names no vehicle: the pseudonym is made from its digest, with the flag `NO_VEHICLE_ID`.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, BinaryIO

from streams.domains.vehicle.months import month_number
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
    with_points,
)
from streams.readers.delimited import LONGEST_HEADER, Dialect, Header, cells_of
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.lines import LONGEST_LINE, Line, lines

NAME = "torque-log"
RULE = f"read-{NAME}@1"

SPEED_KMH: Mapping[str, float] = {
    "km/h": 1.0,
    "kph": 1.0,
    "kmh": 1.0,
    "mph": 1.609344,
    "miles/hour": 1.609344,
    "meters/second": KMH,
    "m/s": KMH,
    "knots": 1.852,
}
"""km/h of each unit of speed, in lower case."""

METRES: Mapping[str, float] = {"": 1.0, "m": 1.0, "ft": 0.3048}
LITRES_PER_HOUR: Mapping[str, float] = {"l/hr": 1.0, "l/h": 1.0, "gal/hr": 3.785411784, "cc/min": 0.06}
ONE: Mapping[str, float] = {"": 1.0, "%": 1.0, "rpm": 1.0, "°": 1.0, "deg": 1.0}

FIELDS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "speed (obd)": ("speed", SPEED_KMH),
    "vehicle speed": ("speed", SPEED_KMH),
    "speed": ("speed", SPEED_KMH),
    "gps speed": ("gnss_speed", SPEED_KMH),
    "speed (gps)": ("gnss_speed", SPEED_KMH),
    "engine rpm": ("powertrain_combustion_engine_speed", ONE),
    "rpm": ("powertrain_combustion_engine_speed", ONE),
    "altitude": ("current_location_altitude", METRES),
    "gps altitude": ("current_location_altitude", METRES),
    "bearing": ("current_location_heading", ONE),
    "gps bearing": ("current_location_heading", ONE),
    "fuel flow rate/hour": ("fuel_consumption", LITRES_PER_HOUR),
    "fuel flow rate/minute": ("fuel_consumption", LITRES_PER_HOUR),
    "accelerator pedalposition d": ("chassis_accelerator_pedal_position", ONE),
}
"""Field of each column, by its name in lower case, and the factor of each unit. The first column of a field counts."""

ZONES: Mapping[str, float] = {
    "GMT": 0, "UTC": 0, "UT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "MET": 1, "CEST": 2, "MEST": 2, "EET": 2,
    "EEST": 3, "MSK": 3, "TRT": 3, "JST": 9, "KST": 9, "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "AWST": 8,
    "NZST": 12, "NZDT": 13, "HKT": 8, "SGT": 8, "PKT": 5, "WIB": 7, "SAST": 2, "BRT": -3, "ART": -3, "NST": -3.5,
    "NDT": -2.5, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "AKST": -9, "AKDT": -8, "HST": -10,
}  # fmt: skip
"""Hours of each abbreviation of a zone that has one offset (RFC 5322, 4.3 for North America; IANA time zone database).

IST, BST, AST, ADT stand for several zones and are none.
"""

HEADER = "header"
"""Reason of a skipped header."""

CLOCKS_DIFFER = "CLOCKS_DIFFER"
"""Flag of a signal whose GPS Time and Device Time are more than `CLOCKS_S` apart: the receiver has had no fix."""

WEEK_ROLLOVER = "WEEK_ROLLOVER"
"""Flag of a signal whose receiver counts its weeks from another rollover: the phone's time is taken."""

ROLLOVER_DAYS = 7 * 1024
"""Days after which a receiver's week number begins anew: it has 10 bits (IS-GPS-200, 20.3.3.3.1.1)."""

MOST_ROLLOVERS = 3
"""Rollovers that a receiver may be off: GPS time begins in 1980."""

_SUMMER = timedelta(hours=1)

CLOCKS_S = 600
CALENDAR_DAYS = 366
"""Days between both from which the phone's is of another calendar, or was never set: the receiver's is taken."""

_MISSING = frozenset(("", "-", "--"))
_DEVICE, _GPS = "device time", "gps time"
_PLACE = ("longitude", "latitude")
_UNIT = re.compile(r"(.*\S)\s*\(([^()]*)\)")
_AXES = re.compile(r"g\((x|y|z|calibrated)\)")
_DEVICE_TIME = re.compile(r"(\d{1,2})-([^-]+)-(\d{4})[ T](\d{1,2}):(\d\d):(\d\d)(?:[.,:](\d{1,9}))?")
_GPS_TIME = re.compile(r"\w{3} (\w{3}) (\d{1,2}) (\d\d):(\d\d):(\d\d) (\S+) (\d{4})")
_CLOCK = re.compile(r"\d:\d\d")
_OFFSET = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2}):?(\d\d)?")


def _known(columns: Sequence[str]) -> bool:
    names = {each.strip().lower() for each in columns}
    measured = any(_column(each)[0].lower() in FIELDS for each in columns)
    return bool(names & {_DEVICE, _GPS}) and (measured or names.issuperset(_PLACE))


def _column(cell: str) -> tuple[str, str]:
    """Return a column's name and unit."""
    found = None if _AXES.fullmatch(cell.lower()) else _UNIT.fullmatch(cell)
    if found is None or found[2] in ("OBD", "GPS", "X axis", "Y axis", "Z axis", "Total"):
        return cell, ""
    return found[1], found[2]


DIALECT = Dialect(_known, encodings=("utf-8", "cp1252", "latin-1"))


def has_only_names(line: Line, header: Header) -> bool:
    """Return whether each cell of a line begins with a letter and holds no time, as the cells of a header do.

    Args:
        line: The line.
        header: The header above it, whose number of cells the line must have.
    """
    if len(line.data) > LONGEST_HEADER:
        return False
    try:
        cells = [each.strip() for each in cells_of(line.data, header.encoding, header.delimiter)]
    except ValueError:
        return False
    if len(cells) != len(header.columns) or not any(cells):
        return False
    return all(each[:1].isalpha() and not _CLOCK.search(each) for each in cells if each)


@dataclass(frozen=True, slots=True)
class _Session:
    """The columns below one header."""

    header: Header

    def cells(self, line: Line) -> list[tuple[str, str]]:
        """Return a row's cells with their columns.

        Raises:
            ValueError: It cannot be split, or has more cells or fewer than the header.
        """
        if len(line.data) > LONGEST_LINE:
            raise ValueError(f"line of more than {LONGEST_LINE} bytes")
        cells = cells_of(line.data, self.header.encoding, self.header.delimiter)
        columns = self.header.columns
        while len(cells) > len(columns) and not cells[-1].strip():
            cells.pop()
        if len(cells) < len(columns) and not any(columns[len(cells) :]):
            columns = columns[: len(cells)]
        if len(cells) != len(columns):
            raise ValueError(f"expected {len(columns)} cells as in the header, got {len(cells)}")
        if self.header.delimiter != ",":
            cells = with_points([each.strip() for each in cells])  # a language with decimal commas
        return [(column, cell.strip()) for column, cell in zip(columns, cells, strict=True) if column]


def matches(head: bytes) -> bool:
    """Return whether a file begins with the header of a Torque log."""
    return DIALECT.matches(head)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a log; yield one item per row. The last row of each session closes it."""
    stream.seek(0)
    digest, zone = hashlib.sha256(), None
    for line in lines(stream):
        digest.update(line.data + b"\n")
        zone = zone or _zone_in(line)
    vehicle = f"torque:{digest.hexdigest()[:12]}"
    return with_closing_signals(lambda: _items(stream, vehicle, zone), _is_header)


def _zone_in(line: Line) -> timezone | None:
    """Return the zone of the GPS Time that a line begins with, or None."""
    found = _GPS_TIME.match(line.data[:60].decode("latin-1").lstrip('\ufeff "'))
    return None if found is None else _zone(found[6])[0]


def _is_header(item: Item) -> bool:
    return isinstance(item, Skipped) and item.reason == HEADER


def _items(stream: BinaryIO, vehicle: str, zone: timezone | None) -> Iterator[Item]:
    stream.seek(0)
    session: _Session | None = None
    record = 0
    for line in lines(stream):
        if not line.text.strip():
            yield Skipped(line.number, "blank line", line.spans)
            continue
        header = DIALECT.parse(line) if b"time" in line.data.lower() else None
        if header is not None:
            session = _Session(header)
            yield Skipped(line.number, HEADER, line.spans)
            continue
        record += 1
        if session is not None and has_only_names(line, session.header):
            session = None  # the columns of another file
        try:
            if session is None:
                raise ValueError("no header of a Torque log stands above it")  # noqa: TRY301  as all other refusals
            draft, zone = _draft(session.cells(line), vehicle, zone)
        except ValueError as error:
            yield Refused(record, line.number, line.data, str(error), RULE, line.spans)
        else:
            yield Accepted(record, line.number, line.data, (draft,), line.spans)


def _draft(
    cells: list[tuple[str, str]], vehicle: str, zone: timezone | None
) -> tuple[EventDraft, timezone | None]:
    """Return a row's signal, and the zone of the rows that follow.

    Raises:
        ValueError: It has no time that can be read.
    """
    texts = {column.lower(): cell for column, cell in cells}
    at, zone, flags = _time(texts.get(_DEVICE, ""), texts.get(_GPS, ""), zone)
    fields: dict[str, Any] = {"vehicle": vehicle}
    place = [number(texts.get(name, "")) for name in _PLACE]
    if None not in place and place != [0.0, 0.0] and abs(place[0] or 0) <= 180 and abs(place[1] or 0) <= 90:
        fields |= {"current_location_longitude": place[0], "current_location_latitude": place[1]}
    elif place == [0.0, 0.0]:
        flags.append(NO_FIX)
    elif None not in place:
        flags.append("OUT_OF_RANGE:current_location")
    other: dict[str, float] = {}
    for column, cell in cells:
        if column.lower() in (_DEVICE, _GPS, *_PLACE) or cell in _MISSING:
            continue
        value = number(cell)
        if value is None:
            flags.append(f"NO_NUMBER:{column}")
            continue
        name, unit = _column(column)
        field, factors = FIELDS.get(name.lower(), ("", ONE))
        factor = factors.get(unit.lower()) if field else None
        if factor is None or field in fields:
            other[f"{name} [{unit}]"] = value
        else:
            fields[field] = value * factor
    flags = [NO_VEHICLE_ID, *flags, *range_flags(fields)]
    return EventDraft(SIGNAL, at, {**fields, "other": other, "flags": flags}), zone


def _time(device: str, gps: str, zone: timezone | None) -> tuple[int, timezone | None, list[str]]:
    """Return a row's time in µs since 1970 UTC, the zone that is known now, and flags.

    Raises:
        ValueError: Neither time can be read.
    """
    fix, found_zone, unknown = _gps_time(gps)
    zone = found_zone or zone
    flags: list[str] = []
    try:
        local = _device_time(device)
    except ValueError as error:
        if fix is None:
            raise ValueError(f"Device Time: {error}") from None
        local, flags = fix, [] if device in _MISSING else ["NO_TIME:Device Time"]
    own_zone, local = _zone_of(local), local.replace(tzinfo=None)
    zone = own_zone or zone
    if fix is not None and abs(local - fix) > timedelta(seconds=CLOCKS_S):
        flags.append(CLOCKS_DIFFER)
        rolled = _rollovers(local - fix)
        if rolled is not None:
            flags.append(WEEK_ROLLOVER)
            zone = own_zone or _zone_of_today(zone, local - fix - rolled)
        elif abs(local - fix) > timedelta(days=CALENDAR_DAYS):
            local = fix
    if zone is None:
        flags.append(f"{NO_ZONE}:{unknown}" if unknown else NO_ZONE)
    return micros(local.replace(tzinfo=zone or UTC)), zone, flags


def _rollovers(apart: timedelta) -> timedelta | None:
    """Return the rollovers that lie between phone and receiver, or None if their times differ by no such thing."""
    period = timedelta(days=ROLLOVER_DAYS)
    count = round(apart / period)
    is_one = abs(apart - count * period) <= timedelta(days=1) and 1 <= abs(count) <= MOST_ROLLOVERS
    return count * period if is_one else None


def _zone_of_today(zone: timezone | None, apart: timedelta) -> timezone | None:
    """Return the phone's zone: the receiver's text has the offset of another date, summer or winter.

    Args:
        zone: The zone of the receiver's text.
        apart: The phone's local time less the receiver's, without the rollovers.
    """
    if zone is None or abs(abs(apart) - _SUMMER) > timedelta(seconds=CLOCKS_S):
        return zone
    return timezone(zone.utcoffset(None) + (_SUMMER if apart > timedelta() else -_SUMMER))


def _device_time(text: str) -> datetime:
    """Return the phone's local time; with its zone if the text has one.

    Raises:
        ValueError: The text is none.
    """
    found = _DEVICE_TIME.fullmatch(text)
    if found is None:
        at = _iso(text)
        if at is None:
            raise ValueError(f"expected a time such as 15-Jun-2019 10:31:42.123, got {text[:40]!r}")
        return at
    day, hour, minute, second = map(int, found.group(1, 4, 5, 6))
    fraction = int((found[7] or "").ljust(6, "0")[:6])
    month = month_number(found[2])
    return datetime(int(found[3]), month, day, hour, minute, second, fraction)  # noqa: DTZ001  local time


def _gps_time(text: str) -> tuple[datetime | None, timezone | None, str]:
    """Return the receiver's local time and its zone, or None; and a zone that is not known."""
    found = _GPS_TIME.fullmatch(text)
    if found is None:
        iso = _iso(text)
        return (None, None, "") if iso is None else (iso.replace(tzinfo=None), _zone_of(iso), "")
    zone, unknown = _zone(found[6])
    try:
        day, hour, minute, second = map(int, found.group(2, 3, 4, 5))
        at = datetime(int(found[7]), month_number(found[1]), day, hour, minute, second)  # noqa: DTZ001  local time
    except ValueError:
        return None, zone, unknown
    return at, zone, unknown


def _iso(text: str) -> datetime | None:
    """Return a time of ISO 8601, as exports of other programs have it, or None."""
    try:
        return datetime.fromisoformat(text) if ":" in text else None
    except ValueError:
        return None


def _zone_of(at: datetime) -> timezone | None:
    offset = at.utcoffset()
    return None if offset is None else timezone(offset)


def _zone(text: str) -> tuple[timezone | None, str]:
    """Return the zone of a text, or None and the text."""
    hours = ZONES.get(text)
    if hours is not None:
        return timezone(timedelta(hours=hours)), ""
    found = _OFFSET.fullmatch(text)
    if found is None or int(found[2]) > 14 or int(found[3] or 0) > 59:
        return None, text[:20]
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(-offset if found[1] == "-" else offset), ""
