"""The admission queue: how many statements run at once, how many may wait, and for how long."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from infra.clickhouse.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class AdmissionQueue:
    """A bounded queue before a bounded number of workers.

    Args:
        running: Most statements that run at once.
        waiting: Most statements in the queue.
        wait_s: Longest wait in seconds.
    """

    def __init__(self, running: int, waiting: int, wait_s: float) -> None:
        self._free = asyncio.Semaphore(running)
        self._waiting = 0
        self._most_waiting = waiting
        self._wait_s = wait_s

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[None]:
        """Wait for a free worker and hold it while the context is open.

        Raises:
            RefusedError: Code 202; the queue is full or the wait too long. A client may try again.
        """
        await self._wait()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        if self._free.locked() and self._waiting >= self._most_waiting:
            raise _busy(f"{self._waiting} statements are waiting already")
        self._waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), self._wait_s)
        except TimeoutError as error:
            raise _busy(f"no turn within {self._wait_s:g} s") from error
        finally:
            self._waiting -= 1


def _busy(reason: str) -> RefusedError:
    return RefusedError(
        202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"too many statements at once: {reason}, try again"
    )
