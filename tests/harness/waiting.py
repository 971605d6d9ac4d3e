"""The one way in which tests wait for what other threads and processes do, and how long they give a time limit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

BUSY = 4.0
"""Several test processes share each core, so a step takes several times as long; benchmarks judge speed."""


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


def patient(limit_s: float) -> float:
    """Stretch a time limit: a busy machine is slow, and that is no fault of what is tested.

    Args:
        limit_s: What a machine that does nothing else keeps, seconds.

    Returns:
        Seconds after which even a busy machine has done it.
    """
    return limit_s * BUSY
