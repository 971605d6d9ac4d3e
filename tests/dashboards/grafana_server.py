"""Serves the stub of Grafana over HTTP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.dashboards.grafana_stub import Grafana


class _Handler(BaseHTTPRequestHandler):
    grafana: Grafana
    wbufsize = -1  # one packet for head and body

    def _respond(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(data) if data else None
        status, answer = self.grafana.answer(self.command, self.path, body, self.headers.get("Authorization"))
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if status in (302, 307):
            self.send_header("Location", content.decode())
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _respond  # noqa: N815 - the server's names

    def log_message(self, *_arguments: object) -> None:
        """Stay silent."""


def serve(grafana: Grafana) -> ThreadingHTTPServer:
    """Serve a Grafana on a free loopback port, until the server is closed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"grafana": grafana}))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server
