"""The web process: status page, `/metrics`, read-only schema registry, ledger files; loopback by default.

GET /                       status page              GET /status.json     the same as JSON
GET /metrics                Prometheus               GET /ping            Ok.
GET /subjects… /schemas…    schema registry          GET /ledger/…        checkpoints and tiles
GET /subscribers            who may read what        GET /subscribers/NAME/asyncapi.json
GET /prove?…                evidence bundles, to programs on this machine (`prove.py`)
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from infra.errors import StackError
from infra.http.server_limits import WEB
from infra.http.serving import LimitedConfig, listen
from infra.layer_configs import subscribers
from infra.status.reader import StatusReader
from infra.web import ledger_files, metrics, page, prove, shared
from schemas import registry

if TYPE_CHECKING:
    from starlette.requests import Request

    from infra.settings import Settings
    from infra.status.model import Status
    from schemas.catalog import Catalog

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
FRESH_S = 1.0
"""Seconds for which a status is shown again instead of asking every part anew."""


class CachedStatus:
    """One status reader for all requests; it reads at most once per FRESH_S."""

    def __init__(self, reader: StatusReader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._status: Status | None = None
        self._read_at = 0.0

    def read(self) -> Status:
        """Return a status that is at most FRESH_S old."""
        with self._lock:
            if self._status is None or time.monotonic() - self._read_at > FRESH_S:
                self._status = self._reader.read()
                self._read_at = time.monotonic()
            return self._status


def content_policy(html: str) -> str:
    """Return the Content-Security-Policy of a page that loads nothing: its own styles by their hash, and links."""
    digests = [hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(html)]
    styles = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def application(settings: Settings, catalog: Catalog) -> Starlette:
    """Return the ASGI application."""
    status = CachedStatus(StatusReader(settings, catalog, inside="web"))
    ledger = settings.data / "ledger"
    declared = subscribers(catalog)
    links = {
        "metrics": "/metrics",
        "status as JSON": "/status.json",
        "schemas": "/subjects",
        "subscribers": "/subscribers",
        "ledger": "/ledger/",
    }

    async def home(_request: Request) -> Response:
        text = page.render(await run_in_threadpool(status.read), links)
        return HTMLResponse(text, headers={"Content-Security-Policy": content_policy(text)})

    async def status_json(_request: Request) -> Response:
        return JSONResponse(asdict(await run_in_threadpool(status.read)))

    async def prometheus(_request: Request) -> Response:
        text = metrics.render(await run_in_threadpool(status.read))
        return Response(text, media_type="text/plain; version=0.0.4")

    async def ping(_request: Request) -> Response:
        return PlainTextResponse("Ok.\n")

    async def schemas(request: Request) -> Response:
        body = await request.body()
        query = dict(request.query_params)
        answer = await run_in_threadpool(
            registry.respond, catalog, request.method, request.url.path, body, query
        )
        return Response(json.dumps(answer.body), answer.status, media_type=registry.CONTENT_TYPE)

    async def ledger_file(request: Request) -> Response:
        name = request.path_params["name"]
        if not name:
            return await run_in_threadpool(ledger_files.index, ledger)
        return await run_in_threadpool(ledger_files.respond, ledger, name)

    async def list_subscribers(_request: Request) -> Response:
        return JSONResponse(shared.index(declared))

    async def describe_subscriber(request: Request) -> Response:
        return shared.describe(settings, catalog, declared.get(request.path_params["name"]))

    methods = ["GET", "POST", "PUT", "DELETE"]
    return Starlette(
        routes=[
            Route("/", home),
            Route("/status.json", status_json),
            Route("/metrics", prometheus),
            Route("/ping", ping),
            Route("/ledger/{name:path}", ledger_file),
            Route("/subscribers", list_subscribers),
            Route("/subscribers/{name}/asyncapi.json", describe_subscriber),
            prove.route(settings, catalog),
            *(
                Route(path, schemas, methods=methods)
                for root in ("subjects", "schemas", "config", "mode", "compatibility")
                for path in (f"/{root}", f"/{root}/{{rest:path}}")
            ),
        ]
    )


def serve(settings: Settings, catalog: Catalog, stop: threading.Event) -> None:
    """Serve until `stop` is set.

    Raises:
        PortInUseError: The port cannot be had.
        StackError: The server ended by itself.
    """
    listening = listen(settings.listen, settings.ports.web)
    config = LimitedConfig(
        application(settings, catalog), WEB, settings.host_names, timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    # Off the main thread it leaves signals to us.
    thread = threading.Thread(target=server.run, args=([listening],), name="web")
    thread.start()
    while not stop.wait(0.5):
        if not thread.is_alive():
            raise StackError(f"the web server at {settings.listen}:{settings.ports.web} ended by itself")
    server.should_exit = True
    thread.join()
