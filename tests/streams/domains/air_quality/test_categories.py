"""When a change of category is certain: past the boundary by a margin, or beyond it for long enough in time."""

import itertools
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from streams.domains.air_quality.categories import (
    KR_CAI,
    MARGIN,
    SETTLED_AFTER_US,
    US_AQI,
    CategoryChange,
    CategoryState,
    next_category,
)

HOUR = SETTLED_AFTER_US // 3
DAY = 24 * HOUR
CONSECUTIVE = 3


def told(indices: Iterable[int | None], length: int = HOUR, step: int | None = None) -> list[CategoryChange]:
    """Return the changes of a run of US indices; intervals of one length, one after the other or further apart."""
    state, changes = CategoryState(), []
    for number, index in enumerate(indices):
        begin = number * (step or length)
        state, change = next_category(US_AQI, state, index, begin, begin + length)
        if change:
            changes.append(change)
    return changes


def test_categories_begin_and_end_where_the_index_says() -> None:
    """50 is good and 51 is not, on both scales; above the last boundary all is the worst."""
    assert [US_AQI.name(i) for i in (0, 50, 51, 100, 101, 150, 151, 200, 201, 300, 301, 999)] == [
        "GOOD",
        "GOOD",
        "MODERATE",
        "MODERATE",
        "UNHEALTHY_FOR_SENSITIVE_GROUPS",
        "UNHEALTHY_FOR_SENSITIVE_GROUPS",
        "UNHEALTHY",
        "UNHEALTHY",
        "VERY_UNHEALTHY",
        "VERY_UNHEALTHY",
        "HAZARDOUS",
        "HAZARDOUS",
    ]
    assert [KR_CAI.name(i) for i in (50, 51, 100, 101, 250, 251, 500)] == [
        "GOOD",
        "MODERATE",
        "MODERATE",
        "UNHEALTHY",
        "UNHEALTHY",
        "VERY_UNHEALTHY",
        "VERY_UNHEALTHY",
    ]
    assert US_AQI.name(None) is None


def test_the_first_category_is_taken_silently() -> None:
    """Nothing changed when nothing was known before."""
    assert told([180]) == []


def test_an_index_past_the_margin_is_told_at_once() -> None:
    """Margin beyond the boundary, one reading is enough; one point less is not."""
    assert told([40, 50 + MARGIN]) == []
    assert told([40, 51 + MARGIN]) == [CategoryChange("US_AQI", "GOOD", "MODERATE", 51 + MARGIN, "WORSE")]
    assert told([60, 51 - MARGIN]) == []
    assert told([60, 50 - MARGIN]) == [CategoryChange("US_AQI", "MODERATE", "GOOD", 50 - MARGIN, "BETTER")]


def test_an_index_just_past_the_boundary_is_told_when_it_stays() -> None:
    """The same side for the required number of readings in a row settles it."""
    stays = [52] * CONSECUTIVE
    assert told([40, *stays[:-1]]) == []
    assert told([40, *stays]) == [CategoryChange("US_AQI", "GOOD", "MODERATE", 52, "WORSE")]


def test_a_daily_mean_settles_its_category_by_itself() -> None:
    """A day is longer than the hysteresis: one point past the boundary is enough, in both directions."""
    assert [c.to_category for c in told([50, 51, 50, 101, 100], DAY)] == [
        "MODERATE",
        "GOOD",
        "UNHEALTHY_FOR_SENSITIVE_GROUPS",
        "MODERATE",
    ]


def test_the_time_on_the_other_side_counts_and_not_the_readings() -> None:
    """Two readings six hours apart settle a change; quarters of an hour need three hours of them."""
    assert [c.index for c in told([40, 52, 53], HOUR, 6 * HOUR)] == [53]
    assert told([40, *[52] * 11], HOUR // 4) == []
    assert len(told([40, *[52] * 12], HOUR // 4)) == 1


def test_a_wavering_index_tells_nothing() -> None:
    """Back and forth across a boundary within the margin is no change."""
    assert told([48, 52, 49, 53, 50, 51] * 20) == []


def test_a_reading_without_index_neither_counts_nor_interrupts() -> None:
    """Missing data do not end a run of readings on the other side."""
    assert len(told([40, *[52, None] * CONSECUTIVE])) == 1


def test_a_leap_goes_to_the_farthest_sure_category() -> None:
    """Several boundaries at once are one change; a boundary passed by less than the margin waits."""
    assert told([20, 120]) == [
        CategoryChange("US_AQI", "GOOD", "UNHEALTHY_FOR_SENSITIVE_GROUPS", 120, "WORSE")
    ]
    assert told([20, 102]) == [CategoryChange("US_AQI", "GOOD", "MODERATE", 102, "WORSE")]
    assert [c.to_category for c in told([20, 102, 102, 102])] == [
        "MODERATE",
        "UNHEALTHY_FOR_SENSITIVE_GROUPS",
    ]


def test_the_other_side_starts_a_new_run() -> None:
    """Readings that are too good do not add to readings that are too bad."""
    assert told([75, 101, 101, 50, 101, 101]) == []


def test_zero_can_be_reached_from_below_the_margin() -> None:
    """The best air settles at once although the index cannot go below zero."""
    assert [c.to_category for c in told([60, 0])] == ["GOOD"]


@given(st.lists(st.integers(0, 600), max_size=60))
def test_changes_follow_on_each_other(indices: list[int]) -> None:
    """Each change leaves the category that the one before entered, in the direction it says."""
    changes = told(indices)
    rank = US_AQI.names.index
    for before, after in itertools.pairwise(changes):
        assert after.from_category == before.to_category
    for change in changes:
        worse = rank(change.to_category) > rank(change.from_category)
        assert change.direction == ("WORSE" if worse else "BETTER")


@given(st.lists(st.integers(0, 600), min_size=1, max_size=60))
def test_a_steady_index_ends_in_its_own_category(indices: list[int]) -> None:
    """However the index came there, what counts is its category once it stays."""
    state = CategoryState()
    for hour, index in enumerate([*indices, *[indices[-1]] * (2 * CONSECUTIVE)]):
        state, _ = next_category(US_AQI, state, index, hour * HOUR, (hour + 1) * HOUR)
    assert state == CategoryState(US_AQI.rank(indices[-1]))
