"""What is common to the forms of the US survey NHANES: persons, cycles, codes, and spellings of numbers. Pure.

Source: CDC, National Center for Health Statistics, NHANES data documentation (docs/fields/health.md#nhanes).

- A person is a respondent sequence number (SEQN). The survey numbers persons on through all cycles, so SEQN gives the
  cycle. The pre-pandemic files of 2017 to March 2020 number the persons of 2017-2018 anew.
- A survey row has no date. `occurred_at` is midnight UTC of the last day of the cycle.
- Tables that other programs made of the files spell a missing value `.`, `.A` to `.Z`, `NA` or `nan`, a zero
  5.4e-79 in any number of digits, and a number as a float.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from streams.domains.health.xport import SAS_ZERO_BELOW

SEX = {"1": "MALE", "2": "FEMALE"}
"""Codes of RIAGENDR."""

_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
_MISSING = re.compile(r"|\.[A-Z_]?|<?NA>?|N/A|NAN|NULL|NONE", re.ASCII | re.IGNORECASE)
_LARGEST_SEQN = 999_999_999


@dataclass(frozen=True, slots=True)
class Period:
    """Interval in which a row without time stamp was measured.

    Attributes:
        text: The interval, ISO 8601-2.
        last_day: Its last day.
    """

    text: str
    last_day: tuple[int, int, int]

    @property
    def occurred_at(self) -> int:
        """Midnight UTC of the last day, µs since 1970."""
        return int(datetime(*self.last_day, tzinfo=UTC).timestamp()) * 1_000_000


@dataclass(frozen=True, slots=True)
class RowSubject:
    """The person that a row measures.

    Attributes:
        person: Name of the person within the domain, such as `nhanes:93703`.
        cycle: Survey cycle or study.
        period: When the row was measured.
    """

    person: str
    cycle: str
    period: Period


def _two_years(first: int) -> tuple[str, Period]:
    return f"nhanes-{first}-{first + 1}", Period(f"{first}-01-01/{first + 1}-12-31", (first + 1, 12, 31))


CYCLES = {
    (1, 9_965): _two_years(1999),
    (9_966, 21_004): _two_years(2001),
    (21_005, 31_126): _two_years(2003),
    (31_127, 41_474): _two_years(2005),
    (41_475, 51_623): _two_years(2007),
    (51_624, 62_160): _two_years(2009),
    (62_161, 71_916): _two_years(2011),
    (71_917, 73_556): ("nnyfs-2012", Period("2012-01-01/2012-12-31", (2012, 12, 31))),
    (73_557, 83_731): _two_years(2013),
    (83_732, 93_702): _two_years(2015),
    (93_703, 102_956): _two_years(2017),
    (109_263, 124_822): ("nhanes-2017-2020", Period("2017-01-01/2020-03-31", (2020, 3, 31))),
    (130_378, 142_310): ("nhanes-2021-2023", Period("2021-08-01/2023-08-31", (2023, 8, 31))),
}
"""Cycle by its range of SEQN: as many numbers as DEMO of the cycle has persons."""


def subject_of_seqn(seqn: int) -> RowSubject:
    """Return the person of a SEQN.

    Raises:
        ValueError: It belongs to no cycle.
    """
    for (first, last), (cycle, period) in CYCLES.items():
        if first <= seqn <= last:
            return RowSubject(f"nhanes:{seqn}", cycle, period)
    raise ValueError("column SEQN: is of no survey cycle that can be dated (known: 1999 to August 2023)")


def whole_number(text: str) -> int | None:
    """Return a whole number in any spelling, such as 93703, 93703.0 or 9.3703e4; None if the text is none."""
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    if not 0 < value <= _LARGEST_SEQN or value != value.to_integral_value():
        return None
    return int(value)


def is_missing(text: str) -> bool:
    """Return whether a cell, without blanks around it, is a spelling of a missing value."""
    return _MISSING.fullmatch(text) is not None


def spelled_number(text: str, divided_by: int = 1) -> float | None:
    """Return the number of a cell; None for a missing value.

    Args:
        text: The cell, without blanks around it.
        divided_by: Divisor that converts the unit.

    Raises:
        ValueError: The text is no finite number; the message does not quote it.
    """
    if is_missing(text):
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError("expected a number")
    try:
        value = float(text) if divided_by == 1 else float(Decimal(text) / divided_by)
        size = abs(float(text))
    except (InvalidOperation, OverflowError):
        raise ValueError("expected a number") from None
    if not math.isfinite(value):
        raise ValueError("expected a number")
    return 0.0 if size < SAS_ZERO_BELOW else value
