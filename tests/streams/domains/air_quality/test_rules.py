"""The fold over one station's readings: what each means, and that it depends on their order alone."""

import itertools
import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.domains.air_quality.cai import SCALES
from streams.domains.air_quality.reference import CHINA_CHANGED_US
from streams.domains.air_quality.rules import HOUR_US, WINDOW_HOURS, Assessment, StationState, assess
from streams.domains.air_quality.us_aqi import BREAKPOINT_VERSION
from tests.streams.domains.air_quality.test_means import VECTOR

START = 1_614_524_400_000_000


def hourly(hour: int, **fields: Any) -> dict[str, Any]:
    """Make an hourly reading, the given hours after the start."""
    return {"occurred_at": START + hour * HOUR_US, "averaging": "PT1H", "gas_unit": "PPM", **fields}


def daily(day: int, **fields: Any) -> dict[str, Any]:
    """Make a daily reading, the given days after the start."""
    return {"occurred_at": START + day * 24 * HOUR_US, "averaging": "P1D", "gas_unit": "PPM", **fields}


def fold(
    readings: Iterable[dict[str, Any]], state: StationState | None = None
) -> tuple[StationState | None, list[Assessment | None]]:
    """Let readings count one after the other."""
    assessments = []
    for reading in readings:
        state, assessment = assess(state, reading)
        assessments.append(assessment)
    return state, assessments


def last(readings: Iterable[dict[str, Any]]) -> Assessment:
    """Tell what the last of some readings means."""
    _, assessments = fold(readings)
    assert assessments[-1] is not None
    return assessments[-1]


def test_hourly_pm_stands_on_the_nowcast() -> None:
    """The twelve hours of the published example give AQI 66."""
    assessment = last(hourly(i, pm2_5=value) for i, value in enumerate(VECTOR))
    assert (assessment.us.value, assessment.us.pollutant, assessment.basis) == (66, "pm2_5", "nowcast")


def test_a_daily_mean_stands_for_itself() -> None:
    """35.4 µg/m³ over a day are AQI 100 at once, and the basis says daily mean."""
    assessment = last([daily(0, pm2_5=35.4)])
    assert (assessment.us.value, assessment.basis) == (100, "daily-mean")


def test_both_indices_come_from_one_day() -> None:
    """The vectors of both tables, side by side."""
    assessment = last([daily(0, pm10=90.0, pm2_5=60.0, o3=0.01, no2=0.01)])
    assert assessment.kr.value == 243
    assert assessment.us.parts["pm2_5"] == 154
    fields = assessment.fields()
    assert fields["cai_category"] == "UNHEALTHY"
    assert fields["us_aqi_category"] == "UNHEALTHY"
    assert fields["us_aqi_version"] == BREAKPOINT_VERSION


def test_eight_hour_means_need_six_hours() -> None:
    """Ozone has an 8 h value from the sixth hour on."""
    readings = [hourly(i, o3=0.060) for i in range(6)]
    assert last(readings[:5]).us.value is None
    assert last(readings).us.parts == {"o3": 67}


def test_a_gap_pushes_old_hours_out_of_the_window() -> None:
    """After a day of silence the window begins anew."""
    readings = [hourly(i, o3=0.060) for i in range(8)] + [hourly(40, o3=0.060)]
    assert last(readings[:8]).us.value is not None
    assert last(readings).us.value is None


def test_24_hour_so2_needs_18_hours() -> None:
    """From 305 ppb the 24 h mean decides, once 18 of 24 hours are there."""
    readings = [hourly(i, so2=0.4) for i in range(18)]
    assert last(readings[:17]).us.value == 200
    assert last(readings).us.value == 232


def test_a_repeat_and_a_late_reading_change_nothing_but_the_count() -> None:
    """At or before the frontier: no assessment, the same state, one more late reading."""
    readings = [daily(day, pm10=40.0, pm2_5=20.0) for day in range(3)]
    state, _ = fold(readings)
    assert state is not None
    again, assessments = fold([readings[2], readings[0]], state)
    assert assessments == [None, None]
    assert again is not None
    assert again.late == state.late + 2
    assert (again.frontier, again.hours, again.us) == (state.frontier, state.hours, state.us)


def test_a_second_reading_of_an_hour_replaces_the_first() -> None:
    """Ten past the hour, the newer value counts, and the older one stays where the newer is missing."""
    first = hourly(0, no2=0.1, co=1.0)
    second = {**hourly(0, no2=0.2), "occurred_at": START + HOUR_US // 6}
    state, assessments = fold([first, second])
    assert state is not None
    assert assessments[1] is not None
    assert state.hours["no2"] == [200_000]
    assert state.hours["co"] == [1_000_000]


def test_a_change_of_unit_begins_the_gas_windows_anew() -> None:
    """Hours in ppm and in µg/m³ are never averaged together."""
    readings = [hourly(i, o3=0.060, pm2_5=10.0) for i in range(7)]
    changed = {**hourly(7, o3=120.0, pm2_5=10.0), "gas_unit": "UG_M3"}
    state, _ = fold([*readings, changed])
    assert state is not None
    assert state.hours["o3"] == [120_000_000]
    assert len(state.hours["pm2_5"]) == 8


def test_converted_gases_are_flagged_with_the_temperature() -> None:
    """µg/m³ become ppm at 25 °C, and the index says so."""
    reading = {**hourly(0, no2=100.0), "gas_unit": "UG_M3"}
    assessment = last([reading])
    assert assessment.us.parts == {"no2": 50}
    assert assessment.flags == ("CONVERTED_AT_25_C",)


def test_indices_of_daily_means_are_named() -> None:
    """Gases of 24 h stand in rows of 1 h and 8 h there; hourly readings have neither flag."""
    values = {"pm10": 40.0, "pm2_5": 15.0, "no2": 0.02, "o3": 0.03}
    assert last([daily(0, **values)]).flags == ("US_AQI_OF_DAILY_MEANS", "CAI_OF_DAILY_MEANS")
    assert last([daily(0, pm10=40.0)]).flags == ("US_AQI_OF_DAILY_MEANS",)
    assert last(hourly(i, **values) for i in range(12)).flags == ()


def test_the_reference_temperature_of_the_reading_is_used() -> None:
    """100 µg/m³ of NO2 are 48.7 ppb at 0 °C, 52.3 ppb at 20 °C and 53.2 ppb at 25 °C."""
    reading = {**hourly(0, no2=100.0), "gas_unit": "UG_M3"}
    for temperature, index in ((0.0, 45), (20.0, 49), (25.0, 50)):
        assessment = last([{**reading, "gas_temperature": temperature}])
        assert assessment.us.parts == {"no2": index}
        assert assessment.flags == (f"CONVERTED_AT_{temperature:g}_C",)


def test_hours_are_kept_where_the_reference_temperature_changes() -> None:
    """70 ppb of ozone before and after 2018-09-01 in Beijing, 149.9 and 137.3 µg/m³: the 8 h mean stays 70 ppb."""
    begin = CHINA_CHANGED_US - 7 * HOUR_US
    readings = [
        {
            **hourly(0, o3=149.92 if hour < 7 else 137.36),
            "occurred_at": begin + hour * HOUR_US,
            "gas_unit": "UG_M3",
            "zone": "Asia/Shanghai",
        }
        for hour in range(15)
    ]
    assessments = fold(readings)[1]
    assert [a.us.parts["o3"] for a in assessments[5:] if a] == [100] * 10
    assert [a.flags for a in assessments if a] == [("CONVERTED_AT_0_C",)] * 7 + [("CONVERTED_AT_25_C",)] * 8


BOKJEONG_HIDDEN = {
    "pm10": (91, 187, 74, 95, 63, 91, 85, 118, 82, 40, 82),
    "pm2_5": (124, 40, 60, 77, 62, 100, 43, 80, 69, 73, 43),
}
"""Eleven hours before those that were published, oldest first: made, so that they fit the published 24 h values."""

BOKJEONG = (
    # PM10, PM2.5, O3, NO2, CO, SO2 of the hour; PM10 and PM2.5 of 24 h; khaiValue
    (52, 35, 0.010, 0.047, 0.7, 0.002, 71, 56, 177),
    (53, 31, 0.017, 0.038, 0.7, 0.002, 68, 50, 154),
    (78, 30, 0.013, 0.040, 0.7, 0.002, 66, 46, 139),
    (66, 31, 0.010, 0.049, 0.7, 0.002, 66, 43, 128),
    (64, 25, 0.012, 0.061, 0.8, 0.003, 66, 40, 166),
    (44, 22, 0.028, 0.033, 0.6, 0.003, 64, 37, 105),
    (43, 13, 0.034, 0.025, 0.5, 0.003, 60, 32, 92),
    (24, 20, 0.037, 0.026, 0.4, 0.002, 52, 29, 85),
    (25, 12, 0.040, 0.023, 0.4, 0.002, 44, 25, 74),
    (25, 12, 0.038, 0.021, 0.4, 0.001, 39, 21, 64),
)
"""Air Korea, station 복정동, 2020-10-28, hours 06:00 to 15:00 as its interface gave them."""


def test_a_day_of_air_korea_hour_by_hour() -> None:
    """From hourly values through the predicted 24 h values to the published index of each of ten hours."""
    hidden = zip(*BOKJEONG_HIDDEN.values(), strict=True)
    hours = [{"pm10": float(pm10), "pm2_5": float(pm2_5)} for pm10, pm2_5 in hidden]
    names = ("pm10", "pm2_5", "o3", "no2", "co", "so2")
    hours += [dict(zip(names, map(float, hour[:6]), strict=True)) for hour in BOKJEONG]
    found = fold(hourly(number, **values) for number, values in enumerate(hours))[1]
    assert [a.kr.value for a in found[-10:] if a] == [hour[8] for hour in BOKJEONG]
    particles = [(a.kr.parts["pm10"], a.kr.parts["pm2_5"]) for a in found[-10:] if a]
    assert particles == [
        (SCALES["pm10"].sub_index((hour[6], 1)), SCALES["pm2_5"].sub_index((hour[7], 1))) for hour in BOKJEONG
    ]


def test_flags_of_the_reading_and_of_the_rule_come_together_once() -> None:
    """What the reader flagged and what the rule flags is told once, in order."""
    reading = daily(0, pm10=700.0, pm2_5=800.0, flags=["PM2_5_ABOVE_PM10", "MINE"])
    assert last([reading]).flags == (
        "PM2_5_ABOVE_PM10",
        "MINE",
        "OUT_OF_RANGE:pm2_5",
        "US_AQI_OF_DAILY_MEANS",
        "BEYOND_AQI",
    )


def test_a_negative_value_is_flagged_and_left_out() -> None:
    """A drifted instrument says nothing about the air."""
    assessment = last([daily(0, pm10=-3.0, no2=0.02)])
    assert assessment.us.parts == {"no2": 19}
    assert assessment.flags == ("NEGATIVE:pm10", "US_AQI_OF_DAILY_MEANS")


def test_a_reading_without_values_has_no_index_and_counts() -> None:
    """All missing: a assessment without index, and the frontier moves on."""
    assessment = last([hourly(0)])
    assert (assessment.us.value, assessment.kr.value, assessment.changes) == (None, None, ())


def test_yellow_dust_is_told_as_changes_on_both_scales() -> None:
    """From an ordinary day to 517 µg/m³: both indices change category at once."""
    ordinary = daily(0, pm10=40.0, pm2_5=15.0, no2=0.02, o3=0.03)
    dust = daily(1, pm10=517.0, pm2_5=80.0, no2=0.02, o3=0.03)
    changes = last([ordinary, dust]).changes
    assert [(c.scale, c.from_category, c.to_category) for c in changes] == [
        ("US_AQI", "MODERATE", "HAZARDOUS"),
        ("KR_CAI", "MODERATE", "VERY_UNHEALTHY"),
    ]


def test_no_more_hours_are_kept_than_some_index_needs() -> None:
    """The state of a station is bounded by the windows."""
    state, _ = fold(hourly(i, pm10=1.0, pm2_5=1.0, no2=0.1, o3=0.1, co=1.0, so2=0.1) for i in range(40))
    assert state is not None
    assert {pollutant: len(hours) for pollutant, hours in state.hours.items()} == WINDOW_HOURS


values = st.one_of(st.none(), st.floats(-1, 900, allow_nan=False), st.just(float("nan")))
readings = st.builds(
    lambda hour, fields, unit: {**hourly(hour, **fields), "gas_unit": unit},
    st.integers(0, 60),
    st.fixed_dictionaries(dict.fromkeys(("pm10", "pm2_5", "no2", "o3", "co", "so2"), values)),
    st.sampled_from(["PPM", "UG_M3"]),
)


@given(st.lists(readings, max_size=25), st.lists(st.integers(0, 25), max_size=6))
def test_the_fold_does_not_see_batches(run: list[dict[str, Any]], cuts: list[int]) -> None:
    """Cut anywhere, with the state spelled as JSON in between: the same assessments and the same state."""
    whole, expected = fold(run)
    state: StationState | None = None
    found: list[Assessment | None] = []
    edges = sorted({0, len(run), *(cut for cut in cuts if cut <= len(run))})
    for begin, end in itertools.pairwise(edges):
        state, assessments = fold(run[begin:end], state)
        found += assessments
        if state is not None:
            state = StationState.from_value(json.loads(json.dumps(state.to_value())))
    assert found == expected
    assert (state and state.to_value()) == (whole and whole.to_value())


@given(st.lists(readings, max_size=15))
def test_sending_everything_again_derives_nothing_new(run: list[dict[str, Any]]) -> None:
    """A whole run delivered a second time is late from beginning to end."""
    state, _ = fold(run)
    _, again = fold(run, state)
    assert again == [None] * len(run)


@given(st.lists(readings, max_size=25))
def test_an_index_is_the_highest_of_its_parts(run: list[dict[str, Any]]) -> None:
    """And its pollutant is the one that has it."""
    for assessment in fold(run)[1]:
        if assessment is None or assessment.us.value is None:
            continue
        assert assessment.us.value == max(assessment.us.parts.values())
        assert assessment.us.parts[assessment.us.pollutant or ""] == assessment.us.value


@given(
    st.fixed_dictionaries(
        {name: st.floats(0, 400) for name in ("pm10", "pm2_5")}
        | {name: st.floats(0, 1) for name in ("no2", "o3", "co", "so2")}
    )
)
def test_the_korean_index_is_its_highest_part_and_more_where_several_are_unhealthy(
    fields: dict[str, float],
) -> None:
    """50 more for two unhealthy pollutants, 75 for three and more, 500 at most."""
    index = last([daily(0, **fields)]).kr
    highest = max(index.parts.values())
    unhealthy = sum(part > 100 for part in index.parts.values())
    assert len(index.parts) == len(fields)
    assert index.value == min(500, highest + (0, 0, 50, 75, 75, 75, 75)[unhealthy])
    assert index.parts[index.pollutant or ""] == highest
