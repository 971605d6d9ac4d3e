"""Statements of boards that run beyond their limit: the engine cannot be made to stop them.

The engine looks at time and cancelling between blocks of rows only. A statement that stays within one block holds a
thread, a core and its memory, and no KILL reaches it. So the status shows it, and its turn is given to other
boards, as often as there are spare workers. The process does not end itself: an ended process stops the whole city,
which would let anyone who reads boards stop it. When to start again is for the operator to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.clickhouse.server.config import BoardLimits

log = logging.getLogger("city.clickhouse")


class Overruns:
    """Watches the engine's work for boards; one per server, used by its event loop only.

    Args:
        limits: The limits of boards.
        tell: Called with the number of statements that overrun, whenever it changes.
    """

    def __init__(self, limits: BoardLimits, tell: Callable[[int], None]) -> None:
        self._limits = limits
        self._tell = tell
        self._running = 0
        self._given_back = 0

    @contextlib.contextmanager
    def watch(self, give_back: Callable[[], None]) -> Iterator[None]:
        """Watch one piece of the engine's work while the context is open.

        Args:
            give_back: Gives the statement's turn to others. It is called while there is a spare worker for the
                statement, so that none of the platform's workers is taken.
        """
        loop, limits = asyncio.get_running_loop(), self._limits
        overran = gave_back = False

        def overrun() -> None:
            nonlocal overran, gave_back
            log.error(
                "a board's statement of at most %d s still runs and cannot be stopped", limits.max_execution_s
            )
            overran = True
            self._count(1)
            if self._given_back < limits.spare:
                gave_back = True
                self._given_back += 1
                give_back()

        timer = loop.call_later(limits.max_execution_s + limits.grace_s, overrun)
        try:
            yield
        finally:
            timer.cancel()
            if overran:
                self._count(-1)
                self._given_back -= gave_back

    def _count(self, more: int) -> None:
        self._running += more
        try:
            self._tell(self._running)
        except OSError as error:
            log.error("the status cannot be told: %s", error)  # noqa: TRY400 - one line
