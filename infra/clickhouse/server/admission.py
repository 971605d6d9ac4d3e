"""The admission queue: how many statements run at once, how many may wait, and for how long."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from infra.clickhouse.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Turn:
    """A worker that is held; it can be given back before the work has ended.

    Args:
        free: Gives the worker to others.
    """

    def __init__(self, free: Callable[[], None]) -> None:
        self._free = free
        self._held = True

    def give_back(self) -> None:
        """Give the worker to others, once."""
        if self._held:
            self._held = False
            self._free()


class AdmissionQueue:
    """A bounded queue before a bounded number of workers.

    Args:
        running: Most statements that run at once.
        waiting: Most statements in the queue.
        wait_s: Longest wait in seconds.
    """

    def __init__(self, running: int, waiting: int, wait_s: float) -> None:
        self._free = asyncio.Semaphore(running)
        self._present = 0  # statements that run or wait
        self._most_present = running + waiting
        self._most_waiting = waiting
        self._wait_s = wait_s

    @asynccontextmanager
    async def admit(self, left: asyncio.Future[None]) -> AsyncIterator[Turn]:
        """Wait for a free worker and hold it while the context is open.

        Args:
            left: Done when the client has gone; then nobody waits for a worker any more.

        Yields:
            The turn.

        Raises:
            RefusedError: Code 202; the queue is full or the wait too long. A client may try again.
            ClientDisconnect: The client has gone.
        """
        if self._present >= self._most_present:
            raise _busy(f"{self._most_waiting} statements are waiting already")
        self._present += 1
        turn = Turn(self._leave)
        try:
            await self._wait(left)
        except BaseException:
            self._present -= 1
            raise
        try:
            yield turn
        finally:
            turn.give_back()

    def _leave(self) -> None:
        self._present -= 1
        self._free.release()

    async def _wait(self, left: asyncio.Future[None]) -> None:
        turn = asyncio.ensure_future(self._free.acquire())
        admitted = False
        try:
            await asyncio.wait((turn, left), timeout=self._wait_s, return_when=asyncio.FIRST_COMPLETED)
            admitted = turn.done() and not left.done()
        finally:
            if not admitted and not turn.cancel():
                self._free.release()
        if left.done():
            raise ClientDisconnect
        if not admitted:
            raise _busy(f"no turn within {self._wait_s:g} s")


def _busy(reason: str) -> RefusedError:
    return RefusedError(
        202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"too many statements at once: {reason}, try again"
    )
