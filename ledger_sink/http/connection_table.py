"""The open connections of one server: how many there are, how long each may take, and which one has to go.

Above the cap the connection goes that has sent no complete request for the longest time, of the peer with the most
connections. So half-open connections (slowloris) push out each other and not the clients that are served. A request
that is complete is always answered. The table belongs to one event loop.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Mapping

    from ledger_sink.http.limits import HttpLimits

SWEEP_S = 0.5
"""Seconds between two looks at the deadlines, while there are connections."""


class Phase(IntEnum):
    """What a connection does; the lower, the sooner it is given up."""

    HEAD = 0
    CLOSING = 1
    IDLE = 2
    BODY = 3
    ANSWER = 4


@dataclass(eq=False, slots=True)
class Connection:
    """One open connection."""

    peer: str
    give_up: Callable[[bool], None]
    """Close it; the argument says whether its time is over (True) or room is needed (False)."""
    phase: Phase = Phase.HEAD
    since: float = 0.0
    deadline: float | None = None


@dataclass(eq=False)
class ConnectionTable:
    """All connections of one server.

    Args:
        limits: How many there may be.
        clock: Returns seconds.
    """

    limits: HttpLimits
    clock: Callable[[], float] = time.monotonic
    _all: dict[Connection, None] = field(default_factory=dict)
    _peers: dict[str, dict[Connection, None]] = field(default_factory=dict)
    _sweeping: bool = False

    def __len__(self) -> int:
        """Return the number of open connections."""
        return len(self._all)

    def add(self, peer: str, give_up: Callable[[bool], None]) -> Connection | None:
        """Add a connection, closing another one if there are too many; return None if none can go."""
        own = self._peers.get(peer, {})
        crowd: Mapping[Connection, None] = {}
        if len(own) >= self.limits.connections_per_peer:
            crowd = own
        elif len(self._all) >= self.limits.connections:
            crowd = max(self._peers.values(), key=len)
        if crowd:
            victim = _first_to_go(crowd) or (None if crowd is own else _first_to_go(self._all))
            if victim is None:
                return None
            self.remove(victim)
            victim.give_up(False)
        connection = Connection(peer, give_up)
        self._all[connection] = None
        self._peers.setdefault(peer, {})[connection] = None
        self.enter(connection, Phase.HEAD, self.limits.head_s)
        return connection

    def enter(self, connection: Connection, phase: Phase, seconds: float | None) -> None:
        """Let a connection begin a phase that ends within `seconds` (None: with no deadline)."""
        connection.phase = phase
        connection.since = self.clock()
        connection.deadline = None if seconds is None else connection.since + seconds

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed; safe to repeat."""
        self._all.pop(connection, None)
        own = self._peers.get(connection.peer)
        if own is not None:
            own.pop(connection, None)
            if not own:
                del self._peers[connection.peer]

    def expire(self) -> None:
        """Give up every connection whose time is over."""
        now = self.clock()
        for connection in [c for c in self._all if c.deadline is not None and c.deadline <= now]:
            connection.deadline = now + self.limits.linger_s  # for its own closing; then it is given up again
            connection.give_up(True)

    def close_all(self) -> None:
        """Close every connection at once."""
        for connection in list(self._all):
            connection.give_up(False)

    def sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the deadlines from now on, as long as there are connections."""
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(SWEEP_S, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeping = False
        self.expire()
        if self._all:
            self.sweep(loop)


def _first_to_go(connections: Iterable[Connection]) -> Connection | None:
    """Return the connection that is given up first; None if all are being answered."""
    found = min(connections, key=lambda c: (c.phase, c.since), default=None)
    return None if found is None or found.phase is Phase.ANSWER else found


def body_deadline(connection: Connection, limits: HttpLimits, received: int) -> float:
    """Return when a body must be complete, given the bytes of it that came."""
    return connection.since + limits.body_s + received / limits.body_rate
