"""Reads CityLearn's challenge of 2022: hourly homes, tariff and carbon intensity, one year without a date. Pure.

A home's file has month, hour (1 to 24: the hour that ends then) and day of week; tariff and carbon files have no time.
The rows run hour by hour from Month 7, Hour 24, a Sunday: 2016-07-31. The sun is highest around the same hour in July
and December, so the clock has no summer time: California's standard time, UTC-8. So a row's number gives its date,
counted from 2016-07-31 23:00 -08:00, and the event has the flag `ASSUMED_DATE`. A row whose month, hour or weekday
contradicts the count is refused.

Generation is given per kW of nominal power. The challenge's description has the nominal power, the file does not;
`NOMINAL_KW` has it for buildings 1 to 4. Only the file's name has the building's number.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from schemas.names import topic_name
from streams.domains.energy.clocks import micros
from streams.domains.energy.communities import CITYLEARN
from streams.domains.energy.tables import DOMAIN, TableLayout, not_negative, reading
from streams.domains.energy.units import KWH_TO_WH, Register, number
from streams.readers.delimited import Row, RowReader
from streams.readers.formats import EventDraft

TARIFF = topic_name(DOMAIN, "tariff")
CARBON_INTENSITY = topic_name(DOMAIN, "carbon-intensity")

STANDARD_TIME = timezone(timedelta(hours=-8), "PST")
FIRST_HOUR = datetime(2016, 7, 31, 23, tzinfo=STANDARD_TIME)

NOMINAL_KW = {1: 4, 2: 4, 3: 4, 4: 5}
"""Nominal power of each building's PV in kW, from the challenge's description."""

ASSUMED_DATE = "ASSUMED_DATE"
HIGHEST_KWH = 100
"""Energy of an hour, in kWh, above which a home's value is flagged: it may be Wh instead of kWh."""
HIGHEST_W_PER_KW = 1500
"""Power above which a value is flagged, in W per kW of nominal power: the solar constant plus a tenth."""
HIGHEST_INTENSITY = 2
"""Intensity above which a value is flagged, in kg CO2/kWh; burning lignite gives about 1.2."""
PRICE_STEP = Decimal("0.000001")
LARGEST_PRICE = Decimal(1_000_000)

_BUILDING = re.compile(r"building[ _-]?0*(\d{1,4})(?!\d)")
_HOUR = timedelta(hours=1)


def hour_of(row: Row) -> datetime:
    """Return the beginning of a row's hour, by the row's number.

    Raises:
        ValueError: The hour is beyond the calendar.
    """
    try:
        return FIRST_HOUR + (row.record - 1) * _HOUR
    except OverflowError:
        raise ValueError(f"row {row.record} lies beyond the calendar") from None


def home_reader(columns: Sequence[str], path: Path | None) -> RowReader:
    """Return the row reader of a building's file.

    Args:
        columns: Names of month, hour, weekday, load, three heat loads and solar generation.
        path: Path of the file; its name has the building's number.

    Raises:
        ValueError: The name has no building's number.
    """
    month, hour, weekday, load_column, *heat_columns, sun_column = columns
    building = building_of(path)
    nominal = NOMINAL_KW.get(building)
    load, sun = Register(), Register()

    def draft(row: Row) -> EventDraft:
        found = row.require_cells()
        at = hour_of(row)
        counted = (at.month, at.hour + 1, at.isoweekday())
        written = [number(column, found[column]) for column in (month, hour, weekday)]
        if any(ours != theirs for ours, theirs in zip(counted, written, strict=True)):
            raise ValueError(
                "the file has no dates and this row is not the hour that follows by counting: expected month, "
                f"hour, weekday {_words(counted)}, got {_words(written)}"
            )
        load_kwh = not_negative(load_column, number(load_column, found[load_column]))
        sun_w = not_negative(sun_column, number(sun_column, found[sun_column]))
        heat = [number(column, found[column]) for column in heat_columns]
        fields = {
            "community": CITYLEARN.name,
            "consumption_wh": None if load_kwh is None else load.count(load_kwh * KWH_TO_WH),
            "generation_wh": None if sun_w is None or nominal is None else sun.count(sun_w * nominal),
            "quality": "DERIVED",
            "flags": [
                ASSUMED_DATE,
                *(["UNKNOWN_NOMINAL_POWER"] if nominal is None else []),
                *(["THERMAL_LOAD_LEFT_OUT"] if any(heat) else []),
                *_odd("consumption", load_kwh, HIGHEST_KWH),
                *_odd("generation", sun_w, HIGHEST_W_PER_KW),
            ],
        }
        return reading(f"citylearn-building-{building}", micros(at), CITYLEARN.interval, fields)

    return draft


def building_of(path: Path | None) -> int:
    """Return the building's number, from the file's name.

    Raises:
        ValueError: The name has none.
    """
    match = _BUILDING.search(path.name.lower()) if path is not None else None
    if match is None:
        name = "no name" if path is None else repr(path.name)
        raise ValueError(f"the meter stands in the file's name only: expected Building_<number>, got {name}")
    return int(match[1])


def tariff_reader(columns: Sequence[str], path: Path | None) -> RowReader:
    """Return the row reader of a tariff's file.

    Args:
        columns: Names of the price and its three predictions.
        path: Unused.
    """
    del path

    def draft(row: Row) -> EventDraft:
        found = row.require_cells()
        prices = [_price(column, found[column]) for column in columns]
        if prices[0] is None:
            raise ValueError(f"column {columns[0]}: expected a price, got nothing")
        named = zip(("price", "price_in_6h", "price_in_12h", "price_in_24h"), prices, strict=True)
        return EventDraft(
            TARIFF, micros(hour_of(row)), {**_common("tariff"), "currency": "USD", **dict(named)}
        )

    return draft


def carbon_reader(columns: Sequence[str], path: Path | None) -> RowReader:
    """Return the row reader of a file of carbon intensities.

    Args:
        columns: Name of the one column.
        path: Unused.
    """
    del path
    (column,) = columns

    def draft(row: Row) -> EventDraft:
        value = number(column, row.require_cells()[column])
        if value is None:
            raise ValueError(f"column {column}: expected a carbon intensity, got nothing")
        if value < 0:
            raise ValueError(f"column {column}: expected no less than 0, got {float(value):g}")
        fields = _common("grid")
        fields["flags"] = [*fields["flags"], *_odd("intensity", value, HIGHEST_INTENSITY)]
        return EventDraft(CARBON_INTENSITY, micros(hour_of(row)), {**fields, "intensity": float(value)})

    return draft


def _common(subject: str) -> dict[str, Any]:
    return {subject: CITYLEARN.name, "duration": "PT1H", "flags": [ASSUMED_DATE]}


def _price(column: str, cell: str) -> Decimal | None:
    value = number(column, cell)
    if value is None:
        return None
    if abs(value) >= LARGEST_PRICE:
        raise ValueError(f"column {column}: no price of a kWh: {cell.strip()[:40]}")
    return Decimal(cell.strip()).quantize(PRICE_STEP, ROUND_HALF_EVEN)


def _odd(field: str, value: Fraction | None, highest: int) -> list[str]:
    return [f"OUT_OF_RANGE:{field}"] if value is not None and value > highest else []


def _words(values: Sequence[Fraction | int | None]) -> str:
    return " ".join("none" if value is None else f"{float(value):g}" for value in values)


_TIME_COLUMNS = ("Month", "Hour", "Day Type")
_PRICE = r"Electricity Pricing \[\$\]"

HOME = TableLayout(
    "citylearn-building",
    columns=(
        *_TIME_COLUMNS,
        r"Equipment Electric Power \[kWh\]",
        r"DHW Heating \[kWh\]",
        r"Cooling Load \[kWh\]",
        r"Heating Load \[kWh\]",
        r"Solar Generation \[W/kW\]",
    ),
    row_reader=home_reader,
    shifted_with="citylearn",
)
PRICING = TableLayout(
    "citylearn-pricing",
    columns=(_PRICE, *(rf"{ahead}h Prediction {_PRICE}" for ahead in (6, 12, 24))),
    row_reader=tariff_reader,
    metered=False,
    shifted_with="citylearn",
)
CARBON = TableLayout(
    "citylearn-carbon-intensity",
    columns=("kg_CO2/kWh",),
    row_reader=carbon_reader,
    alone=True,
    metered=False,
    shifted_with="citylearn",
)
