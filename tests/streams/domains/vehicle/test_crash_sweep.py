"""The same pulse at any sampling: it is found where a dense integration finds it, and never less than by its speeds."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import orjson
import pytest

from streams.domains.vehicle.accidents import apply_signal
from streams.domains.vehicle.crash import STANDARD_GRAVITY, severity
from tests.streams.domains.vehicle.drive import signals
from tests.streams.domains.vehicle.pulses import SHAPES, Pulse, recorded, times

G = STANDARD_GRAVITY
INTERVALS = [0.005, 0.01, 0.02, 0.020001, 0.033, 0.05, 0.0501, 0.1, 0.15, 0.2, 0.5, 1.0]
CRASHES = [Pulse("square", -60.0, 0.1), Pulse("square", -17.0, 0.09), Pulse("square", 12.0, 0.08)]
BUMPS = [Pulse("square", -5.0, 0.08, speed=9.0), Pulse("square", -35.0, 1.0)]


def accidents(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Apply signals one by one, with the state through its stored form."""
    stored: dict[str, Any] | None = None
    found: list[dict[str, Any]] = []
    for each in events:
        state, new = apply_signal(stored, each)
        stored, found = orjson.loads(orjson.dumps(state)), [*found, *new]
    return found


def sampled(
    pulse: Pulse, every_s: float, seed: int, *, means: bool, jitter: float = 0.0
) -> dict[str, list[dict[str, Any]]]:
    """Tell the accidents of a pulse by its speeds, by its accelerations, and by both at the same times."""
    random = Random(f"{pulse}{every_s}{seed}")
    pulse = replace(pulse, quiet=max(0.4, 2.2 * every_s))
    at = times(pulse, every_s, phase=random.random(), jitter=jitter, random=random)
    kinds = {"speeds": (True, False), "accelerations": (False, True), "both": (True, True)}
    return {
        name: accidents(recorded(pulse, at, speeds=speeds, accelerations=accelerations, means=means))
        for name, (speeds, accelerations) in kinds.items()
    }


@pytest.mark.parametrize("every_s", INTERVALS)
def test_a_17_g_crash_is_found_at_any_sampling(every_s: float) -> None:
    """60 km/h to standstill in 100 ms: with both channels always, and as critical as far as 150 ms can show it."""
    found = sampled(Pulse("square", -60.0, 0.1), every_s, 1, means=True)["both"]
    assert len(found) == 1
    assert found[0]["coarse"] is (every_s > 0.15)
    if every_s <= 0.15:
        assert (found[0]["severity"], found[0]["pdof_clock"]) == ("CRITICAL", 12)
        assert found[0]["max_delta_v"] == pytest.approx(60.0, abs=0.5)


@pytest.mark.parametrize("every_s", INTERVALS)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_pulse_yields_less_than_its_speeds_alone(shape: str, every_s: float) -> None:
    """Means or moments, with a jittering clock, in any phase: fires wherever the speeds do, with no less delta-V."""
    for seed, crash in enumerate(CRASHES):
        pulse = Pulse(shape, crash.kmh, crash.seconds)
        found = sampled(pulse, every_s, seed, means=seed % 2 == 0, jitter=0.3)
        assert all(len(each) <= 1 for each in found.values()), found
        assert len(found["both"]) >= len(found["speeds"])
        for alone, both in zip(found["speeds"], found["both"], strict=False):
            if not alone["coarse"]:
                assert both["coarse"] is False
                assert both["max_delta_v"] >= alone["max_delta_v"] - 0.25


@pytest.mark.parametrize("every_s", [each for each in INTERVALS if each <= 0.1])
@pytest.mark.parametrize("along", [True, False])
def test_means_give_the_delta_v_of_a_dense_integration(along: bool, every_s: float) -> None:
    """From 5 to 100 ms, along and across: fires as the integral over 150 ms does; delta-V is the pulse's."""
    for seed, (shape, crash) in enumerate(zip(SHAPES, CRASHES, strict=True)):
        pulse = Pulse(shape, crash.kmh, crash.seconds, along=along)
        assert pulse.most_within(0.15) > 8.5
        for found in sampled(pulse, every_s, seed, means=True, jitter=0.2).values():
            if found or along:
                (accident,) = found
                assert accident["max_delta_v"] == pytest.approx(abs(pulse.kmh), rel=0.06, abs=0.5)
                assert accident["severity"] == severity(accident["max_delta_v"])
                assert accident["pdof_clock"] == (
                    (12 if crash.kmh < 0 else 6) if along else (3 if crash.kmh > 0 else 9)
                )


@pytest.mark.parametrize("every_s", INTERVALS)
@pytest.mark.parametrize("shape", SHAPES)
def test_parking_bumps_and_hard_braking_fire_at_no_sampling(shape: str, every_s: float) -> None:
    """5 km/h in 80 ms, and 1 g for a second: a dense integration stays below 8 km/h, and so does every sampling."""
    for seed, bump in enumerate(BUMPS):
        pulse = Pulse(shape if bump.seconds < 1 else "square", bump.kmh, bump.seconds, speed=bump.speed)
        assert pulse.most_within(0.15) < 8
        assert not any(sampled(pulse, every_s, seed, means=True, jitter=0.3).values())
        moments = sampled(pulse, every_s, seed, means=False, jitter=0.3)
        assert moments["both"] == moments["speeds"] == []


def channel(values: Sequence[tuple[float, float]], *, speed: float | None = None) -> list[dict[str, Any]]:
    """Make longitudinal accelerations of seconds, with one speed throughout."""
    return signals(
        (at, {"acceleration_longitudinal": value} | ({} if speed is None else {"speed": speed}))
        for at, value in values
    )


def test_a_slow_mean_of_8_kmh_in_150_ms_is_a_suspicion_without_delta_v() -> None:
    """16.7 m/s² over a second are more than any tyre brakes with; how they lay in it is not known."""
    (found,) = accidents(channel([(0, 0.0), (1, 0.0), (2, -16.7), (3, 0.0), (4, 0.0)]))
    assert (found["trigger"], found["basis"], found["coarse"]) == ("DELTA_V_150_MS", "ACCELERATION", True)
    assert (found["max_delta_v"], found["severity"], found["pdof_clock"]) == (None, None, None)
    assert accidents(channel([(0, 0.0), (1, 0.0), (2, -G), (3, 0.0), (4, 0.0)])) == []


def test_a_sample_behind_lost_ones_stands_for_its_usual_interval() -> None:
    """100 per second, 140 ms lost, then a pothole of 3 g: 10 ms of it are known, not 140."""
    fine = [(n / 100, 0.1 * (n % 3)) for n in range(50)]
    rest = [(0.63 + n / 100, 0.1 * (n % 3)) for n in range(1, 50)]
    assert accidents(channel([*fine, (0.63, -3 * G), *rest])) == []
    assert (
        len(accidents(channel([(n / 7, 0.1 * (n % 3)) for n in range(9)] + [(9 / 7, -3 * G), (10 / 7, 0.0)])))
        == 1
    )


def test_a_stuck_sensor_is_no_crash() -> None:
    """At its limit from the first sample on; or from some moment on while the speed stays."""
    assert accidents(channel([(n / 100, -16 * G) for n in range(300)])) == []
    driving = [(n / 100, 0.2 * (n % 2)) for n in range(100)]
    stuck = [(1 + n / 100, -16 * G) for n in range(200)]
    assert accidents(channel(driving + stuck, speed=50.0)) == []
    assert len(accidents(channel(driving + stuck))) == 1


def test_a_dead_accelerometer_does_not_silence_the_speeds() -> None:
    """100 zeros per second and speeds that lose 60 km/h; wheels that lock under a living one are no crash."""
    lost = [60.0] * 50 + [60.0 - 6 * n for n in range(1, 11)] + [0.0] * 50

    def drive(acceleration: float, noise: float) -> list[dict[str, Any]]:
        return accidents(
            signals(
                (n / 100, {"speed": speed, "acceleration_longitudinal": acceleration + noise * (n % 3)})
                for n, speed in enumerate(lost)
            )
        )

    (found,) = drive(0.0, 0.0)
    assert (found["basis"], found["severity"]) == ("SPEED", "CRITICAL")
    assert drive(-0.8 * G, 0.3) == []


@pytest.mark.parametrize(("most", "factor"), [(1.8 * G, 1.0), (2 * G, 1.0), (1e9, 1 / G)])
@pytest.mark.parametrize("speed_every", [1, 5, 10, 50, 100])
def test_a_sensor_that_shows_too_little_does_not_silence_the_speeds(
    most: float, factor: float, speed_every: int
) -> None:
    """Cut off at 1.8 or 2 g as those of stability control are, or in g: the speeds of 1 to 100 Hz say the same."""
    pulse = Pulse("haversine", -60.0, 0.1, quiet=2.0)
    random = Random(5)
    at = times(pulse, 0.01, phase=0.4, jitter=0.0, random=random)
    both = recorded(pulse, at, speeds=True, accelerations=True, means=True)
    for number, event in enumerate(both):
        value = event["acceleration_longitudinal"] * factor + 0.01 * (number % 3)
        event["acceleration_longitudinal"] = max(-most, min(most, value))
        if number % speed_every:
            del event["speed"]
    alone = [event for event in both if "speed" in event]
    alone[-1] = alone[-1] | {"ends": "RECORDING_ENDED"}
    stripped = [{n: v for n, v in event.items() if not n.startswith("acceleration")} for event in alone]
    (expected,), (found,) = accidents(stripped), accidents(both)
    assert found["coarse"] <= expected["coarse"]
    if not expected["coarse"]:
        assert found["max_delta_v"] >= expected["max_delta_v"] - 0.25


def test_speeds_alone_have_the_delta_v_of_the_whole_pulse() -> None:
    """At 5 ms the trigger fires when 8 of 60 km/h are lost; delta-V and severity are those of 60."""
    (found,) = sampled(Pulse("haversine", -60.0, 0.1), 0.005, 1, means=True)["speeds"]
    assert found["max_delta_v"] == pytest.approx(60.0, abs=0.1)
    assert (found["severity"], found["speed_before"]) == ("CRITICAL", pytest.approx(60.0, abs=0.5))


def test_two_pulses_that_only_together_reach_8_kmh_are_one_event() -> None:
    """5 km/h twice within 150 ms: delta-V is that of the 150 ms which fired, so it fits its trigger."""
    values = (
        [0.1, 0.0] * 20 + [-5 / 3.6 / 0.03] * 3 + [0.0, 0.1] * 3 + [-5 / 3.6 / 0.03] * 3 + [0.0, 0.1] * 20
    )
    (found,) = accidents(channel([(n / 100, value) for n, value in enumerate(values)]))
    assert found["max_delta_v"] == pytest.approx(10.0, abs=0.2)
    assert found["severity"] == "MINOR"


def test_channels_at_different_rates_are_one_crash() -> None:
    """Accelerations at 20 Hz or 10 Hz and speeds at 1, 2, 5 or 10 Hz, in signals of their own: one accident."""
    pulse = Pulse("haversine", -60.0, 0.1, quiet=2.5)
    for slow in (0.05, 0.1):
        for speed_every in (0.1, 0.2, 0.5, 1.0):
            random = Random(7)
            first = recorded(
                pulse,
                times(pulse, slow, phase=0.3, jitter=0.0, random=random),
                speeds=False,
                accelerations=True,
                means=True,
            )
            second = recorded(
                pulse,
                times(pulse, speed_every, phase=0.11, jitter=0.0, random=random),
                speeds=True,
                accelerations=False,
                means=True,
            )
            for event in (*first, *second):
                event.pop("ends", None)
            both = sorted([*first, *second], key=lambda event: event["occurred_at"])
            both[-1] = both[-1] | {"ends": "RECORDING_ENDED"}
            (found,) = accidents(both)
            assert (found["coarse"], found["severity"]) == (False, "CRITICAL")


@pytest.mark.parametrize("every_s", [0.01, 0.1, 0.5])
def test_channels_in_signals_of_their_own_at_one_moment_are_one(every_s: float) -> None:
    """Speed first or acceleration first, each signal twice: the accident is that of both in one signal."""
    random = Random(3)
    pulse = Pulse("haversine", -60.0, 0.1, quiet=1.2)
    at = times(pulse, every_s, phase=0.4, jitter=0.0, random=random)
    whole = recorded(pulse, at, speeds=True, accelerations=True, means=True)
    (expected,) = accidents(whole)
    for first in ("speed", "acceleration"):
        split: list[dict[str, Any]] = []
        for event in whole:
            speed = {name: value for name, value in event.items() if not name.startswith("acceleration")}
            other = {name: value for name, value in event.items() if name not in ("speed", "ends")}
            other["event_id"] = speed["event_id"][:-1] + "g"
            parts = [speed, other] if first == "speed" and "ends" not in event else [other, speed]
            split += [parts[0], parts[0], parts[1], *parts]
        (found,) = accidents(split)
        assert [found[name] for name in ("max_delta_v", "severity", "coarse")] == [
            pytest.approx(expected["max_delta_v"]) if expected["max_delta_v"] else None,
            expected["severity"],
            expected["coarse"],
        ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300, 5_000.0])
def test_what_is_no_measurement_changes_nothing(value: float) -> None:
    """NaN, infinity and 500 g are neither a crash nor an error; the samples around them count as before."""
    values = [(n / 100, 0.1 * (n % 3)) for n in range(50)]
    values[20] = (0.2, value)
    assert accidents(channel(values)) == []
    assert accidents(signals((n / 10, {"speed": value if n == 5 else 50.0}) for n in range(10))) == []
