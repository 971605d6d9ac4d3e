"""Every HTTP server of the platform, alone in this process, and a plain way to talk to it by bytes."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from infra.clickhouse.server.app import create_app
from infra.clickhouse.server.auth import make_user
from infra.clickhouse.server.config import ServerConfig
from infra.http.server_limits import SERVERS
from infra.http.serving import LimitedConfig, listen
from infra.settings import Ports, Settings
from infra.web.app import application
from ledger_sink.http.server import Server
from ledger_sink.signer.protocol import encode_texts
from ledger_sink.signer.server import Signer, SignerServer
from tests.harness.waiting import eventually
from tests.ledger_sink.witness.test_server import witness
from tests.ledger_sink.worlds import CITY, SEED, memory_of_signer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from starlette.types import ASGIApp

    from ledger_sink.http.limits import HttpLimits
    from schemas.catalog import Catalog

TOKEN = "t" * 40
ORIGIN = f"{CITY}/air.reading/0/1"


class IdleEngine:
    """Stands for the engine: requests without a password never reach it."""

    def value(self, _sql: str) -> str:
        """The time zone."""
        return "UTC"


@dataclass(frozen=True)
class Target:
    """A server that listens: how an honest client asks, and where an attacker posts."""

    name: str
    port: int
    limits: HttpLimits
    method: str
    path: str
    post: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def connect(self) -> socket.socket:
        """A connection that has sent nothing."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def send(self, data: bytes) -> bytes:
        """Send bytes on a new connection and return all that comes until the server closes."""
        with self.connect() as connection:
            return exchange(connection, data)

    def ask(self) -> int:
        """The status that an honest client gets."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(self.method, self.path, self.body or None, dict(self.headers))
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    def head(self, *lines: str, method: str = "", path: str = "") -> bytes:
        """A request's head with further header lines; a Host among them takes the place of the usual one."""
        host = () if any(line.lower().startswith("host") for line in lines) else ("Host: localhost",)
        own = [f"{name}: {value}" for name, value in self.headers.items()]
        first = f"{method or self.method} {path or self.path} HTTP/1.1"
        return "\r\n".join([first, *host, *own, *lines, "", ""]).encode("latin-1")


def exchange(connection: socket.socket, data: bytes) -> bytes:
    """Send bytes and return what comes until the server closes or resets."""
    answer = b""
    with contextlib.suppress(OSError):  # refused before all was sent: the answer says why
        connection.sendall(data)
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            answer += piece
    return answer


def status_of(answer: bytes) -> int:
    """The status of a response; 0 for none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def limits_of(name: str, **changed: Any) -> HttpLimits:
    """A server's limits with some changed: short times for tests, mostly."""
    return replace(SERVERS[name], **changed)


@contextmanager
def serving(name: str, limits: HttpLimits, catalog: Catalog, folder: Path) -> Iterator[Target]:
    """One server, listening until the end."""
    if name in {"signer", "witness"}:
        signing = SignerServer(Signer(CITY, SEED, memory_of_signer()), TOKEN)
        server = Server(signing.answer if name == "signer" else witness().answer, "127.0.0.1", 0, limits)
        server.start()
        port = int(server.url.rpartition(":")[2])
        honest: dict[str, Any] = {"method": "GET", "path": "/vkey", "post": "/add-checkpoint"}
        if name == "signer":
            honest = {"method": "POST", "path": "/keys", "post": "/sign"}
            honest |= {"body": encode_texts("origins", [ORIGIN])}
            honest |= {"headers": {"Authorization": f"Bearer {TOKEN}"}}
        try:
            yield Target(name, port, limits, **honest)
        finally:
            server.stop()
        return
    with running(app_of(name, catalog, folder), limits) as port:
        if name == "web":
            post = "/compatibility/subjects/air-quality.reading-value/versions"
            yield Target(name, port, limits, "GET", "/subjects", post)
        else:
            yield Target(name, port, limits, "GET", "/ping", "/")


def app_of(name: str, catalog: Catalog, folder: Path) -> ASGIApp:
    """The application of the status page, or of ClickHouse over an engine that does nothing."""
    if name == "web":
        return application(Settings(data=folder, ports=Ports()), catalog)
    return create_app(
        cast("Any", IdleEngine()), ServerConfig(path=folder, users=(make_user("city", "secret", "platform"),))
    )


@contextmanager
def running(app: ASGIApp, limits: HttpLimits) -> Iterator[int]:
    """An application on uvicorn within limits; the port."""
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(LimitedConfig(app, limits, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        eventually(lambda: server.started, "the server listens", every_s=0.01)
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
