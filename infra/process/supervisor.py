"""The supervisor: starts the processes of one stack, watches them, stops them in the opposite order.

It knows nothing of what the processes do. It keeps `<data>/run/pids.json`. From that file the next stack in the same
data directory ends the processes that a killed parent left behind, and only those.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psutil

from infra.errors import DataDirectoryError, StackError
from infra.process.child import spawn
from infra.process.data_lock import LOCK_S, is_locked, lock_file
from infra.process.log_files import LogRotation, last_lines
from infra.process.process_list import PARENT, NotedProcess, read_processes, write_processes
from infra.process.report import clear_reports

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

STOP_S = 12.0
"""Seconds from SIGTERM until a child is killed."""
GUIDE = "docs/recovery.md"
"""A last line that names this page says itself what to do."""
LONGEST_LINE = 400
"""Characters of a log line that an exit message holds."""
_FAULT = re.compile(
    r"\b(?:ERROR|FATAL|CRITICAL)\b|\b[A-Za-z]*(?:Error|Exception): |address already in use|no space left",
    re.IGNORECASE,
)


@dataclass
class Child:
    """One running process of the stack."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    noted: NotedProcess
    needed: bool = True
    """Whether the stack ends when it ends."""
    first_line: str = ""
    """Line in its log behind which its own lines begin; those before it are of earlier runs."""

    @property
    def alive(self) -> bool:
        """Return whether it still runs."""
        return self.process.poll() is None

    def last_line(self) -> str:
        """Return the last line of this run that reports an error, else the last that is not blank; empty without.

        The line with which a process says why it ends, "role: why", comes before all; a process that was killed did
        not end by an error that it logged before.
        """
        lines = last_lines(self.log, after=self.first_line)
        found = [line.strip() for line in lines[-40:] if line.strip()]
        killed = self.process.poll() == -signal.SIGKILL
        if found and (killed or found[-1].startswith(f"{self.name.partition('-')[0]}: ")):
            return found[-1][:LONGEST_LINE]
        faults = [line for line in found if _FAULT.search(line)]
        return (faults or found or [""])[-1][:LONGEST_LINE]

    def exit_message(self) -> str:
        """Return one line: how it ended, its last line, and its log."""
        code = self.process.poll()
        how = f"was ended by {_signal(-code)}" if code is not None and code < 0 else f"ended with {code}"
        last = self.last_line() or "no output"
        again = f"start again with `city up --data {self.log.parent.parent}`; nothing is lost"
        if not self.needed:
            again = "the city goes on without it"
        advice = "" if GUIDE in last else f"; {again}"
        return f"{self.name} {how}: {last} (log: {self.log}){advice}"


def _signal(number: int) -> str:
    """Return a signal's number and name, such as "signal 9 (SIGKILL)"."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def require_unused(data: Path) -> None:
    """Refuse a data directory that a running stack holds; write nothing.

    Raises:
        DataDirectoryError: Another stack holds it.
    """
    with suppress(OSError):  # `Supervisor.take` reports why the lock cannot be opened
        if is_locked(data):
            raise _in_use(data)


def _in_use(data: Path) -> DataDirectoryError:
    return DataDirectoryError(
        f"{data} is in use by another running stack; end that one, or choose another with --data DIR"
    )


class Supervisor:
    """Owns the child processes of one data directory.

    Args:
        data: The data directory.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._run = data / "run"
        self.children: list[Child] = []
        self._lock_descriptor: int | None = None
        self._rotation = LogRotation(data / "logs")

    def take(self) -> None:
        """Lock the data directory and end the processes that a killed parent left running in it.

        Raises:
            DataDirectoryError: Another stack holds it, or it cannot be written.
        """
        try:
            self._run.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock_file(self._data), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryError(
                f"{self._data}: {error.strerror}; choose another with --data DIR"
            ) from error
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() < deadline:
                    time.sleep(0.02)
                    continue
                os.close(descriptor)
                raise _in_use(self._data) from error
        self._lock_descriptor = descriptor
        self._end_stale()
        clear_reports(self._data)

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, needed: bool = True
    ) -> Child:
        """Start one process; its output goes to `<data>/logs/<name>.log`, which is kept small.

        Args:
            name: Its name in the stack.
            command: Program and arguments.
            environment: Variables besides those of this process.
            needed: Whether the stack ends when it ends.

        Raises:
            OSError: The program cannot be started.
        """
        log = self._data / "logs" / f"{name}.log"
        moment = datetime.now(UTC).isoformat(timespec="microseconds")
        first_line = f"--- {name} starts at {moment} ---"
        process = spawn(command, environment, log, first_line)
        child = Child(name, process, log, NotedProcess.of(process.pid), needed, first_line)
        self.children.append(child)
        self._rotation.start()
        self._write_pids()
        return child

    @property
    def complete(self) -> bool:
        """Return whether all children run that the stack needs."""
        return all(child.alive for child in self.children if child.needed)

    def check(self) -> None:
        """Check that all children run that the stack needs.

        Raises:
            StackError: A child ended.
        """
        for child in self.children:
            if child.needed and not child.alive:
                raise StackError(child.exit_message())

    def wait_until(
        self, what: str, ready: Callable[[], bool], timeout_s: float, check: Callable[[], None] | None = None
    ) -> None:
        """Wait until `ready` returns True.

        Args:
            what: What is waited for, for the error's message.
            ready: Polled every 0.1 s.
            timeout_s: Longest wait.
            check: Raises if waiting is in vain; None: `Supervisor.check`.

        Raises:
            StackError: A child ended, or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            (check or self.check)()
            if time.monotonic() > deadline:
                raise StackError(
                    f"{what} did not come up within {timeout_s:.0f} s (logs: {self._data / 'logs'})"
                )
            time.sleep(0.1)

    def stop(self, names: Sequence[str] | None = None) -> list[str]:
        """Stop the named children (None: all), last started first; return the names of those that had to be killed."""
        killed = []
        for child in [c for c in reversed(self.children) if names is None or c.name in names]:
            if child.alive:
                child.process.send_signal(signal.SIGTERM)
                child.process.send_signal(signal.SIGCONT)
                try:
                    child.process.wait(STOP_S)
                except Exception:  # noqa: BLE001 - whatever the reason, it is killed next
                    child.process.kill()
                    child.process.wait(5)
                    killed.append(child.name)
            self.children.remove(child)
        self._write_pids()
        return killed

    def release(self) -> None:
        """Release the lock on the data directory."""
        self._rotation.stop()
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None

    def _write_pids(self) -> None:
        write_processes(self._data, {child.name: child.noted for child in self.children})

    def _end_stale(self) -> None:
        """End processes that the last parent of this directory started and that outlived it."""
        try:
            noted = read_processes(self._data)
        except (OSError, ValueError):
            return
        noted.pop(PARENT, None)  # it held the lock that we hold now, so it is gone
        stale = []
        for each in noted.values():
            try:
                process = psutil.Process(each.pid)
                if each.runs:
                    process.terminate()
                    process.resume()
                    stale.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        _, alive = psutil.wait_procs(stale, timeout=STOP_S)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=5)
