"""The embedded engine: one per process and data directory, with a fresh handle for every statement.

A handle costs a third of a millisecond. So each statement gets its own, and nothing that a statement sets (SET, USE,
temporary tables) reaches the next one. Every method of `Handle` blocks and runs on a worker thread; the engine's
errors come out as `EngineError`. Queueing, time-outs and HTTP are left to others.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import chdb

from infra.clickhouse.errors import EngineError, ServerStartError
from infra.clickhouse.server.engine_config import config_file
from infra.clickhouse.server.launch import locked_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from infra.clickhouse.server.config import Role, ServerConfig

_LOCKED = re.compile(r"Another server instance|Cannot lock file")
_NO_SPACE = re.compile(r"No space left|NOT_ENOUGH_SPACE|Code: 243\b")
_DAMAGED = re.compile(r"(?:metadata file|\(in file) ((?:store|metadata)/[\w./-]+\.sql)")
"""The engine's words about a definition that it cannot read, or whose table it cannot load."""
_TABLE = re.compile(r"'load table ([^']+)' failed")


@dataclass(frozen=True, slots=True)
class Written:
    """Rows and bytes that an insert wrote."""

    rows: int
    bytes: int


class EmbeddedEngine:
    """The open engine of one data directory, until `close`.

    Args:
        config: The data directory, which `launch.py` holds locked, and the limits.

    Raises:
        ServerStartError: The disk is full, or the engine does not open.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._target = f"{config.path}?config-file={config_file(config)}"
        self._forget_empty_default()
        with captured_stderr() as captured:
            self._first_handle = self.handle(captured)  # holds the engine open between statements
        self._make_default_plain()

    def handle(self, stderr: Callable[[], str] = str) -> Handle:
        """Return a fresh handle; the caller closes it.

        Args:
            stderr: Returns what the engine wrote to stderr meanwhile, for the error's message.

        Raises:
            ServerStartError: The engine does not open.
        """
        try:
            return Handle(chdb.connect(self._target))
        except RuntimeError as error:
            raise ServerStartError(_start_line(self._config, f"{stderr()}{error}")) from error

    def _forget_empty_default(self) -> None:
        """Remove the file of a `default` database that never held a table: the engine cannot attach it again.

        With its first table the database gets a link beside its file; from then on the engine attaches it.
        """
        metadata = self._config.path / "metadata"
        link = metadata / "default"
        if not link.is_symlink() and not link.exists():
            for name in ("default.sql", "default.sql.tmp"):
                (metadata / name).unlink(missing_ok=True)

    def _make_default_plain(self) -> None:
        """Replace the embedded engine's overlay over the host's files by a plain database `default`."""
        with contextlib.suppress(EngineError):  # a new directory: nothing is attached yet
            self._first_handle.query(b"DETACH DATABASE default", "Null", {})
            self._first_handle.query(b"ATTACH DATABASE default", "Null", {})
        try:
            self._first_handle.query(b"CREATE DATABASE IF NOT EXISTS default ENGINE = Atomic", "Null", {})
        except EngineError as error:
            raise ServerStartError(_start_line(self._config, error.text)) from error

    def value(self, sql: str) -> str:
        """Return the one value of a query, on a handle of its own."""
        with contextlib.closing(self.handle()) as handle:
            return handle.query(sql.encode(), "TSVRaw", {}).decode().rstrip("\n")

    def kill(self, marker: str | None) -> None:
        """Ask the engine to cancel the statements with this marker; None: all of them."""
        which = "1" if marker is None else f"startsWith(Settings['log_comment'], {quote(marker)})"
        with contextlib.closing(self.handle()) as handle, contextlib.suppress(EngineError):
            handle.query(f"KILL QUERY WHERE {which} ASYNC".encode(), "Null", {})

    def close(self) -> None:
        """Close the engine. Its data is complete on disk at any time."""
        self._first_handle.close()


@contextlib.contextmanager
def captured_stderr() -> Iterator[Callable[[], str]]:
    """Capture what native code writes to stderr; the context's value returns its first 4096 bytes."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield lambda: os.pread(held.fileno(), 4096, 0).decode(errors="replace")
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class Handle:
    """One connection to the engine, used by one thread at a time."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def assume(self, role: Role) -> None:
        """Run the statements that follow under one of the roles of `engine_config.py`, and no other."""
        self.query(f"SET ROLE {role}".encode(), "Null", {})

    def prepare(self, database: str | None, settings: Mapping[str, str]) -> None:
        """Set the database and the settings for the statements that follow."""
        if database:
            self.query(f"USE {quote_name(database)}".encode(), "Null", {})
        if settings:
            assignments = ", ".join(
                f"{quote_name(name)} = {quote(value)}" for name, value in settings.items()
            )
            self.query(f"SET {assignments}".encode(), "Null", {})

    def query(self, sql: bytes, form: str, params: Mapping[str, str]) -> bytes:
        """Run a statement and return its whole result.

        Args:
            sql: The statement.
            form: Format of the result.
            params: Query parameters.

        Raises:
            EngineError: The statement failed.
        """
        try:
            result = self._connection.query(sql, form, params=dict(params))
        except (chdb.ChdbError, RuntimeError) as error:
            self._skip_footer()
            raise EngineError(str(error)) from error
        whole: bytes = result.bytes()  # a copy: the engine's own buffer ends with the result
        return whole

    def stream(self, sql: bytes, form: str, params: Mapping[str, str]) -> Iterator[bytes]:
        """Run a select and yield its result block by block; close the iterator to cancel it.

        Raises:
            EngineError: The statement failed, before or between blocks.
        """
        try:
            stream = self._connection.send_query(sql, form, params=dict(params))
        except (chdb.ChdbError, RuntimeError) as error:
            raise EngineError(str(error)) from error
        try:
            while (block := stream.fetch()) is not None:
                yield block.bytes()
        except (chdb.ChdbError, RuntimeError) as error:
            raise EngineError(str(error)) from error
        finally:
            with contextlib.suppress(chdb.ChdbError, RuntimeError):
                stream.cancel()

    def insert(self, head: bytes, form: str, pieces: Iterable[bytes]) -> Written:
        """Insert data in a format; only `insert_staging.py` calls this.

        Data that cannot be parsed raises. A failed *write* does not always raise: the caller counts afterwards.

        Args:
            head: The statement before FORMAT.
            form: Format of the data.
            pieces: The data.

        Raises:
            EngineError: The engine reported an error.
        """
        try:
            inserter = self._connection.send_insert(head, form)
        except (chdb.ChdbError, RuntimeError) as error:
            raise EngineError(str(error)) from error
        try:
            for piece in pieces:
                inserter.append(piece)
            done = inserter.finish()
        except (chdb.ChdbError, RuntimeError) as error:
            with contextlib.suppress(chdb.ChdbError, RuntimeError):
                inserter.cancel()
            raise EngineError(str(error)) from error
        return Written(int(done.rows_written), int(done.bytes_written))

    def _skip_footer(self) -> None:
        """Run a no-op query: after an error chdb leaves a format footer that would prefix the next result."""
        with contextlib.suppress(chdb.ChdbError, RuntimeError):
            self._connection.query("SELECT 1", "Null")

    def close(self) -> None:
        """Close the handle."""
        self._connection.close()


def quote(value: str) -> str:
    """Return a SQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quote_name(name: str) -> str:
    """Return a quoted SQL identifier."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _reason(text: str) -> str:
    """Return the engine's innermost error without its codes and its copy of the table's definition."""
    first = text.splitlines()[0].rpartition("DB::Exception: ")[2]
    return first.partition(": Cannot attach table")[0].partition(": Cannot parse definition")[0][:160]


def _start_line(config: ServerConfig, text: str) -> str:
    if _LOCKED.search(text):
        return locked_line(config.path)
    if _NO_SPACE.search(text):
        return f"{config.path}: the disk is full: free some space and start again"
    if found := _DAMAGED.search(text):
        what = _TABLE.search(text)
        where = f" of table {what[1]}" if what else ""
        return (
            f"{config.path / found[1]}: a file{where} is damaged: move {config.path} away, and the next start fills it "
            "again from Kafka, or restore a backup (docs/recovery.md#clickhouse-does-not-open); "
            f"{_reason(text)}"
        )
    return f"{config.path}: the engine does not open: {text.splitlines()[0] if text else 'no reason given'}"
