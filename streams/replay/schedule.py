"""How fast a replay goes: records of several files in the order of their shifted times, each at its moment.

Pure but for the clock, which is handed in.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

LIVE_SECONDS = 180.0
"""How long the longest recording plays at speed `live`."""

LIVE_LONGEST_WAIT_S = 2.0
"""Longest silence at speed `live`; gaps in and between recordings are cut to it."""

DAY_US = 86_400_000_000
"""Microseconds of a day."""

Speed = str | float
"""`live`, `max`, or how many times faster than it happened."""


def parse_speed(text: str) -> Speed:
    """Parse a speed; every command and process that takes one calls this.

    Args:
        text: `live`, `max`, or a number of times real time.

    Raises:
        ValueError: The text is neither `live`, `max` nor a finite number above 0.
    """
    if text in ("live", "max"):
        return text
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise ValueError(f"expected live, max or a finite number above 0, got {text!r}")
    return factor


def shift_to(anchor_us: int, ends_us: int) -> int:
    """Move a recording so that it ends in the last day before the anchor.

    Whole days, so that midnight stays midnight and a rush hour stays a rush hour.

    Args:
        anchor_us: Time not to be passed, µs since 1970.
        ends_us: Time of the recording's last event, µs since 1970.

    Returns:
        What is to be added to its times, in µs.
    """
    return (anchor_us - ends_us) // DAY_US * DAY_US


class Placed(Protocol):
    """Anything that has its moment in the play."""

    @property
    def play_us(self) -> int:
        """Its moment, µs."""


class Span(NamedTuple):
    """First and last time of a recording, µs since 1970."""

    begins_us: int
    ends_us: int


@dataclass
class Schedule:
    """Tells how long to wait before a record.

    Attributes:
        factor: Played seconds per second; None: never wait.
        longest_wait_s: A longer silence is cut to this; None: no silence is cut.
        clock: Seconds, monotonic.
    """

    factor: float | None
    longest_wait_s: float | None
    clock: Callable[[], float]
    _began_s: float | None = field(default=None, init=False)
    _began_us: int = field(default=0, init=False)

    @classmethod
    def of(cls, speed: Speed, spans: Iterable[Span], clock: Callable[[], float]) -> "Schedule":
        """Choose the pace of a speed for recordings that last so long."""
        if speed == "max":
            return cls(None, None, clock)
        if speed == "live":
            longest_s = max((span.ends_us - span.begins_us for span in spans), default=0) / 1e6
            return cls(max(1.0, longest_s / LIVE_SECONDS), LIVE_LONGEST_WAIT_S, clock)
        return cls(float(speed), None, clock)

    def wait_s(self, play_us: int) -> float:
        """Return the seconds until a record's moment, 0 if it has come; the first record's moment is now."""
        if self.factor is None:
            return 0.0
        if self._began_s is None:
            self._began_s, self._began_us = self.clock(), play_us
        wait = self._began_s + (play_us - self._began_us) / 1e6 / self.factor - self.clock()
        if self.longest_wait_s is not None and wait > self.longest_wait_s:
            self._began_s -= wait - self.longest_wait_s
            wait = self.longest_wait_s
        return max(0.0, wait)


AnyPlaced = TypeVar("AnyPlaced", bound=Placed)


def in_order(files: Iterable[Iterator[AnyPlaced]]) -> Iterator[AnyPlaced]:
    """Merge files by their records' moments; within a file its own order stays."""
    return heapq.merge(*files, key=lambda placed: placed.play_us)
