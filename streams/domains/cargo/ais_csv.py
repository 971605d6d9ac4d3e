"""AIS position reports in the CSV tables of MarineCadastre, 2009 to today → `cargo.vessel-position`. Pure.

One source record is one CSV data row. Times are UTC, without an offset. Sources: NOAA's data dictionaries before and
from 2025, and what its files hold:

- 2009–2014 are geodatabases; exported with coordinates they have `X` and `Y`, and times like `2014/01/01 00:00:00+00`.
- 2015–2017: `Status` as text, no transceiver class, `VesselType` in codes of its own (1001 to 1025).
- 2018: `TranscieverClass`; 2019–2024: `TransceiverClass`.
- From 2025: `base_date_time`, `longitude` before `latitude`, `transceiver`; "not available" is an empty cell.

A negative speed or course is one whose highest bit was read as a sign: AIS has 10 bits for the speed in 0.1 kn and 12
for the course in 0.1°. So -0.1 kn is 102.3 (not available), -133.6° is 276.0°, -49.6° is 360 (not available). Such a
value is corrected, with a flag. Only what cannot be parsed is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from streams.domains.cargo import ais_table, ais_values
from streams.domains.cargo.ais_message import POSITION
from streams.domains.cargo.mmsi import mmsi_problem, station_of
from streams.readers.delimited import Dialect, Row, items
from streams.readers.formats import EventDraft, Item

NAME = "ais-marinecadastre"
RULE = "read-ais-marinecadastre@2"

SOG_SIGN, COG_SIGN = "SOG_SIGN_CORRECTED", "COG_SIGN_CORRECTED"

_NAMES = {
    "MMSI": ("mmsi",),
    "BaseDateTime": ("basedatetime",),
    "LAT": ("lat", "latitude", "y"),
    "LON": ("lon", "longitude", "x"),
    "SOG": ("sog",),
    "COG": ("cog",),
    "Heading": ("heading",),
    "VesselName": ("vesselname",),
    "IMO": ("imo",),
    "CallSign": ("callsign",),
    "VesselType": ("vesseltype",),
    "Status": ("status",),
    "Length": ("length",),
    "Width": ("width",),
    "Draft": ("draft",),
    "Cargo": ("cargo",),
    "TransceiverClass": ("transceiverclass", "transcieverclass", "transceiver"),
}
"""Columns by NOAA's name of 2019, with the spellings of all years as `ais_table.fold` gives them."""

_COLUMNS = {spelling: name for name, spellings in _NAMES.items() for spelling in spellings}
_NEEDED = frozenset(("MMSI", "BaseDateTime", "LAT", "LON"))
_SPEED_SPAN, _COURSE_SPAN = 102.4, 409.6
"""Spans of 10 bits in 0.1 kn and of 12 bits in 0.1°."""


def _known(columns: Sequence[str]) -> bool:
    known = [each for each in columns if each in _NAMES]
    return _NEEDED.issubset(known) and len(set(known)) == len(known)


DIALECT = Dialect(_known, column_name=lambda name: _COLUMNS.get(ais_table.fold(name), name.strip()))
"""How such tables are written."""


def matches(head: bytes) -> bool:
    """Return whether a file begins with the header of such a table."""
    return DIALECT.matches(head)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a table; yield one item per line."""
    yield from items(stream, DIALECT, lambda _: _draft, RULE)


def _draft(row: Row) -> EventDraft:
    cells = {name: cell.strip() for name, cell in row.require_cells().items()}
    mmsi, padded = ais_table.mmsi(cells, "MMSI")
    latitude, longitude, flag = ais_values.position(
        ais_table.number(cells, "LAT"), ais_table.number(cells, "LON")
    )
    ship = ais_values.ship_number((ais_table.code(cells, "IMO") or "").removeprefix("IMO").strip())
    motion, motion_flags = _motion(cells)
    kind = ais_values.particular(ais_table.whole(cells, "VesselType"))
    flags = [mmsi_problem(mmsi), padded, ship.flag, flag, *motion_flags, ais_values.ship_type(kind)]
    fields = {
        "mmsi": mmsi,
        "station": station_of(mmsi),
        "latitude": latitude,
        "longitude": longitude,
        "imo": ship.imo,
        "official_number": ship.official_number,
        **motion,
        "ship_type": kind,
        **_ship(cells),
        "flags": [each for each in flags if each],
    }
    return EventDraft(POSITION, ais_table.iso_time(cells, "BaseDateTime"), fields)


def _motion(cells: Mapping[str, str]) -> tuple[dict[str, Any], list[str | None]]:
    sog_cell, sog_sign = _unsigned(ais_table.number(cells, "SOG"), _SPEED_SPAN, SOG_SIGN)
    cog_cell, cog_sign = _unsigned(ais_table.number(cells, "COG"), _COURSE_SPAN, COG_SIGN)
    sog, sog_flag = ais_values.speed(sog_cell)
    cog, cog_flag = ais_values.course(cog_cell)
    heading, heading_flag = ais_values.heading(ais_table.number(cells, "Heading"))
    status, status_flag = ais_table.nav_status(cells, "Status")
    fields = {"sog": sog, "cog": cog, "heading": heading, "nav_status": status}
    return fields, [sog_sign, sog_flag, cog_sign, cog_flag, heading_flag, status_flag]


def _unsigned(value: float | None, span: float, flag: str) -> tuple[float | None, str | None]:
    """Return a value of `span` whose highest bit was read as a sign, corrected, with the flag."""
    if value is None or not -span / 2 <= value < 0:
        return value, None
    return round(value + span, 1), flag


def _ship(cells: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": ais_values.text(ais_table.text(cells, "VesselName")),
        "call_sign": ais_values.text(ais_table.text(cells, "CallSign")),
        "length": ais_values.particular(ais_table.number(cells, "Length")),
        "width": ais_values.particular(ais_table.number(cells, "Width")),
        "draught": ais_values.particular(ais_table.number(cells, "Draft")),
        "cargo_code": ais_values.particular(ais_table.whole(cells, "Cargo")),
        "transceiver_class": ais_table.text(cells, "TransceiverClass"),
    }
