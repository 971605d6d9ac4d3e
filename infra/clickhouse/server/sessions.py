"""Sessions: handles that keep the state of SET, USE and temporary tables for the next request.

Most clients name a session and never use it. So a handle is kept only after a statement that leaves state.
The event loop's thread owns them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from infra.clickhouse.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.clickhouse.server.engine import Handle


_LOCK_WAIT_S = 1.0  # a client that aborted its last request may return before that one has ended


class Sessions:
    """The kept handles.

    Args:
        most: How many may be kept; the one that expires first makes room.
        clock: Returns seconds that never go back.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._kept: dict[str, tuple[float, Handle]] = {}
        self._busy: dict[str, asyncio.Event] = {}

    async def take(self, session_id: str) -> Handle | None:
        """Return the session's handle, or None if it left none; nobody else gets it until `keep`.

        Raises:
            RefusedError: Code 373 while another request of the session that holds state is running.
        """
        self.expire()
        if session_id in self._busy:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._busy[session_id].wait(), _LOCK_WAIT_S)
        if session_id in self._busy:
            raise RefusedError(
                373, "SESSION_IS_LOCKED", f"Session {session_id} is locked by a concurrent client"
            )
        found = self._kept.pop(session_id, None)
        if found is None:
            return None
        self._busy[session_id] = asyncio.Event()
        return found[1]

    def keep(self, session_id: str, handle: Handle, timeout_s: int) -> None:
        """Keep a handle for `timeout_s` seconds."""
        freed = self._busy.pop(session_id, None)
        if freed is not None:
            freed.set()
        self._close(session_id)
        if len(self._kept) >= self._most:
            self._close(min(self._kept, key=lambda name: self._kept[name][0]))
        self._kept[session_id] = (self._clock() + timeout_s, handle)

    def expire(self) -> None:
        """Close the handles whose time is over."""
        now = self._clock()
        for name in [name for name, (until, _) in self._kept.items() if until <= now]:
            self._close(name)

    def close(self) -> None:
        """Close all handles."""
        for name in list(self._kept):
            self._close(name)

    def _close(self, session_id: str) -> None:
        found = self._kept.pop(session_id, None)
        if found is not None:
            found[1].close()
