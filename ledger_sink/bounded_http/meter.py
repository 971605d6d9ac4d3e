"""The deadline of one request and the bytes that may still arrive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ledger_sink.bounded_http.errors import NoAnswerError

if TYPE_CHECKING:
    from ledger_sink.bounded_http.limits import Limits

HEAD_BYTES = 256 * 1024
"""Most bytes of status lines, header lines and interim answers."""


class Meter:
    """The deadline of one request and the bytes that may still arrive."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._end = time.monotonic() + limits.whole_s
        self._left = 0

    def begin_head(self) -> None:
        """Allow the header lines of one answer."""
        self._left = HEAD_BYTES

    def begin_body(self, size: int) -> None:
        """Allow the body and its framing: chunks of two bytes take four times their size."""
        self._left = 4 * size + HEAD_BYTES

    def wait_s(self) -> float:
        """Return how long the next step may wait.

        Raises:
            NoAnswerError: if the deadline is over.
            BudgetSpentError: if the run's is.
        """
        left = self._end - time.monotonic()
        if self.limits.budget is not None:
            left = min(left, self.limits.budget.left_s())
        if left <= 0:
            raise NoAnswerError(
                f"expected a whole answer within {self.limits.whole_s:g} s, it is still coming"
            )
        return min(left, self.limits.silent_s)

    def arrived(self, count: int) -> None:
        """Count bytes that arrived.

        Raises:
            NoAnswerError: if they are more than allowed.
            BudgetSpentError: if they exceed the run's budget.
        """
        self._left -= count
        if self.limits.budget is not None:
            self.limits.budget.spend(count)
        if self._left < 0:
            raise NoAnswerError("the answer's header lines or framing exceed their limit")
