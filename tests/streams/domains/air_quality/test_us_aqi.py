"""The US index: check values of docs/fields/air-quality.md#us-index, the table's edges, any concentration."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.air_quality import us_aqi as us
from streams.domains.air_quality.categories import US_AQI
from streams.domains.air_quality.units import Exact

SCALES = {
    "pm2_5": us.PM2_5_24H,
    "pm10": us.PM10_24H,
    "o3_8h": us.O3_8H,
    "o3_1h": us.O3_1H,
    "co": us.CO_8H,
    "so2_1h": us.SO2_1H,
    "so2_24h": us.SO2_24H,
    "no2": us.NO2_1H,
}


def exact(text: str) -> Exact:
    """Write a decimal as an exact value."""
    numerator, denominator = Decimal(text).as_integer_ratio()
    return numerator, denominator


@pytest.mark.parametrize(
    ("concentration", "index"),
    [
        ("5.0", 28),
        ("9.0", 50),
        ("9.1", 51),
        ("12.0", 56),
        ("35.4", 100),
        ("35.5", 101),
        ("100", 182),
        ("225.5", 301),
        ("300", 449),
        ("9.09", 50),
        ("0", 0),
    ],
)
def test_pm2_5_vectors_give_their_index(concentration: str, index: int) -> None:
    """PM2.5 is cut to 0.1 µg/m³ and placed on the table of 2024-05-06."""
    assert us.PM2_5_24H.sub_index(exact(concentration)) == index


def test_an_exact_half_is_rounded_upwards() -> None:
    """O3 of 0.078 ppm over 8 h is exactly 125.5, so 126; a binary fraction may give 125."""
    assert us.O3_8H.sub_index(exact("0.078")) == 126


@pytest.mark.parametrize(
    ("name", "lowest", "highest", "index_low", "index_high"),
    [
        ("pm10", "55", "154.9", 51, 100),
        ("pm10", "425", "604", 301, 500),
        ("o3_8h", "0.055", "0.0709", 51, 100),
        ("o3_8h", "0.106", "0.200", 201, 300),
        ("o3_1h", "0.125", "0.164", 101, 150),
        ("o3_1h", "0.405", "0.604", 301, 500),
        ("co", "4.5", "9.49", 51, 100),
        ("co", "30.5", "50.4", 301, 500),
        ("so2_1h", "0.036", "0.075", 51, 100),
        ("so2_24h", "0.305", "0.604", 201, 300),
        ("so2_24h", "0.605", "1.004", 301, 500),
        ("no2", "0.054", "0.100", 51, 100),
        ("no2", "1.250", "2.049", 301, 500),
    ],
)
def test_a_band_begins_and_ends_where_the_table_says(
    name: str, lowest: str, highest: str, index_low: int, index_high: int
) -> None:
    """The first and the last concentration of a band give its first and its last index."""
    assert SCALES[name].sub_index(exact(lowest)) == index_low
    assert SCALES[name].sub_index(exact(highest)) == index_high


def test_hourly_so2_gives_at_most_200() -> None:
    """1 h SO2 never says more than unhealthy; from 305 ppb the 24 h mean takes over."""
    assert us.us_aqi(us.Averages(so2_1h=exact("0.9"))).value == 200
    assert us.us_aqi(us.Averages(so2_1h=exact("0.9"), so2_24h=exact("0.304"))).value == 200
    assert us.us_aqi(us.Averages(so2_1h=exact("0.9"), so2_24h=exact("0.305"))).value == 201


def test_eight_hour_ozone_gives_at_most_300() -> None:
    """8 h ozone beyond its column stays at 300; only 1 h ozone says more."""
    assert us.us_aqi(us.Averages(o3_8h=exact("0.35"))).value == 300
    assert us.us_aqi(us.Averages(o3_8h=exact("0.35"), o3_1h=exact("0.405"))).value == 301


def test_one_hour_ozone_counts_from_0_125_ppm() -> None:
    """Below 0.125 ppm 1 h ozone gives no index; above it, the higher of the two ozone values counts."""
    assert us.us_aqi(us.Averages(o3_1h=exact("0.1249"))).value is None
    both = us.us_aqi(us.Averages(o3_8h=exact("0.050"), o3_1h=exact("0.125")))
    assert (both.value, both.pollutant) == (101, "o3")


def test_above_the_table_the_last_line_goes_on_and_is_labelled() -> None:
    """Beyond 500 the index goes on, with the label that says so."""
    found = us.us_aqi(us.Averages(pm10_24h=exact("700")))
    assert found.value is not None
    assert found.value > 500
    assert found.flags == (us.BEYOND,)
    assert us.us_aqi(us.Averages(pm10_24h=exact("604"))).flags == ()


def test_the_index_is_the_highest_part() -> None:
    """The pollutant with the highest sub-index decides; all parts are told."""
    found = us.us_aqi(us.Averages(pm2_5_24h=exact("5"), no2_1h=exact("0.1"), co_8h=exact("4.4")))
    assert (found.value, found.pollutant) == (100, "no2")
    assert found.parts == {"pm2_5": 28, "co": 50, "no2": 100}


def test_without_any_average_there_is_no_index() -> None:
    """Nothing measured, nothing said."""
    assert us.us_aqi(us.Averages()) == us.Index(None, None, {})


@given(st.sampled_from(sorted(SCALES)), st.integers(0, 10**10), st.integers(0, 10**10))
def test_more_of_a_pollutant_never_gives_a_lower_index(name: str, one: int, other: int) -> None:
    """Every line of the table is monotone."""
    low, high = sorted((one, other))
    scale = SCALES[name]
    index_low = scale.sub_index((low, 10**6))
    index_high = scale.sub_index((high, 10**6))
    assert index_low is None or (index_high is not None and index_low <= index_high)


@given(st.sampled_from(sorted(SCALES)), st.integers(0, 5 * 10**9))
def test_an_index_lies_in_the_category_of_its_band(name: str, micro: int) -> None:
    """The band of the concentration and the category of the index are the same."""
    scale = SCALES[name]
    index = scale.sub_index((micro, 10**6))
    if index is None or (scale.highest is not None and index == scale.highest):
        return
    step = micro * scale.steps_per_unit // 10**6
    band = next((k for k, end in enumerate(scale.concentrations[1:]) if step <= end), None)
    upper = 10**9 if band is None or band + 2 == len(scale.indices) else scale.indices[band + 1]
    lower = scale.indices[-2 if band is None else band]
    assert lower <= index <= upper
    assert US_AQI.rank(index) == US_AQI.rank(lower + 1)
