"""Whether the stack of a data directory runs, and which of its parts answer.

Every command that needs a running stack asks here first. So a stack that is stopped, or a part of it that does not
answer, is one line before any client library is loaded. "Does not answer" is never reported as "is not there".

A stack holds a lock on its data directory while it runs. Without the lock, none of its own parts is asked: another
stack may listen on the same ports. A part that was named by address (`--kafka`, `--clickhouse`, the containers of
`infra/compose.yaml`) is asked in any case.
"""

from __future__ import annotations

import http.client
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from infra.errors import DataDirectoryError, PartDownError, StackStoppedError
from infra.process.data_lock import is_locked
from infra.settings import never_started, recall, settings_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from infra.settings import Settings

CONNECT_S = 1.0
"""Longest wait for a connection, in seconds."""
ANSWER_S = 5.0
"""Longest wait for the answer of a part that took the connection, in seconds."""
PARTS = ("kafka", "clickhouse", "signer", "witness", "web")
"""Every part that listens on a port."""
TITLES = {"kafka": "Kafka", "clickhouse": "ClickHouse", "web": "the status page"}

_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""Kafka's ApiVersions request, version 0, correlation id 1, no client id (Kafka protocol guide, "Requests")."""


class State(StrEnum):
    """What a data directory's stack does."""

    NEVER = "never started"
    STOPPED = "stopped"
    PARTLY = "partly running"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a stack that listens on a port.

    Attributes:
        name: One of `PARTS`.
        address: Its address, as a person would type it.
        problem: Why it does not answer; None if it answers.
    """

    name: str
    address: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class StackState:
    """A data directory's stack at one moment.

    Attributes:
        data: The data directory.
        state: What the stack does.
        settings: Its settings; None if it never started.
        parts: Each part, and whether it answers; empty if it never started.
    """

    data: Path
    state: State
    settings: Settings | None = None
    parts: tuple[Part, ...] = ()

    @property
    def silent(self) -> tuple[Part, ...]:
        """Return the parts that do not answer."""
        return tuple(part for part in self.parts if part.problem)

    def line(self) -> str:
        """Return the state in one line, with what to do."""
        if self.state is State.NEVER:
            return never_started(self.data)
        if self.state is State.STOPPED:
            return stopped(self.data)
        if self.silent:
            return does_not_answer(self.data, self.settings, self.silent)
        return f"the stack at {self.data} is running"


def look(data: Path, *, within_s: float | None = None) -> StackState:
    """Find out what the stack of a data directory does; it takes little longer than `within_s` at most.

    Args:
        data: The data directory.
        within_s: Longest wait for the answer of a part, in seconds; None: `ANSWER_S`.

    Raises:
        DataDirectoryError: The directory cannot be read, or its settings are damaged.
    """
    held = is_held(data)
    if not settings_file(data).exists():
        return StackState(data, State.NEVER)
    settings = recall(data)
    asked = [name for name in PARTS if name != "web" or any(_is_own(settings, each) for each in PARTS[:-1])]
    parts = _ask(settings, asked, held=held, within_s=within_s)  # in containers the page is out of reach
    silent = sum(1 for part in parts if part.problem)
    if not silent:
        return StackState(data, State.RUNNING, settings, parts)
    partly = held or silent < len(parts)
    return StackState(data, State.PARTLY if partly else State.STOPPED, settings, parts)


def require(data: Path, *needs: str, within_s: float | None = None) -> Settings:
    """Return the settings of a data directory's stack whose named parts answer.

    Args:
        data: The data directory.
        needs: Names of `PARTS` that the caller talks to; none: the settings suffice.
        within_s: Longest wait for the answer of a part, in seconds; None: `ANSWER_S`.

    Raises:
        DataDirectoryError: No stack has run there, or the directory cannot be read.
        StackStoppedError: The stack is not running.
        PartDownError: It runs, but one of the parts does not answer.
    """
    settings = recall(data)
    if not needs:
        return settings
    held = is_held(data)
    parts = _ask(settings, needs, held=held, within_s=within_s)
    silent = [part for part in parts if part.problem]
    if not silent:
        return settings
    if not held and any(_is_own(settings, part.name) for part in silent):
        raise StackStoppedError(stopped(data))
    raise PartDownError(does_not_answer(data, settings, silent))


def is_held(data: Path) -> bool:
    """Return whether a running `city up` holds a data directory.

    Raises:
        DataDirectoryError: The directory cannot be read.
    """
    try:
        return is_locked(data)
    except OSError as error:
        raise DataDirectoryError(f"{data}: cannot be read: {error.strerror}") from error


def stopped(data: Path) -> str:
    """Return the line about a stack that is not running."""
    return f"the stack at {data} is not running; start it with `city up --data {data}`"


def does_not_answer(data: Path, settings: Settings | None, parts: Sequence[Part]) -> str:
    """Return the line about parts that do not answer, with what to do."""
    named = ", ".join(f"{TITLES.get(p.name, f'the {p.name}')} at {p.address} ({p.problem})" for p in parts)
    verb = "does" if len(parts) == 1 else "do"
    first = parts[0].name
    if settings is not None and not _is_own(settings, first):
        return f"{named} {verb} not answer; is it running? The stack at {data} was started with this address"
    return (
        f"{named} {verb} not answer; if the stack at {data} is not just starting, end it and start it again with "
        f"`city up --data {data}`, nothing is lost (log: {data / 'logs' / f'{first}.log'})"
    )


def _is_own(settings: Settings, name: str) -> bool:
    """Return whether a part belongs to the `city up` of the data directory."""
    return not getattr(settings, name, "")


def _ask(settings: Settings, names: Sequence[str], *, held: bool, within_s: float | None) -> tuple[Part, ...]:
    """Ask the parts, all at the same time."""
    within_s = ANSWER_S if within_s is None else within_s
    with ThreadPoolExecutor(len(names)) as pool:
        return tuple(pool.map(partial(_part, settings, held=held, within_s=within_s), names))


def _part(settings: Settings, name: str, *, held: bool, within_s: float) -> Part:
    address = settings.kafka_address if name == "kafka" else getattr(settings, f"{name}_url")
    if _is_own(settings, name) and not held:
        return Part(name, address, "not running")
    problem = kafka_problem(address, within_s) if name == "kafka" else _http(address, within_s)
    return Part(name, address, problem)


def kafka_problem(address: str, within_s: float | None = None) -> str | None:
    """Return why no Kafka answers at an address (host:port, several separated by commas), or None if one does."""
    limit = ANSWER_S if within_s is None else within_s
    problems = [_kafka(each.strip(), limit) for each in address.split(",")]
    return None if None in problems else problems[0]


def _kafka(address: str, within_s: float) -> str | None:
    """Send a broker the first request of every client; return why it does not answer, or None."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_S) as connection:
            connection.sendall(_API_VERSIONS)
            return None if _received(connection, 8, within_s) else "it took the connection and says nothing"
    except (OSError, ValueError, OverflowError) as error:
        return _why(error)


def _received(connection: socket.socket, size: int, within_s: float) -> bool:
    """Return whether so many bytes come in time."""
    deadline = time.monotonic() + within_s
    while size > 0:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        connection.settimeout(left)
        try:
            piece = connection.recv(size)
        except TimeoutError:
            return False
        if not piece:
            raise ConnectionResetError("it closed the connection")
        size -= len(piece)
    return True


def _http(url: str, within_s: float) -> str | None:
    """Ask an HTTP server for anything; return why it does not answer, or None. Any status is an answer."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=CONNECT_S)
    try:
        connection.connect()
        connection.sock.settimeout(within_s)
        connection.request("GET", "/ping")
        connection.getresponse()
    except TimeoutError:
        return "it took the connection and says nothing" if connection.sock else "no answer"
    except http.client.HTTPException:
        return "it does not speak HTTP"
    except (OSError, ValueError) as error:
        return _why(error)
    finally:
        connection.close()
    return None


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return "not an address"
