"""Sessions: handles that keep what SET, USE or a temporary table left for the next request.

Most clients name a session and never use it, so a handle is kept only after a statement that leaves
something. Owned by the event loop's thread.
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


_PATIENCE_S = 1.0  # a client that cut its last request short may be back before that one has ended


class Sessions:
    """The kept handles.

    Args:
        most: how many may be kept; the one that expires first makes room.
        clock: seconds, never going back.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._kept: dict[str, tuple[float, Handle]] = {}
        self._busy: dict[str, asyncio.Event] = {}

    async def take(self, session_id: str) -> Handle | None:
        """The session's handle, if it left one; until `keep` or `drop` nobody else gets it.

        Raises:
            RefusedError: 373 while another request of the session that holds state is running.
        """
        self.expire()
        if session_id in self._busy:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._busy[session_id].wait(), _PATIENCE_S)
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
        """Puts a handle by for `timeout_s` seconds."""
        freed = self._busy.pop(session_id, None)
        if freed is not None:
            freed.set()
        self._close(session_id)
        if len(self._kept) >= self._most:
            self._close(min(self._kept, key=lambda name: self._kept[name][0]))
        self._kept[session_id] = (self._clock() + timeout_s, handle)

    def expire(self) -> None:
        """Closes the handles whose time is over."""
        now = self._clock()
        for name in [name for name, (until, _) in self._kept.items() if until <= now]:
            self._close(name)

    def close(self) -> None:
        """Closes them all."""
        for name in list(self._kept):
            self._close(name)

    def _close(self, session_id: str) -> None:
        found = self._kept.pop(session_id, None)
        if found is not None:
            found[1].close()
