"""`GET /prove`: the bundle that `city prove` writes, for programs on the same machine.

GET /prove?topic=T&partition=P&offset=O     one record
GET /prove?event=ID                         one event
GET /prove?topic=T&subject=KEY&from=…&to=…  a subject's records in an interval (without subject: with partition)

400 the request is malformed, or asks for too much · 403 not from this machine · 404 there is no such record, event or
topic · 409 it is not sealed and cosigned yet: Retry-After says when to ask again · 500 the ledger's files contradict
each other: run the audit · 503 busy, or Kafka or ClickHouse does not answer.
A client sees records as they are in Kafka (personal fields encrypted), so only loopback is served.
"""

from __future__ import annotations

import threading
from ipaddress import ip_address
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.errors import CityError
from infra.evidence.prove import (
    EvidenceRequest,
    EvidenceRequestError,
    UnknownTopicError,
    prove_request,
)
from infra.evidence.records import EventNotFoundError
from ledger_sink.errors import LedgerError, LogStoppedError, NotCoveredYetError, NotSealedError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from infra.settings import Settings
    from schemas.catalog import Catalog

CONTENT_TYPE = "application/vnd.city-evidence+zip"
AGAIN_S = 5
"""Seconds for Retry-After: cosigned city checkpoints come every few seconds."""
AT_ONCE = 2
"""Most proofs made at a time: each opens a connection of its own to Kafka."""
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")
PROXIED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers of a proxy on this machine: who is behind it is not known."""


def route(settings: Settings, catalog: Catalog) -> Route:
    """Return the route for the web process."""
    proofs = Proofs(settings, catalog)

    async def evidence(request: Request) -> Response:
        if not is_local(request):
            return refusal(403, "bundles are made for this machine only; run `city prove` there")
        return await run_in_threadpool(proofs.answer, request.query_params.multi_items())

    return Route("/prove", evidence)


class Proofs:
    """Makes bundles, a few at a time."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def answer(self, pairs: Sequence[tuple[str, str]]) -> Response:
        """Return the bundle for a request's parameters, or the refusal."""
        parameters = dict(pairs)
        if len(parameters) < len(pairs):
            return refusal(400, "expected each word once")
        if not self._slots.acquire(blocking=False):
            return refusal(503, f"busy with {AT_ONCE} other proofs", retry_after_s=1)
        try:
            bundle = prove_request(self._settings, self._catalog, EvidenceRequest.of(parameters), wait_s=0.0)
        except (CityError, LedgerError, ClickHouseError) as error:
            return _refused(error)
        finally:
            self._slots.release()
        name = bundle.name.encode("ascii", "replace").decode().replace('"', "_")
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(bundle.data, media_type=CONTENT_TYPE, headers=headers)


def is_local(request: Request) -> bool:
    """Return whether a request comes from this machine and names it by a name that DNS cannot rebind."""
    if any(name in request.headers for name in PROXIED):
        return False
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    try:
        return (
            request.client is not None and ip_address(request.client.host).is_loopback and host in LOCAL_NAMES
        )
    except ValueError:
        return False


def refusal(status: int, message: str, *, retry_after_s: int | None = None) -> Response:
    """Return a JSON response with the reason and, if given, when to ask again."""
    headers = {"Cache-Control": "no-store"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return JSONResponse({"error": message}, status, headers)


def _refused(error: Exception) -> Response:
    message = str(error)
    if isinstance(error, NotCoveredYetError):
        return refusal(409, message, retry_after_s=AGAIN_S)
    if isinstance(error, EventNotFoundError | NotSealedError | UnknownTopicError):
        return refusal(404, message)
    if isinstance(error, EvidenceRequestError | RefusedError):
        return refusal(400, message)
    if isinstance(error, LogStoppedError):
        return refusal(500, message)
    return refusal(503, message, retry_after_s=AGAIN_S)
