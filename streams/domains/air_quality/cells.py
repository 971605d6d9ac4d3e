"""Parses the cells and members that air-quality sources share: numbers, missing values, local times. Pure."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from streams.zones import micros

MISSING = frozenset({"", "NA", "-", "N/A", "null", "None"})
"""Cells that stand for a value that was not measured."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_NO_NUMBER = 1e300  # no concentration; its millionths do not fit a double
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def column(cell: str) -> str:
    """Normalise a column's name: ㎍/㎥ and µg/m³ are the same unit, SO₂ is SO2."""
    return unicodedata.normalize("NFKC", cell).strip()


def text(cell: str) -> str | None:
    """Return a cell without the spaces around it; None if it stands for a missing value."""
    found = cell.strip()
    return None if found in MISSING else found


def number(name: str, cell: str) -> float | None:
    """Return the number in a cell; None if it stands for a missing value.

    Args:
        name: Name of the column or member, for the error.
        cell: The cell.

    Raises:
        ValueError: It is no number, or none that a double holds.
    """
    found = text(cell)
    if found is None:
        return None
    if not _NUMBER.fullmatch(found):
        raise ValueError(f"column {name}: expected a number, got {found[:40]!r}")
    value = float(found)
    if abs(value) >= _NO_NUMBER:
        raise ValueError(f"column {name}: expected a number below {_NO_NUMBER:g}, got {found[:40]!r}…")
    return value


def member(name: str, value: Any) -> str:
    """Return a JSON member as the text of a cell.

    Raises:
        ValueError: It is an object, an array or a truth value.
    """
    if value is None:
        return ""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{name}: expected a text or a number, got {str(value)[:40]!r}")


def local_time(day: tuple[int, int, int], hour: int, zone: tzinfo) -> datetime:
    """Return the aware time of a day and an hour; hour 24 is 00 of the next day.

    Args:
        day: Year, month, day.
        hour: 0 to 24.
        zone: Zone of the local time.

    Raises:
        ValueError: There is no such day or hour, or it is before 1970.
    """
    if not 0 <= hour <= 24:
        raise ValueError(f"hour: expected 0 to 24, got {hour}")
    try:
        found = datetime(*day, tzinfo=zone) + timedelta(hours=hour)
    except (ValueError, OverflowError):
        raise ValueError(f"no such day: {'-'.join(map(str, day))}") from None
    return found


def since_1970(time: datetime) -> int:
    """Return the µs since 1970 UTC of an aware time.

    Raises:
        ValueError: It is before 1970.
    """
    if time < _EPOCH:
        raise ValueError(f"time before 1970: {time.isoformat()}")
    return micros(time)
