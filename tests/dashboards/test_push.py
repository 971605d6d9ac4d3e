"""`city dashboards push`: what it sends to Grafana's HTTP API, shown by a server that speaks it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from dashboards.build import boards
from dashboards.errors import PushError
from dashboards.push import ClickHouseAddress, push
from dashboards.style import DATASOURCE_UID, FOLDER_UID
from infra.ports import free_port
from schemas.catalog import load_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

CLICKHOUSE = ClickHouseAddress("http://127.0.0.1:18123", "city", "secret")


class Grafana(BaseHTTPRequestHandler):
    """The few paths of Grafana's API that a push uses, over a memory of what was pushed."""

    folders: dict[str, Any]
    sources: dict[str, Any]
    pushed: dict[str, Any]

    def _answer(self, body: Any, status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def do_GET(self) -> None:
        """List folders or data sources."""
        if "authorization" not in {name.lower() for name in self.headers}:
            self._answer({"message": "Unauthorized"}, 401)
        elif self.path.startswith("/api/folders"):
            self._answer(list(self.folders.values()))
        elif self.path.startswith("/api/datasources"):
            self._answer(list(self.sources.values()))
        else:
            self._answer({"message": "not found"}, 404)

    def do_POST(self) -> None:
        """Create a folder, a data source or a board."""
        body = self._body()
        if self.path == "/api/folders":
            self.folders[body["uid"]] = body
            self._answer(body)
        elif self.path == "/api/datasources":
            self.sources[body["uid"]] = {**body, "id": len(self.sources) + 1}
            self._answer(body)
        else:
            self.pushed[body["dashboard"]["uid"]] = body
            self._answer({"url": f"/d/{body['dashboard']['uid']}", "status": "success"})

    def do_PUT(self) -> None:
        """Replace a data source."""
        body = self._body()
        self.sources[body["uid"]] = {**body, "id": int(self.path.rsplit("/", 1)[-1])}
        self._answer(body)

    def log_message(self, *_arguments: object) -> None:
        """Stay silent."""


@pytest.fixture
def grafana() -> Iterator[tuple[str, type[Grafana]]]:
    """A server that speaks enough of Grafana's API, and what it remembers."""
    handler = type("Memory", (Grafana,), {"folders": {}, "sources": {}, "pushed": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://admin:admin@127.0.0.1:{server.server_address[1]}", handler
    server.shutdown()
    server.server_close()


def test_push_creates_folder_data_source_and_every_board(grafana: tuple[str, type[Grafana]]) -> None:
    """All boards arrive in the one folder, with the data source that their panels name; again: replaced."""
    url, memory = grafana
    catalog = load_catalog()
    for _ in range(2):
        urls = push(url, catalog, CLICKHOUSE)
    assert set(memory.folders) == {FOLDER_UID}
    assert set(memory.sources) == {DATASOURCE_UID}
    assert memory.sources[DATASOURCE_UID]["jsonData"]["port"] == 18123
    assert set(memory.pushed) == set(boards(catalog))
    assert all(body["overwrite"] and body["folderUid"] == FOLDER_UID for body in memory.pushed.values())
    assert urls == [f"/d/{uid}" for uid in boards(catalog)]


def test_a_grafana_that_does_not_answer_is_one_line_without_the_password() -> None:
    """The address is named, the password is not."""
    port = free_port()
    with pytest.raises(PushError) as error:
        push(f"http://admin:geheim@127.0.0.1:{port}", load_catalog(), None)
    assert str(port) in str(error.value)
    assert "geheim" not in str(error.value)
    assert "\n" not in str(error.value)
