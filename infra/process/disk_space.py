"""The room left on the disk of a path, and the words for a disk that is almost full."""

from __future__ import annotations

import errno
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""Error numbers of a write for which there is no room."""


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
    return (
        f"disk almost full: {free >> 20} MB left at {path}, {least >> 20} MB are needed; "
        "free some room, or move the data directory to a larger disk (docs/recovery.md#disk-full)"
    )
