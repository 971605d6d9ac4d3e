"""How often to commit: fsyncs, not hashes, are the limit, so the interval follows what they take."""

from __future__ import annotations

from dataclasses import dataclass, field

COMMIT_SHARE = 0.1
"""At most this part of the time goes into commits, as long as the longest interval allows it."""


@dataclass
class CommitInterval:
    """Tells when the next group commit is due. Time is an argument, in seconds of any clock."""

    shortest_s: float
    longest_s: float
    interval_s: float = field(init=False)
    """The interval in force."""
    _last: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self.interval_s = self.shortest_s

    def is_due(self, now: float) -> bool:
        """Tell whether the interval has passed since the last commit began."""
        return now - self._last >= self.interval_s

    def wait_s(self, now: float) -> float:
        """Return how long until a commit is due, at least 0."""
        return max(0.0, self._last + self.interval_s - now)

    def committed(self, began: float, took_s: float) -> None:
        """Learn from a commit."""
        self._last = began
        wanted = took_s / COMMIT_SHARE
        # Half way at a time, so that one slow fsync does not swing it.
        self.interval_s = min(self.longest_s, max(self.shortest_s, (self.interval_s + wanted) / 2))
