"""The process of the embedded ClickHouse: the engine and its HTTP server.

`serve` is the whole program: it opens the engine, answers until SIGTERM or SIGINT, and ends within ten
seconds whatever runs. Data survives `kill -9`: an acknowledged insert is stored. If it cannot start, it writes
one clear line and exits with code 2.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from infra.clickhouse.errors import ServerStartError
from infra.clickhouse.server.app import create_app
from infra.clickhouse.server.config import ServerConfig
from infra.clickhouse.server.engine import EmbeddedEngine
from infra.errors import PortInUseError
from infra.http.server_limits import CLICKHOUSE
from infra.http.serving import LimitedConfig, listen
from infra.process.log_limit import limit_logging
from ledger_sink.http.descriptors import raise_descriptor_limit

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import FrameType

_LAST_S = 3.0  # after the grace period of the statements: until the process ends in any case


def serve(path: Path, host: str, port: int, user: str, password: str, hosts: Collection[str] = ()) -> None:
    """Serve a data directory until SIGTERM or SIGINT.

    Args:
        path: The engine's data directory, made if missing.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        user: The one user.
        password: The user's password; empty: the user's name is enough.
        hosts: Names by which others call the server, besides those of the loopback.

    Raises:
        SystemExit: Code 2, with one line on stderr, if the server cannot start.
    """
    run(ServerConfig(path=path.resolve(), host=host, port=port, user=user, password=password), hosts)


def run(config: ServerConfig, hosts: Collection[str] = ()) -> None:
    """Serve with explicit limits until SIGTERM or SIGINT.

    Raises:
        SystemExit: Code 2, with one line on stderr, if the server cannot start.
    """
    try:
        raise_descriptor_limit()
        listening = listen(config.host, config.port)
        _make_directory(config.path)
        engine = EmbeddedEngine(config)
    except (ServerStartError, PortInUseError) as error:
        sys.stderr.write(f"clickhouse: {error}\n")
        raise SystemExit(2) from error
    host, port = listening.getsockname()[:2]
    sys.stderr.write(
        f"clickhouse: engine {engine.value('SELECT version()')} on http://{host}:{port}/ ({config.path})\n"
    )
    sys.stderr.flush()
    _Server(engine, config, hosts).run(sockets=[listening])
    # The data is on disk already; waiting for the engine's own threads could take longer than the grace period.
    logging.shutdown()  # says what the log left out
    sys.stderr.flush()
    os._exit(0)


class _Server(uvicorn.Server):
    """A uvicorn server whose end does not wait for endless statements."""

    def __init__(self, engine: EmbeddedEngine, config: ServerConfig, hosts: Collection[str]) -> None:
        super().__init__(
            LimitedConfig(
                create_app(engine, config),
                CLICKHOUSE,
                hosts,
                timeout_graceful_shutdown=int(config.stop_s + _LAST_S / 2),
            )
        )
        self._engine = engine
        self._stop_s = config.stop_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Refuse new statements, then cancel the running ones, then end the process."""
        _ = sig, frame
        self.should_exit = True
        for seconds, verb in ((self._stop_s, self._cancel_statements), (self._stop_s + _LAST_S, _end)):
            timer = threading.Timer(seconds, verb)
            timer.daemon = True
            timer.start()

    def _cancel_statements(self) -> None:
        self._engine.kill(None)


def _end() -> None:
    os._exit(0)


def _make_directory(path: Path) -> None:
    try:
        (path / "user_files").mkdir(parents=True, exist_ok=True)
        probe = path / ".probe"
        probe.write_bytes(bytes(64 * 1024))
        probe.unlink()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ServerStartError(f"{path}: the disk is full: free some space and start again") from error
        raise ServerStartError(f"{path}: cannot be written: {error.strerror or error}") from error


def main(arguments: list[str] | None = None) -> None:
    """Serve from the command line: `python -m infra.clickhouse.server.embedded PATH`."""
    parser = argparse.ArgumentParser(
        prog="infra.clickhouse.server.embedded", description="ClickHouse's engine behind its HTTP interface"
    )
    parser.add_argument("path", type=Path, help="data directory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=18123)
    parser.add_argument("--user", default="city")
    parser.add_argument(
        "--password-file", type=Path, help="file whose first line is the password (none: no password)"
    )
    given = parser.parse_args(arguments)
    limit_logging(sys.stderr)
    serve(given.path, given.host, given.port, given.user, _password(parser, given.password_file))


def _password(parser: argparse.ArgumentParser, path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").split("\n", 1)[0]
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"--password-file {path}: {error}")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    main()
