"""CityLearn's challenge of 2022: hourly homes, tariff and carbon intensity, one year without a date. Pure.

The files tell month, hour (1 to 24: the hour that ends then) and day of week; tariff and carbon not even that. The
rows run hour by hour from Month 7, Hour 24, a Sunday, which was 2016-07-31. The sun stands highest around the same
hour in July and in December, so the clock has no summer time: California's standard time, UTC-8. Rows are therefore
dated by counting, from 2016-07-31 23:00 -08:00, and say `ASSUMED_DATE`; a row whose month, hour or weekday is not the
one counted is refused, for nothing else could place it.

Generation is told per kW of nominal power, which stands in the challenge's description and not in the file; it is
known here for buildings 1 to 4. The building's number stands in the file's name only.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from schemas.names import topic_name
from streams.domains.energy.clocks import micros
from streams.domains.energy.communities import CITYLEARN
from streams.domains.energy.tables import DOMAIN, Table, not_negative, reading
from streams.domains.energy.units import KWH_TO_WH, Register, number
from streams.readers.delimited import Row, RowReader
from streams.readers.formats import EventDraft

TARIFF = topic_name(DOMAIN, "tariff")
CARBON_INTENSITY = topic_name(DOMAIN, "carbon-intensity")

STANDARD_TIME = timezone(timedelta(hours=-8), "PST")
FIRST_HOUR = datetime(2016, 7, 31, 23, tzinfo=STANDARD_TIME)

NOMINAL_KW = {1: 4, 2: 4, 3: 4, 4: 5}
"""Nominal power of each building's PV, from the challenge's description."""

ASSUMED_DATE = "ASSUMED_DATE"
HIGHEST_KWH = 100
"""Energy of an hour above which a home's value is odd: kWh and Wh are easily taken for one another."""
HIGHEST_W_PER_KW = 1500
"""More than this no panel gives: the sun's own power outside the atmosphere, and a tenth."""
HIGHEST_INTENSITY = 2
"""kg CO2/kWh; burning lignite gives about 1.2."""
PRICE_STEP = Decimal("0.000001")
LARGEST_PRICE = Decimal(1_000_000)

_BUILDING = re.compile(r"building[ _-]?0*(\d{1,4})(?!\d)")
_HOUR = timedelta(hours=1)


def hour_of(row: Row) -> datetime:
    """Date a row by counting.

    Raises:
        ValueError: No calendar goes so far.
    """
    try:
        return FIRST_HOUR + (row.record - 1) * _HOUR
    except OverflowError:
        raise ValueError(f"row {row.record} lies beyond the calendar") from None


def begin_home(columns: Sequence[str], path: Path | None) -> RowReader:
    """Begin a building's file."""
    month, hour, weekday, load_column, *heat_columns, sun_column = columns
    building = building_of(path)
    nominal = NOMINAL_KW.get(building)
    load, sun = Register(), Register()

    def draft(row: Row) -> EventDraft:
        found = row.require_cells()
        at = hour_of(row)
        counted = (at.month, at.hour + 1, at.isoweekday())
        told = [number(column, found[column]) for column in (month, hour, weekday)]
        if any(mine != theirs for mine, theirs in zip(counted, told, strict=True)):
            raise ValueError(
                "the file has no dates and this row is not the hour that follows by counting: expected month, "
                f"hour, weekday {_words(counted)}, got {_words(told)}"
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
    """Learn the building's number from the file's name.

    Raises:
        ValueError: It is not there.
    """
    match = _BUILDING.search(path.name.lower()) if path is not None else None
    if match is None:
        name = "no name" if path is None else repr(path.name)
        raise ValueError(f"the meter stands in the file's name only: expected Building_<number>, got {name}")
    return int(match[1])


def begin_tariff(columns: Sequence[str], path: Path | None) -> RowReader:
    """Begin a tariff's file."""
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


def begin_carbon(columns: Sequence[str], path: Path | None) -> RowReader:
    """Begin a file of carbon intensities."""
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


_TOLD: Mapping[str, str] = {"month": "Month", "hour": "Hour", "weekday": "Day Type"}
_PRICE = r"Electricity Pricing \[\$\]"

HOME = Table(
    "citylearn-building",
    columns=(
        *_TOLD.values(),
        r"Equipment Electric Power \[kWh\]",
        r"DHW Heating \[kWh\]",
        r"Cooling Load \[kWh\]",
        r"Heating Load \[kWh\]",
        r"Solar Generation \[W/kW\]",
    ),
    begin=begin_home,
    shifted_with="citylearn",
)
PRICING = Table(
    "citylearn-pricing",
    columns=(_PRICE, *(rf"{ahead}h Prediction {_PRICE}" for ahead in (6, 12, 24))),
    begin=begin_tariff,
    metered=False,
    shifted_with="citylearn",
)
CARBON = Table(
    "citylearn-carbon-intensity",
    columns=("kg_CO2/kWh",),
    begin=begin_carbon,
    alone=True,
    metered=False,
    shifted_with="citylearn",
)
