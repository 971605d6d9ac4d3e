"""The door: ClickHouse's HTTP interface as an ASGI application over one engine.

Promise: an answer of status 200 whose body ends properly is complete; an acknowledged insert is stored. A
statement whose client has gone is given up. Leaves the meaning of requests to `request.py` and `run.py`,
the engine to `engine.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.clickhouse.errors import EngineError, RefusedError
from infra.clickhouse.server.admission import AdmissionQueue
from infra.clickhouse.server.auth import check_credentials
from infra.clickhouse.server.body import read_body
from infra.clickhouse.server.execute import ExecutionResult, Job, carry_out, understand
from infra.clickhouse.server.formats import content_type
from infra.clickhouse.server.multipart import external_tables, parse_form
from infra.clickhouse.server.request import QueryRequest, parse_request
from infra.clickhouse.server.response import BrokenResponseError, QueryResponse
from infra.clickhouse.server.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

    from infra.clickhouse.server.body import Body
    from infra.clickhouse.server.config import ServerConfig
    from infra.clickhouse.server.engine import EmbeddedEngine, Handle

_T = TypeVar("_T")
_FORM = "multipart/form-data"


def create_app(engine: EmbeddedEngine, config: ServerConfig) -> Starlette:
    """The application: `/ping` without a password, everything else by `ClickHouseServer`."""
    door = ClickHouseServer(engine, config)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        door.close()

    routes = [Route("/ping", _alive), Route("/replicas_status", _alive), Route("/", door)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("Ok.\n")


class ClickHouseServer:
    """Answers requests; holds the turns, the workers and the sessions."""

    def __init__(self, engine: EmbeddedEngine, config: ServerConfig) -> None:
        self._engine = engine
        self._config = config
        self._turns = AdmissionQueue(config.running, config.waiting, config.wait_s)
        self._sessions = Sessions(config.sessions)
        self._workers = ThreadPoolExecutor(config.running, thread_name_prefix="door")
        self._identity = {
            "X-ClickHouse-Server-Display-Name": config.display_name,
            "X-ClickHouse-Timezone": engine.value("SELECT timezone()"),
        }

    def close(self) -> None:
        """Gives everything back; no request is running any more."""
        self._sessions.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI)."""
        delivery = QueryResponse(receive, send)
        try:
            await self._answer(Request(scope, delivery.receive), delivery)
        except (RefusedError, EngineError) as refusal:
            if delivery.started:
                # Status 200 is out: the text goes into the body, and the body never ends properly.
                await delivery.block(f"\n{refusal.text}\n".encode())
                raise BrokenResponseError(refusal.text) from refusal
            await delivery.drain()
            await self._refusal(refusal)(scope, receive, send)
        except ClientDisconnect:
            return
        except BrokenResponseError:
            raise
        except Exception as error:
            sys.stderr.write(f"clickhouse: {type(error).__name__}: {error}\n")
            if delivery.started:
                raise
            await self._refusal(RefusedError(1002, "UNKNOWN_EXCEPTION", str(error)))(scope, receive, send)

    def _refusal(self, refusal: RefusedError | EngineError) -> Response:
        headers = self._identity | {"X-ClickHouse-Exception-Code": str(refusal.code), "Connection": "close"}
        return PlainTextResponse(refusal.text + "\n", refusal.status, headers)

    async def _answer(self, request: Request, delivery: QueryResponse) -> None:
        pairs = list(request.query_params.multi_items())
        headers = {name.lower(): value for name, value in request.headers.items()}
        check_credentials(parse_request(request.method, pairs, headers).credentials, self._config)
        body = await self._read(request)
        try:
            ask = await asyncio.to_thread(_ask, request.method, pairs, headers, body)
            job = await asyncio.to_thread(understand, ask, body, self._config)
            if job.statement.kind == "empty" and request.method in ("GET", "HEAD"):
                await delivery.start(self._identity | {"Content-Type": "text/plain; charset=UTF-8"})
                await delivery.block(b"Ok.\n")
                await delivery.end()
                return
            async with self._turns.turn():
                await self._run(job, delivery)
            await delivery.end()  # last: who has the whole answer finds the session free
        finally:
            body.close()

    async def _read(self, request: Request) -> Body:
        config = self._config
        is_form = request.headers.get("content-type", "").startswith(_FORM)
        limit = config.max_sql_bytes if is_form else config.max_body_bytes
        encoding = request.headers.get("content-encoding", "")
        return await read_body(request.stream(), encoding, limit, config.spool_bytes, config.path)

    async def _run(self, job: Job, delivery: QueryResponse) -> None:
        session_id = job.ask.session_id
        handle = await self._sessions.take(session_id) if session_id else None
        keep = handle is not None or job.statement.makes_session_state
        handle = handle or self._engine.handle()
        try:
            await self._watched(job, handle, delivery)
        finally:
            if keep and session_id:
                self._sessions.keep(session_id, handle, job.ask.session_timeout_s)
            else:
                handle.close()

    async def _watched(self, job: Job, handle: Handle, delivery: QueryResponse) -> None:
        """Runs a job; gives it up when the client goes. An insert that has come in whole is finished."""
        marker = f"door-{uuid.uuid4()}"
        work = asyncio.ensure_future(self._carry_out(job, handle, delivery, marker))
        watch = asyncio.ensure_future(delivery.watch())
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and job.statement.kind != "insert":
                await asyncio.to_thread(self._engine.kill, marker)
        finally:
            # The worker thread holds the handle until it returns, whoever has gone.
            await asyncio.wait({work})
            watch.cancel()
        work.result()

    async def _carry_out(self, job: Job, handle: Handle, delivery: QueryResponse, marker: str) -> None:
        answer: ExecutionResult = await self._blocking(carry_out, job, handle, self._config, marker)
        try:
            block = await self._blocking(next, answer.blocks, None)
            await delivery.start(self._headers(job, answer))
            while block is not None and not delivery.gone:
                await delivery.block(block)
                block = await self._blocking(next, answer.blocks, None)
        finally:
            close = getattr(answer.blocks, "close", None)
            if close is not None:
                await self._blocking(close)

    def _headers(self, job: Job, answer: ExecutionResult) -> dict[str, str]:
        written = answer.written
        summary = {
            "read_rows": "0",
            "read_bytes": "0",
            "written_rows": str(written.rows if written else 0),
            "written_bytes": str(written.bytes if written else 0),
        }
        return self._identity | {
            "Content-Type": content_type(job.format),
            "X-ClickHouse-Format": job.format,
            "X-ClickHouse-Query-Id": job.ask.query_id,
            "X-ClickHouse-Summary": json.dumps(summary),
        }

    async def _blocking(self, verb: Callable[..., _T], *told: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, verb, *told)


def _ask(method: str, pairs: list[tuple[str, str]], headers: dict[str, str], body: Body) -> QueryRequest:
    """The request with what a multi-part body adds to it; such a body is then used up."""
    if not headers.get("content-type", "").startswith(_FORM):
        return parse_request(method, pairs, headers)
    form = parse_form(headers["content-type"], body.head(body.size))
    body.clear()
    tables, rest = external_tables(form, [*pairs, *form.fields])
    return parse_request(method, rest, headers, tables)
