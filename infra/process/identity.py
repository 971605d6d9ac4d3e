"""Whether a process id still names the process that once had it.

The system gives ids out again. A start time in seconds since 1970 tells two processes apart, but it moves when the
clock is set. So Linux's own mark is taken: the boot's id, and the clock ticks from the boot to the start of the process
(proc(5), `/proc/pid/stat`, field 22 `starttime`; random(4), `boot_id`). Neither moves with the clock.
"""

from __future__ import annotations

from pathlib import Path

import psutil

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_START = 19  # of the fields behind the command's closing bracket, which begin with field 3
SAME_S = 1.0
"""Where there is no mark: seconds by which two start times of one process may differ."""


def start_mark(pid: int) -> str:
    """Return the mark of a running process: `<boot id>/<ticks>`; empty where the system has none.

    Raises:
        psutil.NoSuchProcess: No process has the id.
    """
    if not _BOOT.exists():
        return ""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise psutil.NoSuchProcess(pid) from error
    return f"{_BOOT.read_text().strip()}/{stat.rpartition(')')[2].split()[_START]}"


def is_same(pid: int, created: float, mark: str = "") -> bool:
    """Return whether a process runs under an id and is the one that was noted.

    Args:
        pid: The id.
        created: When the noted process began, POSIX seconds; used only without a mark.
        mark: Its `start_mark`.
    """
    try:
        now = start_mark(pid) if mark else ""
        return now == mark if now else abs(psutil.Process(pid).create_time() - created) < SAME_S
    except psutil.NoSuchProcess:
        return False
