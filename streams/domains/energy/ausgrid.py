"""Reads Ausgrid's solar homes: half-hourly gross consumption and generation on Sydney's wall clock. Pure.

`GC` and `GG` are mean kW over the half hour that begins at the stamp. The file has 48 rows on every day. On the day of
23 hours the two nonexistent half hours hold zeros. On the day of 25 hours one of the two hours from 02:00 is missing.
`clocks` decides how those are stamped, also where a file has both hours, or energy in the nonexistent ones; a stamp
with its offset is an instant. Only the file's path names the customer: `customer12…` or `customer/12/…`.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from streams.domains.energy.clocks import NONEXISTENT, SYDNEY, Instant, LocalClock, micros
from streams.domains.energy.tables import TableLayout, not_negative, reading
from streams.domains.energy.units import HOUR_US, KW_TO_W, Register, energy_wh, number
from streams.readers.delimited import Row, RowReader
from streams.readers.formats import EventDraft

HIGHEST_KW = 100
"""Mean power above which a home's value is flagged: it may be W instead of kW."""

_HALF_HOUR_US = HOUR_US // 2
_CUSTOMER = re.compile(r"customer[ _/-]?0*(\d{1,6})(?!\d)")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:(00|30)(:00(\.0+)?)?([+-]\d\d:?\d\d|Z)?", re.ASCII)


def row_reader(columns: Sequence[str], path: Path | None) -> RowReader:
    """Return the row reader of a customer's file.

    Args:
        columns: Names of time, consumption and generation.
        path: Path of the file; it names the customer.

    Raises:
        ValueError: The path names no customer.
    """
    time_column, load_column, sun_column = columns
    meter = f"ausgrid-{customer(path)}"
    load, sun, clock = Register(), Register(), LocalClock(SYDNEY)

    def draft(row: Row) -> EventDraft:
        found = row.require_cells()
        stamp = found[time_column].strip()
        if not _STAMP.fullmatch(stamp):
            raise ValueError(f"expected the start of a half hour, YYYY-MM-DD HH:MM:SS, got {stamp[:40]!r}")
        try:
            time = datetime.fromisoformat(stamp)
        except ValueError:
            raise ValueError(f"no such time: {stamp}") from None
        at_us, doubts = clock.instant(time) if time.tzinfo is None else Instant(micros(time))
        nonexistent = NONEXISTENT in doubts
        load_kw = not_negative(load_column, number(load_column, found[load_column]))
        sun_kw = not_negative(sun_column, number(sun_column, found[sun_column]))
        fields = {
            "zone": SYDNEY.key,
            "consumption_wh": _count(load, load_kw),
            "generation_wh": _count(sun, sun_kw),
            "quality": "QUESTIONABLE" if nonexistent else "RAW",
            "flags": [*doubts, *_odd("consumption", load_kw), *_odd("generation", sun_kw)],
        }
        return reading(meter, at_us, "PT0S" if nonexistent else "PT30M", fields)

    return draft


def customer(path: Path | None) -> int:
    """Return the customer's number, from the file's name or the folders above it.

    Raises:
        ValueError: The path has no customer's number.
    """
    if path is not None:
        for text in (path.name, "/".join(path.parts[-3:])):
            match = _CUSTOMER.search(text.lower())
            if match:
                return int(match[1])
    name = "no name" if path is None else repr(path.name)
    raise ValueError(f"the meter stands in the file's name only: expected customer<number>, got {name}")


def _count(register: Register, power_kw: Fraction | None) -> int | None:
    return None if power_kw is None else register.count(energy_wh(power_kw * KW_TO_W, _HALF_HOUR_US))


def _odd(field: str, power_kw: Fraction | None) -> list[str]:
    return [f"OUT_OF_RANGE:{field}"] if power_kw is not None and power_kw > HIGHEST_KW else []


AUSGRID = TableLayout("ausgrid-half-hourly", columns=("", "GC", "GG"), row_reader=row_reader, alone=True)
