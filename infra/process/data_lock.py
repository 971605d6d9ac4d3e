"""The lock that `city up` holds on its data directory while it runs, and the look whether it does."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

from ledger_sink.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path

LOCK = "lock"
LOCK_S = 0.3
"""Seconds to try for the lock: who looks with `is_locked` holds it for an instant."""


def lock_file(data: Path) -> Path:
    """Return the lock's file."""
    return data / "run" / LOCK


def is_locked(data: Path) -> bool:
    """Return whether a stack holds the lock of a data directory; write nothing.

    Raises:
        OSError: The lock's file is there and cannot be opened.
    """
    try:
        file = open_regular(lock_file(data))
    except FileNotFoundError:
        return False
    with file:
        try:
            # A shared lock does not disturb others who look. `Supervisor.take` tries again for the moment it lasts.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
