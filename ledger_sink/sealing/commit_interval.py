"""The interval between group commits. fsyncs, not hashes, are the limit, so the interval follows their duration."""

from __future__ import annotations

from dataclasses import dataclass, field

COMMIT_SHARE = 0.1
"""Share of the time that commits may take, as far as the longest interval allows it."""


@dataclass
class CommitInterval:
    """Decides when the next group commit is due. Callers pass the time, in seconds of any steady clock."""

    shortest_s: float
    longest_s: float
    interval_s: float = field(init=False)
    """The current interval, in seconds."""
    _last: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self.interval_s = self.shortest_s

    def is_due(self, now: float) -> bool:
        """Return whether the interval has passed since the last commit began."""
        return now - self._last >= self.interval_s

    def wait_s(self, now: float) -> float:
        """Return the time until a commit is due, in seconds, at least 0."""
        return max(0.0, self._last + self.interval_s - now)

    def committed(self, began: float, took_s: float) -> None:
        """Adapt the interval to a commit.

        Args:
            began: when the commit began, in seconds of the same clock.
            took_s: its duration, in seconds.
        """
        self._last = began
        wanted = took_s / COMMIT_SHARE
        # Move half way only, so that one slow fsync changes it little.
        self.interval_s = min(self.longest_s, max(self.shortest_s, (self.interval_s + wanted) / 2))
