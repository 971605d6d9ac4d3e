"""The limits of one request, and of all requests of a run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ledger_sink.bounded_http.errors import BudgetSpentError


@dataclass
class Budget:
    """What all requests of one run may take together.

    Attributes:
        seconds: time from the creation of this object on.
        bytes_left: bytes that may still arrive.
    """

    seconds: float
    bytes_left: int
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.seconds

    def left_s(self) -> float:
        """Return the seconds left; raise `BudgetSpentError` if none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise BudgetSpentError(f"stopped after {self.seconds:g} s (--timeout)")
        return left

    def spend(self, count: int) -> None:
        """Count bytes that arrived; raise `BudgetSpentError` if they are too many."""
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise BudgetSpentError(
                "stopped: the server has sent as many bytes as a run may take (--max-bytes)"
            )


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one request, redirects included.

    Attributes:
        whole_s: seconds for everything.
        silent_s: seconds without a byte after which it fails.
        body_bytes: most bytes of the body.
        budget: the run's budget; `None` for a request that stands alone.
    """

    whole_s: float
    silent_s: float
    body_bytes: int
    budget: Budget | None = None
