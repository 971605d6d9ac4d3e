"""Counts energy exactly and reports whole watt hours, as meters do. Pure.

A file has mean power or kWh with decimals; an event has whole Wh. Rounding each interval alone would lose small values:
an inverter that draws 2.7 W uses 0.045 Wh a minute, which always rounds to 0. So a `Register` counts exactly and shows
whole Wh, and an interval's energy is the difference of its display. The sum over any time is right to 1 Wh, and no
single interval is off by more than 1 Wh.
"""

import re
from fractions import Fraction
from functools import lru_cache

SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US

KW_TO_W = 1000
KWH_TO_WH = 1000

_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?", re.ASCII)
_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,8})S)?)?",
    re.ASCII,
)
_HALF = Fraction(1, 2)


class Register:
    """A counter of energy that shows whole Wh.

    Its total never goes back: each direction of flow has a register of its own.
    """

    __slots__ = ("_exact", "_shown")

    def __init__(self) -> None:
        self._exact = Fraction()
        self._shown = 0

    def count(self, energy_wh: Fraction) -> int:
        """Add energy, and return the change of the display in Wh.

        Args:
            energy_wh: Energy of the interval in Wh, not negative.

        Raises:
            ValueError: The energy is negative.
        """
        if energy_wh < 0:
            raise ValueError(f"a register cannot go back, got {float(energy_wh):g} Wh")
        self._exact += energy_wh
        before, self._shown = self._shown, (self._exact + _HALF).__floor__()
        return self._shown - before


def number(column: str, cell: str) -> Fraction | None:
    """Return the exact number of a cell; None for an empty cell.

    Args:
        column: Name of the column, for the message.
        cell: Text of the cell.

    Raises:
        ValueError: The cell holds no number.
    """
    text = cell.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"column {column}: expected a number, got {text[:40]!r}")
    return Fraction(text)


def energy_wh(power_w: Fraction, duration_us: int) -> Fraction:
    """Return the energy in Wh of a mean power (W) over a duration (µs)."""
    return power_w * duration_us / HOUR_US


@lru_cache(maxsize=256)
def duration_us(text: str) -> int:
    """Return the µs of an ISO 8601 duration of days, hours, minutes and seconds.

    Raises:
        ValueError: The text is no such duration; months and years have no fixed length.
    """
    match = _DURATION.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        raise ValueError(f"duration: expected ISO 8601 such as PT30M, got {text[:40]!r}")
    parts = {name: int(value or 0) for name, value in match.groupdict().items()}
    seconds = parts["days"] * 86_400 + parts["hours"] * 3600 + parts["minutes"] * 60 + parts["seconds"]
    return seconds * SECOND_US


def duration_text(length_us: int) -> str:
    """Return the ISO 8601 duration of some µs, whole seconds, in hours, minutes and seconds: `PT2H`, `PT90S`."""
    seconds = length_us // SECOND_US
    if seconds % 3600 == 0:
        return f"PT{seconds // 3600}H"
    return f"PT{seconds // 60}M" if seconds % 60 == 0 else f"PT{seconds}S"
