"""Car Scanner logs (CSV) → vehicle signals. Pure.

Car Scanner ELM OBD2 writes one row per reading: `"SECONDS";"PID";"VALUE";"UNITS";` and, where the phone has a position,
`"LATITUDE";"LONGTITUDE";` (its own spelling). The readings of one moment, rows that follow one another with the same
seconds, are one source record.

The day stands in the file's name only, `2026-01-27 23-38-14.csv`, which is the local time of the beginning. The seconds
count from local midnight (and go on behind the next one), or from the beginning where they do not fit the name. The
zone is nowhere: local time is taken as UTC, with the flag `NO_ZONE`.

A log names no vehicle: the pseudonym is made from its digest, with the flag `NO_VEHICLE_ID`.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from streams.domains.vehicle.order import with_closing_signals
from streams.domains.vehicle.signals import (
    NO_FIX,
    NO_VEHICLE_ID,
    NO_ZONE,
    SIGNAL,
    micros,
    number,
    range_flags,
    with_points,
)
from streams.domains.vehicle.torque import LITRES_PER_HOUR, METRES, ONE, SPEED_KMH, has_only_names
from streams.readers.delimited import Dialect, Header, cells_of
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.lines import LONGEST_LINE, Line, lines

NAME = "car-scanner-log"
RULE = f"read-{NAME}@1"

FIELDS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "vehicle speed": ("speed", SPEED_KMH),
    "speed (gps)": ("gnss_speed", SPEED_KMH),
    "engine rpm": ("powertrain_combustion_engine_speed", ONE),
    "altitude (gps)": ("current_location_altitude", METRES),
    "bearing (gps)": ("current_location_heading", ONE),
    "calculated instant fuel rate": ("fuel_consumption", LITRES_PER_HOUR),
    "engine fuel rate": ("fuel_consumption", LITRES_PER_HOUR),
}
"""Field of each reading, by its name in lower case, and the factor of each unit."""

MOST_READINGS = 1_000
"""Readings of one moment above which a further record begins."""

MOST_BYTES = 1 << 20
"""Bytes of these readings; a reading has some 100."""

_COLUMNS = ("seconds", "pid", "value", "units")
_STARTED = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ _T](\d\d)[-_.:](\d\d)[-_.:](\d\d)")
LONGEST_S = 10_000_000
"""Seconds above which a reading is of no log."""

_FITS_S = 900
"""How far the first reading may be from the time in the name for its seconds to count from midnight."""

Reading = tuple[Line, float, dict[str, str]]


def _known(columns: Sequence[str]) -> bool:
    return tuple(each.lower() for each in columns[:4]) == _COLUMNS


DIALECT = Dialect(_known, delimiter=";")


def matches(head: bytes) -> bool:
    """Return whether a file begins with the header of a Car Scanner log."""
    return DIALECT.matches(head)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a log without its name: every reading is refused, since its day is not known."""
    return read_named(stream, Path())


def read_named(stream: BinaryIO, path: Path) -> Iterator[Item]:
    """Read a log; yield one item per moment.

    Args:
        stream: The log.
        path: Its path. The name holds its day.
    """
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    vehicle = f"car-scanner:{digest.hexdigest()[:12]}"
    return with_closing_signals(lambda: _items(stream, _started(path.name), vehicle))


def _started(name: str) -> datetime | None:
    found = _STARTED.search(name)
    if found is None:
        return None
    try:
        return datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None


def _items(stream: BinaryIO, started: datetime | None, vehicle: str) -> Iterator[Item]:
    stream.seek(0)
    header: Header | None = None
    record, moment = 0, list[Reading]()
    midnight: datetime | None = None
    for line in lines(stream):
        found: Skipped | None = None
        if not line.text.strip():
            found = Skipped(line.number, "blank line", line.spans)
        elif b"seconds" in line.data.lower() and DIALECT.parse(line) is not None:
            header = DIALECT.parse(line)
            found = Skipped(line.number, "header", line.spans)
        header = None if found is None and _ends(line, header) else header
        reading: Reading | ValueError | None = None if found is not None else _reading(line, header, started)
        if moment and not _joins(moment, reading):
            record += 1
            yield _accepted(record, moment, vehicle, midnight)
            moment = []
        if found is not None:
            yield found
        elif isinstance(reading, ValueError):
            record += 1
            yield Refused(record, line.number, line.data, str(reading), RULE, line.spans)
        elif reading is not None:
            if midnight is None and started is not None:
                midnight = _midnight(started, reading[1])
            moment.append(reading)
    if moment:
        yield _accepted(record + 1, moment, vehicle, midnight)


def _ends(line: Line, header: Header | None) -> bool:
    """Return whether a line is a header of something else, below which the one above it does not hold."""
    return header is not None and has_only_names(line, header)


def _joins(moment: list[Reading], reading: Reading | ValueError | None) -> bool:
    """Return whether a reading belongs to the moment of those before: same seconds, and a name of its own."""
    if not isinstance(reading, tuple) or len(moment) >= MOST_READINGS:
        return False
    if sum(len(line.data) for line, _, _ in moment) + len(reading[0].data) > MOST_BYTES:
        return False
    return reading[1] == moment[0][1] and all(reading[2]["pid"] != each[2]["pid"] for each in moment)


def _midnight(started: datetime, seconds: float) -> datetime:
    """Return the time from which the seconds count: the last midnight, or the beginning of the log."""
    midnight = started.replace(hour=0, minute=0, second=0)
    fits = abs((started - midnight).total_seconds() - seconds) <= _FITS_S
    if fits:
        return midnight
    return started - min(timedelta(seconds=seconds), started - datetime.min.replace(tzinfo=UTC))


def _reading(line: Line, header: Header | None, started: datetime | None) -> Reading | ValueError:
    """Return a row's reading, or why it is none."""
    if header is None or started is None:
        missing = "no header of a Car Scanner log stands above it"
        no_day = "the file's name holds no day: expected a name such as 2026-01-27 23-38-14.csv"
        return ValueError(missing if header is None else no_day)
    if len(line.data) > LONGEST_LINE:
        return ValueError(f"line of more than {LONGEST_LINE} bytes")
    try:
        cells = with_points([each.strip() for each in cells_of(line.data, header.encoding, header.delimiter)])
    except ValueError as error:
        return error
    columns = [each.lower() for each in header.columns]
    while len(cells) > len(columns) and not cells[-1]:
        cells.pop()
    if len(cells) < len(_COLUMNS) or len(cells) > len(columns):
        return ValueError(f"expected {len(columns)} cells as in the header, got {len(cells)}")
    named = dict(zip(columns, cells, strict=False))
    seconds = number(named["seconds"])
    if seconds is None or not 0 <= seconds < LONGEST_S:
        return ValueError(f"column SECONDS: expected seconds, got {named['seconds'][:40]!r}")
    return line, seconds, named


def _accepted(record: int, moment: list[Reading], vehicle: str, midnight: datetime | None) -> Item:
    """Return the item of the readings of one moment."""
    first, seconds, _ = moment[0]
    spans = tuple(span for line, _, _ in moment for span in line.spans)
    data = b"\n".join(line.data for line, _, _ in moment)
    try:
        at = micros((midnight or datetime(1970, 1, 1, tzinfo=UTC)) + timedelta(seconds=seconds))
    except (ValueError, OverflowError) as error:
        return Refused(record, first.number, data, str(error), RULE, spans)
    fields: dict[str, Any] = {"vehicle": vehicle}
    other: dict[str, float] = {}
    flags = [NO_VEHICLE_ID, NO_ZONE]
    for _, _, named in moment:
        name, unit = named["pid"], named["units"]
        value = number(named["value"])
        if value is None:
            flags.append(f"NO_NUMBER:{name}")
            continue
        field, factors = FIELDS.get(name.lower(), ("", ONE))
        factor = factors.get(unit.lower()) if field else None
        if factor is None or field in fields:
            other[f"{name} [{unit}]"] = value
        else:
            fields[field] = value * factor
    place, place_flags = _place(moment[0][2])
    fields |= place
    flags += [*place_flags, *range_flags(fields)]
    return Accepted(
        record,
        first.number,
        data,
        (EventDraft(SIGNAL, at, {**fields, "other": other, "flags": flags}),),
        spans,
    )


def _place(named: Mapping[str, str]) -> tuple[dict[str, float], list[str]]:
    """Return a reading's position and its flags."""
    latitude = number(named.get("latitude", ""))
    longitude = number(named.get("longtitude", named.get("longitude", "")))
    if latitude is None or longitude is None:
        return {}, []
    if latitude == longitude == 0:
        return {}, [NO_FIX]
    if abs(latitude) > 90 or abs(longitude) > 180:
        return {}, ["OUT_OF_RANGE:current_location"]
    return {"current_location_latitude": latitude, "current_location_longitude": longitude}, []
