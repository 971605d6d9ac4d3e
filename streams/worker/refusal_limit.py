"""When does a rule refuse so much that the rule is at fault, not its input? Pure.

A refusal is a record on which a rule raises, or whose output the schema does not take: what becomes a dead letter
of stage `agent`. Records that no schema reads, or whose provenance fails, never reach a rule and are not counted.
The ClickHouse sink has a limit of its own: `refusal_limit` in `streams/clickhouse_sink/config.py`.
"""

from collections import deque
from dataclasses import dataclass

from streams.errors import StopError


@dataclass(frozen=True)
class RefusalLimit:
    """How much one rule may refuse of one partition. Its topic stops at `count` and `share` together.

    Attributes:
        count: Fewer refusals than this never stop a topic.
        share: Refused part of the calls in the window, above 0 and at most 1.
        window: Calls of the rule that are looked back on.

    Raises:
        StopError: The values cannot be used together.
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

    Depends on the records alone. It begins anew where the partition is read again, as after a restart.
    """

    __slots__ = ("_calls", "_last", "_limit", "_refused")

    def __init__(self, limit: RefusalLimit) -> None:
        self._limit = limit
        self._last = -1
        self._calls = 0
        self._refused: deque[int] = deque()

    @property
    def calls(self) -> int:
        """Return how many calls the window covers now."""
        return min(self._calls, self._limit.window)

    @property
    def refusals(self) -> int:
        """Return how many of them were refused, as of the last refusal."""
        return len(self._refused)

    def call(self, offset: int) -> None:
        """Count a call; an offset at or below the last one begins the window anew."""
        if offset <= self._last:
            self._calls = 0
            self._refused.clear()
        self._last = offset
        self._calls += 1

    def refuse(self) -> bool:
        """Count the last call as refused; return whether the limit is reached."""
        refused, limit = self._refused, self._limit
        refused.append(self._calls)
        while refused[0] <= self._calls - limit.window:
            refused.popleft()
        return len(refused) >= limit.count and len(refused) >= limit.share * self.calls
