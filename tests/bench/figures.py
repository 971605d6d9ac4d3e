"""What the measured rounds of a row come to: spreads and ratios. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Measured:
    """One side in one round.

    Attributes:
        events: Events that it finished.
        seconds: Wall time from the first event in hand to the last one durable.
        cpu_s: Processor time of its process in that time.
        server_cpu_s: Processor time of broker and engine in that time.
    """

    events: int
    seconds: float
    cpu_s: float
    server_cpu_s: float = 0.0

    @property
    def speed(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of the process's processor time per event."""
        return self.cpu_s / self.events * 1e6

    @property
    def server_cpu_us(self) -> float:
        """Microseconds of the servers' processor time per event."""
        return self.server_cpu_s / self.events * 1e6


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, middle and largest of some figures."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> Spread:
        """Sum up figures.

        Raises:
            ValueError: There are none.
        """
        found = sorted(figures)
        if not found:
            raise ValueError("a spread of no figures")
        return cls(found[0], statistics.median(found), found[-1])


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours against a peer; above 1 is better for us, in speed as in processor time.

    Attributes:
        speed: Median of our events/s through the median of the peer's.
        speed_rounds: Spread of the same ratio round by round.
        cpu: Median of the peer's processor time per event through that of ours.
        cpu_rounds: Spread of the same ratio round by round.
    """

    speed: float
    speed_rounds: Spread
    cpu: float
    cpu_rounds: Spread


def compare(ours: Mapping[int, Measured], peer: Mapping[int, Measured]) -> Ratio | None:
    """Compare two sides over the rounds that both have; None if there is no such round."""
    both = sorted(ours.keys() & peer.keys())
    if not both:
        return None
    ours_us, peer_us = [ours[n].cpu_us for n in both], [peer[n].cpu_us for n in both]
    ours_speed, peer_speed = [ours[n].speed for n in both], [peer[n].speed for n in both]
    return Ratio(
        statistics.median(ours_speed) / statistics.median(peer_speed),
        Spread.of(_quotients(ours_speed, peer_speed)),
        _through(statistics.median(peer_us), statistics.median(ours_us)),
        Spread.of(_quotients(peer_us, ours_us)),
    )


def _quotients(above: Sequence[float], below: Sequence[float]) -> list[float]:
    return [_through(a, b) for a, b in zip(above, below, strict=True)]


def _through(above: float, below: float) -> float:
    """Divide; a processor time too short to be seen makes the ratio 0: no claim."""
    return above / below if below else 0.0
