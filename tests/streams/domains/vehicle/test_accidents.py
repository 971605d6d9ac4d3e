"""When a crash trigger fires, what it tells, and what does not fire it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.vehicle.agents import ACCIDENT, HARD_BRAKING
from streams.domains.vehicle.crash import STANDARD_GRAVITY
from tests.properties import fewer
from tests.streams.domains.vehicle.drive import BEGIN_US, run, signals, speeds

G = STANDARD_GRAVITY


def pulse(
    samples: list[tuple[float, float]], *, every_s: float = 0.01, quiet: int = 20
) -> list[dict[str, Any]]:
    """Make accelerations (m/s², forward and left) at 100 per second with silence before and behind."""
    values = [(0.0, 0.0)] * quiet + samples + [(0.0, 0.0)] * quiet
    return signals(
        (number * every_s, {"acceleration_longitudinal": x, "acceleration_lateral": y})
        for number, (x, y) in enumerate(values)
    )


def accidents(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tell the accidents of some signals."""
    return [sent.event for sent in run(events, ACCIDENT)]


def test_twenty_g_for_100_ms_is_critical() -> None:
    """70.6 km/h from the front, from time zero at the beginning of the pulse."""
    (found,) = accidents(pulse([(-20 * G, 0.0)] * 10))
    assert found["max_delta_v"] == pytest.approx(70.6, abs=0.05)
    assert found["delta_v_longitudinal"] == pytest.approx(-70.6, abs=0.05)
    assert (found["trigger"], found["basis"], found["coarse"]) == ("DELTA_V_150_MS", "ACCELERATION", False)
    assert (found["pdof_clock"], found["severity"], found["restraint"]) == (12, "CRITICAL", False)
    assert found["severity_table"] == "delta-v-bands@1"
    # sample 20 begins the pulse and holds since sample 19; its 20 ms begin at sample 18
    assert found["occurred_at"] == BEGIN_US + 180_000
    assert found["max_delta_v_ms"] == pytest.approx(110.0)


@pytest.mark.parametrize(("kmh", "fires"), [(7.9, False), (8.1, True)])
@pytest.mark.parametrize("along", [True, False])
def test_trigger_is_8_kmh_within_150_ms(kmh: float, fires: bool, along: bool) -> None:
    """Along and across the vehicle (UN R160 triggers on both)."""
    a = kmh / 3.6 / 0.15
    found = accidents(pulse([(-a, 0.0) if along else (0.0, a)] * 15))
    assert bool(found) is fires


def test_8_kmh_over_a_longer_time_do_not_fire() -> None:
    """Full braking (1 g) for a second loses 35 km/h and is no crash."""
    assert accidents(pulse([(-G, 0.0)] * 100)) == []
    assert accidents(pulse([(-1.4 * G, 0.0)] * 100)) == []


def test_sideways_impact_tells_where_it_came_from() -> None:
    """Pushed to the left: hit from the right."""
    (found,) = accidents(pulse([(0.0, 10 * G)] * 8))
    assert (found["pdof_clock"], found["severity"]) == (3, "MODERATE")


def test_an_airbag_fires_alone_and_once() -> None:
    """A deployment is a trigger of its own; that it stays deployed is no second one."""
    events = signals(
        (at / 2, {"speed": 30.0, "cabin_seat_row1_driver_side_airbag_is_deployed": at >= 4})
        for at in range(60)
    )
    (found,) = accidents(events)
    assert (found["trigger"], found["restraint"], found["max_delta_v"]) == ("RESTRAINT", True, None)
    assert found["severity"] is None


def test_an_airbag_within_the_pulse_belongs_to_it() -> None:
    """One accident, with its delta-V."""
    events = pulse([(-20 * G, 0.0)] * 10)
    events[23]["cabin_seat_row1_driver_side_airbag_is_deployed"] = True
    (found,) = accidents(events)
    assert found["restraint"] is True
    assert found["max_delta_v"] == pytest.approx(70.6, abs=0.05)


def test_second_impact_is_a_second_event() -> None:
    """After the end of the first; its own delta-V, its own number."""
    quiet = [(0.0, 0.0)] * 30
    first, second = accidents(pulse([(-10 * G, 0.0)] * 10 + quiet + [(5 * G, 0.0)] * 10))
    assert (first["event_number"], second["event_number"]) == (1, 2)
    assert second["delta_v_longitudinal"] == pytest.approx(17.65, abs=0.05)
    assert second["pdof_clock"] == 6


def test_one_long_impact_is_one_event() -> None:
    """Delta-V is looked at for 300 ms; what goes on behind that is not a second crash."""
    (found,) = accidents(pulse([(-6 * G, 0.0)] * 60))
    assert found["max_delta_v"] == pytest.approx(6 * 0.35304 * 29, rel=0.01)


def test_context_is_that_before_the_crash() -> None:
    """Speed, level of autonomy and position told last before time zero."""
    events = pulse([(-20 * G, 0.0)] * 10)
    events[3] |= {
        "speed": 50.0,
        "adas_active_autonomy_level": "SAE_3",
        "current_location_latitude": 37.5,
        "current_location_longitude": 127.0,
    }
    events[40] |= {"speed": 0.0, "adas_active_autonomy_level": "SAE_0"}
    (found,) = accidents(events)
    assert (found["speed_before"], found["autonomy_level"]) == (50.0, "SAE_3")
    assert (found["latitude"], found["longitude"]) == (37.5, 127.0)


def test_speeds_every_100_ms_fire_without_accelerations() -> None:
    """8 km/h lost within 150 ms; the basis says so."""
    events = speeds(*((n / 10, 50.0) for n in range(10)), (1.0, 41.0), (1.1, 41.0))
    (found,) = accidents(events)
    assert (found["basis"], found["trigger"], found["coarse"]) == ("SPEED", "DELTA_V_150_MS", False)
    assert found["delta_v_longitudinal"] == pytest.approx(-9.0)
    assert found["severity"] == "MINOR"


def test_coarse_track_gives_a_suspicion_without_delta_v() -> None:
    """90 km/h to standstill within 5 s, then 30 s of standing: marked, no severity."""
    events = speeds((0, 90.0), (5, 90.0), (10, 0.0), *((10 + 5 * n, 0.0) for n in range(1, 8)), (60, 20.0))
    (found,) = accidents(events)
    assert (found["trigger"], found["coarse"]) == ("SPEED_STEP_COARSE", True)
    assert (found["max_delta_v"], found["severity"], found["pdof_clock"]) == (None, None, None)
    assert (found["speed_before"], found["speed_drop"]) == (90.0, 90.0)
    assert found["occurred_at"] == BEGIN_US + 10_000_000


def test_coarse_stop_that_goes_on_is_no_accident() -> None:
    """An emergency stop, and on it goes; or a traffic light, from town speed."""
    assert accidents(speeds((0, 90.0), (5, 0.0), (10, 0.0), (15, 30.0), (60, 30.0))) == []
    assert accidents(speeds((0, 50.0), (5, 0.0), *((5 * n, 0.0) for n in range(2, 20)))) == []


def test_a_recording_that_ends_in_a_coarse_standstill_is_a_suspicion() -> None:
    """Nothing follows: the closing signal confirms."""
    assert [each["coarse"] for each in accidents(speeds((0, 90.0), (5, 90.0), (10, 0.0)))] == [True]


@pytest.mark.parametrize("last", [10.0, 9.95, 0.0])
def test_a_closing_signal_that_is_not_newer_confirms_a_suspicion(last: float) -> None:
    """As the one that is newer does; it is told once."""
    events = speeds((0, 90.0), (5, 0.0), (10, 0.0), (last, 0.0))
    assert [each["trigger"] for each in accidents(events)] == ["SPEED_STEP_COARSE"]
    assert accidents(events * 2) == accidents(events)


def test_a_closing_signal_that_is_not_newer_ends_a_pulse() -> None:
    """What was measured until then is the accident."""
    events = pulse([(-20 * G, 0.0)] * 10, quiet=5)[:15]
    late = signals([(0.055, {})])[0]
    assert accidents(events) == []
    (found,) = accidents([*events, late])
    assert found["max_delta_v"] == pytest.approx(70.6, abs=0.05)


def test_a_signal_out_of_order_is_left_out() -> None:
    """One time in the future would silence the crash behind it."""
    events = pulse([(-20 * G, 0.0)] * 10)
    (future,) = signals([(1e8, {"speed": 30.0, "flags": ["OUT_OF_ORDER"]})], ended=False)
    assert accidents([*events[:5], future, *events[5:]]) == accidents(events) != []


def test_more_than_brakes_can_do_within_a_second_is_a_suspicion() -> None:
    """50 km/h in 0.8 s is more than 1 g and 8 km/h; 35 km/h in a second is not."""
    assert [each["coarse"] for each in accidents(speeds((0, 60.0), (0.8, 10.0), (1.6, 10.0)))] == [True]
    assert accidents(speeds((0, 60.0), (1.0, 25.0), (2.0, 25.0))) == []


def test_a_gap_of_more_than_10_s_proves_nothing() -> None:
    """Whatever happened in between."""
    assert accidents(speeds((0, 200.0), (11, 0.0), (50, 0.0), (90, 0.0))) == []


def test_speeds_of_the_same_crash_do_not_tell_it_again() -> None:
    """The coarse triggers are silent for 10 s behind an accident."""
    events = pulse([(-20 * G, 0.0)] * 10)
    late = signals([(-0.2, {"speed": 71.0}), (0.65, {"speed": 0.0}), (2.0, {"speed": 0.0})])
    late[0]["ends"] = None
    for number, event in enumerate(late):
        event["event_id"] = f"01900000-0000-7000-8000-00000000000{number}"
    events[-1].pop("ends")
    assert len(accidents([late[0], *events, *late[1:]])) == 1


def test_a_crash_is_not_a_hard_braking() -> None:
    """No tyre brakes at 2 g."""
    assert run(speeds((0, 50.0), (0.5, 50.0), (1.0, 10.0), (1.5, 10.0)), HARD_BRAKING) == []


@fewer(times=4)
@given(
    values=st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), max_size=60),
    batch=st.integers(1, 50),
)
def test_batches_and_repeats_change_nothing(values: list[tuple[float, float]], batch: int) -> None:
    """Any pulse: any batch size, every event twice, the tail again: the same accidents, byte for byte."""
    events = pulse(values)
    once = {sent.value for sent in run(events)}
    assert {sent.value for sent in run(events, batch_size=batch)} == once
    assert {sent.value for sent in run([*events, *events[-30:]])} == once
    assert {sent.value for sent in run([event for event in events for _ in range(2)])} == once


@fewer(times=4)
@given(values=st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), max_size=60))
def test_an_accident_that_is_measured_has_a_delta_v_that_fits_its_severity(
    values: list[tuple[float, float]],
) -> None:
    """Whatever the pulse: numbers and band agree, events are numbered, time goes forward."""
    found = accidents(pulse(values))
    assert [each["event_number"] for each in found] == list(range(1, len(found) + 1))
    assert [each["occurred_at"] for each in found] == sorted(each["occurred_at"] for each in found)
    for each in found:
        x, y = each["delta_v_longitudinal"], each["delta_v_lateral"]
        assert each["max_delta_v"] == pytest.approx((x * x + y * y) ** 0.5)
        assert 0 <= each["max_delta_v_ms"] <= 300
