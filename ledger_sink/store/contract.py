"""What a ledger asks of the place where its files are kept.

A store holds small named files. Its promise, which every peer keeps and `tests/ledger_sink` checks:

- `write` returns only when every file is durable under its name; a reader sees each file whole,
  as it was before or as it is after, never in between. Files of one call come in no promised order:
  what must come first is written by an earlier call.
- After an error of `write`, each of its files is either as before or as asked for; writing again is safe.
- One holder at a time has a lock; a holder that dies loses it.

Names are relative, `/`-separated, without empty, `.` or `..` parts; they come from `format.layout` only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from ledger_sink.errors import SetupError

FaultForTests = Callable[[str, str], None]
"""A hook that only tests set: a store calls it with an operation (`before write`, `after write`, …) and a file's name.

It may raise, as if the process had died there. In production it is `no_fault`.
"""


class Lock(Protocol):
    """A held lock."""

    def release(self) -> None:
        """Let the next writer in; releasing twice is harmless."""


class Store(Protocol):
    """Small files under names, each replaced atomically."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            MissingFileError: there is no such file.
        """

    def write(self, files: Mapping[str, bytes]) -> None:
        """Make every file durable under its name.

        Raises:
            StoreFullError: no space is left.
            StoreReadOnlyError: the place may not be written.
            StoreError: any other failure of the device.
        """

    def remove(self, names: Iterable[str]) -> None:
        """Remove files that nobody needs any more; absent ones are no error, durability is not promised."""

    def listing(self, folder: str) -> list[str]:
        """Return the names directly under a folder, sorted; folders end in `/`; empty when absent."""

    def lock(self, name: str) -> Lock:
        """Take an exclusive lock.

        Raises:
            LockHeldError: another holder has it.
        """


def checked(name: str) -> str:
    """Return a name if a store may use it.

    Raises:
        SetupError: the name could leave the store.
    """
    if any(part in {"", ".", ".."} or "\0" in part for part in name.split("/")):
        raise SetupError(f"store name {name!r}: expected relative parts without '', '.' and '..'")
    return name


def no_fault(operation: str, name: str) -> None:
    """Let every operation pass."""
    del operation, name
