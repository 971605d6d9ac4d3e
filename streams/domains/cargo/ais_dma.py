"""AIS position reports in the daily CSV tables of the Danish Maritime Authority → `cargo.vessel-position`. Pure.

One source record is one CSV data row of `aisdk-*.csv`. Times are UTC, `dd/mm/yyyy hh:mm:ss`. Each row holds a station's
newest static and voyage data beside its position. Status, kind of ship and cargo are texts: they become the codes of
ITU-R M.1371, and a text that we do not know becomes null with a flag. Columns that older years lack are null. The
antenna's place on board (A to D) and its receiver are not kept.

Source: "_README_information_CSV_files" of the authority; the texts are those of its AisLib and of its files.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from streams.domains.cargo import ais_table, ais_values
from streams.domains.cargo.ais_message import POSITION
from streams.domains.cargo.mmsi import (
    AID_TO_NAVIGATION,
    BASE_STATION,
    EPIRB,
    MAN_OVERBOARD,
    SAR_AIRCRAFT,
    SAR_TRANSMITTER,
    mmsi_problem,
    station_of,
)
from streams.readers.delimited import Dialect, Row, items
from streams.readers.formats import EventDraft, Item

NAME = "ais-dma"
RULE = "read-ais-dma@1"

UNKNOWN_SHIP_TYPE, UNKNOWN_CARGO_TYPE, UNKNOWN_ETA = "UNKNOWN_SHIP_TYPE", "UNKNOWN_CARGO_TYPE", "UNKNOWN_ETA"

_NEEDED = frozenset(("timestamp", "typeofmobile", "mmsi", "latitude", "longitude"))
_CLASSES = {"class a": "A", "class b": "B"}
_STATIONS = {
    "base station": BASE_STATION,
    "aton": AID_TO_NAVIGATION,
    "sar airborne": SAR_AIRCRAFT,
    "search and rescue transponder": SAR_TRANSMITTER,
    "search and rescue transmitter": SAR_TRANSMITTER,
    "man overboard device": MAN_OVERBOARD,
    "epirb": EPIRB,
}
_SHIP_TYPES = {
    "wig": 20, "fishing": 30, "towing": 31, "towing long/wide": 32, "dredging": 33, "diving": 34, "military": 35,
    "sailing": 36, "pleasure": 37, "hsc": 40, "pilot": 50, "sar": 51, "tug": 52, "port tender": 53,
    "anti-pollution": 54, "anti pollution": 54, "law enforcement": 55, "spare 1": 56, "spare 2": 57, "medical": 58,
    "not party to conflict": 59, "ships according to rr": 59, "passenger": 60, "cargo": 70, "tanker": 80, "other": 90,
}  # fmt: skip
_CARGO = {
    "category x": 1, "category a": 1, "category y": 2, "category b": 2, "category z": 3, "category c": 3,
    "category os": 4, "category d": 4, "no additional information": 9,
}  # fmt: skip
_NOT_GIVEN = frozenset({"undefined", "unknown", "reserved", "reserved for future use"})
_WITH_CARGO = frozenset({20, 40, 60, 70, 80, 90})
_ETA = re.compile(r"(\d{2})/(\d{2})/\d{4} (\d{2}):(\d{2}):\d{2}", re.ASCII)
_FASTEST_TURN = 709
"""Code 126 of AIS in °/min; the codes above mean that there is no turn indicator."""


DIALECT = Dialect(_NEEDED.issubset, column_name=ais_table.fold)
"""How such tables are written."""


def matches(head: bytes) -> bool:
    """Return whether a file begins with the header of such a table."""
    return DIALECT.matches(head)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a table; yield one item per line."""
    yield from items(stream, DIALECT, lambda _: _draft, RULE)


def _draft(row: Row) -> EventDraft:
    cells = {name: cell.strip() for name, cell in row.require_cells().items()}
    mmsi, padded = ais_table.mmsi(cells, "mmsi")
    mobile = cells["typeofmobile"].casefold()
    latitude, longitude, flag = ais_values.position(
        ais_table.number(cells, "latitude"), ais_table.number(cells, "longitude")
    )
    number = ais_values.ship_number(ais_table.code(cells, "imo") or "")
    motion, motion_flags = _motion(cells)
    ship, ship_flags = _ship(cells)
    flags = [mmsi_problem(mmsi), padded, number.flag, flag, *motion_flags, *ship_flags]
    fields = {
        "mmsi": mmsi,
        "station": _STATIONS.get(mobile) or station_of(mmsi),
        "transceiver_class": _CLASSES.get(mobile),
        "latitude": latitude,
        "longitude": longitude,
        "imo": number.imo,
        "official_number": number.official_number,
        **motion,
        **ship,
        "flags": [each for each in flags if each],
    }
    return EventDraft(POSITION, ais_table.day_first_time(cells, "timestamp"), fields)


def _motion(cells: Mapping[str, str]) -> tuple[dict[str, Any], list[str | None]]:
    sog, sog_flag = ais_values.speed(ais_table.number(cells, "sog"))
    cog, cog_flag = ais_values.course(ais_table.number(cells, "cog"))
    heading, heading_flag = ais_values.heading(ais_table.number(cells, "heading"))
    status, status_flag = ais_table.nav_status(cells, "navigationalstatus")
    turn = ais_table.number(cells, "rot")
    fields = {
        "sog": sog,
        "cog": cog,
        "heading": heading,
        "nav_status": status,
        "rate_of_turn": turn if turn is not None and abs(turn) <= _FASTEST_TURN else None,
    }
    return fields, [sog_flag, cog_flag, heading_flag, status_flag]


def _ship(cells: Mapping[str, str]) -> tuple[dict[str, Any], list[str | None]]:
    kind, kind_flag = _code_of(cells, "shiptype", _SHIP_TYPES, UNKNOWN_SHIP_TYPE)
    cargo, cargo_flag = _code_of(cells, "cargotype", _CARGO, UNKNOWN_CARGO_TYPE)
    eta, eta_flag = _eta(cells)
    fields = {
        "name": ais_values.text(ais_table.code(cells, "name")),
        "call_sign": ais_values.text(ais_table.code(cells, "callsign")),
        "ship_type": kind + (cargo or 0) if kind in _WITH_CARGO else kind,
        "length": ais_values.particular(ais_table.number(cells, "length")),
        "width": ais_values.particular(ais_table.number(cells, "width")),
        "draught": ais_values.particular(ais_table.number(cells, "draught")),
        "destination": ais_values.text(ais_table.code(cells, "destination")),
        "eta": eta,
    }
    return fields, [kind_flag, cargo_flag, eta_flag]


def _code_of(
    cells: Mapping[str, str], column: str, codes: Mapping[str, int], flag: str
) -> tuple[int | None, str | None]:
    given = (ais_table.code(cells, column) or "").casefold()
    if not given or given in _NOT_GIVEN:
        return None, None
    return codes.get(given), None if given in codes else flag


def _eta(cells: Mapping[str, str]) -> tuple[str | None, str | None]:
    given = ais_table.code(cells, "eta")
    if given is None:
        return None, None
    match = _ETA.fullmatch(given)
    if match is None:
        return None, UNKNOWN_ETA
    day, month, hour, minute = match.groups()
    return f"{month}-{day}T{hour}:{minute}Z", None
