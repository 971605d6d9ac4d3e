"""A store on a local file system: temporary file, fsync, rename, fsync of the folder.

Every file is written whole under a temporary name beside its own, made durable, and renamed. Then the folders are made
durable. A failed fsync is never repeated on the same descriptor, because the kernel may have dropped the pages: the
caller writes the file again. fsyncs run in threads, because they, not hashes, limit a ledger's throughput. Files that
end in `.tmp` are left by a crashed write and are ignored.
"""

from __future__ import annotations

import errno
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from ledger_sink.errors import (
    LockHeldError,
    MissingFileError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from ledger_sink.regular_file import read_regular
from ledger_sink.store.contract import checked, no_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from ledger_sink.store.contract import FaultForTests

TEMPORARY = ".tmp"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_FEW = 2  # up to so many files, the caller's thread runs the fsyncs
_OPEN = 128  # most files that are open at a time
_ADVISE = getattr(
    os, "posix_fadvise", None
)  # "not needed" makes the kernel begin to write; macOS has no such call


class FileStore:
    """Files below one root directory, which the first write creates.

    Args:
        root: the directory.
        threads: number of threads that run fsyncs.
        fault_for_tests: hook for tests, see `contract`.
    """

    def __init__(self, root: Path, *, threads: int = 4, fault_for_tests: FaultForTests = no_fault) -> None:
        self.root = root
        self.fault_for_tests = fault_for_tests
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    def path(self, name: str) -> Path:
        """Return the path of a name on disk."""
        return self.root / checked(name)

    def read(self, name: str) -> bytes:
        """Return a file's bytes; see `Store`."""
        try:
            return read_regular(self.path(name))
        except (FileNotFoundError, NotADirectoryError):
            raise MissingFileError(f"{self.path(name)}: no such file") from None
        except OSError as error:
            raise _store_error(self.path(name), error) from error

    def write(self, files: Mapping[str, bytes]) -> None:
        """Make every file durable under its name; see `Store`."""
        if not files:
            return
        try:
            self._write(files)
        except OSError as error:
            raise _store_error(self.root / next(iter(files)), error) from error

    def _write(self, files: Mapping[str, bytes]) -> None:
        dirty = self._make_folders(files)
        names = list(files)
        for first in range(0, len(names), _OPEN):
            self._write_temporaries({name: files[name] for name in names[first : first + _OPEN]})
        folders = {folder: os.open(folder, os.O_RDONLY | os.O_DIRECTORY) for folder in dirty}
        try:
            for name in files:
                self._operate("rename", name, lambda p: os.rename(f"{p}{TEMPORARY}", p))  # noqa: PTH104
            for folder, descriptor in folders.items():
                self._sync(descriptor, str(folder))
        finally:
            for descriptor in folders.values():
                os.close(descriptor)

    def _make_folders(self, files: Iterable[str]) -> set[Path]:
        """Create missing folders; return every folder whose entries change."""
        dirty = set()
        for folder in {self.path(name).parent for name in files}:
            dirty.add(folder)
            missing = folder
            while not missing.is_dir():
                missing = missing.parent
                dirty.add(missing)
            folder.mkdir(parents=True, exist_ok=True)
        return dirty

    def _write_temporaries(self, files: Mapping[str, bytes]) -> None:
        """Write all files under their temporary names, then make each durable.

        The kernel starts to write each file early, so the first fsync finds most of the work done.
        """
        opened: dict[str, int] = {}
        try:
            for name, data in files.items():
                self.fault_for_tests("before write", name)
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC
                opened[name] = os.open(f"{self.path(name)}{TEMPORARY}", flags, 0o644)
                _write_whole(opened[name], data)
                self.fault_for_tests("after write", name)
            if len(files) <= _FEW:
                self._sync_each(opened)
            else:
                self._sync_in_threads(opened)
        except BaseException:
            for name in opened:  # a descriptor whose fsync failed must not be used again, nor its inode
                _unlink(f"{self.path(name)}{TEMPORARY}")
            raise
        finally:
            for descriptor in opened.values():
                os.close(descriptor)

    def _sync_in_threads(self, opened: Mapping[str, int]) -> None:
        """Make files durable, each thread a share of them. No thread is still at work when this returns or raises."""
        if _ADVISE is not None:
            for descriptor in opened.values():
                _ADVISE(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        names, pool = list(opened), self._executor()
        shares = [names[at :: self._threads] for at in range(self._threads)]
        tasks = [pool.submit(self._sync_each, {name: opened[name] for name in each}) for each in shares]
        wait(tasks)
        for task in tasks:
            task.result()

    def _sync_each(self, opened: Mapping[str, int]) -> None:
        for name, descriptor in opened.items():
            self._sync(descriptor, name)

    def _sync(self, descriptor: int, name: str) -> None:
        self.fault_for_tests("before fsync", name)
        os.fsync(descriptor)
        self.fault_for_tests("after fsync", name)

    def _operate(self, operation: str, name: str, action: Callable[[str], None]) -> None:
        self.fault_for_tests(f"before {operation}", name)
        action(str(self.path(name)))
        self.fault_for_tests(f"after {operation}", name)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, and their folder if it becomes empty."""
        for name in names:
            try:
                self._operate("remove", name, _unlink)
            except OSError as error:
                raise _store_error(self.path(name), error) from error
            try:
                self.path(name).parent.rmdir()
            except OSError:
                continue  # other files are still there

    def listing(self, folder: str) -> list[str]:
        """Return the sorted names directly below a folder; see `Store`."""
        try:
            with os.scandir(self.path(folder)) as entries:
                return sorted(
                    f"{e.name}/" if e.is_dir() else e.name for e in entries if not e.name.endswith(TEMPORARY)
                )
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _store_error(self.path(folder), error) from error

    def lock(self, name: str) -> FileLock:
        """Take an exclusive lock; the kernel releases it when the process dies.

        Raises:
            LockHeldError: another process holds it.
        """
        path = self.path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _store_error(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise LockHeldError(f"{path}: process {holder} is its one writer: stop the city first") from None
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            os.close(descriptor)
            raise _store_error(path, error) from error
        return FileLock(descriptor)

    def _executor(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="ledger-fsync")
        return self._pool


class FileLock:
    """A lock of a `FileStore`, held from construction to `release`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Release the lock; a second call has no effect."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _write_whole(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _unlink(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108 - the hot path keeps to plain strings
    except FileNotFoundError:
        return


def _store_error(path: Path, error: OSError) -> StoreError:
    """Return the store's error for a failed system call."""
    if error.errno in _FULL:
        return StoreFullError(
            f"{path}: no space left ({error.strerror}); free some and start again, nothing is lost"
        )
    if error.errno in _READ_ONLY:
        return StoreReadOnlyError(f"{path}: may not be written ({error.strerror})")
    return StoreError(f"{path}: {error.strerror or error}")
