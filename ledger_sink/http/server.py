"""A small HTTP server on the standard library: one function from request to response.

Signer and witness use it, because they run with the base install. It limits bodies to 4 MiB, drops peers
that are silent for 10 s, and stops within a second. The caller's function gives requests their meaning.
"""

from __future__ import annotations

import logging
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from ledger_sink.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_BODY_BYTES = 4 << 20
SLOW_PEER_S = 10.0
TEXT = "text/plain; charset=utf-8"

log = logging.getLogger("ledger.http")


@dataclass(frozen=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes = b""
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64
    answer: Callable[[Request], Response]

    def handle_error(self, request: object, client_address: object) -> None:
        """Log a closed connection at debug level, and every other error with its traceback."""
        del request
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            log.debug("%s hung up: %s", client_address, error)
        else:
            log.error("%s: no answer could be given", client_address, exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "city-ledger"
    sys_version = ""
    timeout = SLOW_PEER_S
    server: _Server

    def do_GET(self) -> None:
        self._respond(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(
                Response(413 if length.isdecimal() else 411, b"Content-Length: expected at most 4 MiB\n")
            )
            return
        self._respond(self.rfile.read(int(length)))

    def _respond(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            response = self.server.answer(Request(self.command, self.path, headers, body))
        except Exception:
            # The server goes on: the peer gets a 500, the operator the traceback.
            log.exception("%s %s failed", self.command, self.path)
            response = Response(500, b"internal error\n")
        self._send(response)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        log.debug(format, *args)


class Server:
    """A listening server that answers requests from `start` to `stop`."""

    def __init__(self, answer: Callable[[Request], Response], host: str, port: int) -> None:
        """Open the port.

        Args:
            answer: returns the response to a request; several threads call it.
            host: interface to listen on.
            port: TCP port; 0 takes any free one.

        Raises:
            SetupError: the port cannot be opened.
        """
        try:
            self._server = _Server((host, port), _Handler)
        except OSError as error:
            raise SetupError(
                f"{host}:{port}: cannot listen ({error.strerror}); choose another port"
            ) from error
        self._server.answer = answer
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def url(self) -> str:
        """Return the base URL it listens on."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> None:
        """Begin to answer requests."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port; do not wait for requests in progress."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1.0)


def run(answer: Callable[[Request], Response], host: str, port: int, stop: threading.Event) -> None:
    """Serve until `stop` is set.

    Raises:
        SetupError: the port cannot be opened.
    """
    server = Server(answer, host, port)
    server.start()
    log.info("listening on %s", server.url)
    stop.wait()
    server.stop()
