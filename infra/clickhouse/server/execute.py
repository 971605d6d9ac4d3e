"""Execution of one request on one handle: which statements the engine runs, in which order.

Blocking, and without HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.server.board_statements import board_settings, check_board_statement
from infra.clickhouse.server.board_tables import check_default_database
from infra.clickhouse.server.board_tree import check_parameters
from infra.clickhouse.server.deny_list import refuse_unsafe, refuse_unsafe_text, refuse_unsafe_values
from infra.clickhouse.server.engine import quote_name
from infra.clickhouse.server.formats import is_streamed
from infra.clickhouse.server.go_driver_hello import hello_answer
from infra.clickhouse.server.insert_staging import fill, store
from infra.clickhouse.server.statement import Statement, parse_statement

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from infra.clickhouse.server.body import Body
    from infra.clickhouse.server.config import Role, ServerConfig
    from infra.clickhouse.server.engine import Handle, Written
    from infra.clickhouse.server.multipart import ExternalTable
    from infra.clickhouse.server.request import QueryRequest

_HEAD = 1024 * 1024  # where an insert's FORMAT must have come by
_LIMITED = {"max_execution_time": "max_execution_s", "max_memory_usage": "max_query_memory_bytes"}


@dataclass(frozen=True, slots=True)
class Job:
    """A parsed request: the statement to run, and its data."""

    request: QueryRequest
    statement: Statement
    body: Body
    body_start: int  # where an insert's data begins in the body; below 0: `inline` comes first
    inline: bytes = field(repr=False, default=b"")
    role: Role = "platform"

    @property
    def format(self) -> str:
        """Return the format of the result."""
        return self.statement.format or self.request.default_format


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """Blocks of the result to send one by one, and what an insert wrote."""

    blocks: Iterator[bytes]
    written: Written | None = None


def parse_job(
    request: QueryRequest, body: Body, config: ServerConfig, role: Role, left: threading.Event
) -> Job:
    """Join `query=` and body as ClickHouse does, and parse them.

    Args:
        request: The request without its body.
        body: What came with it.
        config: The limits.
        role: The role of the user who sent it.
        left: Set when the client has gone, which ends the parsing.

    Raises:
        RefusedError: The statement is unsafe or too large, there are several, or the client has gone.
    """
    if role == "boards" and request.tables:
        raise RefusedError(164, "READONLY", "this user reads boards: no table may come with the statement")
    prefix = request.query + b"\n" if request.query and body.size else request.query
    check_size(prefix, config)
    head = prefix + body.head(_HEAD)
    statement = parse_statement(head, config.max_sql_bytes, left)
    if statement.kind != "insert" or statement.format is None:
        if len(prefix) + body.size > config.max_sql_bytes:
            raise _too_large(len(prefix) + body.size, config)
        refuse_unsafe(statement.found)
        if any(token.text == b";" for token in statement.found[:-1]):
            raise RefusedError(
                62, "SYNTAX_ERROR", "multi-statements are not allowed: send one statement per request"
            )
        return Job(request, statement, body, body.size, statement.data, role)
    check_size(statement.head, config)
    refuse_unsafe(statement.found, calls_only=statement.input_structure is None)
    start = len(head) - len(statement.data) - len(prefix)
    job = Job(request, statement, body, max(start, 0), prefix[start:] if start < 0 else b"", role)
    if statement.format == "Values":
        refuse_unsafe_values(_data(job), config.max_inline_bytes, left)
    return job


def check_size(sql: bytes, config: ServerConfig) -> None:
    """Refuse the text of a statement that is too large.

    Raises:
        RefusedError: Code 191.
    """
    if len(sql) > config.max_sql_bytes:
        raise _too_large(len(sql), config)


def _too_large(size: int, config: ServerConfig) -> RefusedError:
    return RefusedError(
        191,
        "QUERY_IS_TOO_LARGE",
        f"a statement of {size:,} bytes: at most {config.max_sql_bytes:,} (the data of an insert does not count)",
    )


def execute(job: Job, handle: Handle, config: ServerConfig, marker: str) -> ExecutionResult:
    """Run the job up to its first block, so that most errors come before the response's status.

    Args:
        job: What to run.
        handle: A fresh handle, or the session's.
        config: The limits.
        marker: Begins the statement's `log_comment`; `EmbeddedEngine.kill` finds it by that.

    Raises:
        RefusedError: The statement is empty or unsafe.
        EngineError: The engine reported an error.
    """
    handle.assume(job.role)
    for table in job.request.tables:
        _load_table(table, handle)
    if job.role == "boards" and job.statement.kind != "empty":
        check_default_database(job.request.database)
        check_parameters(job.request.params)
        check_board_statement(job.statement.sql, handle)
    handle.prepare(job.request.database, _settings(job, config, marker))
    if job.statement.kind == "insert" and job.statement.format is not None:
        return _insert(job, handle)
    if job.statement.kind == "empty":
        raise RefusedError(62, "SYNTAX_ERROR", "Empty query")
    answer = hello_answer(job.statement.sql, job.request.protocol_version, handle)
    if answer is not None:
        return ExecutionResult(iter((answer,)))
    return _select(job, handle, config)


def _load_table(table: ExternalTable, handle: Handle) -> None:
    structure = table.structure.encode()
    refuse_unsafe_text(structure)
    name = quote_name(table.name).encode()
    handle.query(b"CREATE TEMPORARY TABLE " + name + b" (" + structure + b") ENGINE = Memory", "Null", {})
    fill(name, b"", table.format, iter((table.data,)), handle)


def _settings(job: Job, config: ServerConfig, marker: str) -> dict[str, str]:
    if job.role == "boards":
        whole = {"max_result_bytes": str(config.max_result_bytes)}
        return {"log_comment": marker} | whole | board_settings(job.request.settings, config.boards)
    settings = dict(job.request.settings)
    for name, limit in _LIMITED.items():
        if settings.get(name, "").replace(".", "", 1).isdecimal():
            most = getattr(config, limit)
            settings[name] = settings[name] if 0 < float(settings[name]) <= most else str(most)
    settings["log_comment"] = f"{marker} {settings.get('log_comment', '')}".rstrip()
    if job.request.readonly:
        settings["readonly"] = "2"
    return settings


def _whole_limits(job: Job, config: ServerConfig) -> dict[str, str]:
    """Return the limits of a result that is held as a whole; a client may ask for lower ones."""
    limits = {"max_result_bytes": config.max_result_bytes, "max_result_rows": config.max_result_rows}
    asked = {name: job.request.settings.get(name, "0") for name in limits}
    return {
        name: asked[name] if asked[name].isdecimal() and 0 < int(asked[name]) < most else str(most)
        for name, most in limits.items()
    }


def _select(job: Job, handle: Handle, config: ServerConfig) -> ExecutionResult:
    statement = job.statement
    if statement.kind == "select" and is_streamed(job.format) and not statement.has_totals:
        blocks = handle.stream(statement.sql, job.format, job.request.params)
        first = next(blocks, b"")
        return ExecutionResult(_chain(first, blocks))
    if statement.kind == "select" and job.role == "platform":
        handle.prepare(None, _whole_limits(job, config))
    whole = handle.query(statement.sql, job.format, job.request.params)
    return ExecutionResult(_slices(whole))


def _insert(job: Job, handle: Handle) -> ExecutionResult:
    form = job.statement.format or "Values"
    return ExecutionResult(iter(()), store(job.statement, form, _data(job), job.request.params, handle))


def _data(job: Job) -> Iterator[bytes]:
    if job.inline:
        yield job.inline
    yield from job.body.pieces(job.body_start)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    try:
        if first:
            yield first
        yield from rest
    finally:
        close = getattr(rest, "close", None)
        if close is not None:
            close()


def _slices(whole: bytes, size: int = 1024 * 1024) -> Iterator[bytes]:
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
