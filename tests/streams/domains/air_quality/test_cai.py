"""Korea's index: check values of docs/fields/air-quality.md#korean-index, its combination, any concentration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.air_quality.cai import NEEDED, SCALES, Concentrations, cai
from streams.domains.air_quality.categories import KR_CAI
from tests.streams.domains.air_quality.test_us_aqi import exact


@pytest.mark.parametrize(
    ("pollutant", "concentration", "index"),
    [
        ("pm2_5", "30", 87),
        ("pm10", "50", 70),
        ("o3", "0.05", 67),
        ("no2", "0.07", 111),
        ("pm10", "90", 120),
        ("pm2_5", "60", 193),
        ("pm2_5", "16", 51),
        ("pm2_5", "36", 101),
        ("pm2_5", "76", 251),
        ("o3", "0.095", 111),
        ("o3", "0.030", 50),
        ("o3", "0.0309", 50),
        ("o3", "0.031", 51),
        ("co", "2", 50),
        ("co", "2.01", 51),
        ("so2", "1", 500),
        ("pm10", "600", 500),
    ],
)
def test_vectors_give_their_sub_index(pollutant: str, concentration: str, index: int) -> None:
    """A concentration is cut to the table's precision and placed on its line."""
    assert SCALES[pollutant].sub_index(exact(concentration)) == index


PUBLISHED = {
    # what, PM10 24 h, PM2.5 24 h, O3, NO2, CO, SO2 as Air Korea's interface gave them, and its khaiValue
    "복정동 2020-10-28 15:00": ("39", "21", "0.038", "0.021", "0.4", "0.001", 64),
    "복정동 2020-10-28 14:00": ("44", "25", "0.040", "0.023", "0.4", "0.002", 74),
    "복정동 2020-10-28 13:00": ("52", "29", "0.037", "0.026", "0.4", "0.002", 85),
    "복정동 2020-10-28 12:00": ("60", "32", "0.034", "0.025", "0.5", "0.003", 92),
    "복정동 2020-10-28 11:00": ("64", "37", "0.028", "0.033", "0.6", "0.003", 105),
    "복정동 2020-10-28 10:00, two unhealthy": ("66", "40", "0.012", "0.061", "0.8", "0.003", 166),
    "복정동 2020-10-28 09:00": ("66", "43", "0.010", "0.049", "0.7", "0.002", 128),
    "복정동 2020-10-28 08:00": ("66", "46", "0.013", "0.040", "0.7", "0.002", 139),
    "복정동 2020-10-28 07:00": ("68", "50", "0.017", "0.038", "0.7", "0.002", 154),
    "복정동 2020-10-28 06:00": ("71", "56", "0.010", "0.047", "0.7", "0.002", 177),
    "정릉로 2025-11-26 14:00, gases of four places": ("44", "27", "0.0212", "0.0292", "0.43", "0.0027", 79),
    "2018-05-30 23:00, by NO2": ("34", "21", "0.015", "0.041", "0.5", "0.004", 68),
    "중구 2018-06-21 17:00, by O3": ("31", "19", "0.066", "0.013", "0.3", "0.003", 80),
    "2020-01-22 16:00, by NO2": ("49", "21", "0.003", "0.065", "0.8", "0.003", 105),
    "장흥동 2020-08-01 12:00, by PM10": ("28", "7", "0.024", "0.011", "0.3", "0.003", 47),
    "2020-03-10 10:00": ("60", "48", "0.020", "0.023", "0.6", "0.003", 147),
    "중구 2019-12-16 13:00, by NO2": ("31", "23", "0.007", "0.041", "0.8", "0.004", 69),
    "신풍동 2019-11-28 18:00": ("40", "24", "0.010", "0.034", "0.4", "0.003", 72),
    "인계동 2019-11-28 18:00": ("40", "27", "0.004", "0.043", "0.6", "0.003", 79),
    "2020-04-16 12:00": ("44", "25", "0.048", "0.027", "0.4", "0.003", 74),
}


@pytest.mark.parametrize("what", PUBLISHED)
def test_published_hours_give_the_published_index(what: str) -> None:
    """Twenty hours of Air Korea, with PM10, PM2.5, NO2 and O3 deciding in turn, and the 50 for two unhealthy ones."""
    *values, published = PUBLISHED[what]
    pm10, pm2_5, o3, no2, co, so2 = (exact(str(value)) for value in values)
    assert cai(Concentrations(pm10, pm2_5, o3, no2, co, so2)).value == published


def test_two_unhealthy_pollutants_add_50() -> None:
    """PM10 90 gives 120, PM2.5 60 gives 193; both unhealthy, so 243."""
    found = cai(Concentrations(pm10=exact("90"), pm2_5=exact("60"), o3=exact("0.01"), no2=exact("0.01")))
    assert (found.value, found.pollutant) == (243, "pm2_5")
    assert found.parts == {"pm10": 120, "pm2_5": 193, "o3": 17, "no2": 17}


def test_three_unhealthy_pollutants_add_75() -> None:
    """A third one at 101 or worse makes it 75; a fourth adds nothing."""
    three = Concentrations(pm10=exact("90"), pm2_5=exact("60"), o3=exact("0.01"), no2=exact("0.07"))
    four = Concentrations(pm10=exact("90"), pm2_5=exact("60"), o3=exact("0.095"), no2=exact("0.07"))
    assert cai(three).value == 193 + 75
    assert cai(four).value == 193 + 75


def test_one_unhealthy_pollutant_adds_nothing() -> None:
    """The highest sub-index stands alone."""
    one = Concentrations(pm10=exact("90"), pm2_5=exact("10"), o3=exact("0.01"), no2=exact("0.01"))
    assert cai(one).value == 120


def test_the_index_never_exceeds_500() -> None:
    """Neither a part nor the sum goes beyond the scale."""
    worst = Concentrations(pm10=exact("900"), pm2_5=exact("900"), o3=exact("3"), no2=exact("3"))
    found = cai(worst)
    assert found.value == 500
    assert set(found.parts.values()) == {500}


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_without_one_of_the_four_there_is_no_index(missing: str) -> None:
    """PM10, PM2.5, NO2 and O3 must all be there; the parts are told all the same."""
    values = {name: exact("0.01") for name in SCALES if name != missing}
    found = cai(Concentrations(**values))
    assert (found.value, found.pollutant) == (None, None)
    assert set(found.parts) == set(values)


def test_without_co_and_so2_the_index_exists() -> None:
    """Only four pollutants are needed."""
    values = {name: exact("0.01") for name in NEEDED}
    assert cai(Concentrations(**values)).value is not None


@given(st.sampled_from(sorted(SCALES)), st.integers(0, 10**10), st.integers(0, 10**10))
def test_more_of_a_pollutant_never_gives_a_lower_index(name: str, one: int, other: int) -> None:
    """Every line of the table is monotone."""
    low, high = sorted((one, other))
    found = [SCALES[name].sub_index((micro, 10**6)) for micro in (low, high)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0] <= found[1] <= 500


@given(st.sampled_from(sorted(SCALES)), st.integers(0, 5 * 10**9))
def test_an_index_lies_in_the_category_of_its_band(name: str, micro: int) -> None:
    """The band of the concentration and the category of the index are the same."""
    scale = SCALES[name]
    index = scale.sub_index((micro, 10**6))
    assert index is not None
    step = micro * scale.steps_per_unit // 10**6
    band = next((k for k, end in enumerate(scale.concentrations[1:]) if step <= end), 3)
    assert KR_CAI.rank(index) == band
