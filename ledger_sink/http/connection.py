"""One connection of the server: reads requests within the limits, hands complete ones to a worker, sends responses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from ledger_sink.http.connection_table import Phase, body_deadline
from ledger_sink.http.limits import Refusal
from ledger_sink.http.messages import Request, Response
from ledger_sink.http.request_checks import refusal_of
from ledger_sink.http.request_head import END, RequestHeadError, parse_head, refuse_early

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

    from ledger_sink.http.connection_table import Connection, ConnectionTable
    from ledger_sink.http.limits import ByteBudget, HttpLimits
    from ledger_sink.http.request_checks import Head

REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    408: "Request Timeout",
    503: "Service Unavailable",
}
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
BUSY = Refusal(503, "too many connections; try again")
LATE = Refusal(408, "the request did not come in time")


@dataclass(frozen=True, slots=True)
class ServerState:
    """What all connections of one server share."""

    limits: HttpLimits
    hosts: frozenset[str]
    table: ConnectionTable
    budget: ByteBudget
    workers: ThreadPoolExecutor
    respond: Callable[[Request], Response]
    """Returns the response to a complete request; never raises."""


class HttpConnection(asyncio.Protocol):
    """A connection from its begin to its end; runs on the server's loop."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._limits = server.limits
        self._entry: Connection | None = None
        self._buffer = bytearray()
        self._held = 0
        self._length = 0
        self._head: Head | None = None
        self._persists = False
        self._dropping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place in the table, or refuse."""
        self._transport: Any = transport
        self._local = str((transport.get_extra_info("sockname") or ("",))[0])
        peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._entry = self._server.table.add(peer, self._give_up)
        if self._entry is None:
            self._refuse(BUSY)
            return
        self._server.table.sweep(asyncio.get_running_loop())

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the table."""
        del exc
        self._dropping = True
        self._release()
        if self._entry is not None:
            self._server.table.remove(self._entry)

    def data_received(self, data: bytes) -> None:
        """Collect bytes of a request, and begin to answer a complete one."""
        if self._dropping or self._entry is None:
            return
        self._buffer += data
        if self._entry.phase is Phase.ANSWER:
            if len(self._buffer) > self._limits.head_bytes:
                self._transport.pause_reading()  # requests that were sent ahead wait in the kernel
            return
        if self._entry.phase is Phase.IDLE:
            self._server.table.enter(self._entry, Phase.HEAD, self._limits.head_s)
        self._advance(self._entry)

    def _advance(self, entry: Connection) -> None:
        if self._head is None and not self._read_head(entry):
            return
        if len(self._buffer) < self._length:
            more = len(self._buffer) - self._held
            if not self._server.budget.take(more):
                self._refuse(BUSY)
                return
            self._held += more
            entry.deadline = body_deadline(entry, self._limits, len(self._buffer))
            return
        self._dispatch(entry)

    def _read_head(self, entry: Connection) -> bool:
        """Take the head off the buffer if it is complete; return whether it is, and is accepted."""
        while self._buffer.startswith(b"\r\n"):  # RFC 9112 §2.2: empty lines before a request are skipped
            del self._buffer[:2]
        end = self._buffer.find(END)
        size = len(self._buffer) if end < 0 else end
        try:
            if size > self._limits.head_bytes:
                self._refuse(Refusal(431, f"expected a head of at most {self._limits.head_bytes} bytes"))
                return False
            if end < 0:
                refuse_early(self._buffer)
                return False
            head, self._persists = parse_head(bytes(self._buffer[: end + len(END)]))
        except RequestHeadError as error:
            self._refuse(Refusal(400, str(error)))
            return False
        refusal = refusal_of(head, self._limits, self._local, self._server.hosts)
        if refusal is None and head.values("transfer-encoding"):
            refusal = Refusal(411, "expected a Content-Length")
        lengths = head.values("content-length")
        if refusal is None and not lengths and head.method == "POST":
            refusal = Refusal(411, "expected a Content-Length")
        if refusal is not None:
            self._refuse(refusal)
            return False
        del self._buffer[: end + len(END)]
        self._head, self._length = head, int(lengths[0]) if lengths else 0
        self._server.table.enter(entry, Phase.BODY, self._limits.body_s)
        if len(self._buffer) < self._length and "100-continue" in "".join(head.values("expect")).lower():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _dispatch(self, entry: Connection) -> None:
        head = self._head
        assert head is not None  # noqa: S101 - `_advance` has read it
        body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._server.table.enter(entry, Phase.ANSWER, None)
        method = "GET" if head.method == "HEAD" else head.method
        request = Request(method, head.target, dict(head.headers), body)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._server.workers, self._server.respond, request)
        work.add_done_callback(lambda done: self._answered(entry, head, done))

    def _answered(self, entry: Connection, head: Head, done: asyncio.Future[Response]) -> None:
        self._release()
        if done.cancelled() or self._transport.is_closing():
            return
        words = "".join(head.values("connection")).lower()
        keep = self._persists and "close" not in words
        self._send(done.result(), keep=keep, with_body=head.method != "HEAD")
        if not keep:
            self._server.table.enter(entry, Phase.CLOSING, self._limits.linger_s)
            self._transport.close()
            return
        self._head, self._length = None, 0
        self._server.table.enter(entry, Phase.IDLE, self._limits.idle_s)
        self._transport.resume_reading()
        if self._buffer:
            self._server.table.enter(entry, Phase.HEAD, self._limits.head_s)
            self._advance(entry)

    def _send(self, response: Response, *, keep: bool, with_body: bool = True) -> None:
        headers = {
            "Date": formatdate(
                usegmt=True
            ),  # RFC 9110, section 6.6.1; the city log compares its clock with it
            "Content-Type": response.content_type,
            "Content-Length": str(len(response.body)),
            **SECURITY_HEADERS,
            **response.headers,
            **({} if keep else {"Connection": "close"}),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        status = f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Response')}\r\n"
        self._transport.write(
            f"{status}{lines}\r\n".encode("latin-1") + (response.body if with_body else b"")
        )

    def _refuse(self, refusal: Refusal) -> None:
        """Send a refusal and close; read and drop what still comes for a moment, so that it arrives."""
        self._dropping = True
        self._release()
        self._buffer.clear()
        self._send(Response(refusal.status, f"{refusal.reason}\n".encode()), keep=False)
        if self._entry is None:
            self._transport.close()
            return
        self._server.table.enter(self._entry, Phase.CLOSING, self._limits.linger_s)
        self._transport.write_eof()

    def _give_up(self, late: bool) -> None:
        entry = self._entry
        if late and not self._dropping and entry is not None and entry.phase in (Phase.HEAD, Phase.BODY):
            self._refuse(LATE)
        else:
            self._transport.abort()

    def _release(self) -> None:
        self._server.budget.give_back(self._held)
        self._held = 0
