"""Crash pulses as recorders sample them, and what they are by a dense numerical integration.

Nothing here knows the rule: velocities are summed on a grid of 0.1 ms, and windows slide over that grid.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, pi
from random import Random
from typing import Any

from tests.streams.domains.vehicle.drive import signals

GRID_S = 1e-4
SHAPES: dict[str, Callable[[float], float]] = {
    "square": lambda _share: 1.0,
    "triangle": lambda share: 2 * (1 - abs(2 * share - 1)),
    "haversine": lambda share: 1 - cos(2 * pi * share),
}
"""Shape of a pulse over its share of time, with a mean of 1."""


@dataclass(frozen=True)
class Pulse:
    """A pulse of acceleration.

    Attributes:
        shape: Its shape, one of `SHAPES`.
        kmh: Its change of velocity, km/h, signed.
        seconds: How long it lasts.
        along: Whether it is longitudinal.
        speed: Speed before it, km/h.
        quiet: Time of even driving before it and behind it, s.
    """

    shape: str
    kmh: float
    seconds: float
    along: bool = True
    speed: float = 60.0
    quiet: float = 0.5

    def changes(self) -> list[float]:
        """Return the change of velocity (km/h) since the beginning, every 0.1 ms with the quiet around it."""
        form, steps = SHAPES[self.shape], round(self.seconds / GRID_S)
        raw = [form((step + 0.5) / steps) for step in range(steps)]
        scale, total, found = self.kmh / sum(raw), 0.0, [0.0] * round(self.quiet / GRID_S)
        for each in raw:
            total += each * scale
            found.append(total)
        return found + [total] * round(self.quiet / GRID_S)

    def most_within(self, seconds: float) -> float:
        """Return the largest change of velocity (km/h) within a time."""
        found, steps = self.changes(), round(seconds / GRID_S)
        return max(abs(found[at] - found[max(0, at - steps)]) for at in range(len(found)))


def times(pulse: Pulse, every_s: float, *, phase: float, jitter: float, random: Random) -> list[float]:
    """Return sample times: a clock with a phase (share of an interval) and a jitter (share of an interval)."""
    count = int((2 * pulse.quiet + pulse.seconds) / every_s)
    ideal = [(number + phase) * every_s for number in range(count)]
    return [max(0.0, at + jitter * every_s * random.uniform(-0.5, 0.5)) for at in ideal]


def recorded(
    pulse: Pulse, sampled_at: list[float], *, speeds: bool, accelerations: bool, means: bool
) -> list[dict[str, Any]]:
    """Sample a pulse as signals.

    Args:
        pulse: The pulse.
        sampled_at: Sample times in seconds, ascending.
        speeds: Whether they hold the speed.
        accelerations: Whether they hold the accelerations.
        means: Whether an acceleration is the mean since the sample before; else that of its moment.
    """
    return signals(_samples(pulse, sampled_at, speeds=speeds, accelerations=accelerations, means=means))


def _samples(
    pulse: Pulse, sampled_at: list[float], *, speeds: bool, accelerations: bool, means: bool
) -> Iterator[tuple[float, dict[str, Any]]]:
    found = pulse.changes()

    def change(at: float) -> float:
        return found[min(max(round(at / GRID_S), 0), len(found) - 1)]

    before = None
    for at in sampled_at:
        fields: dict[str, Any] = {}
        if speeds:
            fields["speed"] = pulse.speed + (change(at) if pulse.along else 0.0)
        if accelerations:
            since = before if means and before is not None else at - GRID_S
            value = (change(at) - change(since)) / 3.6 / max(at - since, GRID_S)
            fields["acceleration_longitudinal"] = value if pulse.along else 0.0
            fields["acceleration_lateral"] = 0.0 if pulse.along else value
        before = at
        yield at, fields
