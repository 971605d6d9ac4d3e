"""How fast a replay goes, by a clock that the test holds."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.replay.schedule import (
    DAY_US,
    LIVE_LONGEST_WAIT_S,
    LIVE_SECONDS,
    Schedule,
    Span,
    in_order,
    parse_speed,
    shift_to,
)

HOUR_US = DAY_US // 24


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell the time, in seconds."""
        return self.now


class At(NamedTuple):
    """Something at its moment."""

    playback_us: int
    name: str


def test_max_never_waits() -> None:
    """However far apart."""
    schedule = Schedule.of("max", [Span(0, DAY_US)], Clock())
    assert [schedule.wait_s(moment) for moment in (0, DAY_US)] == [0.0, 0.0]


def test_a_factor_shortens_time() -> None:
    """3600 times faster, an hour lasts a second; what is late goes at once."""
    clock = Clock()
    schedule = Schedule.of(3600.0, [], clock)
    assert schedule.wait_s(0) == 0.0
    assert schedule.wait_s(HOUR_US) == pytest.approx(1.0)
    clock.now += 5
    assert schedule.wait_s(HOUR_US) == 0.0
    assert schedule.wait_s(6 * HOUR_US) == pytest.approx(1.0)


def test_a_factor_cuts_no_silence() -> None:
    """Real time is real time."""
    schedule = Schedule.of(1.0, [], Clock())
    schedule.wait_s(0)
    assert schedule.wait_s(HOUR_US) == pytest.approx(3600.0)


def test_live_plays_the_longest_recording_in_minutes() -> None:
    """120 days or two years, the time is the same."""
    for days in (120, 730):
        schedule = Schedule.of("live", [Span(0, DAY_US), Span(0, days * DAY_US)], Clock())
        assert schedule.factor == pytest.approx(days * 86_400 / LIVE_SECONDS)


def test_live_is_never_slower_than_it_happened() -> None:
    """A recording of a minute is played in a minute."""
    assert Schedule.of("live", [Span(0, 60_000_000)], Clock()).factor == 1.0
    assert Schedule.of("live", [], Clock()).factor == 1.0


def test_live_cuts_long_silences() -> None:
    """After a gap of a year the next record comes within seconds, and the schedule goes on from there."""
    clock = Clock()
    schedule = Schedule.of("live", [Span(0, 1000 * DAY_US)], clock)
    schedule.wait_s(0)
    wait = schedule.wait_s(365 * DAY_US)
    assert wait == LIVE_LONGEST_WAIT_S
    clock.now += wait
    assert schedule.wait_s(365 * DAY_US) == pytest.approx(0.0)
    assert schedule.factor is not None
    assert schedule.wait_s(366 * DAY_US) == pytest.approx(86_400 / schedule.factor)


def test_files_are_merged_by_moment() -> None:
    """And each keeps its own order."""
    one, other = [At(1, "a"), At(5, "b")], [At(2, "c"), At(3, "d"), At(9, "e")]
    assert [each.name for each in in_order([iter(one), iter(other)])] == ["a", "c", "d", "b", "e"]


@given(st.integers(0, 4 * 10**15), st.integers(0, 4 * 10**15))
def test_a_shift_is_whole_days_and_ends_in_the_last_day(anchor: int, ends: int) -> None:
    """Local hours stay, and nothing lies in the future."""
    shift = shift_to(anchor, ends)
    assert shift % DAY_US == 0
    assert anchor - DAY_US < ends + shift <= anchor


@pytest.mark.parametrize(
    ("text", "speed"), [("live", "live"), ("max", "max"), ("60", 60.0), ("0.5", 0.5), ("4e5", 400_000.0)]
)
def test_speeds_are_words_or_numbers(text: str, speed: str | float) -> None:
    """`live`, `max`, or how many times faster."""
    assert parse_speed(text) == speed


@pytest.mark.parametrize(
    "text",
    [
        "fast",
        "LIVE",
        "0",
        "-0.0",
        "-1",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "",
        "1_000",
        " 2",
        "٣",
        "1e-300",
        "0x10",
        "9" * 1000,
    ],
)
def test_other_speeds_are_refused(text: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match="expected live, max or a finite number above 0"):
        parse_speed(text)
