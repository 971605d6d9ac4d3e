"""The engine: one per process and data directory; a fresh handle for every statement.

Promise: a handle costs a third of a millisecond, so nothing that a statement sets (SET, USE, temporary
tables) reaches the next one. Every method of `Handle` blocks and runs on a worker thread; the engine's
errors come out as `EngineError`. Leaves queueing, time-outs and HTTP to others.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import chdb

from infra.clickhouse.errors import EngineError, ServerStartError
from infra.clickhouse.server.engine_config import write_engine_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from infra.clickhouse.server.config import ServerConfig

_LOCKED = re.compile(r"Another server instance|Cannot lock file")
_NO_SPACE = re.compile(r"No space left|NOT_ENOUGH_SPACE|Code: 243\b")


@dataclass(frozen=True, slots=True)
class Written:
    """What an insert wrote."""

    rows: int
    bytes: int


class EmbeddedEngine:
    """The open engine. Only `close` ends it."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._lock = _hold(config.path)  # before anything of another engine's could be touched
        self._target = f"{config.path}?config-file={write_engine_config(config)}"
        self._forget_empty_default()
        with stderr_held() as said:
            self._keeper = self.handle(said)  # holds the engine open between statements
        self._make_default_plain()

    def handle(self, said: Callable[[], str] = str) -> Handle:
        """A fresh handle; close it. `said` gives what the engine wrote to stderr meanwhile."""
        try:
            return Handle(chdb.connect(self._target))
        except RuntimeError as error:
            raise ServerStartError(_start_line(self._config, f"{said()}{error}")) from error

    def _forget_empty_default(self) -> None:
        """Takes away the file of a `default` that never held a table: the engine cannot attach that again.

        With its first table the database gets a link beside its file, and from then on it is attached.
        """
        metadata = self._config.path / "metadata"
        link = metadata / "default"
        if not link.is_symlink() and not link.exists():
            for name in ("default.sql", "default.sql.tmp"):
                (metadata / name).unlink(missing_ok=True)

    def _make_default_plain(self) -> None:
        """Takes the embedded engine's overlay over the host's files off the database `default`."""
        with contextlib.suppress(EngineError):  # a new directory: nothing is attached yet
            self._keeper.query(b"DETACH DATABASE default", "Null", {})
            self._keeper.query(b"ATTACH DATABASE default", "Null", {})
        try:
            self._keeper.query(b"CREATE DATABASE IF NOT EXISTS default ENGINE = Atomic", "Null", {})
        except EngineError as error:
            raise ServerStartError(_start_line(self._config, error.text)) from error

    def value(self, sql: str) -> str:
        """One value, asked on a handle of its own."""
        with contextlib.closing(self.handle()) as handle:
            return handle.query(sql.encode(), "TSVRaw", {}).decode().rstrip("\n")

    def kill(self, marker: str | None) -> None:
        """Asks the engine to give up the statements with this marker, or all of them."""
        which = "1" if marker is None else f"startsWith(Settings['log_comment'], {quote(marker)})"
        with contextlib.closing(self.handle()) as handle, contextlib.suppress(EngineError):
            handle.query(f"KILL QUERY WHERE {which} ASYNC".encode(), "Null", {})

    def close(self) -> None:
        """Closes the engine; its data is complete on disk at any time."""
        self._keeper.close()


@contextlib.contextmanager
def stderr_held() -> Iterator[Callable[[], str]]:
    """Holds back what native code writes to stderr; the value reads it."""
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

    def prepare(self, database: str | None, settings: Mapping[str, str]) -> None:
        """Sets the database and settings for what follows."""
        if database:
            self.query(f"USE {quote_name(database)}".encode(), "Null", {})
        if settings:
            told = ", ".join(f"{quote_name(name)} = {quote(value)}" for name, value in settings.items())
            self.query(f"SET {told}".encode(), "Null", {})

    def query(self, sql: bytes, form: str, params: Mapping[str, str]) -> bytes:
        """Runs a statement and holds its whole result."""
        try:
            result = self._connection.query(sql, form, params=dict(params))
        except (chdb.ChdbError, RuntimeError) as error:
            self._forget_failure()
            raise EngineError(str(error)) from error
        whole: bytes = result.bytes()  # a copy: the engine's own buffer ends with the result
        return whole

    def stream(self, sql: bytes, form: str, params: Mapping[str, str]) -> Iterator[bytes]:
        """Runs a select block by block; close the iterator to give it up."""
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
        """Inserts data in a format; only `staging.py` does.

        Data that cannot be read raises. A failed *write* does not always: count afterwards.
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

    def _forget_failure(self) -> None:
        """A failed query leaves the foot of its format, which the next result would begin with."""
        with contextlib.suppress(chdb.ChdbError, RuntimeError):
            self._connection.query("SELECT 1", "Null")

    def close(self) -> None:
        """Gives the handle back."""
        self._connection.close()


def quote(value: str) -> str:
    """A SQL string."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quote_name(name: str) -> str:
    """A SQL identifier."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _hold(path: Path) -> IO[bytes]:
    """Holds a data directory until the process ends, however it ends.

    Raises:
        DoorStartError: another process holds it.
    """
    lock = (path / "door.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise ServerStartError(_held_line(path)) from error
    return lock


def _held_line(path: Path) -> str:
    return f"{path}: another process holds this data directory: stop it or choose another directory"


def _start_line(config: ServerConfig, text: str) -> str:
    if _LOCKED.search(text):
        return _held_line(config.path)
    if _NO_SPACE.search(text):
        return f"{config.path}: the disk is full: free some space and start again"
    return f"{config.path}: the engine does not open: {text.splitlines()[0] if text else 'no reason given'}"
