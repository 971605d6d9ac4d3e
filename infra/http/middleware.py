"""The outermost ASGI application of a server: checks each request, bounds its body, and completes its response.

What the application raises becomes one line in the log, and 500 without details for the client.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from ledger_sink.http.limits import ByteBudget, Refusal
from ledger_sink.http.request_checks import Head, refusal_of
from ledger_sink.http.server import one_line

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ledger_sink.http.limits import HttpLimits

log = logging.getLogger("city.http")

SECURITY_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": (
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
"""Headers of every response that does not bring its own."""
_ONE_RANGE = re.compile(rb"bytes=[0-9]{1,15}-[0-9]{0,15}")


class LimitsMiddleware:
    """Applies a server's limits to an ASGI application.

    Args:
        app: The application.
        limits: What the server accepts.
        hosts: Further names of the server.
    """

    def __init__(self, app: ASGIApp, limits: HttpLimits, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._limits = limits
        self._hosts = frozenset(name.lower() for name in hosts)
        self._budget = ByteBudget(limits.buffered_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(self._limits, self._budget, receive, send)
        try:
            refusal = refusal_of(_head(scope), self._limits, _local(scope), self._hosts)
            if scope["http_version"] not in {"1.0", "1.1"}:
                refusal = Refusal(505, "expected HTTP/1.1")
            if refusal is not None:
                await exchange.refuse(refusal)
                return
            # RFC 9110 §14.2: a server may ignore Range; of several ranges only crafted requests make use.
            headers = [(k, v) for k, v in scope["headers"] if k != b"range" or _ONE_RANGE.fullmatch(v)]
            await self._app({**scope, "headers": headers}, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the server goes on, whatever one request does
            if not exchange.refused:
                log.error("%s failed: %s", scope["method"], one_line(error))  # noqa: TRY400
            if not exchange.started:
                await exchange.refuse(Refusal(500, "internal error"))
            # A response that has begun is left incomplete: uvicorn then closes the connection, and the client notices.
        finally:
            exchange.close()


class _Exchange:
    """One request and its response."""

    def __init__(self, limits: HttpLimits, budget: ByteBudget, receive: Receive, send: Send) -> None:
        self._limits = limits
        self._budget = budget
        self._receive = receive
        self._send = send
        self._taken = 0
        self.started = False
        self.refused = False

    async def receive(self) -> Message:
        """Return the next message; beyond the body's limit refuse the request, as if the client had gone."""
        if self.refused:
            return {"type": "http.disconnect"}
        message = await self._receive()
        size = len(message.get("body", b""))
        refusal = None
        if self._taken + size > self._limits.body_bytes:
            refusal = Refusal(413, f"the body is larger than {self._limits.body_bytes} bytes")
        elif not self._budget.take(size):
            refusal = Refusal(503, "too many bodies at once; try again")
        if refusal is None:
            self._taken += size
            return message
        if not self.started:
            await self.refuse(refusal)
        self.refused = True
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send a message of the application, with the security headers."""
        if self.refused:
            return
        if message["type"] == "http.response.start":
            self.started = True
            given = list(message.get("headers", []))
            names = {name.lower() for name, _ in given}
            more = [(name, value) for name, value in SECURITY_HEADERS.items() if name not in names]
            if b"access-control-allow-origin" in names:  # public files: any page may use them
                more = [pair for pair in more if pair[0] != b"cross-origin-resource-policy"]
            message = {**message, "headers": [*given, *more]}
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal; what the application sends afterwards is dropped."""
        body = f"{refusal.reason}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})
        self.refused = True

    def close(self) -> None:
        """Release what the body took of the budget."""
        self._budget.give_back(self._taken)
        self._taken = 0


def _head(scope: Scope) -> Head:
    target: bytes = scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    return Head(scope["method"], target.decode("latin-1"), headers)


def _local(scope: Scope) -> str:
    server = scope.get("server")
    return str(server[0]) if server else ""
