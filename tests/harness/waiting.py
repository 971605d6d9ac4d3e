"""The one way in which tests wait for what other threads and processes do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def eventually(
    ask: Callable[[], T],
    what: str | Callable[[], object] = "it",
    *,
    within_s: float = 40.0,
    every_s: float = 0.1,
    error: type[Exception] = AssertionError,
) -> T:
    """Ask until the answer is true, and return that answer.

    Args:
        ask: The question; an exception that it raises is the caller's.
        what: What was waited for, or how to find that out once the time is over.
        within_s: How long to wait at most, in seconds. The last question is asked after that time.
        every_s: The pause between two questions, in seconds.
        error: The exception to raise when the time is over.

    Returns:
        The first true answer.

    Raises:
        AssertionError: No answer was true in time; or `error`, where one is given.
    """
    deadline = time.monotonic() + within_s
    while True:
        late = time.monotonic() > deadline
        if answer := ask():
            return answer
        if late:
            raise error(f"not within {within_s:g} s: {what() if callable(what) else what}")
        time.sleep(every_s)
