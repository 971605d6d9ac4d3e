"""The process of the embedded ClickHouse: the engine and its HTTP server, confined to their own folder.

`serve` starts it in place of the calling process: `launch.py` prepares, and this module's `main` confines the process,
opens the engine, answers until SIGTERM or SIGINT, and ends within ten seconds whatever runs. Data survives
`kill -9`: an acknowledged insert is stored. If it cannot start, it writes one clear line and exits with code 2.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import uvicorn

from infra.clickhouse.errors import ServerStartError
from infra.clickhouse.server.config import ServerConfig
from infra.clickhouse.server.launch import launch
from infra.errors import PortInUseError
from infra.http.server_limits import CLICKHOUSE
from infra.http.serving import LimitedConfig
from infra.process import confinement
from infra.process.child import PARENT_VARIABLE
from infra.process.log_limit import limit_logging
from ledger_sink.http.descriptors import raise_descriptor_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from infra.clickhouse.server.engine import EmbeddedEngine

PACKAGES = ("infra", "ledger_sink", "streams", "schemas", "dashboards")
_LAST_S = 3.0  # after the grace period of the statements: until the process ends in any case


def serve(config: ServerConfig, *, required: bool = False, state: Path | None = None) -> NoReturn:
    """Serve a data directory until SIGTERM or SIGINT, in place of this process.

    Args:
        config: Address, users and limits.
        required: Refuse to start where the operating system cannot confine the process.
        state: File for the state of the confinement; None: it is only written to the log.

    Raises:
        SystemExit: Code 2, with one line on stderr, if the server cannot start.
    """
    try:
        launch(config, required=required, state=state)
    except (ServerStartError, PortInUseError) as error:
        _refuse(error)


def main(arguments: list[str] | None = None) -> None:
    """Run the process that `launch` starts: `python -m infra.clickhouse.server.embedded DESCRIPTOR`."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    limit_logging(sys.stderr)
    raise_descriptor_limit()
    (number,) = sys.argv[1:] if arguments is None else arguments
    with os.fdopen(int(number), "rb") as pipe:
        document = json.load(pipe)
    config = ServerConfig.from_document(document["config"])
    state = _confine(config, document)
    if document["required"] and not state.confined:
        _refuse(
            ServerStartError(f"it must run confined (CITY_CONFINEMENT=required), and cannot: {state.why_not}")
        )
    try:
        run(config, socket.socket(fileno=document["listening"]), state, document["state"])
    except ServerStartError as error:
        _refuse(error)


def _confine(config: ServerConfig, document: Mapping[str, Any]) -> confinement.Confinement:
    readable = (
        *confinement.machine_paths(),
        *confinement.python_paths(PACKAGES),
        config.config_path,
    )
    rules = confinement.Rules(config.path, readable, tuple(map(Path, document["out_of_reach"])))
    state = confinement.confine(rules)
    if document["state"] >= 0:
        confinement.write_state(document["state"], state)
    return state


def run(
    config: ServerConfig, listening: socket.socket, state: confinement.Confinement, descriptor: int
) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT.

    Args:
        config: Users and limits.
        listening: The socket.
        state: The confinement of this process.
        descriptor: The file of the state, where statements that cannot be stopped are reported, too; below 0: none.

    Raises:
        ServerStartError: The engine does not open.
    """
    # Importing the engine starts threads, which are confined only if they come after the confinement.
    from infra.clickhouse.server.engine import EmbeddedEngine  # noqa: PLC0415

    engine = EmbeddedEngine(config)
    host, port = listening.getsockname()[:2]
    sys.stderr.write(
        f"clickhouse: engine {engine.value('SELECT version()')} on http://{host}:{port}/ ({config.path}), "
        f"{state.line}\n"
    )
    sys.stderr.flush()
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def tell(overruns: int) -> None:
        if descriptor >= 0:
            confinement.write_state(descriptor, state, overruns)

    _Server(engine, config, tell).run(sockets=[listening])
    # The data is on disk already; waiting for the engine's own threads could take longer than the grace period.
    logging.shutdown()  # says what the log left out
    sys.stderr.flush()
    os._exit(0)


def _end_with_parent() -> None:
    """End in order when the parent is gone; on Linux the kernel's signal comes first."""
    parent = os.environ.get(PARENT_VARIABLE)
    while parent and os.getppid() == int(parent):
        time.sleep(0.5)
    if parent:
        os.kill(os.getpid(), signal.SIGTERM)


def _refuse(error: ServerStartError | PortInUseError) -> NoReturn:
    sys.stderr.write(f"clickhouse: {error}\n")
    sys.stderr.flush()
    os._exit(2)  # threads of the engine must not keep a refused process alive


class _Server(uvicorn.Server):
    """A uvicorn server whose end does not wait for endless statements."""

    def __init__(self, engine: EmbeddedEngine, config: ServerConfig, tell: Callable[[int], None]) -> None:
        from infra.clickhouse.server.app import create_app  # noqa: PLC0415 - it imports the engine

        super().__init__(
            LimitedConfig(
                create_app(engine, config, tell),
                CLICKHOUSE,
                config.hosts,
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


if __name__ == "__main__":
    main()
