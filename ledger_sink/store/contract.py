"""The contract of a store, which holds a ledger's small named files.

Every store keeps these promises, and `tests/ledger_sink/store` checks them:

- `write` returns only when every file is durable under its name. A reader sees each file whole, either before or
  after the write. Files of one call are written in no particular order. A file that must come first needs an earlier
  call.
- After an error of `write`, each of its files is either as before or as requested. Writing again is safe.
- One holder at a time has a lock. A holder that dies loses it.

Names are relative and `/`-separated, without empty, `.` or `..` parts. They come from `format.layout` only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from ledger_sink.errors import SetupError

FaultForTests = Callable[[str, str], None]
"""A hook for tests: a store calls it with an operation (`before write`, `after write`, …) and a file's name.

It may raise, as if the process had died there. In production it is `no_fault`.
"""


class Lock(Protocol):
    """A held lock."""

    def release(self) -> None:
        """Release the lock; a second call has no effect."""


class Store(Protocol):
    """Small named files, each replaced atomically."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            MissingFileError: the file does not exist.
        """

    def write(self, files: Mapping[str, bytes]) -> None:
        """Make every file durable under its name.

        Args:
            files: bytes by name.

        Raises:
            StoreFullError: no space is left.
            StoreReadOnlyError: the store may not be written.
            StoreError: the device failed in another way.
        """

    def remove(self, names: Iterable[str]) -> None:
        """Remove files that are no longer needed; ignore absent ones. The removal need not be durable."""

    def listing(self, folder: str) -> list[str]:
        """Return the sorted names directly below a folder. Folder names end in `/`; an absent folder is empty."""

    def lock(self, name: str) -> Lock:
        """Take an exclusive lock.

        Raises:
            LockHeldError: another process holds it.
        """


def checked(name: str) -> str:
    """Return the name if it stays inside the store.

    Raises:
        SetupError: a part is empty, `.`, `..` or holds a NUL.
    """
    if any(part in {"", ".", ".."} or "\0" in part for part in name.split("/")):
        raise SetupError(f"store name {name!r}: expected relative parts without '', '.' and '..'")
    return name


def no_fault(operation: str, name: str) -> None:
    """Raise nothing: the hook in production."""
    del operation, name
