"""Reads CityLearn's datasets of 2020 to 2023: hourly buildings, tariff and carbon intensity, without a date. Pure.

Headers are spelled with their units until 2022 (`Equipment Electric Power [kWh]`) and in snake_case since
(`non_shiftable_load`), with the same units: kWh, W per kW of nominal power, kg CO2 per kWh. `citylearn_dates` has the
datasets and their hours. An hour's date is assumed: the event has the flag `ASSUMED_DATE`. A row whose month, hour or
weekday contradicts the count is refused, and every row below a repeated header.

Generation is given per kW of nominal power. The dataset's schema.json has the nominal power, the file does not. Only
the file's name has the building's number. Heat loads are thermal; the electricity that makes them is not in the file.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from schemas.names import topic_name
from streams.domains.energy.citylearn_dates import (
    DATASET_2022,
    FIRST_HOUR,
    UNKNOWN,
    Dataset,
    DatedHours,
    dataset_of,
)
from streams.domains.energy.clocks import micros
from streams.domains.energy.communities import CITYLEARN
from streams.domains.energy.tables import DOMAIN, TableLayout, not_negative, reading
from streams.domains.energy.units import KWH_TO_WH, Register, number
from streams.readers.delimited import Row, RowReader
from streams.readers.formats import EventDraft

TARIFF = topic_name(DOMAIN, "tariff")
CARBON_INTENSITY = topic_name(DOMAIN, "carbon-intensity")

HIGHEST_KWH = 100
"""Energy of an hour, in kWh, above which a home's value is flagged: it may be Wh instead of kWh."""
HIGHEST_W_PER_KW = 1500
"""Power above which a value is flagged, in W per kW of nominal power: the solar constant plus a tenth."""
HIGHEST_INTENSITY = 2
"""Intensity above which a value is flagged, in kg CO2/kWh; burning lignite gives about 1.2."""
PRICE_STEP = Decimal("0.000001")
LARGEST_PRICE = Decimal(1_000_000)
PREDICTED_H = (6, 12, 24)
"""Hours ahead at which `energy.tariff` has a price."""

_BUILDING = re.compile(r"building[ _-]?0*(\d{1,4})(?!\d)")
_RESSTOCK = re.compile(r"(resstock[a-z0-9-]*)-0*(\d{1,9})(?!\d)")
_HOUR = timedelta(hours=1)


def hour_of(dataset: Dataset, row: Row) -> datetime:
    """Return the local beginning of a row's hour in a file without times, by the row's number.

    Raises:
        ValueError: The hour is beyond the calendar.
    """
    first = dataset.first or FIRST_HOUR.replace(tzinfo=None)
    try:
        return first + (row.record - 1) * _HOUR
    except OverflowError:
        raise ValueError(f"row {row.record} lies beyond the calendar") from None


def instant_of(dataset: Dataset, local: datetime) -> int:
    """Return the instant of a local hour, µs since 1970 UTC; UTC where the dataset's clock is not known."""
    return micros(local.replace(tzinfo=timezone(timedelta(hours=dataset.offset_h or 0))))


def home_reader(columns: Sequence[str], path: Path | None) -> RowReader:
    """Return the row reader of a building's file.

    Args:
        columns: Names of month, hour, weekday, load, three heat loads and solar generation.
        path: Path of the file; its name has the building's number.

    Raises:
        ValueError: The name has no building's number.
    """
    month, hour, weekday, load_column, *heat_columns, sun_column = columns
    building, number_of = building_of(path)
    hours = DatedHours(dataset_of(path))
    load, sun = Register(), Register()

    def draft(row: Row) -> EventDraft:
        found = row.require_cells()
        at, jump = hours.hour(
            row.record, [number(column, found[column]) for column in (month, hour, weekday)]
        )
        dataset = hours.dataset or UNKNOWN
        nominal = dataset.nominal_kw.get(number_of) if number_of is not None else None
        meter = dataset.meter(
            str(number_of) if dataset is DATASET_2022 and number_of is not None else building
        )
        load_kwh = not_negative(load_column, number(load_column, found[load_column]))
        sun_w = not_negative(sun_column, number(sun_column, found[sun_column]))
        heat = [number(column, found[column]) for column in heat_columns]
        fields = {
            "community": CITYLEARN.name if meter in CITYLEARN.members else None,
            "zone": dataset.zone,
            "consumption_wh": None if load_kwh is None else load.count(load_kwh * KWH_TO_WH),
            "generation_wh": None if sun_w is None or nominal is None else sun.count(sun_w * nominal),
            "quality": "DERIVED",
            "flags": [
                *dataset.flags,
                *jump,
                *(["UNKNOWN_NOMINAL_POWER"] if nominal is None else []),
                *(["THERMAL_LOAD_LEFT_OUT"] if any(heat) else []),
                *_odd("consumption", load_kwh, HIGHEST_KWH),
                *_odd("generation", sun_w, HIGHEST_W_PER_KW),
            ],
        }
        return reading(meter, instant_of(dataset, at), CITYLEARN.interval, fields)

    return draft


def building_of(path: Path | None) -> tuple[str, int | None]:
    """Return the building's name within its dataset, and its number if it is numbered.

    Raises:
        ValueError: The file's name has neither `Building_<number>` nor `resstock-…-<number>`.
    """
    name = path.name.lower() if path is not None else ""
    match = _BUILDING.search(name)
    if match is not None:
        return f"building-{int(match[1])}", int(match[1])
    match = _RESSTOCK.search(name)
    if match is not None:
        return f"{match[1]}-{int(match[2])}", None
    given = "no name" if path is None else repr(path.name)
    raise ValueError(f"the meter stands in the file's name only: expected Building_<number>, got {given}")


def tariff_reader(columns: Sequence[str], path: Path | None) -> RowReader:
    """Return the row reader of a tariff's file.

    Args:
        columns: Names of the price and its three predictions.
        path: Path of the file; it names the dataset.
    """
    dataset = dataset_of(path) or DATASET_2022
    named = [re.search(r"(?<!\d)(\d{1,2})_?h", column) for column in columns[1:]]
    ahead = [int(match[1]) if match else hours for match, hours in zip(named, dataset.ahead_h, strict=True)]

    def draft(row: Row) -> EventDraft:
        found = row.require_cells()
        prices = [_price(column, found[column]) for column in columns]
        if prices[0] is None:
            raise ValueError(f"column {columns[0]}: expected a price, got nothing")
        announced = dict(zip(ahead, prices[1:], strict=True))
        fields = _common("tariff", dataset)
        if set(ahead) != set(PREDICTED_H):
            fields["flags"] = [*fields["flags"], "PREDICTIONS_LEFT_OUT"]
        own = {
            "currency": "USD",
            "price": prices[0],
            **{f"price_in_{hours}h": announced.get(hours) for hours in PREDICTED_H},
        }
        return EventDraft(TARIFF, instant_of(dataset, hour_of(dataset, row)), {**fields, **own})

    return draft


def carbon_reader(columns: Sequence[str], path: Path | None) -> RowReader:
    """Return the row reader of a file of carbon intensities.

    Args:
        columns: Name of the one column.
        path: Path of the file; it names the dataset.
    """
    (column,) = columns
    dataset = dataset_of(path) or DATASET_2022

    def draft(row: Row) -> EventDraft:
        value = number(column, row.require_cells()[column])
        if value is None:
            raise ValueError(f"column {column}: expected a carbon intensity, got nothing")
        if value < 0:
            raise ValueError(f"column {column}: expected no less than 0, got {float(value):g}")
        fields = _common("grid", dataset)
        fields["flags"] = [*fields["flags"], *_odd("intensity", value, HIGHEST_INTENSITY)]
        at_us = instant_of(dataset, hour_of(dataset, row))
        return EventDraft(CARBON_INTENSITY, at_us, {**fields, "intensity": float(value)})

    return draft


def _common(subject: str, dataset: Dataset) -> dict[str, Any]:
    return {subject: dataset.name, "duration": "PT1H", "flags": dataset.flags}


def _price(column: str, cell: str) -> Decimal | None:
    value = number(column, cell)
    if value is None:
        return None
    if abs(value) >= LARGEST_PRICE:
        raise ValueError(f"column {column}: no price of a kWh: {cell.strip()[:40]}")
    return Decimal(cell.strip()).quantize(PRICE_STEP, ROUND_HALF_EVEN)


def _odd(field: str, value: Fraction | None, highest: int) -> list[str]:
    return [f"OUT_OF_RANGE:{field}"] if value is not None and value > highest else []


_TIME_COLUMNS = ("(?i:month)", "(?i:hour)", "(?i:day[ _]type)")
_PRICE = r"Electricity Pricing \[\$(?:/kWh)?\]"
_KWH = r"(?: ?\[kWh\])?"
_DOLLAR = r"(?: ?\[\$(?:/kWh)?\])?"
_PREDICTED = "electricity_pricing_predicted_"

HOME = TableLayout(
    "citylearn-building",
    columns=(
        *_TIME_COLUMNS,
        rf"Equipment Electric Power \[kWh\]|non_shiftable_load{_KWH}",
        rf"DHW Heating \[kWh\]|dhw_demand{_KWH}",
        rf"Cooling Load \[kWh\]|cooling_demand{_KWH}",
        rf"Heating Load \[kWh\]|heating_demand{_KWH}",
        r"Solar Generation \[W/kW\]|solar_generation(?: ?\[W/kW\])?",
    ),
    row_reader=home_reader,
    counted=True,
    shifted_with="citylearn",
)
PRICING = TableLayout(
    "citylearn-pricing",
    columns=(
        rf"{_PRICE}|electricity_pricing{_DOLLAR}",
        *(
            rf"{ahead}h Prediction {_PRICE}|{_PREDICTED}(?:{place}|{ahead}_?h){_DOLLAR}"
            for place, ahead in enumerate(PREDICTED_H, start=1)
        ),
    ),
    row_reader=tariff_reader,
    metered=False,
    counted=True,
    shifted_with="citylearn",
)
CARBON = TableLayout(
    "citylearn-carbon-intensity",
    columns=(r"kg_CO2/kWh|(?i:carbon[ _]intensity)(?: ?[\[(]kg[ _]?(?:CO2)?/kWh[\])])?",),
    row_reader=carbon_reader,
    alone=True,
    metered=False,
    counted=True,
    shifted_with="citylearn",
)
