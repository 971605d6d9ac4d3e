"""Energy as meters count it: exact inside, whole watt hours outside. Pure.

A file tells mean power or kWh with decimals; an event tells whole Wh. Rounding every interval by itself would lose
what is small: an inverter that draws 2.7 W makes 0.045 Wh a minute, which is 0 for ever. So a `Register` counts
exactly and shows whole Wh, as a real meter does, and an interval's energy is the difference of what it shows before
and after: over any stretch the sum is right to 1 Wh, and no single interval is off by more than 1 Wh.
"""

import re
from fractions import Fraction

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

    Its total never goes back: what flows the other way is another register's.
    """

    __slots__ = ("_exact", "_shown")

    def __init__(self) -> None:
        self._exact = Fraction()
        self._shown = 0

    def count(self, energy_wh: Fraction) -> int:
        """Count energy on, and return by how many Wh the register moved.

        Args:
            energy_wh: Energy of the interval in Wh, not negative.

        Raises:
            ValueError: It is negative.
        """
        if energy_wh < 0:
            raise ValueError(f"a register cannot go back, got {float(energy_wh):g} Wh")
        self._exact += energy_wh
        before, self._shown = self._shown, (self._exact + _HALF).__floor__()
        return self._shown - before


def number(column: str, cell: str) -> Fraction | None:
    """Read a number exactly; None for an empty cell.

    Raises:
        ValueError: The cell holds something else than a number.
    """
    text = cell.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"column {column}: expected a number, got {text[:40]!r}")
    return Fraction(text)


def energy_wh(power_w: Fraction, duration_us: int) -> Fraction:
    """Return the energy in Wh of a mean power over a duration."""
    return power_w * duration_us / HOUR_US


def duration_us(text: str) -> int:
    """Read an ISO 8601 duration of days, hours, minutes and seconds.

    Raises:
        ValueError: It is none; months and years have no fixed length.
    """
    match = _DURATION.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        raise ValueError(f"duration: expected ISO 8601 such as PT30M, got {text[:40]!r}")
    parts = {name: int(value or 0) for name, value in match.groupdict().items()}
    seconds = parts["days"] * 86_400 + parts["hours"] * 3600 + parts["minutes"] * 60 + parts["seconds"]
    return seconds * SECOND_US
