"""A small HTTP server on the standard library: one function from request to response.

Signer and witness use it, because they run with the base install. One thread reads the requests of all connections
within the limits of `limits.py`, and a few workers answer complete ones. So a slow, silent or hostile peer holds no
worker. The server stops within a second. The caller's function gives requests their meaning.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ledger_sink.errors import SetupError
from ledger_sink.http.connection import HttpConnection, ServerState
from ledger_sink.http.connection_table import ConnectionTable
from ledger_sink.http.descriptors import backlog, fitting
from ledger_sink.http.limits import ByteBudget, HttpLimits
from ledger_sink.http.messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Request", "Response", "Server", "run"]

WORKERS = 16
"""Requests that are answered at the same time."""
DEFAULT_LIMITS = HttpLimits()

log = logging.getLogger("ledger.http")


class Server:
    """A listening server that answers requests from `start` to `stop`."""

    def __init__(
        self,
        answer: Callable[[Request], Response],
        host: str,
        port: int,
        limits: HttpLimits = DEFAULT_LIMITS,
        hosts: Collection[str] = (),
    ) -> None:
        """Open the port.

        Args:
            answer: returns the response to a request; several threads call it.
            host: interface to listen on.
            port: TCP port; 0 takes any free one.
            limits: what it accepts.
            hosts: names by which others may call it, besides those of the loopback and its address.

        Raises:
            SetupError: the port cannot be opened.
        """
        try:
            self._socket = socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=backlog()
            )
        except OSError as error:
            raise SetupError(
                f"{host}:{port}: cannot listen ({error.strerror}); choose another port"
            ) from error
        self._address = self._socket.getsockname()[:2]
        self._answer = answer
        self._state = ServerState(
            limits=limits,
            hosts=frozenset(name.lower() for name in hosts),
            table=ConnectionTable(fitting(limits)),
            budget=ByteBudget(limits.buffered_bytes),
            workers=ThreadPoolExecutor(WORKERS, thread_name_prefix="http"),
            respond=self._respond,
        )
        self._loop = asyncio.new_event_loop()
        self._listening: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @property
    def url(self) -> str:
        """Return the base URL it listens on."""
        host, port = self._address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Begin to answer requests."""
        self._listening = self._loop.run_until_complete(
            self._loop.create_server(
                lambda: HttpConnection(self._state), sock=self._socket, backlog=backlog()
            )
        )
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def stop(self) -> None:
        """Close the port; do not wait for requests in progress."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._close)
            self._thread.join(1.0)
        self._socket.close()
        self._state.workers.shutdown(wait=False, cancel_futures=True)

    def _close(self) -> None:
        if self._listening is not None:
            self._listening.close()
        self._state.table.close_all()
        self._loop.call_later(0.05, self._loop.stop)  # what was closed is forgotten meanwhile

    def _respond(self, request: Request) -> Response:
        """Return the response to a complete request; 500 if the caller's function fails."""
        try:
            return self._answer(request)
        except Exception as error:  # noqa: BLE001 - the server goes on: the peer gets a 500, the operator one line
            log.error("%s failed: %s", request.method, one_line(error))  # noqa: TRY400
            return Response(500, b"internal error\n")


def one_line(error: BaseException) -> str:
    """Return an unexpected error's type, text, and the place that raised it, on one line."""
    place, found = "", error.__traceback__
    while found is not None:
        place = f"{found.tb_frame.f_code.co_filename}:{found.tb_lineno}"
        found = found.tb_next
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text} ({place})"


def run(
    answer: Callable[[Request], Response],
    host: str,
    port: int,
    stop: threading.Event,
    limits: HttpLimits = DEFAULT_LIMITS,
    hosts: Collection[str] = (),
) -> None:
    """Serve until `stop` is set.

    Raises:
        SetupError: the port cannot be opened.
    """
    server = Server(answer, host, port, limits, hosts)
    server.start()
    log.info("listening on %s", server.url)
    stop.wait()
    server.stop()
