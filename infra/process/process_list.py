"""`<data>/run/pids.json`: the processes of a stack by name, as `city up` notes them for those who look from outside."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

import psutil

from infra.process.identity import is_same, start_mark
from ledger_sink.regular_file import read_regular_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PARENT = "parent"
"""Name of `city up` itself."""


class NotedProcess(NamedTuple):
    """A process as it was noted.

    Attributes:
        pid: Its id.
        created: When it began, POSIX seconds.
        mark: Its `start_mark`; empty where there is none, or an earlier version wrote the list.
    """

    pid: int
    created: float
    mark: str = ""

    @classmethod
    def of(cls, pid: int) -> NotedProcess:
        """Note a running process.

        Raises:
            psutil.NoSuchProcess: No process has the id.
        """
        return cls(pid, psutil.Process(pid).create_time(), start_mark(pid))

    @property
    def runs(self) -> bool:
        """Return whether it still runs; its id may name another process by now."""
        return is_same(*self)


def process_list(data: Path) -> Path:
    """Return the list's file."""
    return data / "run" / "pids.json"


def write_processes(data: Path, children: Mapping[str, NotedProcess]) -> None:
    """Note this process as the parent, and its children, whether they still run or not.

    Args:
        data: The data directory.
        children: The children by name.
    """
    rows = {PARENT: NotedProcess.of(os.getpid()), **children}
    path = process_list(data)
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(rows))
    temporary.replace(path)


def read_processes(data: Path) -> dict[str, NotedProcess]:
    """Return the noted processes by name.

    Raises:
        OSError: There is no list, or it cannot be read.
        ValueError: The list is damaged.
    """
    try:
        rows = json.loads(read_regular_text(process_list(data)))
        return {
            str(name): NotedProcess(int(pid), float(created), *mark)
            for name, (pid, created, *mark) in rows.items()
        }
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error
