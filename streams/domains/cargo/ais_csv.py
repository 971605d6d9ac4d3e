"""AIS position reports in the CSV tables of MarineCadastre → `cargo.vessel-position`. Pure.

One source record is one CSV data row. Times are UTC, without an offset. Values that mean "not available" in AIS become
null. Only what cannot be parsed is refused.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

from streams.domains.cargo import instants
from streams.domains.cargo.ais_message import POSITION, available, position
from streams.domains.cargo.identifiers import imo_problem, mmsi_problem
from streams.readers.delimited import Dialect, Row, items
from streams.readers.formats import EventDraft, Item

NAME = "ais-marinecadastre"
RULE = "read-ais-marinecadastre@1"

NEEDED = frozenset(("MMSI", "BaseDateTime", "LAT", "LON", "SOG", "COG", "Heading"))

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,2})?", re.ASCII)
_DIGITS = re.compile(r"\d{1,12}", re.ASCII)
_NO_IMO = re.compile(r"(IMO)?\s*0*", re.ASCII)


DIALECT = Dialect(NEEDED.issubset)
"""How such tables are written."""


def matches(head: bytes) -> bool:
    """Return whether a file begins with the header of such a table."""
    return DIALECT.matches(head)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a table; yield one item per line."""
    yield from items(stream, DIALECT, lambda _: _draft, RULE)


def _draft(row: Row) -> EventDraft:
    cells = {name: cell.strip() for name, cell in row.require_cells().items()}
    mmsi = cells["MMSI"]
    if not _DIGITS.fullmatch(mmsi):
        raise ValueError(f"column MMSI: expected digits, got {mmsi[:40]!r}")
    latitude, longitude, flag = position(_number(cells, "LAT"), _number(cells, "LON"))
    imo = _imo(cells)
    flags = [mmsi_problem(mmsi), imo_problem(imo) if imo else None, flag]
    fields = {
        "mmsi": mmsi,
        "latitude": latitude,
        "longitude": longitude,
        "imo": imo,
        **_motion(cells),
        **_ship(cells),
        "flags": [each for each in flags if each],
    }
    return EventDraft(POSITION, _time(cells["BaseDateTime"]), fields)


def _motion(cells: Mapping[str, str]) -> dict[str, Any]:
    heading = available(_number(cells, "Heading"), 360)
    return {
        "sog": available(_number(cells, "SOG"), 102.3),
        "cog": available(_number(cells, "COG"), 360),
        "heading": None if heading is None else int(heading),
        "nav_status": _whole(cells, "Status"),
    }


def _ship(cells: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": cells.get("VesselName") or None,
        "call_sign": cells.get("CallSign") or None,
        "ship_type": _whole(cells, "VesselType"),
        "length": _number(cells, "Length"),
        "width": _number(cells, "Width"),
        "draught": _number(cells, "Draft"),
        "cargo_code": _whole(cells, "Cargo"),
        "transceiver_class": cells.get("TransceiverClass") or None,
    }


def _imo(cells: Mapping[str, str]) -> str | None:
    text = cells.get("IMO", "")
    return None if _NO_IMO.fullmatch(text) else text.removeprefix("IMO").strip()


def _time(text: str) -> int:
    if not _TIME.fullmatch(text):
        raise ValueError(f"column BaseDateTime: expected YYYY-MM-DDThh:mm:ss, got {text[:40]!r}")
    try:
        return instants.of(datetime.fromisoformat(text).replace(tzinfo=UTC))
    except ValueError as error:
        raise ValueError(f"column BaseDateTime: no such time: {text} ({error})") from None


def _number(cells: Mapping[str, str], column: str) -> float | None:
    text = cells.get(column, "")
    if not text:
        return None
    if not _NUMBER.fullmatch(text) or len(text) > 40:
        raise ValueError(f"column {column}: expected a number, got {text[:40]!r}")
    return float(text)


def _whole(cells: Mapping[str, str], column: str) -> int | None:
    found = _number(cells, column)
    if found is None:
        return None
    if found != int(found) or abs(found) > 2**31 - 1:
        raise ValueError(f"column {column}: expected a whole number, got {cells[column][:40]!r}")
    return int(found)
