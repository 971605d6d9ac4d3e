"""The limit at which a rule, not its input, is taken to be at fault. Pure.

A refusal is a record that becomes a dead letter of stage `agent`: its rule raised, or the schema refused an output.
Records that no schema reads, or whose provenance fails, never reach a rule and are not counted.
The ClickHouse sink has a limit of its own: `refusal_limit` in `streams/clickhouse_sink/config.py`.
"""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

from streams.errors import StopError


@dataclass(frozen=True)
class RefusalLimit:
    """The refusals of one rule on one partition that stop its topic: `count` and `share` must both be reached.

    Attributes:
        count: Least number of refusals in the window.
        share: Least refused part of the calls in the window, above 0 and at most 1.
        window: Number of the rule's last calls that are considered.

    Raises:
        StopError: A value is out of range, or `count` is above `window`.
    """

    count: int
    share: float
    window: int

    def __post_init__(self) -> None:
        if not (0 < self.share <= 1 and 1 <= self.count <= self.window):
            raise StopError(
                f"refusal limit: expected a share above 0 and at most 1, and 1 ≤ limit ≤ window, got share "
                f"{self.share:g}, limit {self.count}, window {self.window}"
            )


class RefusalWindow:
    """The last calls of one rule on one partition.

    It depends on the records alone, not on time. It starts again where the partition is read again, as after a
    restart.
    """

    __slots__ = ("_calls", "_last", "_limit", "_refused", "_share")

    def __init__(self, limit: RefusalLimit) -> None:
        self._limit = limit
        self._share = Fraction(str(limit.share))  # the decimal number as written: 0.55 is 11/20
        self._last = -1
        self._calls = 0
        self._refused: deque[int] = deque()

    @property
    def calls(self) -> int:
        """Number of calls in the window."""
        return min(self._calls, self._limit.window)

    @property
    def refusals(self) -> int:
        """Number of refused calls in the window, as of the last refusal."""
        return len(self._refused)

    def call(self, offset: int) -> None:
        """Count a call. An offset at or below the last one empties the window first."""
        if offset <= self._last:
            self._calls = 0
            self._refused.clear()
        self._last = offset
        self._calls += 1

    def refuse(self) -> bool:
        """Count the last call as refused and return whether the limit is reached."""
        refused, limit = self._refused, self._limit
        refused.append(self._calls)
        while refused[0] <= self._calls - limit.window:
            refused.popleft()
        return len(refused) >= limit.count and len(refused) >= self._share * self.calls
