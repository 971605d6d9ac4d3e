"""Stand-ins for the parts of a stack: ports that answer, that say nothing, or that nobody listens on."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from infra.ports import free_port
from infra.running import PARTS
from infra.settings import Ports, Settings, remember

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Answer = bytes | None
"""What a port answers to whatever comes; None: it takes the connection and says nothing."""

HTTP: Answer = b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nOk\n"
KAFKA: Answer = b"\0\0\0\x0a\0\0\0\x01\0\0\0\0\0\0"
"""An answer to ApiVersions: size, correlation id 1, no error, no versions."""
HANGS: Answer = None
ANSWERS: Mapping[str, Answer] = {"kafka": KAFKA, **dict.fromkeys(PARTS[1:], HTTP)}


@contextlib.contextmanager
def listener(answer: Answer) -> Iterator[int]:
    """Listen on a loopback port until the end of the block; yield the port."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    taken.append(connection)
                    if answer is not None:
                        connection.recv(65536)
                        connection.sendall(answer)
                        connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for each in taken:
        each.close()


@contextlib.contextmanager
def held(data: Path) -> Iterator[None]:
    """Hold a data directory as a running `city up` does."""
    (data / "run").mkdir(parents=True, exist_ok=True)
    with (data / "run" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def stack_of(
    data: Path,
    parts: Mapping[str, Answer] = ANSWERS,
    *,
    running: bool = True,
    settings: Settings | None = None,
) -> Iterator[Settings]:
    """Lay a data directory whose named parts listen and whose other parts do not.

    Args:
        data: The data directory.
        parts: What each part answers.
        running: Whether a `city up` seems to run there.
        settings: Further settings.
    """
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(listener(answer)) for name, answer in parts.items()}
        for name in Ports.names():
            ports.setdefault(name, free_port(list(ports.values())))
        made = replace(settings or Settings(), data=data, ports=Ports(**ports))
        remember(made)
        if running:
            stack.enter_context(held(data))
        yield made
