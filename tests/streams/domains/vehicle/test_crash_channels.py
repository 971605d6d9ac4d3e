"""Accelerations that show less than the speeds take nothing from them; only wheels that lock or spin do."""

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

import pytest

from streams.domains.vehicle.crash import STANDARD_GRAVITY, severity
from tests.streams.domains.vehicle.drive import signals
from tests.streams.domains.vehicle.pulses import Pulse, recorded, times
from tests.streams.domains.vehicle.test_crash_sweep import accidents

G = STANDARD_GRAVITY
Samples = Iterable[tuple[float, Mapping[str, Any]]]


def joined(*channels: Samples) -> list[dict[str, Any]]:
    """Make signals of several channels; what they tell at one moment is one signal."""
    found: dict[int, dict[str, Any]] = {}
    for channel in channels:
        for at, fields in channel:
            found.setdefault(round(at * 1e6), {}).update(fields)
    return signals((at / 1e6, found[at]) for at in sorted(found))


def told(
    pulse: Pulse,
    *,
    spoil: Callable[[float], float] = float,
    every_s: float = 0.01,
    speed_every_s: float = 0.05,
    means: bool = True,
    lost: tuple[float, float] = (9.0, 9.0),
    noise: float = 0.02,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Tell the accidents of a pulse by its speeds, and by both channels.

    Args:
        pulse: The pulse.
        spoil: What the sensor makes of an acceleration, m/s².
        every_s: Time between accelerations.
        speed_every_s: Time between speeds.
        means: Whether accelerations are means, else moments.
        lost: Seconds from the beginning of the pulse between which accelerations are lost.
        noise: Standard deviation of the accelerations' noise, m/s².
    """
    random = Random(f"{pulse}{every_s}{speed_every_s}")

    def channel(every: float, **kinds: bool) -> list[tuple[float, dict[str, Any]]]:
        at = times(pulse, every, phase=0.0, jitter=0.0, random=random)
        names = ("speed", "acceleration_longitudinal")
        events = recorded(pulse, at, means=means, **kinds)
        return [
            (second, {n: event[n] for n in names if n in event})
            for second, event in zip(at, events, strict=True)
        ]

    speeds = channel(speed_every_s, speeds=True, accelerations=False)
    felt = [
        (at, {name: spoil(value + random.gauss(0.0, noise)) for name, value in fields.items()})
        for at, fields in channel(every_s, speeds=False, accelerations=True)
        if not lost[0] < at - pulse.quiet < lost[1]
    ]
    return accidents(joined(speeds)), accidents(joined(speeds, felt))


def assert_no_less(speeds: list[dict[str, Any]], both: list[dict[str, Any]]) -> None:
    """Both channels tell one accident, with at least the delta-V of the speeds."""
    (alone,), (found,) = speeds, both
    assert found["coarse"] <= alone["coarse"]
    if not alone["coarse"]:
        assert found["max_delta_v"] >= alone["max_delta_v"] - 0.05
        assert found["severity"] == severity(found["max_delta_v"])


@pytest.mark.parametrize("limit_g", [1, 4, 8, 16])
@pytest.mark.parametrize("shape", ["square", "haversine"])
@pytest.mark.parametrize("speed_every_s", [0.01, 0.05, 0.1, 0.5])
def test_a_sensor_that_is_cut_off_takes_nothing_from_the_speeds(
    limit_g: int, shape: str, speed_every_s: float
) -> None:
    """±1 to ±16 g, as the sensors of cars and phones have; 60 and 80 km/h are critical by their speeds."""
    for kmh in (-60.0, -80.0):
        pulse = Pulse(shape, kmh, 0.1, speed=100.0, quiet=0.8)
        speeds, both = told(
            pulse, spoil=lambda a: max(-limit_g * G, min(limit_g * G, a)), speed_every_s=speed_every_s
        )
        assert_no_less(speeds, both)


@pytest.mark.parametrize("count", [1, 2, 5, 10])
@pytest.mark.parametrize("speed_every_s", [0.01, 0.05, 0.1])
def test_samples_lost_within_the_pulse_take_nothing_from_the_speeds(count: int, speed_every_s: float) -> None:
    """One to ten of ten samples: 60 km/h by the speeds."""
    pulse = Pulse("square", -60.0, 0.1)
    speeds, both = told(pulse, lost=(0.015, 0.016 + count / 100), speed_every_s=speed_every_s)
    assert_no_less(speeds, both)
    assert both[0]["max_delta_v"] == pytest.approx(60.0, abs=0.5)


def test_moments_that_miss_the_peak_take_nothing_from_the_speeds() -> None:
    """50 moments per second of a sawtooth of 30 ms: the one within it shows 17 of 25 km/h."""
    share = {n: min(1.0, max(0.0, (n / 100 - 1) / 0.03)) for n in range(0, 200, 2)}
    speeds = [(n / 100, {"speed": 60.0 - 25.0 * each**2}) for n, each in share.items()]
    peak = 2 * 25 / 3.6 / 0.03
    moments = [
        (n / 50 + 0.015, {"acceleration_longitudinal": -peak / 2 if n == 50 else 0.1 * (n % 3)})
        for n in range(100)
    ]
    assert accidents(joined(moments))[0]["max_delta_v"] == pytest.approx(16.7, abs=0.2)
    assert_no_less(accidents(joined(speeds)), accidents(joined(speeds, moments)))


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.2])
@pytest.mark.parametrize("kmh", [-9.0, -25.0, -40.0, 15.0])
@pytest.mark.parametrize("speed_every_s", [0.01, 0.05, 0.1, 0.5])
def test_a_sensor_in_g_takes_nothing_from_the_speeds(
    seconds: float, kmh: float, speed_every_s: float
) -> None:
    """What it tells never exceeds the wake threshold, as braking does not; but it ends with the change of speed."""
    pulse = Pulse("haversine", kmh, seconds, speed=60.0, quiet=0.8)
    speeds, both = told(pulse, spoil=lambda a: a / G, speed_every_s=speed_every_s)
    assert len(speeds) <= 1
    if speeds:
        assert_no_less(speeds, both)


def test_a_sensor_in_g_hides_no_stop_between_coarse_speeds() -> None:
    """90 km/h to standstill within 3 s, 32 s of standing: a suspicion; none where the channel shows that braking."""
    speeds = [(float(3 * n), {"speed": 90.0 if n < 2 else 0.0}) for n in range(14)]
    random = Random(2)
    braking = [
        (n / 50, (-90 / 3.6 / 3 if 3 <= n / 50 < 6 else 0.0) + random.gauss(0, 0.1)) for n in range(1950)
    ]
    for factor, count in ((1.0, 0), (1 / G, 1)):
        channel = [(at, {"acceleration_longitudinal": value * factor}) for at, value in braking]
        assert len(accidents(joined(speeds, channel))) == count


@pytest.mark.parametrize("jitter", [0.0, 0.0001, 0.004])
@pytest.mark.parametrize("lock_s", [0.06, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("brake_g", [0.15, 0.6, 0.95])
def test_wheels_that_lock_and_turn_again_are_no_crash(jitter: float, lock_s: float, brake_g: float) -> None:
    """60 km/h to 0 on the wheels, on ice and on asphalt, 50 samples per second by a clock that jitters.

    The brakes are released behind 1.5 s: then the wheels turn again, as fast as the vehicle goes.
    """
    random = Random(f"{jitter}{lock_s}{brake_g}")
    left = 60.0 - 1.5 * brake_g * G * 3.6

    def wheel(at: float) -> float:
        if at < 2.5:
            return 60.0 - 60.0 * min(1.0, max(0.0, (at - 1) / lock_s))
        return left * min(1.0, (at - 2.5) / 0.06)

    speeds = [(n / 50, {"speed": wheel(n / 50)}) for n in range(200)]
    channel = [
        (
            n / 50 + 0.01 + random.uniform(-jitter, jitter),
            {
                "acceleration_longitudinal": (-brake_g * G if 1 <= n / 50 < 2.5 else 0.0)
                + random.gauss(0, 0.1)
            },
        )
        for n in range(199)
    ]
    assert accidents(joined(speeds, channel)) == []
    assert len(accidents(joined(speeds))) >= 1
    gapped = [each for each in channel if not 1.02 < each[0] < 1.1]
    assert len(accidents(joined(speeds, gapped))) >= 1


def test_wheels_that_spin_or_pulse_are_no_crash() -> None:
    """A start on snow: 0 to 30 km/h on the wheels, 0.2 g on the vehicle. A brake that locks and frees its wheels."""
    random = Random(4)
    start = [(n / 50, {"speed": min(30.0, max(0.0, n / 50 - 1) * 300)}) for n in range(120)]
    pulsing = [
        (n / 50, {"speed": 60.0 - (25.0 if 50 <= n < 100 and n % 12 < 6 else 0.0)}) for n in range(150)
    ]
    for speeds, a in ((start, 0.2 * G), (pulsing, -0.5 * G)):
        ends = 2.0 if a < 0 else 9.0
        channel = [
            (at, {"acceleration_longitudinal": (a if 1 <= at < ends else 0.0) + random.gauss(0, 0.1)})
            for at, _ in speeds
        ]
        assert accidents(joined(speeds, channel)) == []
        assert len(accidents(joined(speeds))) >= 1


@pytest.mark.parametrize("every_s", [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 2])
def test_a_speed_that_fails_for_a_sample_is_no_crash(every_s: float, count: int) -> None:
    """60 km/h, one 0 or two, 60 km/h; with and without accelerations, which see nothing. A stop that stays is one."""
    if count * every_s > 0.2 and count > 1:
        return
    failing = [(n * every_s, {"speed": 0.0 if 20 <= n < 20 + count else 60.0}) for n in range(60)]
    staying = [(n * every_s, {"speed": 0.0 if n >= 20 else 60.0}) for n in range(60)]
    random = Random(1)
    quiet = [
        (n / 100, {"acceleration_longitudinal": random.gauss(0, 0.1)}) for n in range(int(6000 * every_s))
    ]
    assert accidents(joined(failing)) == []
    assert accidents(joined(failing, quiet)) == []
    assert len(accidents(joined(staying))) == 1


def test_a_car_that_is_pushed_on_behind_its_stop_is_no_failed_speed() -> None:
    """30 km/h to 0 at the car ahead, then 15 from behind, by speeds alone: 30 km/h were lost."""
    speeds = [(n / 10, {"speed": 30.0 if n < 10 else 0.0 if n < 12 else 15.0}) for n in range(30)]
    (found,) = accidents(joined(speeds))
    assert found["delta_v_longitudinal"] == pytest.approx(-30.0)


def test_exactly_8_kmh_are_minor() -> None:
    """They fire, so no rounding lets them be less than the band that begins at 8."""
    assert [severity(each) for each in (8.0, 8.0 - 5e-10, 15.0 - 5e-10, 50.0 + 5e-10)] == [
        "MINOR",
        "MINOR",
        "MODERATE",
        "SERIOUS",
    ]
    assert severity(7.999) == "NONE"
    for seconds in (0.05, 0.1, 0.13, 0.15):
        for every_s in (0.005, 0.01, 0.03, 0.05):
            speeds, both = told(
                Pulse("square", -8.0, seconds), every_s=every_s, speed_every_s=every_s, noise=0.0
            )
            assert all(each["severity"] == "MINOR" for each in (*speeds, *both)), (seconds, every_s)


@pytest.mark.parametrize("cut_s", [0.05, 0.1, 0.2])
def test_a_crash_that_takes_the_power_is_told_with_the_next_signal_or_the_end(cut_s: float) -> None:
    """No rule has a clock: the accident comes when the recording ends, or the vehicle speaks again, minutes later."""
    pulse = Pulse("square", -60.0, 0.1)
    at = times(pulse, 0.01, phase=0.5, jitter=0.0, random=Random(1))
    events = recorded(pulse, at, speeds=True, accelerations=True, means=True)
    cut = [each for each in events if each["occurred_at"] <= events[50]["occurred_at"] + cut_s * 1e6]
    later = events[-1] | {"occurred_at": cut[-1]["occurred_at"] + 600_000_000, "speed": 0.0}
    del later["ends"]
    (by_end,) = accidents([*cut[:-1], cut[-1] | {"ends": "RECORDING_ENDED"}])
    (by_next,) = accidents([*cut, later])
    assert {**by_end} == {**by_next}
    assert by_end["max_delta_v"] == pytest.approx(min(60.0, 600 * cut_s), abs=6.1)
