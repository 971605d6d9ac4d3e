"""Half-open connections to every HTTP server of a living city: it goes on, and its logs stay small."""

from __future__ import annotations

import json
import socket
import urllib.request
from typing import TYPE_CHECKING

from infra.process.log_files import MAX_BYTES
from ledger_sink.http.descriptors import raise_descriptor_limit

if TYPE_CHECKING:
    from tests.harness.live import LiveCity

ROLES = ("web", "clickhouse", "signer", "witness")


def test_a_city_lives_on_under_half_open_connections(live: LiveCity) -> None:
    """Three hundred to each server, more than one address may have; page and engine answer, blocks are made."""
    raise_descriptor_limit()
    data = live.city.data
    settings = json.loads((data / "run" / "settings.json").read_text())
    ports = {role: int(settings[f"CITY_PORT_{role.upper()}"]) for role in ROLES}
    held = []
    try:
        for role in ROLES:
            for _ in range(300):
                connection = socket.create_connection(("127.0.0.1", ports[role]), timeout=20)
                held.append(connection)
                connection.send(b"GET / HTTP/1.1\r\nHost: loc")
        before = status(ports["web"])["blocks"]
        live.city.wait_sealed("energy.reading", 1)
        for path in ("/", "/metrics", "/subjects", "/ledger/"):
            with urllib.request.urlopen(f"http://127.0.0.1:{ports['web']}{path}", timeout=60) as response:
                assert response.status == 200
        assert status(ports["web"])["blocks"] >= before
    finally:
        for connection in held:
            connection.close()
    assert all(path.stat().st_size <= MAX_BYTES for path in (data / "logs").iterdir())


def status(port: int) -> dict[str, int]:
    """What the status page says as JSON."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status.json", timeout=60) as response:
        found: dict[str, int] = json.loads(response.read())
        return found
