"""ClickHouse's HTTP interface as an ASGI application over one embedded engine.

A response of status 200 whose body ends properly is complete; an acknowledged insert is stored. A statement whose
client has gone is cancelled. The meaning of requests is left to `request.py` and `execute.py`, the engine to
`engine.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.clickhouse.errors import EngineError, RefusedError
from infra.clickhouse.server.admission import AdmissionQueue
from infra.clickhouse.server.auth import check_credentials
from infra.clickhouse.server.body import read_body
from infra.clickhouse.server.execute import ExecutionResult, Job, execute, parse_job
from infra.clickhouse.server.formats import content_type
from infra.clickhouse.server.multipart import external_tables, parse_form
from infra.clickhouse.server.overrun import Overruns
from infra.clickhouse.server.request import QueryRequest, parse_request
from infra.clickhouse.server.response import IncompleteResponseError, QueryResponse
from infra.clickhouse.server.sessions import Sessions
from ledger_sink.http.server import one_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from starlette.types import Receive, Scope, Send

    from infra.clickhouse.server.admission import Turn
    from infra.clickhouse.server.body import Body
    from infra.clickhouse.server.config import ServerConfig, User
    from infra.clickhouse.server.engine import EmbeddedEngine, Handle

log = logging.getLogger("city.clickhouse")

_T = TypeVar("_T")
_FORM = "multipart/form-data"
_KILL_AGAIN_S = 0.2
"""Seconds until a statement that still runs is cancelled again: the engine forgets a cancelling that came too early."""


def create_app(
    engine: EmbeddedEngine, config: ServerConfig, tell_overruns: Callable[[int], None] = lambda _: None
) -> Starlette:
    """Return the application: `/ping` without a password, everything else by `ClickHouseServer`.

    Args:
        engine: Runs the statements.
        config: The users and the limits.
        tell_overruns: Called with the number of boards' statements that run beyond their limit.
    """
    server = ClickHouseServer(engine, config, tell_overruns)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        server.close()

    routes = [Route("/ping", _alive), Route("/replicas_status", _alive), Route("/", server)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("Ok.\n")


class ClickHouseServer:
    """The ASGI endpoint that runs statements; it owns the admission queue, the workers and the sessions.

    Args:
        engine: Runs the statements.
        config: The users and the limits.
        tell_overruns: Called with the number of boards' statements that run beyond their limit.
    """

    def __init__(
        self, engine: EmbeddedEngine, config: ServerConfig, tell_overruns: Callable[[int], None]
    ) -> None:
        self._engine = engine
        self._config = config
        self._admission = AdmissionQueue(config.running, config.waiting, config.wait_s)
        self._board_admission = AdmissionQueue(config.boards.running, config.waiting, config.wait_s)
        self._sessions = Sessions(config.sessions)
        self._overruns = Overruns(config.boards, tell_overruns)
        workers = config.running + config.boards.spare
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="clickhouse")
        self._identity = {
            "X-ClickHouse-Server-Display-Name": config.display_name,
            "X-ClickHouse-Timezone": engine.value("SELECT timezone()"),
        }

    def close(self) -> None:
        """Close sessions and workers; no request is running any more."""
        self._sessions.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        response = QueryResponse(receive, send)
        try:
            await self._respond(Request(scope, response.receive), response)
        except (RefusedError, EngineError) as refusal:
            if response.started:
                # Status 200 is out: the text goes into the body, and the body never ends properly.
                await response.block(f"\n{refusal.text}\n".encode())
                raise IncompleteResponseError(refusal.text) from refusal
            await response.drain()
            await self._refusal(refusal)(scope, receive, send)
        except ClientDisconnect:
            return
        except IncompleteResponseError:
            raise
        except Exception as error:
            log.error("a statement failed: %s", one_line(error))  # noqa: TRY400 - one line
            if response.started:
                raise
            await self._refusal(RefusedError(1002, "UNKNOWN_EXCEPTION", str(error)))(scope, receive, send)

    def _refusal(self, refusal: RefusedError | EngineError) -> Response:
        headers = self._identity | {"X-ClickHouse-Exception-Code": str(refusal.code), "Connection": "close"}
        return PlainTextResponse(refusal.text + "\n", refusal.status, headers)

    async def _respond(self, request: Request, response: QueryResponse) -> None:
        pairs = list(request.query_params.multi_items())
        headers = {name.lower(): value for name, value in request.headers.items()}
        user = check_credentials(
            parse_request(request.method, pairs, headers).credentials, self._config.users
        )
        body = await self._read(request)
        left = asyncio.ensure_future(response.watch())
        try:
            async with contextlib.AsyncExitStack() as stack:
                held = []
                if user.role == "boards":  # first, so that those who wait for it take no worker
                    held.append(await stack.enter_async_context(self._board_admission.admit(left)))
                held.append(await stack.enter_async_context(self._admission.admit(left)))
                job = await self._parse(request.method, pairs, headers, body, user, left)
                if job.statement.kind == "empty" and request.method in ("GET", "HEAD"):
                    await response.start(self._identity | {"Content-Type": "text/plain; charset=UTF-8"})
                    await response.block(b"Ok.\n")
                else:
                    await self._run(job, response, left, held)
            await response.end()  # last: a client with the whole response finds the session free
        finally:
            left.cancel()
            body.close()

    async def _parse(
        self,
        method: str,
        pairs: list[tuple[str, str]],
        headers: dict[str, str],
        body: Body,
        user: User,
        left: asyncio.Future[None],
    ) -> Job:
        """Parse a request on a worker; when the client goes, the parsing ends.

        Raises:
            ClientDisconnect: The client has gone.
            RefusedError: The statement is not one that this server runs.
        """
        given_up = threading.Event()

        def parse() -> Job:
            query = _query_request(method, pairs, headers, body)
            return parse_job(query, body, self._config, user.role, given_up)

        work: asyncio.Future[Job] = asyncio.ensure_future(self._blocking(parse))
        try:
            await asyncio.wait((work, left), return_when=asyncio.FIRST_COMPLETED)
            if left.done():
                given_up.set()
        finally:
            await asyncio.wait({work})  # it reads the body
        if left.done():
            work.exception()
            raise ClientDisconnect
        return work.result()

    async def _read(self, request: Request) -> Body:
        config = self._config
        is_form = request.headers.get("content-type", "").startswith(_FORM)
        limit = config.max_form_bytes if is_form else config.max_body_bytes
        encoding = request.headers.get("content-encoding", "")
        return await read_body(request.stream(), encoding, limit, config.spool_bytes, config.path)

    async def _run(
        self, job: Job, response: QueryResponse, left: asyncio.Future[None], held: Sequence[Turn]
    ) -> None:
        session_id = job.request.session_id if job.role == "platform" else None  # boards leave no state
        handle = await self._sessions.take(session_id) if session_id else None
        keep = handle is not None or job.statement.makes_session_state
        if handle is None:
            handle = await self._blocking(self._engine.handle)
        try:
            await self._watched(job, handle, response, left, held)
        finally:
            if keep and session_id:
                self._sessions.keep(session_id, handle, job.request.session_timeout_s)
            else:
                handle.close()

    async def _watched(
        self,
        job: Job,
        handle: Handle,
        response: QueryResponse,
        left: asyncio.Future[None],
        held: Sequence[Turn],
    ) -> None:
        """Run a job and cancel it when the client goes; an insert whose data has arrived is finished."""
        marker = f"request-{uuid.uuid4()}"
        work = asyncio.ensure_future(self._execute(job, handle, response, marker, held))
        try:
            await asyncio.wait((work, left), return_when=asyncio.FIRST_COMPLETED)
            while not work.done() and job.statement.kind != "insert":
                await asyncio.to_thread(self._engine.kill, marker)
                await asyncio.wait({work}, timeout=_KILL_AGAIN_S)
        finally:
            # The worker thread holds the handle until it returns, even if the client has gone.
            await asyncio.wait({work})
        work.result()

    async def _execute(
        self, job: Job, handle: Handle, response: QueryResponse, marker: str, held: Sequence[Turn]
    ) -> None:
        with self._overrun(job, held):
            result: ExecutionResult = await self._blocking(execute, job, handle, self._config, marker)
        try:
            block = await self._next(job, result, held)
            await response.start(self._headers(job, result))
            while block is not None and not response.gone:
                await response.block(block)
                block = await self._next(job, result, held)
        finally:
            close = getattr(result.blocks, "close", None)
            if close is not None:
                with self._overrun(job, held):
                    await self._blocking(close)

    async def _next(self, job: Job, result: ExecutionResult, held: Sequence[Turn]) -> bytes | None:
        with self._overrun(job, held):
            return await self._blocking(next, result.blocks, None)

    def _overrun(self, job: Job, held: Sequence[Turn]) -> contextlib.AbstractContextManager[None]:
        """Watch the engine's work for a board; the time that its client takes does not count."""
        if job.role != "boards":
            return contextlib.nullcontext()
        return self._overruns.watch(partial(_give_back, held))

    def _headers(self, job: Job, result: ExecutionResult) -> dict[str, str]:
        written = result.written
        summary = {
            "read_rows": "0",
            "read_bytes": "0",
            "written_rows": str(written.rows if written else 0),
            "written_bytes": str(written.bytes if written else 0),
        }
        return self._identity | {
            "Content-Type": content_type(job.format),
            "X-ClickHouse-Format": job.format,
            "X-ClickHouse-Query-Id": job.request.query_id,
            "X-ClickHouse-Summary": json.dumps(summary),
        }

    async def _blocking(self, function: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, function, *arguments)


def _give_back(held: Sequence[Turn]) -> None:
    for turn in held:
        turn.give_back()


def _query_request(
    method: str, pairs: list[tuple[str, str]], headers: dict[str, str], body: Body
) -> QueryRequest:
    """Return the request with the fields and tables of a multi-part body; such a body is then empty."""
    if not headers.get("content-type", "").startswith(_FORM):
        return parse_request(method, pairs, headers)
    form = parse_form(headers["content-type"], body.head(body.size))
    body.clear()
    tables, rest = external_tables(form, [*pairs, *form.fields])
    return parse_request(method, rest, headers, tables)
