"""uvicorn's HTTP/1 protocol with the deadlines and the cap of a connection table.

uvicorn limits neither the time for a head or a body nor the number of silent connections
(its settings `timeout_keep_alive` and `limit_concurrency` begin with a complete request). This class follows what the
protocol does and tells the table; reading and answering stay uvicorn's and h11's, behind a strict check of each head.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from infra.http.strict_head import StrictConnection
from ledger_sink.http.connection_table import Phase, body_deadline
from ledger_sink.http.server import one_line

if TYPE_CHECKING:
    import asyncio

    from ledger_sink.http.connection_table import Connection, ConnectionTable
    from ledger_sink.http.limits import HttpLimits

log = logging.getLogger("city.http")

READ_BYTES = 64 * 1024
"""Most bytes that are parsed at a time: the loop serves the other connections in between."""
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
)
_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class ConfigWithTable(Config):
    """uvicorn's configuration with the limits of a server and the table of its connections."""

    limits: HttpLimits
    table: ConnectionTable


class LimitedProtocol(H11Protocol):
    """One connection within the limits of its server's configuration."""

    config: ConfigWithTable

    def __init__(self, config: ConfigWithTable, *arguments: Any, **more: Any) -> None:
        super().__init__(config, *arguments, **more)
        self.conn = StrictConnection(h11.SERVER, config.limits.head_bytes)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place in the table, or refuse."""
        self._entry: Connection | None = None
        self._dropping = False
        self._received = 0
        peer = transport.get_extra_info("peername") or ("",)
        self._entry = self.config.table.add(str(peer[0]), self._give_up)
        if self._entry is None:
            self._raw = transport
            transport.write(_BUSY)
            transport.close()
            return
        self.config.table.sweep(self.loop)
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BYTES
        self._raw = transport
        super().connection_made(LingeringTransport(transport, self))  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the table."""
        self._dropping = True
        if self._entry is not None:
            self.config.table.remove(self._entry)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and set the deadline of what is still to come."""
        if self._dropping or self._entry is None:
            return
        if self._entry.phase is Phase.IDLE:
            self.config.table.enter(self._entry, Phase.HEAD, self.config.limits.head_s)
        self._received += len(data)
        try:
            super().data_received(data)
        except Exception as error:  # noqa: BLE001 - whatever the bytes do, only this connection ends
            log.error("a request could not be read: %s", one_line(error))  # noqa: TRY400
            self._raw.abort()
        self._follow()

    def on_response_complete(self) -> None:
        """Wait for the next request, within limits."""
        super().on_response_complete()
        self._follow()

    def pause_writing(self) -> None:
        """Limit the time for which the client takes nothing."""
        super().pause_writing()
        if self._entry is not None:
            self._entry.deadline = self.config.table.clock() + self.config.limits.send_s

    def resume_writing(self) -> None:
        """End that limit."""
        super().resume_writing()
        if self._entry is not None and self._entry.phase is Phase.ANSWER:
            self._entry.deadline = None

    def _follow(self) -> None:
        """Tell the table what the connection does now."""
        entry, table, limits = self._entry, self.config.table, self.config.limits
        if entry is None or self._dropping or entry.phase is Phase.CLOSING:
            return
        phase = self._phase()
        if phase is not entry.phase:
            self._received = 0
            seconds = {Phase.HEAD: limits.head_s, Phase.BODY: limits.body_s, Phase.IDLE: limits.idle_s}
            table.enter(entry, phase, seconds.get(phase))
        elif phase is Phase.BODY:
            entry.deadline = body_deadline(entry, limits, self._received)

    def _phase(self) -> Phase:
        if self.cycle is None or self.cycle.response_complete:
            begun = self.cycle is None or self.conn.trailing_data[0]
            return Phase.HEAD if begun else Phase.IDLE
        return Phase.BODY if self.cycle.more_body else Phase.ANSWER

    def linger(self) -> bool:
        """Begin to close; return whether to read on for a moment, so that a response to an unread request arrives."""
        if self._entry is None or self._dropping:
            return False
        self._dropping = True
        self.config.table.enter(self._entry, Phase.CLOSING, self.config.limits.linger_s)
        return self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def _give_up(self, late: bool) -> None:
        silent = self.cycle is None or not self.cycle.response_started
        begun = self._received > 0 or (self._entry is not None and self._entry.phase is Phase.BODY)
        if late and silent and begun and not self._dropping:
            self._raw.write(_LATE)
            self.transport.close()
        else:
            self._raw.abort()


class LingeringTransport:
    """A transport whose `close` lets the client read the response to a request that it has not sent in full.

    Closing a socket with unread input resets the connection, and the response may be lost (RFC 9112 §9.6).
    """

    def __init__(self, inner: asyncio.Transport, protocol: LimitedProtocol) -> None:
        self._inner = inner
        self._protocol = protocol
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        """Return what the transport itself has."""
        return getattr(self._inner, name)

    def is_closing(self) -> bool:
        """Return whether the connection is closed, or lingers."""
        return self._closed or self._inner.is_closing()

    def write(self, data: bytes) -> None:
        """Send bytes, unless the connection is closed."""
        if not self.is_closing():
            self._inner.write(data)

    def close(self) -> None:
        """Close the connection."""
        if self.is_closing():
            return
        lingers = self._protocol.linger()
        self._closed = True
        if lingers and self._inner.can_write_eof():
            self._inner.write_eof()
            self._inner.resume_reading()
        else:
            self._inner.close()
