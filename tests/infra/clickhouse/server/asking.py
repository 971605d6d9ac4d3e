"""Plain HTTP to a door, for what a client library would hide."""

from __future__ import annotations

import http.client
import json
import socket
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.harness.engine import ClickHouse


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of one answer."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.data.decode()

    @property
    def code(self) -> str | None:
        """ClickHouse's error code."""
        return self.headers.get("x-clickhouse-exception-code")

    @property
    def written_rows(self) -> int:
        """How many rows the answer says it wrote."""
        return int(json.loads(self.headers["x-clickhouse-summary"])["written_rows"])


def ask(
    door: ClickHouse,
    body: bytes = b"",
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    path: str = "/",
    **params: str,
) -> Answer:
    """One request on a connection of its own, with the door's user unless `headers` say otherwise."""
    connection = http.client.HTTPConnection(door.host, door.port, timeout=60)
    target = path + ("?" + urlencode(params) if params else "")
    connection.request(method, target, body, dict(basic(door) if headers is None else headers))
    response = connection.getresponse()
    told = {name.lower(): value for name, value in response.getheaders()}
    try:
        return Answer(response.status, told, response.read())
    finally:
        connection.close()


def basic(door: ClickHouse, password: str | None = None) -> dict[str, str]:
    """HTTP Basic for the door's user."""
    secret = door.password if password is None else password
    return {"Authorization": "Basic " + b64encode(f"{door.user}:{secret}".encode()).decode()}


def send_and_leave(door: ClickHouse, body: bytes) -> socket.socket:
    """Sends a statement and reads nothing; closing the socket is leaving."""
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in basic(door).items())
    connection = socket.create_connection((door.host, door.port), timeout=10)
    connection.sendall(head.encode() + b"\r\n" + body)
    return connection
