"""The averages: NowCast, Korea's predicted moving value, plain means with 75 % completeness; and exact numbers."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.domains.air_quality.means import Hours, mean, nowcast, predicted_moving
from streams.domains.air_quality.units import (
    CEILING,
    MICRO,
    half_up,
    in_ppm,
    molar_volume_ml,
    to_micro,
    usable,
)
from streams.domains.air_quality.us_aqi import PM2_5_24H

VECTOR = (50, 80, 75, 90, 82, 53, 64, 74, 21, 10, 16, 13)
"""docs/fields/air-quality.md#nowcast, oldest to newest, µg/m³."""

hours = st.lists(st.one_of(st.none(), st.integers(0, 1000 * MICRO)), min_size=1, max_size=12)


def newest_first(*values: float | None) -> list[int | None]:
    """Turn values from oldest to newest into hours as the rules hold them."""
    return [None if value is None else to_micro(value) for value in reversed(values)]


def test_nowcast_vector_gives_17_4_and_index_66() -> None:
    """The published example: weight one half, 17.4 µg/m³, AQI 66."""
    value = nowcast(newest_first(*VECTOR))
    assert value is not None
    assert int(Fraction(*value) * 10) == 174
    assert PM2_5_24H.sub_index(value) == 66


def test_nowcast_needs_two_of_the_newest_three_hours() -> None:
    """One recent hour is not enough, two are."""
    assert nowcast(newest_first(9, 9, 9, 9, 9, 9, 9, 9, 9, None, None, 9)) is None
    value = nowcast(newest_first(9, None, 9))
    assert value is not None
    assert Fraction(*value) == 9


def test_nowcast_of_clean_air_is_zero() -> None:
    """Nothing measured above zero divides by nothing."""
    assert nowcast(newest_first(0, 0, 0)) == (0, 1)


@given(hours)
def test_nowcast_equals_its_formula_in_fractions(window: list[int | None]) -> None:
    """The integer form is Σ wⁱcᵢ / Σ wⁱ, to the last digit."""
    value = nowcast(window)
    there = [hour for hour in window if hour is not None]
    assume(value is not None)
    assert value is not None
    assume(max(there) > 0)
    w = max(Fraction(min(there), max(there)), Fraction(1, 2))
    above = sum((w**i * hour for i, hour in enumerate(window) if hour is not None), Fraction(0))
    below = sum((w**i for i, hour in enumerate(window) if hour is not None), Fraction(0))
    assert Fraction(*value) == above / below / MICRO
    assert min(there) <= Fraction(*value) * MICRO <= max(there)


@pytest.mark.parametrize(("window", "needed"), [(24, 18), (12, 9), (8, 6), (4, 3), (1, 1)])
def test_a_mean_needs_three_quarters_of_its_window(window: int, needed: int) -> None:
    """18 of 24, 9 of 12, 6 of 8, 3 of 4 hours; one less gives nothing."""
    enough: Hours = [MICRO] * needed + [None] * (window - needed)
    short: Hours = [MICRO] * (needed - 1) + [None] * (window - needed + 1)
    found = mean(enough, window)
    assert found is not None
    assert Fraction(*found) == 1
    assert mean(short, window) is None


def test_a_mean_looks_at_its_window_only() -> None:
    """Older hours do not count."""
    found = mean(newest_first(100, 100, 1, 1, 1, 1, 1, 1, 1, 1), 8)
    assert found is not None
    assert Fraction(*found) == 1


def test_predicted_moving_value_of_low_hours_is_the_mean_of_both_means() -> None:
    """Below M no hour is corrected: half of the 12 h mean and half of the 4 h mean."""
    found = predicted_moving(newest_first(*[10] * 8, *[20] * 4), 30 * MICRO)
    assert found is not None
    assert Fraction(*found) == (Fraction(8 * 10 + 4 * 20, 12) + 20) / 2


def test_predicted_moving_value_counts_steady_high_hours_three_quarters() -> None:
    """At or above M and between 0.9 and 1.7 times C12, an hour counts 0.75 of itself."""
    found = predicted_moving(newest_first(*[100] * 12), 70 * MICRO)
    assert found is not None
    assert Fraction(*found) == Fraction(100 + 75, 2)
    edge = predicted_moving(newest_first(*[70] * 12), 70 * MICRO)
    assert edge is not None
    assert Fraction(*edge) == (70 + Fraction(3, 4) * 70) / 2


def test_predicted_moving_value_leaves_jumping_hours_uncorrected() -> None:
    """Above 1.7 times C12 the hour itself counts: the air really became worse."""
    found = predicted_moving(newest_first(*[10] * 11, 200), 70 * MICRO)
    assert found is not None
    twelve = Fraction(11 * 10 + 200, 12)
    assert Fraction(*found) == (twelve + Fraction(10 * 3 + 200, 4)) / 2


def test_predicted_moving_value_needs_both_windows() -> None:
    """9 of 12 and 3 of 4 hours."""
    assert predicted_moving(newest_first(*[10] * 8, None, None, 10, 10), MICRO) is None
    assert predicted_moving(newest_first(*[None] * 4, *[10] * 8), MICRO) is None
    assert predicted_moving(newest_first(*[None] * 3, *[10] * 9), MICRO) is not None


@given(st.decimals(min_value=0, max_value=99_999, places=6))
def test_a_decimal_of_six_places_is_held_exactly(value: Decimal) -> None:
    """Through a binary double and back, no digit changes."""
    assert to_micro(float(value)) == int(value.scaleb(6))


@pytest.mark.parametrize("value", [None, -0.1, float("nan"), float("inf"), float("-inf"), CEILING])
def test_what_no_air_can_have_is_not_used(value: float | None) -> None:
    """Missing, negative, non-finite and absurd values enter no index."""
    assert usable(value) is None


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_half_up_rounds_as_decimal_does(numerator: int, denominator: int) -> None:
    """The nearest integer, a half upwards."""
    assert half_up(numerator, denominator) == int(Fraction(numerator, denominator) + Fraction(1, 2))


@pytest.mark.parametrize(
    ("gas", "temperature", "micrograms", "ppb"),
    [
        ("o3", 25, "1.962", 1),
        ("no2", 25, "1.881", 1),
        ("so2", 25, "2.619", 1),
        ("co", 25, "1145", 1000),
        ("o3", 20, "1.995", 1),
        ("no2", 20, "1.913", 1),
        ("so2", 20, "2.663", 1),
        ("co", 20, "1164", 1000),
        ("o3", 0, "2.141", 1),
        ("no2", 0, "2.053", 1),
        ("so2", 0, "2.858", 1),
        ("co", 0, "1250", 1000),
    ],
)
def test_micrograms_become_ppb_at_their_temperature(
    gas: str, temperature: float, micrograms: str, ppb: int
) -> None:
    """docs/fields/air-quality.md#units-and-completeness: µg/m³ per ppb are M / 24.465, 24.055, 22.414."""
    numerator, denominator = in_ppm(gas, (to_micro(float(micrograms)), MICRO), "UG_M3", temperature)
    assert float(Fraction(numerator, denominator)) * 1000 == pytest.approx(ppb, rel=1e-3)


def test_ppm_stay_as_they_are() -> None:
    """A value in ppm is not touched."""
    assert in_ppm("o3", (78, 1000), "PPM", 0) == (78, 1000)


def test_molar_volumes_are_the_published_ones() -> None:
    """22.414 l at 0 °C (CODATA), 24.055 l at 20 °C and 24.465 l at 25 °C."""
    assert [molar_volume_ml(degrees) for degrees in (0, 20, 25)] == [22_414, 24_055, 24_465]
