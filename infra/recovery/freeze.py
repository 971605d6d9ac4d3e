"""Stops all processes of a stack for a moment (SIGSTOP), so that the files of all stores are of one instant.

What lies on disk then is what a power cut of the processes would leave: every store recovers from it, and the stack
goes on from it without loss (docs/delivery.md). A watchdog process lets the stack go on if this process dies or takes
too long. `python -m infra.recovery.freeze SECONDS PID:CREATED:MARK…` is that watchdog.
"""

from __future__ import annotations

import contextlib
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from infra.process.process_list import PARENT, NotedProcess, process_list, read_processes
from infra.recovery.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_S = 8.0
"""Seconds after which a stack goes on whatever happens: below the session timeout of its consumers (10 s)."""
STOPPED_S = 3.0
"""Seconds that all threads have to stop; one that waits for the disk stops when it has its answer."""
_POLL_S = 0.002
_TOO_LATE = 3


def stack_processes(data: Path) -> list[psutil.Process]:
    """Return the running child processes of the stack in a data directory, with their own children; not the parent.

    Raises:
        BackupError: The list of processes cannot be read, or a process that it names is gone.
    """
    try:
        noted = read_processes(data)
    except (OSError, ValueError) as error:
        raise BackupError(f"{process_list(data)}: cannot be read; try again") from error
    noted.pop(PARENT, None)
    found: dict[int, psutil.Process] = {}
    for each in noted.values():
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended, and writes no more
            if each.runs:
                process = psutil.Process(each.pid)
                found |= {one.pid: one for one in (process, *process.children(recursive=True))}
    if not found:
        raise BackupError(f"{data}: the stack runs, and none of its processes is found: try again")
    return list(found.values())


@contextlib.contextmanager
def frozen(processes: Sequence[psutil.Process], longest_s: float = LONGEST_S) -> Iterator[None]:
    """Keep processes stopped within the block.

    Args:
        processes: Which.
        longest_s: Seconds after which they go on whatever happens.

    Raises:
        BackupError: A process does not stop, or the block took longer: what it read is not of one instant.
    """
    watchdog = subprocess.Popen(
        [
            sys.executable,
            "-m",
            __spec__.name,
            str(longest_s),
            *(":".join(map(str, NotedProcess.of(each.pid))) for each in processes),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C does not reach it
    )
    if watchdog.stdin is None or watchdog.stdout is None:
        raise BackupError("the watchdog of the pause has no pipes")
    watchdog.stdout.readline()  # it is ready
    try:
        for each in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.suspend()
        _await_stopped(processes)
        yield
    finally:
        _go_on(processes)
        watchdog.stdin.close()
        watchdog.stdout.close()
        late = watchdog.wait() == _TOO_LATE
    if late:
        raise BackupError(
            f"the pause of the stack took longer than {longest_s:g} s, so there is no backup; try again "
            "when less is going on, or stop the stack (Ctrl-C) and try again"
        )


def _await_stopped(processes: Sequence[psutil.Process]) -> None:
    """Wait until every thread is stopped.

    Raises:
        BackupError: One does not stop.
    """
    deadline = time.monotonic() + STOPPED_S
    while moving := [each for each in processes if not _is_stopped(each)]:
        if time.monotonic() > deadline:
            raise BackupError(f"process {moving[0].pid} does not stop: a disk may be stuck; try again")
        time.sleep(_POLL_S)


def _is_stopped(process: psutil.Process) -> bool:
    """Return whether no thread of a process can write any more."""
    tasks = Path(f"/proc/{process.pid}/task")
    if not tasks.is_dir():  # no Linux, or ended
        try:
            return process.status() in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
        except psutil.NoSuchProcess:
            return True
    states = []
    for stat in tasks.glob("*/stat"):
        with contextlib.suppress(OSError):  # the thread has ended
            states.append(stat.read_text().rpartition(")")[2].split()[0])
    return all(state in "TtZX" for state in states)


def _go_on(processes: Sequence[psutil.Process]) -> None:
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.resume()


def watch(longest_s: float, marks: Sequence[str]) -> int:
    """Wait for the end of the standard input, then let the processes go on; return `_TOO_LATE` if it did not come."""
    processes = []
    for mark in marks:
        pid, created, started = mark.split(":")
        noted = NotedProcess(int(pid), float(created), started)
        with contextlib.suppress(psutil.NoSuchProcess):
            if noted.runs:
                processes.append(psutil.Process(noted.pid))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    ended, _, _ = select.select([sys.stdin], [], [], longest_s)
    _go_on(processes)
    return 0 if ended else _TOO_LATE


if __name__ == "__main__":
    sys.exit(watch(float(sys.argv[1]), sys.argv[2:]))
