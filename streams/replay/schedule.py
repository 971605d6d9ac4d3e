"""The schedule of a replay: records of several files in the order of their playback times, each at its time.

Pure except for the clock, which is an argument.
"""

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

LIVE_SECONDS = 180.0
"""Playback duration of the longest recording at speed `live`, in seconds."""

LIVE_LONGEST_WAIT_S = 2.0
"""Longest wait at speed `live`, in seconds. Longer gaps in and between recordings are cut to it."""

DAY_US = 86_400_000_000
"""Microseconds of a day."""

Speed = str | float
"""`live`, `max`, or a multiple of real time."""


SLOWEST = 1e-6
"""The smallest factor: at it, a second of a recording takes eleven days."""

_FACTOR = re.compile(r"\+?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


def parse_speed(text: str) -> Speed:
    """Parse a speed; every command and process that takes one calls this.

    Args:
        text: `live`, `max`, or a number of times real time.

    Raises:
        ValueError: The text is neither `live`, `max` nor a finite number above 0.
    """
    if text in ("live", "max"):
        return text
    factor = float(text) if _FACTOR.fullmatch(text) else 0.0
    if not SLOWEST <= factor < float("inf"):
        raise ValueError(f"expected live, max or a finite number above 0, got {text[:40]!r}")
    return factor


def shift_to(anchor_us: int, ends_us: int) -> int:
    """Return the shift by whole days that ends a recording in the last day before the anchor.

    Whole days keep local hours: a rush hour stays a rush hour.

    Args:
        anchor_us: Time that the recording must not pass, µs since 1970.
        ends_us: Time of the recording's last event, µs since 1970.

    Returns:
        What is added to its times, in µs.
    """
    return (anchor_us - ends_us) // DAY_US * DAY_US


class Timed(Protocol):
    """Anything with a playback time."""

    @property
    def playback_us(self) -> int:
        """Its playback time, µs since 1970."""


class Span(NamedTuple):
    """First and last time of a recording, µs since 1970."""

    begins_us: int
    ends_us: int


@dataclass
class Schedule:
    """The waits of a replay.

    Attributes:
        factor: Playback seconds per second. None: never wait.
        longest_wait_s: Longest wait in seconds. None: no limit.
        clock: Returns monotonic seconds.
    """

    factor: float | None
    longest_wait_s: float | None
    clock: Callable[[], float]
    _began_s: float | None = field(default=None, init=False)
    _began_us: int = field(default=0, init=False)

    @classmethod
    def of(cls, speed: Speed, spans: Iterable[Span], clock: Callable[[], float]) -> "Schedule":
        """Return the schedule of a speed.

        Args:
            speed: `live`, `max` or a factor.
            spans: Times of the recordings, which decide the factor of `live`.
            clock: Returns monotonic seconds.
        """
        if speed == "max":
            return cls(None, None, clock)
        if speed == "live":
            longest_s = max((span.ends_us - span.begins_us for span in spans), default=0) / 1e6
            return cls(max(1.0, longest_s / LIVE_SECONDS), LIVE_LONGEST_WAIT_S, clock)
        return cls(float(speed), None, clock)

    def wait_s(self, playback_us: int) -> float:
        """Return the seconds until a playback time, 0 if it has passed. The first call's playback time is now."""
        if self.factor is None:
            return 0.0
        if self._began_s is None:
            self._began_s, self._began_us = self.clock(), playback_us
        wait = self._began_s + (playback_us - self._began_us) / 1e6 / self.factor - self.clock()
        if self.longest_wait_s is not None and wait > self.longest_wait_s:
            self._began_s -= wait - self.longest_wait_s
            wait = self.longest_wait_s
        return max(0.0, wait)


AnyTimed = TypeVar("AnyTimed", bound=Timed)


def in_order(files: Iterable[Iterator[AnyTimed]]) -> Iterator[AnyTimed]:
    """Merge files by playback time. Within a file, its own order stays."""
    return heapq.merge(*files, key=lambda timed: timed.playback_us)
