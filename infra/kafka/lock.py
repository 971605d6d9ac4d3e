"""Locks that keep a second broker out of a data directory before it writes anything there.

Kafka locks its log directory only after its controller has written to it. A second broker on the same directory would
damage the first one's quorum before it is refused. So the starter first tests Kafka's own lock, which lasts as long as
the broker's process, and holds a lock of its own while it starts.
"""

from __future__ import annotations

import fcntl
from typing import IO, TYPE_CHECKING

from infra.kafka.errors import DataInUseError

if TYPE_CHECKING:
    from pathlib import Path


def broker_works_in(log_dir: Path) -> bool:
    """Return whether a running broker holds Kafka's lock on its log directory."""
    try:
        with (log_dir / ".lock").open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # what Java's FileChannel.tryLock takes
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def require_unused(log_dir: Path) -> None:
    """Refuse a log directory that a running broker holds.

    Raises:
        DataInUseError: A broker works there.
    """
    if broker_works_in(log_dir):
        raise DataInUseError(in_use(log_dir.parent))


class StarterLock:
    """The lock of the program that starts a broker, held until `release` or the program's end.

    Args:
        path: The lock file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Take the lock; no effect if it is held already.

        Raises:
            DataInUseError: Another program holds it.
        """
        if self._file is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise DataInUseError(in_use(self._path.parent)) from error
        self._file = file

    def release(self) -> None:
        """Release the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None


def in_use(home: Path) -> str:
    """Return the message of `DataInUseError`."""
    return f"another Kafka works in {home}: stop the stack that runs there, or choose another --data"
