"""Derives indices and category changes from a reading and the state of its station. Pure.

Promises:

- A reading that is not newer than the last one of its station (a repeat, or a late one) derives nothing; it is counted.
  So the derived events depend on the order of one station's readings alone: not on batches, partitions, workers or
  redeliveries.
- Hourly readings: particles by NowCast (US) and predicted moving value (Korea), O3 and CO by 8 h mean (US) or hour
  (Korea), SO2 and NO2 by hour; ``basis`` is ``nowcast``.
- A daily mean is used for every averaging time of the tables; ``basis`` is ``daily-mean``, and the flags
  ``US_AQI_OF_DAILY_MEANS`` and ``CAI_OF_DAILY_MEANS`` say that neither authority publishes such an index.
- A value that its source calls doubtful (``SOURCE_FLAG``) enters no index.
- Gases in µg/m³ are converted at the temperature that they refer to (`reference.py`), and flagged.
- Hourly and daily readings of one station do not mix: each averaging time has a state of its own.

It leaves identity, time stamps and topics to ``agents.py``.
"""

from collections.abc import Mapping
from functools import cache
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
from streams.domains.air_quality.plausibility import anomalies, doubted
from streams.domains.air_quality.reference import ELSEWHERE_C, reference_temperature
from streams.domains.air_quality.units import (
    GASES,
    MICRO,
    PARTICLES,
    Exact,
    half_up,
    in_ppm,
    molar_volume_ml,
    usable,
)

HOUR_US = 3_600_000_000
"""Microseconds of an hour."""

INTERVAL_US = {"PT1H": HOUR_US, "P1D": 24 * HOUR_US}
"""Length of each averaging interval. A local day of 23 or 25 hours counts as 24."""

MEAN_HOURS = 8
"""Window of the US means of ozone and carbon monoxide, in hours."""

DAY_HOURS = 24

WINDOW_HOURS = {"pm10": 12, "pm2_5": 12, "no2": 1, "o3": MEAN_HOURS, "co": MEAN_HOURS, "so2": DAY_HOURS}
"""Hours of each pollutant that an index needs."""

DAILY_MEAN = "daily-mean"


@cache
def _millionth(unit: str, temperature: float) -> Mapping[str, Exact]:
    """Return a millionth of the unit that each pollutant was measured in, in the unit of the indices: µg/m³, ppm."""
    gases = {gas: in_ppm(gas, (1, MICRO), unit, temperature) for gas in GASES}
    return dict.fromkeys(PARTICLES, (1, MICRO)) | gases


_NO_CATEGORY = CategoryState()


class StationState(NamedTuple):
    """What is kept of a station between readings, per recording or live source and per averaging time.

    Attributes:
        frontier: ``occurred_at`` of the newest reading that counted, µs since 1970 UTC.
        gas_unit: Unit of the gases in ``hours``.
        gas_temperature: Temperature that they refer to if the unit is µg/m³, in °C.
        hours: Hourly means newest first, by pollutant, in millionths of the unit; empty for daily readings.
        us: Current US category.
        kr: Current Korean category.
        late: Number of readings that were not newer than the frontier.
    """

    frontier: int
    gas_unit: str
    gas_temperature: float
    hours: Mapping[str, Hours]
    us: CategoryState
    kr: CategoryState
    late: int

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        return {
            "frontier": self.frontier,
            "gas_unit": self.gas_unit,
            "gas_temperature": self.gas_temperature,
            "hours": self.hours,
            "us": list(self.us),
            "kr": list(self.kr),
            "late": self.late,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "StationState":
        """Return the state that ``to_value`` wrote."""
        us, kr = CategoryState(*value["us"]), CategoryState(*value["kr"])
        gases = value["gas_unit"], value["gas_temperature"]
        return cls(value["frontier"], *gases, value["hours"], us, kr, value["late"])


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


def change_fields(change: CategoryChange, basis: str) -> dict[str, Any]:
    """Return a change as fields of ``air-quality.category-change``.

    Args:
        change: The change.
        basis: What its index is based on.
    """
    return {
        "basis": basis,
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
    averaging = reading["averaging"]
    hourly = averaging == "PT1H"
    unit = reading["gas_unit"]
    if reading.get("flags"):
        doubtful = doubted(reading["flags"])
        reading = {**reading, **dict.fromkeys(doubtful)} if doubtful else reading
    temperature = reference_temperature(reading) if unit == "UG_M3" else ELSEWHERE_C
    hours = _moved_on(state, reading, temperature) if hourly else {}
    averages, concentrations = (
        _from_hours(hours, unit, temperature) if hourly else _from_day(reading, temperature)
    )
    us, kr = american.us_aqi(averages), korean.cai(concentrations)
    begin, end = occurred_at, occurred_at + INTERVAL_US[averaging]
    us_category, us_change = next_category(US_AQI, state.us if state else _NO_CATEGORY, us.value, begin, end)
    kr_category, kr_change = next_category(KR_CAI, state.kr if state else _NO_CATEGORY, kr.value, begin, end)
    assessment = Assessment(
        us=us,
        kr=kr,
        basis="nowcast" if hourly else DAILY_MEAN,
        flags=_flags(reading, us, kr, temperature),
        changes=tuple(filter(None, (us_change, kr_change))),
    )
    late = state.late if state else 0
    return StationState(occurred_at, unit, temperature, hours, us_category, kr_category, late), assessment


def _flags(
    reading: Mapping[str, Any], us: american.Index, kr: american.Index, temperature: float
) -> tuple[str, ...]:
    found = [*reading.get("flags", ()), *anomalies(reading)]
    if reading["gas_unit"] != "PPM" and any(reading.get(gas) is not None for gas in GASES):
        found.append(f"CONVERTED_AT_{temperature:g}_C")
    if reading["averaging"] != "PT1H":
        found += [
            f"{name}_OF_DAILY_MEANS"
            for name, index in (("US_AQI", us), ("CAI", kr))
            if index.value is not None
        ]
    return tuple(dict.fromkeys([*found, *us.flags]))


def _moved_on(state: StationState | None, reading: Mapping[str, Any], temperature: float) -> dict[str, Hours]:
    """Prepend the reading's hour; hours without a reading are None, a second reading of an hour replaces the first."""
    gap: int = 1
    kept: Mapping[str, Hours] = {}
    if state is not None:
        gap = reading["occurred_at"] // HOUR_US - state.frontier // HOUR_US
        kept = _kept(state, reading["gas_unit"], temperature)
    between = [None] * min(gap - 1, DAY_HOURS)
    moved: dict[str, Hours] = {}
    for pollutant, window in WINDOW_HOURS.items():
        newest, before = usable(reading.get(pollutant)), kept.get(pollutant, ())
        if gap == 0 and before:
            newest, before = (before[0] if newest is None else newest), before[1:]
        moved[pollutant] = [newest, *between, *before][:window]
    return moved


def _kept(state: StationState, unit: str, temperature: float) -> Mapping[str, Hours]:
    """Return the hours of a state in the unit of the next reading; gases of another unit are dropped."""
    if state.gas_unit != unit:
        return {pollutant: hours for pollutant, hours in state.hours.items() if pollutant not in GASES}
    if state.gas_temperature == temperature:
        return state.hours
    old, new = molar_volume_ml(state.gas_temperature), molar_volume_ml(temperature)
    return {
        pollutant: [hour if hour is None else half_up(hour * old, new) for hour in hours]
        if pollutant in GASES
        else hours
        for pollutant, hours in state.hours.items()
    }


def _from_hours(
    hours: Mapping[str, Hours], unit: str, temperature: float
) -> tuple[american.Averages, korean.Concentrations]:
    millionth = _millionth(unit, temperature)
    no2, o3, co, so2 = [_exact(hours[gas][0], millionth[gas]) for gas in GASES]
    averages = american.Averages(
        pm2_5_24h=nowcast(hours["pm2_5"]),
        pm10_24h=nowcast(hours["pm10"]),
        o3_8h=_ppm("o3", mean(hours["o3"], MEAN_HOURS), unit, temperature),
        o3_1h=o3,
        co_8h=_ppm("co", mean(hours["co"], MEAN_HOURS), unit, temperature),
        so2_1h=so2,
        so2_24h=_ppm("so2", mean(hours["so2"], DAY_HOURS), unit, temperature),
        no2_1h=no2,
    )
    pm10 = predicted_moving(hours["pm10"], korean.PM10_STEEP_FROM)
    pm2_5 = predicted_moving(hours["pm2_5"], korean.PM2_5_STEEP_FROM)
    return averages, korean.Concentrations(pm10, pm2_5, o3, no2, co, so2)


def _from_day(
    reading: Mapping[str, Any], temperature: float
) -> tuple[american.Averages, korean.Concentrations]:
    pm10, pm2_5, no2, o3, co, so2 = [
        _exact(usable(reading.get(pollutant)), millionth)
        for pollutant, millionth in _millionth(reading["gas_unit"], temperature).items()
    ]
    averages = american.Averages(
        pm2_5_24h=pm2_5, pm10_24h=pm10, o3_8h=o3, co_8h=co, so2_1h=so2, so2_24h=so2, no2_1h=no2
    )
    return averages, korean.Concentrations(pm10, pm2_5, o3, no2, co, so2)


def _exact(micro: int | None, millionth: Exact) -> Exact | None:
    return None if micro is None else (micro * millionth[0], millionth[1])


def _ppm(gas: str, value: Exact | None, unit: str, temperature: float) -> Exact | None:
    return value if value is None or unit == "PPM" else in_ppm(gas, value, unit, temperature)
