"""A plain HTTP server over a folder, which can be told to misbehave."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Trick = Callable[["Handler"], bool]


class Handler(SimpleHTTPRequestHandler):
    """Serves files; a trick may answer first."""

    trick: Trick | None = None

    def do_GET(self) -> None:
        """Answer."""
        trick = type(self).trick
        if trick is None or not trick(self):
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path, trick: Trick | None = None) -> Iterator[str]:
    """Serve a folder; its URL."""
    handler = type("Tricked", (Handler,), {"trick": staticmethod(trick) if trick else None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
