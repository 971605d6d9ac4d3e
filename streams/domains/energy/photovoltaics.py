"""Reads photovoltaic roofs: NREL's AC power by the minute and by the quarter hour, and one roof's daily yield. Pure.

- NREL's tables have signed AC power at the inverter. Positive power was generated. Negative power (at night) was drawn
  by the inverter and counts as consumption. A value is the mean over the step that begins at its stamp. The channel
  number in the column's name is the meter.
- The quarter-hour table has month/day/year without offset. The site keeps its loggers on standard time: its other file
  has -07:00 on a day of March on which clocks showed -06:00. So the reader assumes -07:00 and flags `ASSUMED_OFFSET`.
- The daily table has calendar days of San Francisco, 23, 24 or 25 hours long; `duration` has the length.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

from streams.domains.energy.clocks import SAN_FRANCISCO, instant, micros
from streams.domains.energy.tables import TableLayout, not_negative, reading
from streams.domains.energy.units import HOUR_US, KW_TO_W, KWH_TO_WH, Register, energy_wh, number
from streams.readers.delimited import Row, RowReader
from streams.readers.formats import EventDraft

GOLDEN_STANDARD_TIME = timezone(timedelta(hours=-7), "MST")
GOLDEN_ZONE = "America/Denver"
"""Zone of NREL's campus in Golden, Colorado: its days are those of this clock, whatever its loggers keep."""

ASSUMED_OFFSET = "ASSUMED_OFFSET"
UNITS_DISAGREE = "UNITS_DISAGREE:generation"
HIGHEST_W = 10_000_000
"""Power above which a roof's value is flagged: it may be in another unit."""
HIGHEST_KWH_DAY = 10_000
"""Energy of a day, in kWh, above which a roof's value is flagged."""

_MINUTE_US = HOUR_US // 60
_QUARTER_US = HOUR_US // 4
_CHANNEL = re.compile(r"(\d+)$")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def minute_reader(columns: Sequence[str], path: Path | None) -> RowReader:
    """Return the row reader of a table of minutes.

    Args:
        columns: Names of time and power (W).
        path: Unused.
    """
    del path
    time_column, power_column = columns
    meter = f"nrel-pv-{_channel(power_column)}"
    inverter = _Inverter(_MINUTE_US)

    def draft(row: Row) -> EventDraft:
        found = row.require_cells()
        stamp = found[time_column].strip()
        try:
            at = datetime.fromisoformat(stamp)
        except ValueError:
            raise ValueError(f"column {time_column}: expected ISO 8601, got {stamp[:40]!r}") from None
        if at.tzinfo is None:
            raise ValueError(f"column {time_column}: expected an offset such as -07:00, got {stamp[:40]!r}")
        power_w = number(power_column, found[power_column])
        return reading(meter, micros(at), "PT1M", inverter.fields(power_w))

    return draft


def quarter_hour_reader(columns: Sequence[str], path: Path | None) -> RowReader:
    """Return the row reader of a table of quarter hours.

    Args:
        columns: Names of time, power of all inverters (kW) and power of one inverter (W).
        path: Unused.
    """
    del path
    time_column, power_column, part_column = columns
    meter = f"nrel-pv-{_channel(power_column)}"
    inverter = _Inverter(_QUARTER_US)

    def draft(row: Row) -> EventDraft:
        found = row.require_cells()
        at = _american(found[time_column].strip())
        power_kw = number(power_column, found[power_column])
        part_w = number(part_column, found[part_column])
        power_w = None if power_kw is None else power_kw * KW_TO_W
        # One inverter cannot give more than all of them; if it does, a column is in another unit.
        disagree = power_w is not None and part_w is not None and part_w > power_w * Fraction(11, 10) + 1000
        fields = inverter.fields(power_w)
        flags = [ASSUMED_OFFSET, *([UNITS_DISAGREE] if disagree else []), *fields["flags"]]
        return reading(meter, micros(at), "PT15M", {**fields, "flags": flags})

    return draft


def daily_reader(columns: Sequence[str], path: Path | None) -> RowReader:
    """Return the row reader of a table of daily yields.

    Args:
        columns: Names of location, date and energy (kWh).
        path: Unused.
    """
    del path
    location_column, day_column, yield_column = columns
    registers: dict[str, Register] = {}

    def draft(row: Row) -> EventDraft:
        found = row.require_cells()
        location = re.sub(r"[^a-z0-9]+", "-", found[location_column].lower()).strip("-")
        if not location:
            raise ValueError(
                f"column {location_column}: expected a place, got {found[location_column][:40]!r}"
            )
        begins_us, ends_us = _day(day_column, found[day_column].strip())
        kwh = not_negative(yield_column, number(yield_column, found[yield_column]))
        register = registers.setdefault(location, Register())
        fields = {
            "zone": SAN_FRANCISCO.key,
            "generation_wh": None if kwh is None else register.count(kwh * KWH_TO_WH),
            "flags": ["OUT_OF_RANGE:generation"] if kwh is not None and kwh > HIGHEST_KWH_DAY else [],
        }
        return reading(f"roof-{location}", begins_us, f"PT{(ends_us - begins_us) // HOUR_US}H", fields)

    return draft


class _Inverter:
    """Signed power at an inverter → two registers, one for each direction."""

    def __init__(self, step_us: int) -> None:
        self._step_us = step_us
        self._given, self._drawn = Register(), Register()

    def fields(self, power_w: Fraction | None) -> dict[str, Any]:
        """Count the energy of an interval and return the fields of its reading."""
        if power_w is None:
            return {"zone": GOLDEN_ZONE, "flags": []}
        energy = energy_wh(power_w, self._step_us)
        odd = abs(power_w) > HIGHEST_W
        return {
            "zone": GOLDEN_ZONE,
            "generation_wh": self._given.count(max(energy, Fraction())),
            "consumption_wh": self._drawn.count(max(-energy, Fraction())),
            "flags": [
                *(["INVERTER_DRAW"] if power_w < 0 else []),
                *(["OUT_OF_RANGE:generation"] if odd else []),
            ],
        }


def _channel(column: str) -> str:
    match = _CHANNEL.search(column)
    if match is None:
        raise ValueError(f"column {column}: expected a channel number at its end")
    return match[1]


def _american(text: str) -> datetime:
    match = _AMERICAN.fullmatch(text)
    if match is None:
        raise ValueError(f"expected month/day/year hour:minute, got {text[:40]!r}")
    month, day, year, hour, minute = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=GOLDEN_STANDARD_TIME)
    except ValueError:
        raise ValueError(f"no such time: {text}") from None


def _day(column: str, text: str) -> tuple[int, int]:
    """Return the first instant of a day in San Francisco and of the next day, µs since 1970 UTC."""
    if not _DAY.fullmatch(text):
        raise ValueError(f"column {column}: expected a day YYYY-MM-DD, got {text[:40]!r}")
    try:
        day = date.fromisoformat(text)
        following = day + timedelta(days=1)
    except (ValueError, OverflowError):
        raise ValueError(f"no such day: {text}") from None
    midnights = (datetime.combine(each, time()) for each in (day, following))
    begins, ends = (instant(each, SAN_FRANCISCO).at_us for each in midnights)
    return begins, ends


NREL_MINUTES = TableLayout(
    "nrel-pv-minutes", columns=("measured_on", r"ac_power__\d+"), row_reader=minute_reader
)
NREL_QUARTERS = TableLayout(
    "nrel-pv-quarter-hours",
    columns=("", r"ac_power_kw_\d+", r"inv2_ac_power_w__\d+"),
    row_reader=quarter_hour_reader,
)
DAILY_ROOF = TableLayout(
    "openintro-solar-daily", columns=("location", "date", "kwh"), row_reader=daily_reader
)
