"""A store in memory: the reference implementation, for tests and for recomputing a log."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ledger_sink.errors import LockHeldError, MissingFileError
from ledger_sink.store.contract import checked, no_fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ledger_sink.store.contract import FaultForTests


class MemoryStore:
    """Files in a dictionary. A write sets one file after the other, so a test's fault can fall between two."""

    def __init__(self, fault_for_tests: FaultForTests = no_fault) -> None:
        self.files: dict[str, bytes] = {}
        self.fault_for_tests = fault_for_tests
        self._locks: set[str] = set()
        self._mutex = threading.Lock()

    def read(self, name: str) -> bytes:
        """Return a file's bytes; see `Store`."""
        try:
            return self.files[checked(name)]
        except KeyError:
            raise MissingFileError(f"{name}: no such file") from None

    def write(self, files: Mapping[str, bytes]) -> None:
        """Set every file."""
        for name, data in files.items():
            self.fault_for_tests("before write", checked(name))
            with self._mutex:
                self.files[name] = bytes(data)
            self.fault_for_tests("after write", name)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; ignore absent ones."""
        for name in names:
            self.fault_for_tests("before remove", checked(name))
            with self._mutex:
                self.files.pop(name, None)
            self.fault_for_tests("after remove", name)

    def listing(self, folder: str) -> list[str]:
        """Return the sorted names directly below a folder; see `Store`."""
        prefix = f"{checked(folder)}/"
        found = set()
        with self._mutex:
            names = list(self.files)
        for name in names:
            if name.startswith(prefix):
                first, slash, _ = name[len(prefix) :].partition("/")
                found.add(first + slash)
        return sorted(found)

    def lock(self, name: str) -> MemoryLock:
        """Take an exclusive lock among the users of this object.

        Raises:
            LockHeldError: another user holds it.
        """
        with self._mutex:
            if checked(name) in self._locks:
                raise LockHeldError(f"{name}: another writer holds it")
            self._locks.add(name)
        return MemoryLock(self._locks, name)


class MemoryLock:
    """A lock of a `MemoryStore`, held from construction to `release`."""

    def __init__(self, locks: set[str], name: str) -> None:
        self._locks, self._name, self._held = locks, name, True

    def release(self) -> None:
        """Release the lock; a second call has no effect."""
        if self._held:
            self._held = False
            self._locks.discard(self._name)
