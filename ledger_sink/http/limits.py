"""The limits of an HTTP server: one record of numbers that every server of the platform takes.

Signer and witness use it with the server of this room, status page and ClickHouse with uvicorn (`infra/http`).
A request is read within a time that grows with the bytes that came, as Apache's mod_reqtimeout does it, so that
neither a slow head nor a slow body holds a connection for long.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one HTTP server accepts."""

    connections: int = 512
    """Open connections; above it the oldest one without a complete request is closed, else the new one."""
    connections_per_peer: int = 256
    """The same for one address."""
    head_s: float = 10.0
    """Seconds for request line and headers, from the connection's begin or the first byte of the next request."""
    head_bytes: int = 16 * KIB
    """Bytes of request line and headers together."""
    headers: int = 64
    """Header lines."""
    body_bytes: int = MIB
    """Bytes of a request's body, as sent."""
    body_s: float = 20.0
    """Seconds for a body, and one more for each `body_rate` bytes that came."""
    body_rate: int = 64 * KIB
    """Bytes for which a body gets one more second."""
    buffered_bytes: int = 64 * MIB
    """Bytes of all bodies that are being read, together."""
    idle_s: float = 15.0
    """Seconds that a connection may wait for its next request."""
    send_s: float = 30.0
    """Seconds for which a client may take nothing of its response."""
    linger_s: float = 5.0
    """Seconds for which the rest of a refused request is read and dropped, so that the refusal arrives."""
    methods: frozenset[str] = frozenset({"GET", "HEAD", "POST"})
    """Methods; any other is answered 405."""
    same_site_reads: bool = False
    """Whether reading, too, is refused to pages of other sites: for a server with ambient credentials."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused: HTTP status and one line for the client."""

    status: int
    reason: str


class ByteBudget:
    """Counts the bytes of all bodies that are being read. Used by one thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.used = 0

    def take(self, size: int) -> bool:
        """Reserve bytes; return False, and reserve nothing, if there is no room."""
        if self.used + size > self._limit:
            return False
        self.used += size
        return True

    def give_back(self, size: int) -> None:
        """Release bytes that `take` reserved."""
        self.used -= size
