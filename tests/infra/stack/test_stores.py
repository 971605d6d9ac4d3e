"""Whether a store answers."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from infra.ports import free_port
from infra.stack.stores import answers


def test_any_answer_is_one_and_silence_is_none() -> None:
    """An error is an answer; a port where nobody listens is not."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:  # 501 to every request
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert answers(f"http://127.0.0.1:{server.server_port}/ping", timeout_s=5)
        server.shutdown()
    assert not answers(f"http://127.0.0.1:{free_port([])}/ping", timeout_s=5)
