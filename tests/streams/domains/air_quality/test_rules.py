"""The fold over one station's readings: what each means, and that it depends on their order alone."""

import itertools
import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

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


def test_flags_of_the_reading_and_of_the_rule_come_together_once() -> None:
    """What the reader flagged and what the rule flags is told once, in order."""
    reading = daily(0, pm10=700.0, pm2_5=800.0, flags=["PM2_5_ABOVE_PM10", "MINE"])
    assert last([reading]).flags == ("PM2_5_ABOVE_PM10", "MINE", "OUT_OF_RANGE:pm2_5", "BEYOND_AQI")


def test_a_negative_value_is_flagged_and_left_out() -> None:
    """A drifted instrument says nothing about the air."""
    assessment = last([daily(0, pm10=-3.0, no2=0.02)])
    assert assessment.us.parts == {"no2": 19}
    assert assessment.flags == ("NEGATIVE:pm10",)


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
