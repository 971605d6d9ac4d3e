"""Odd readings are flagged with what is odd about them, and nothing else is."""

from typing import Any

import pytest

from streams.domains.air_quality.plausibility import HIGHEST, anomalies
from streams.domains.air_quality.units import GASES, MICRO, MOLAR_MASS_MG, UNITS, molar_volume_ml

AT = 1_614_524_400_000_000


def reading(**fields: Any) -> dict[str, Any]:
    """Make a plausible daily reading with some fields changed."""
    plain = {
        "occurred_at": AT,
        "averaging": "P1D",
        "gas_unit": "PPM",
        "pm10": 40.0,
        "pm2_5": 20.0,
        "no2": 0.02,
        "o3": 0.03,
    }
    return plain | {"co": 0.5, "so2": 0.004, **fields}


def test_a_plausible_reading_has_no_flags() -> None:
    """Ordinary air is left alone, and so are missing values."""
    assert anomalies(reading()) == []
    assert anomalies(reading(pm10=None, pm2_5=None, o3=None)) == []


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ({"o3": 0.204}, ["OUT_OF_RANGE:o3"]),
        ({"pm10": 10.0, "pm2_5": 11.0}, ["PM2_5_ABOVE_PM10"]),
        ({"no2": -0.001}, ["NEGATIVE:no2"]),
        ({"co": float("nan")}, ["NOT_A_NUMBER:co"]),
        ({"pm10": float("inf")}, ["NOT_A_NUMBER:pm10"]),
        ({"pm10": 1001.0}, ["OUT_OF_RANGE:pm10"]),
        ({"temperature": 71.0}, ["OUT_OF_RANGE:temperature"]),
        ({"temperature": float("nan")}, ["NOT_A_NUMBER:temperature"]),
        ({"gas_temperature": 273.15}, ["OUT_OF_RANGE:gas_temperature"]),
        ({"gas_temperature": float("nan")}, ["NOT_A_NUMBER:gas_temperature"]),
        ({"wind_speed": -1.0}, ["OUT_OF_RANGE:wind_speed"]),
        ({"wind_direction": "X"}, ["UNKNOWN:wind_direction"]),
        ({"zone": "Asia/Seoul"}, []),
        ({"zone": "Mars/Olympus"}, ["UNKNOWN:zone"]),
        ({"no2": -1.0, "so2": -1.0}, ["NEGATIVE:no2", "NEGATIVE:so2"]),
    ],
)
def test_what_is_odd_is_named(fields: dict[str, Any], flags: list[str]) -> None:
    """Each flag names the field, in a fixed order."""
    assert anomalies(reading(**fields)) == flags


def test_yellow_dust_is_plausible() -> None:
    """PM10 of 517 µg/m³ as a daily mean was measured in Seoul on 2021-05-08."""
    assert anomalies(reading(pm10=517.0)) == []


def test_the_limit_of_a_gas_holds_in_its_own_unit() -> None:
    """0.4 ppm of ozone in an hour are 785 µg/m³; 344 µg/m³ is much, but air."""
    hourly = {"averaging": "PT1H", "gas_unit": "UG_M3"}
    assert anomalies(reading(**hourly, o3=344.0, no2=40.0, co=600.0, so2=10.0)) == []
    assert anomalies(reading(**hourly, o3=790.0, no2=40.0, co=600.0, so2=10.0)) == ["OUT_OF_RANGE:o3"]


@pytest.mark.parametrize("temperature", [0.0, 20.0, 25.0, 60.0])
@pytest.mark.parametrize("averaging", HIGHEST)
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("gas", GASES)
def test_a_gas_is_odd_from_the_first_millionth_above_its_limit(
    averaging: str, unit: str, gas: str, temperature: float
) -> None:
    """The highest plausible value itself is none, in either unit and at any reference temperature."""
    limit = round(HIGHEST[averaging][gas] * MICRO)
    if unit == "UG_M3":
        limit = limit * MOLAR_MASS_MG[gas] * 1000 // molar_volume_ml(temperature)
    plain = reading(gas_temperature=temperature, averaging=averaging, gas_unit=unit, **dict.fromkeys(GASES))
    found = [anomalies({**plain, gas: (limit + more) / MICRO}) for more in (-1, 0, 1)]
    assert found == [[], [], [f"OUT_OF_RANGE:{gas}"]]


def test_a_compass_point_is_no_oddity() -> None:
    """The sixteen points are known."""
    assert anomalies(reading(wind_direction="NNW")) == []
