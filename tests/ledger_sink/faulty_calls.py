"""The system's file calls under one folder, counted, of which one can be made to go wrong: any call, in any way.

Below every hook of the product: `os.open` for writing, `write`, `fsync`, `rename`, `unlink`, `mkdir`, `rmdir`,
`ftruncate`, whoever makes them. fsyncs are counted and left out, so that thousands of histories can be played.
"""

from __future__ import annotations

import errno
import os
import signal
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BY_PATH = ("open", "rename", "unlink", "mkdir", "rmdir")
BY_DESCRIPTOR = ("write", "fsync", "ftruncate")
TAKES_ROOM = {"open", "write", "fsync", "mkdir", "rename"}


class Way(StrEnum):
    """How the chosen call goes wrong."""

    KILLED = "killed"
    """The process dies in it; of a write, half is there."""
    NOT_DONE = "fails and was not done"
    DONE = "fails and was done"
    FULL = "finds the disk full"
    """From it on, nothing that takes room succeeds; of a write, half is there."""


class FaultyCalls:
    """Counts calls below a folder while it is entered; the one with the chosen number goes wrong."""

    def __init__(self, root: Path, way: Way = Way.KILLED, number: int = 0) -> None:
        self.calls: list[str] = []
        """What was called, in order: name and the path below the folder."""
        self._root, self._way, self._number = f"{root}/", way, number
        self._real: dict[str, Callable[..., Any]] = {}
        self._paths: dict[int, str] = {}

    def __enter__(self) -> Self:
        for name in (*BY_PATH, *BY_DESCRIPTOR, "close"):
            self._real[name] = getattr(os, name)
        for name in BY_PATH:
            setattr(os, name, self._by_path(name))
        for name in BY_DESCRIPTOR:
            setattr(os, name, self._by_descriptor(name))
        setattr(os, "close", self._close)  # noqa: B010 - as the others above
        return self

    def __exit__(self, *_: object) -> None:
        for name, real in self._real.items():
            setattr(os, name, real)

    def _by_path(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(path: str | os.PathLike[str], *rest: Any, **options: Any) -> Any:
            below = os.fspath(path)
            if not below.startswith(self._root):
                return real(path, *rest, **options)
            changes = name != "open" or rest[0] & os.O_CREAT
            make = partial(real, path, *rest, **options)
            made = self._pass(name, below, make) if changes else make()
            if name == "open":
                self._paths[made] = below
            return made

        return call

    def _by_descriptor(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(descriptor: int, *rest: Any) -> Any:
            path = self._paths.get(descriptor)
            if path is None:
                return real(descriptor, *rest)
            make = (lambda: None) if name == "fsync" else (lambda: real(descriptor, *rest))
            half = (lambda: real(descriptor, rest[0][: len(rest[0]) // 2])) if name == "write" else None
            return self._pass(name, path, make, half)

        return call

    def _close(self, descriptor: int) -> None:
        self._paths.pop(descriptor, None)
        self._real["close"](descriptor)

    def _pass(
        self, name: str, path: str, make: Callable[[], Any], half: Callable[[], Any] | None = None
    ) -> Any:
        self.calls.append(f"{name} {path.removeprefix(self._root)}")
        now = len(self.calls)
        is_full = self._way is Way.FULL and self._number and now >= self._number and name in TAKES_ROOM
        if now != self._number and not is_full:
            return make()
        if half is not None and self._way in {Way.KILLED, Way.FULL}:
            half()
        if self._way is Way.KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._way is Way.DONE:
            make()
        if self._way is Way.FULL and not is_full:
            return make()
        code = errno.ENOSPC if is_full else errno.EIO
        raise OSError(code, os.strerror(code), path)
