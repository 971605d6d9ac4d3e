"""One broker for one data directory: found out before anything there is touched.

Kafka locks its log directory only after its controller has written to it: a second broker on the same
directory would damage the first one's quorum before it is refused. So the starter looks at Kafka's own lock
first (it is held as long as the broker's process lives), and holds one of its own while it starts.
"""

from __future__ import annotations

import fcntl
from typing import IO, TYPE_CHECKING

from infra.kafka.errors import DataInUseError

if TYPE_CHECKING:
    from pathlib import Path


def broker_works_in(log_dir: Path) -> bool:
    """Whether a running broker holds Kafka's lock on its log directory."""
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
        DataInUseError: a broker works there.
    """
    if broker_works_in(log_dir):
        raise DataInUseError(in_use(log_dir.parent))


class StarterLock:
    """Held by the program that starts a broker, until `release` or the program's end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Take the lock; holding it already is fine.

        Raises:
            DataInUseError: another program holds it.
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
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def in_use(home: Path) -> str:
    """Return the line that tells of a second broker."""
    return f"another Kafka works in {home}: stop the stack that runs there, or choose another --data"
