"""The room left on the disk of a path, and the words for a disk that is almost full."""

from __future__ import annotations

import errno
import math
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOK_S = 10.0
"""Seconds between two looks of a `DiskWatch`."""
FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""Error numbers of a write for which there is no room."""
ADVICE = "free some room, or move the data directory to a larger disk (docs/recovery.md#disk-full)"


def free_bytes(path: Path) -> int:
    """Return the bytes that an ordinary user may still write where a path lies, or will lie.

    Raises:
        OSError: The disk cannot be asked.
    """
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free


def almost_full(path: Path, least: int) -> str | None:
    """Return one line if less than `least` bytes are free where a path lies; None if there is room or nobody knows."""
    try:
        free = free_bytes(path)
    except OSError:
        return None
    if free >= least:
        return None
    return f"disk almost full: {free >> 20} MB left at {path}, {least >> 20} MB are needed; {ADVICE}"


def no_room(error: OSError, *places: Path) -> str | None:
    """Return one line for a write that failed for lack of room; None for any other error.

    Args:
        error: The error of the system. It names no file where a write to an open file failed.
        places: Where the writer keeps its files, the likeliest first. The fullest of them is named.
    """
    if error.errno not in FULL:
        return None
    where = error.filename or min(places, key=_known_free)
    return f"{where}: no room left ({error.strerror}); nothing that was confirmed is lost; {ADVICE}"


def _known_free(path: Path) -> float:
    try:
        return free_bytes(path)
    except OSError:
        return math.inf


class DiskWatch:
    """Looks every few seconds whether a disk is almost full, and says so once until there is room again.

    Args:
        path: Where the files are kept.
        least: Bytes that must be free.
        clock: Monotonic seconds.
    """

    def __init__(self, path: Path, least: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._least = least
        self._clock = clock
        self._next = 0.0
        self._reported = False

    def look(self, say: Callable[[str], None]) -> None:
        """Look if a look is due; give `say` a line if the disk has become almost full."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + LOOK_S
        line = almost_full(self._path, self._least)
        if line and not self._reported:
            say(line)
        self._reported = line is not None
