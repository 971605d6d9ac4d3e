"""Cells of AIS tables → values, for the readers of CSV. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from streams.domains.cargo import instants, log_times
from streams.domains.cargo.mmsi import COAST_STATION, kind_of

MMSI_PADDED = "MMSI_PADDED"
UNKNOWN_NAV_STATUS = "UNKNOWN_NAV_STATUS"

MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "unknown"})
"""Cells of numbers and codes, in lower case, that hold no value."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_DIGITS = re.compile(r"\d{1,12}", re.ASCII)
_DECIMAL_COMMA = re.compile(r"([+-]?\d+),(\d+)", re.ASCII)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_POSITION: Final = frozenset({"LAT", "LON", "Latitude", "Longitude"})
_LONGEST_NUMBER = 40
_DAY_FIRST = re.compile(r"(\d{2})/(\d{2})/(\d{4})[ T](\d{2}):(\d{2}):(\d{2})", re.ASCII)

_NAV_STATUS: Final = {
    "under way using engine": 0,
    "underway using engine": 0,
    "at anchor": 1,
    "not under command": 2,
    "restricted maneuverability": 3,
    "restricted manoeuvrability": 3,
    "restricted manoeuverability": 3,
    "constrained by her draught": 4,
    "constrained by draught": 4,
    "moored": 5,
    "aground": 6,
    "engaged in fishing": 7,
    "fishing": 7,
    "under way sailing": 8,
    "underway sailing": 8,
    "under way": 8,
    "power-driven vessel towing astern": 11,
    "power-driven vessel pushing ahead or towing alongside": 12,
    "undefined": 15,
    "not defined": 15,
}
"""Navigational status of ITU-R M.1371 by its text in the tables of NOAA and the Danish Maritime Authority."""

_NAV_STATUS_PARTS: Final = ((re.compile(r"\bwig\b|wing in gr"), 10), (re.compile(r"\bhsc\b"), 9),
                            (re.compile(r"\bsart\b"), 14), (re.compile(r"\[(9|1[0-3])\]"), None))  # fmt: skip
_NO_STATUS: Final = frozenset({"unknown value"})


def fold(column: str) -> str:
    """Return a column's name in lower case without all that is no letter or digit."""
    return re.sub(r"[^a-z0-9]", "", column.casefold())


def text(cells: Mapping[str, str], column: str) -> str | None:
    """Return a cell's text, or None if it is empty. A ship may be called anything, so no word counts as empty."""
    return cells.get(column, "").strip() or None


def code(cells: Mapping[str, str], column: str) -> str | None:
    """Return a cell's text, or None if it is empty or a word for "no value"."""
    found = cells.get(column, "").strip()
    return None if found.casefold() in MISSING else found


def number(cells: Mapping[str, str], column: str) -> float | None:
    """Return a cell's number, or None if it holds no value. One decimal comma is read as a point.

    A comma before three digits may separate thousands; in a table of decimal commas, only positions have so many.

    Raises:
        ValueError: It is no number, or `1,234` in a column other than a position's.
    """
    given = cells.get(column)
    if not given:
        return None
    if _NUMBER.fullmatch(given) and len(given) <= _LONGEST_NUMBER:
        return float(given)
    stripped = code(cells, column)
    if stripped is None:
        return None
    if _EITHER.fullmatch(stripped) and column not in _POSITION:
        raise ValueError(
            f"column {column}: {stripped!r} is with a decimal comma or with thousands: expected a point"
        )
    point = _DECIMAL_COMMA.sub(r"\1.\2", stripped, count=1)
    if not _NUMBER.fullmatch(point) or len(point) > _LONGEST_NUMBER:
        raise ValueError(f"column {column}: expected a number, got {stripped[:40]!r}")
    return float(point)


def whole(cells: Mapping[str, str], column: str) -> int | None:
    """Return a cell's whole number, or None if it holds no value.

    Raises:
        ValueError: It is no whole number of 32 bits.
    """
    found = number(cells, column)
    if found is None:
        return None
    if found != int(found) or abs(found) > 2**31 - 1:
        raise ValueError(f"column {column}: expected a whole number, got {cells[column][:40]!r}")
    return int(found)


def mmsi(cells: Mapping[str, str], column: str) -> tuple[str, str | None]:
    """Return the MMSI, and the flag `MMSI_PADDED` if its leading zeros were restored.

    A table that keeps the number as an integer loses the zeros of coast stations. They are restored where the nine
    digits are then the number of one.

    Raises:
        ValueError: The cell holds no digits.
    """
    given = cells[column].strip()
    if not _DIGITS.fullmatch(given):
        raise ValueError(f"column {column}: expected digits, got {given[:40]!r}")
    padded = given.zfill(9)
    return (padded, MMSI_PADDED) if padded != given and kind_of(padded) == COAST_STATION else (given, None)


def nav_status(cells: Mapping[str, str], column: str) -> tuple[int | None, str | None]:
    """Return the navigational status (ITU-R M.1371), and the flag `UNKNOWN_NAV_STATUS` if its text is none we know."""
    given = code(cells, column)
    if given is None:
        return None, None
    if _NUMBER.fullmatch(given):
        return whole(cells, column), None
    words = " ".join(given.casefold().split()).rstrip(";,.")
    words = re.sub(r" ?\((regional use|active)\)", "", words).strip()
    if words in _NAV_STATUS:
        return _NAV_STATUS[words], None
    if words in _NO_STATUS:
        return None, None
    for pattern, status in _NAV_STATUS_PARTS:
        if match := pattern.search(words):
            return int(match[1]) if status is None else status, None
    return None, UNKNOWN_NAV_STATUS


def iso_time(cells: Mapping[str, str], column: str) -> int:
    """Return the time of a cell `YYYY-MM-DDThh:mm:ss`, with `/` or a space as ogr2ogr writes it; UTC without offset.

    Returns:
        Microseconds since 1970 UTC.

    Raises:
        ValueError: It is no such time.
    """
    given = cells[column].strip()
    try:
        return log_times.iso(given).us
    except ValueError as error:
        if str(error).startswith("expected"):
            raise ValueError(f"column {column}: {error}, got {given[:40]!r}") from None
        raise ValueError(f"column {column}: no such time: {given} ({error})") from None


def day_first_time(cells: Mapping[str, str], column: str) -> int:
    """Return the time of a cell `dd/mm/yyyy hh:mm:ss`, UTC.

    Returns:
        Microseconds since 1970 UTC.

    Raises:
        ValueError: It is no such time.
    """
    given = cells[column].strip()
    match = _DAY_FIRST.fullmatch(given)
    if match is None:
        raise ValueError(f"column {column}: expected dd/mm/yyyy hh:mm:ss, got {given[:40]!r}")
    day, month, year, hour, minute, second = map(int, match.groups())
    try:
        return instants.of(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
    except ValueError as error:
        raise ValueError(f"column {column}: no such time: {given} ({error})") from None
