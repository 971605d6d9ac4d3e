"""The progress of a download on the terminal: one bar, the number of files, the bytes so far.

The server gives a file's size when its download starts, so the total grows until the last file has started.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class DownloadProgress(Protocol):
    """Receives the progress of a download."""

    def started(self, what: str, files: int) -> None:
        """Note that `files` files of `what` are missing and will be fetched."""

    def file(self, name: str, size: int) -> AbstractContextManager[Callable[[int], None]]:
        """Note that a file of `size` bytes starts; the yielded function takes the bytes of each piece."""

    def finished(self, what: str, size: int) -> None:
        """Note that the download has ended with `size` bytes in all."""


class SilentProgress:
    """A progress that shows nothing, for tests and programs without a terminal."""

    def started(self, what: str, files: int) -> None:
        """Show nothing."""

    @contextmanager
    def file(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Show nothing."""
        del name, size
        yield lambda _piece: None

    def finished(self, what: str, size: int) -> None:
        """Show nothing."""


class TerminalProgress:
    """One rich progress bar over all files of a download, and a line with the size at its end."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=self._console)
        self._task = self._bar.add_task("", total=0, visible=False)
        self._total = 0

    def started(self, what: str, files: int) -> None:
        """Open the bar."""
        self._bar.update(self._task, description=f"{what}: {files} files", visible=True)
        self._bar.start()

    @contextmanager
    def file(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Add a file's size to the total and its pieces to what is done."""
        del name
        self._total += size
        self._bar.update(self._task, total=self._total)
        yield lambda piece: self._bar.update(self._task, advance=piece)

    def finished(self, what: str, size: int) -> None:
        """Close the bar and print the size."""
        self._bar.stop()
        self._console.print(f"{what}: {size / 1e6:.1f} MB downloaded")
