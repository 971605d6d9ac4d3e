"""A thread that looks at something again and again while a block runs; what it meets is raised at the block's end."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class Looking(ABC):
    """A context manager around the time in which is looked.

    Args:
        every_s: Seconds between two looks.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._stop = threading.Event()
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @abstractmethod
    def begin(self) -> None:
        """Do what comes before the first look, in the caller's thread."""

    @abstractmethod
    def look(self) -> None:
        """Look once."""

    @abstractmethod
    def end(self) -> None:
        """Do what comes after the last look, in the caller's thread."""

    def __enter__(self) -> Self:
        self.begin()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.end()
        if self._problem is not None and kind is None:
            raise self._problem

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._every_s):
                self.look()
        except Exception as problem:  # noqa: BLE001 - it is raised where the figures are wanted
            self._problem = problem
