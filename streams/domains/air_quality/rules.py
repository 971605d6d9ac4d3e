"""Derives indices and category changes from a reading and the state of its station. Pure.

Promises:

- A reading that is not newer than the last one of its station (a repeat, or a late one) derives nothing; it is counted.
  So the derived events depend on the order of one station's readings alone: not on batches, partitions, workers or
  redeliveries.
- Hourly readings: particles by NowCast (US) and predicted moving value (Korea), O3 and CO by 8 h mean (US) or hour
  (Korea), SO2 and NO2 by hour; ``basis`` is ``nowcast``.
- A daily mean is used for every averaging time of the tables; ``basis`` is ``daily-mean``.
- Hourly and daily readings of one station do not mix: each averaging time has a state of its own.

It leaves identity, time stamps and topics to ``agents.py``.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from streams.domains.air_quality import cai as korean
from streams.domains.air_quality import us_aqi as american
from streams.domains.air_quality.categories import (
    KR_CAI,
    US_AQI,
    CategoryChange,
    CategoryState,
    next_category,
)
from streams.domains.air_quality.means import Hours, mean, nowcast, predicted_moving
from streams.domains.air_quality.plausibility import anomalies
from streams.domains.air_quality.units import (
    GASES,
    MICRO,
    PARTICLES,
    REFERENCE_TEMPERATURE_C,
    UNITS,
    Exact,
    in_ppm,
    usable,
)

HOUR_US = 3_600_000_000
"""Microseconds of an hour."""

MEAN_HOURS = 8
"""Window of the US means of ozone and carbon monoxide, in hours."""

DAY_HOURS = 24

WINDOW_HOURS = {"pm10": 12, "pm2_5": 12, "no2": 1, "o3": MEAN_HOURS, "co": MEAN_HOURS, "so2": DAY_HOURS}
"""Hours of each pollutant that an index needs."""

CONVERTED = f"CONVERTED_AT_{REFERENCE_TEMPERATURE_C}_C"

_MILLIONTH = {
    unit: dict.fromkeys(PARTICLES, (1, MICRO)) | {gas: in_ppm(gas, (1, MICRO), unit) for gas in GASES}
    for unit in UNITS
}
"""A millionth of the unit that each pollutant was measured in, in the unit of the indices: µg/m³ and ppm."""

_NO_CATEGORY = CategoryState()


class StationState(NamedTuple):
    """What is kept of a station between readings, per recording or live source and per averaging time.

    Attributes:
        frontier: ``occurred_at`` of the newest reading that counted, µs since 1970 UTC.
        gas_unit: Unit of the gases in ``hours``.
        hours: Hourly means newest first, by pollutant, in millionths of the unit; empty for daily readings.
        us: Current US category.
        kr: Current Korean category.
        late: Number of readings that were not newer than the frontier.
    """

    frontier: int
    gas_unit: str
    hours: Mapping[str, Hours]
    us: CategoryState
    kr: CategoryState
    late: int

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        return {
            "frontier": self.frontier,
            "gas_unit": self.gas_unit,
            "hours": self.hours,
            "us": list(self.us),
            "kr": list(self.kr),
            "late": self.late,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "StationState":
        """Return the state that ``to_value`` wrote."""
        us, kr = CategoryState(*value["us"]), CategoryState(*value["kr"])
        return cls(value["frontier"], value["gas_unit"], value["hours"], us, kr, value["late"])


class Assessment(NamedTuple):
    """The indices of one reading.

    Attributes:
        us: The US index.
        kr: The Korean index.
        basis: Averages that the indices are based on, ``nowcast`` or ``daily-mean``.
        flags: Anomalies, conversions and labels of the indices.
        changes: Category changes that this reading made certain.
    """

    us: american.Index
    kr: american.Index
    basis: str
    flags: tuple[str, ...]
    changes: tuple[CategoryChange, ...]

    def fields(self) -> dict[str, Any]:
        """Return the indices as fields of ``air-quality.index``."""
        return {
            "us_aqi": self.us.value,
            "us_aqi_category": US_AQI.name(self.us.value),
            "us_aqi_pollutant": self.us.pollutant,
            "us_aqi_version": american.BREAKPOINT_VERSION,
            "us_aqi_parts": self.us.parts,
            "cai": self.kr.value,
            "cai_category": KR_CAI.name(self.kr.value),
            "cai_pollutant": self.kr.pollutant,
            "cai_parts": self.kr.parts,
            "basis": self.basis,
            "flags": list(self.flags),
        }


def change_fields(change: CategoryChange) -> dict[str, Any]:
    """Return a change as fields of ``air-quality.category-change``."""
    return {
        "scale": change.scale,
        "from_category": change.from_category,
        "to_category": change.to_category,
        "index": change.index,
        "direction": change.direction,
    }


def assess(state: StationState | None, reading: Mapping[str, Any]) -> tuple[StationState, Assessment | None]:
    """Assess one reading against the state of its station.

    Args:
        state: State of the reading's station, stream and averaging time; None before its first reading.
        reading: Fields of ``air-quality.reading``, ``occurred_at`` in µs since 1970 UTC.

    Returns:
        The new state, and the indices; None if the reading is not newer than the one before.
    """
    occurred_at: int = reading["occurred_at"]
    if state is not None and occurred_at <= state.frontier:
        return state._replace(late=state.late + 1), None
    hourly = reading["averaging"] == "PT1H"
    hours = _moved_on(state, reading) if hourly else {}
    averages, concentrations = _from_hours(hours, reading) if hourly else _from_day(reading)
    us, kr = american.us_aqi(averages), korean.cai(concentrations)
    us_category, us_change = next_category(US_AQI, state.us if state else _NO_CATEGORY, us.value)
    kr_category, kr_change = next_category(KR_CAI, state.kr if state else _NO_CATEGORY, kr.value)
    assessment = Assessment(
        us=us,
        kr=kr,
        basis="nowcast" if hourly else "daily-mean",
        flags=_flags(reading, us),
        changes=tuple(filter(None, (us_change, kr_change))),
    )
    late = state.late if state else 0
    return StationState(occurred_at, reading["gas_unit"], hours, us_category, kr_category, late), assessment


def _flags(reading: Mapping[str, Any], us: american.Index) -> tuple[str, ...]:
    found = [*reading.get("flags", ()), *anomalies(reading)]
    if reading["gas_unit"] != "PPM" and any(reading.get(gas) is not None for gas in GASES):
        found.append(CONVERTED)
    return tuple(dict.fromkeys([*found, *us.flags]))


def _moved_on(state: StationState | None, reading: Mapping[str, Any]) -> dict[str, Hours]:
    """Prepend the reading's hour; hours without a reading are None, a second reading of an hour replaces the first."""
    gap: int = 1
    kept: Mapping[str, Hours] = {}
    if state is not None:
        gap = reading["occurred_at"] // HOUR_US - state.frontier // HOUR_US
        kept = state.hours
        if state.gas_unit != reading["gas_unit"]:
            kept = {pollutant: hours for pollutant, hours in kept.items() if pollutant not in GASES}
    between = [None] * min(gap - 1, DAY_HOURS)
    moved: dict[str, Hours] = {}
    for pollutant, window in WINDOW_HOURS.items():
        newest, before = usable(reading.get(pollutant)), kept.get(pollutant, ())
        if gap == 0 and before:
            newest, before = (before[0] if newest is None else newest), before[1:]
        moved[pollutant] = [newest, *between, *before][:window]
    return moved


def _from_hours(
    hours: Mapping[str, Hours], reading: Mapping[str, Any]
) -> tuple[american.Averages, korean.Concentrations]:
    unit = reading["gas_unit"]
    no2, o3, co, so2 = [_exact(hours[gas][0], _MILLIONTH[unit][gas]) for gas in GASES]
    averages = american.Averages(
        pm2_5_24h=nowcast(hours["pm2_5"]),
        pm10_24h=nowcast(hours["pm10"]),
        o3_8h=_ppm("o3", mean(hours["o3"], MEAN_HOURS), unit),
        o3_1h=o3,
        co_8h=_ppm("co", mean(hours["co"], MEAN_HOURS), unit),
        so2_1h=so2,
        so2_24h=_ppm("so2", mean(hours["so2"], DAY_HOURS), unit),
        no2_1h=no2,
    )
    pm10 = predicted_moving(hours["pm10"], korean.PM10_STEEP_FROM)
    pm2_5 = predicted_moving(hours["pm2_5"], korean.PM2_5_STEEP_FROM)
    return averages, korean.Concentrations(pm10, pm2_5, o3, no2, co, so2)


def _from_day(reading: Mapping[str, Any]) -> tuple[american.Averages, korean.Concentrations]:
    pm10, pm2_5, no2, o3, co, so2 = [
        _exact(usable(reading.get(pollutant)), millionth)
        for pollutant, millionth in _MILLIONTH[reading["gas_unit"]].items()
    ]
    averages = american.Averages(
        pm2_5_24h=pm2_5, pm10_24h=pm10, o3_8h=o3, co_8h=co, so2_1h=so2, so2_24h=so2, no2_1h=no2
    )
    return averages, korean.Concentrations(pm10, pm2_5, o3, no2, co, so2)


def _exact(micro: int | None, millionth: Exact) -> Exact | None:
    return None if micro is None else (micro * millionth[0], millionth[1])


def _ppm(gas: str, value: Exact | None, unit: str) -> Exact | None:
    return value if value is None or unit == "PPM" else in_ppm(gas, value, unit)
