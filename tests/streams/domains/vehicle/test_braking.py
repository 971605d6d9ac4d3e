"""When somebody brakes hard, and that it is told once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.vehicle.agents import HARD_BRAKING
from tests.properties import fewer
from tests.streams.domains.vehicle.drive import BEGIN_US, run, signals, speeds


def brakings(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tell the hard brakings of some signals."""
    return [sent.event for sent in run(events, HARD_BRAKING)]


@pytest.mark.parametrize(("m_s2", "found"), [(3.4, 0), (3.6, 1), (8.0, 1)])
@pytest.mark.parametrize("rate", [2, 10, 100])
def test_hard_is_3_5_m_s2_over_half_a_second(m_s2: float, found: int, rate: int) -> None:
    """At 2, 10 and 100 speeds per second: one braking of two seconds is one event."""
    before = [(n / rate, 100.0) for n in range(2 * rate)]
    during = [(2 + n / rate, 100.0 - m_s2 * 3.6 * n / rate) for n in range(2 * rate + 1)]
    last = during[-1][1]
    behind = [(4 + n / rate, last) for n in range(1, 2 * rate)]
    events = brakings(speeds(*before, *during, *behind))
    assert len(events) == found
    for each in events:
        assert each["basis"] == "SPEED_WINDOW"
        assert each["peak_deceleration"] == pytest.approx(m_s2, rel=0.01)
        assert each["speed_before"] == pytest.approx(100.0, abs=m_s2 * 3.6 * 0.6)


def test_a_short_jerk_is_not_hard() -> None:
    """4 m/s² for 0.1 s at 100 speeds per second, as a real log has it."""
    jerk = [(n / 100, 50.0 - (0.144 * min(max(n - 100, 0), 10))) for n in range(300)]
    assert brakings(speeds(*jerk)) == []


@pytest.mark.parametrize(("speed", "found"), [(14.1, 0), (13.9, 1)])
def test_a_step_of_5_s_is_hard_from_2_m_s2(speed: float, found: int) -> None:
    """36 km/h lost in 5 s are 2 m/s²; the event says that it is a step's mean."""
    events = brakings(speeds((0, 50.0), (5, 50.0), (10, speed), (15, speed)))
    assert [each["basis"] for each in events] == ["SPEED_STEP"] * found
    for each in events:
        assert (each["speed_before"], each["speed_after"], each["duration_s"]) == (50.0, speed, 5.0)
        assert each["occurred_at"] == BEGIN_US + 5_000_000


def test_a_gap_of_more_than_10_s_is_not_judged() -> None:
    """Nobody knows how it was braked."""
    assert brakings(speeds((0, 120.0), (11, 0.0), (12, 0.0))) == []


def test_a_braking_that_ends_with_the_recording_is_told() -> None:
    """The closing signal brings it out."""
    assert len(brakings(speeds((0, 50.0), (5, 50.0), (10, 10.0)))) == 1


@pytest.mark.parametrize("last", [10.0, 9.95, 0.0])
def test_a_closing_signal_that_is_not_newer_brings_a_braking_out(last: float) -> None:
    """As the one that is newer does; a repeat of it ends no later braking."""
    events = speeds((0, 50.0), (5, 50.0), (10, 10.0), (last, 10.0))
    (found,) = brakings(events)
    assert (found["speed_after"], found["duration_s"]) == (10.0, 5.0)
    later = speeds((20, 90.0), (25, 50.0), (30, 10.0), (35, 10.0))
    (_, second) = brakings([*events, *later[:2], events[-1], *later[2:]])
    assert (second["speed_before"], second["speed_after"]) == (90.0, 10.0)


def test_a_signal_out_of_order_is_left_out() -> None:
    """It silences nothing, and is no sample."""
    events = speeds((0, 50.0), (5, 50.0), (10, 10.0), (15, 10.0))
    (future,) = signals([(1e8, {"speed": 200.0, "flags": ["OUT_OF_ORDER"]})], ended=False)
    assert brakings([*events[:1], future, *events[1:]]) == brakings(events) != []


def test_signals_without_speed_do_not_matter() -> None:
    """Positions in between change nothing but the place that is told."""
    place = {"current_location_latitude": 1.0, "current_location_longitude": 2.0}
    events = signals([(0, {"speed": 50.0}), (3, place), (5, {"speed": 10.0}), (6, {}), (10, {"speed": 10.0})])
    (found,) = brakings(events)
    assert (found["latitude"], found["longitude"]) == (1.0, 2.0)


@fewer(times=4)
@given(
    values=st.lists(st.tuples(st.sampled_from([0.1, 0.5, 1.0, 5.0, 12.0]), st.floats(0, 150)), max_size=40),
    batch=st.integers(1, 20),
)
def test_batches_and_repeats_change_nothing(values: list[tuple[float, float]], batch: int) -> None:
    """Any drive: any batch size, every event twice, the tail again: the same events, byte for byte."""
    at, samples = 0.0, []
    for step, speed in values:
        at += step
        samples.append((at, speed))
    events = speeds(*samples)
    once = {sent.value for sent in run(events)}
    assert {sent.value for sent in run(events, batch_size=batch)} == once
    assert {sent.value for sent in run([event for event in events for _ in range(2)])} == once
    assert {sent.value for sent in run([*events, *events[-7:]])} == once
