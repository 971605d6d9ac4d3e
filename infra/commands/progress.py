"""What a long command shows on stderr while it works, so that it is never silent for long.

On a terminal: one line that is overwritten. Elsewhere: a plain line every EVERY_S. Stdout has the result alone.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY_S = 10.0
"""Seconds between two plain lines, and longest silence."""
REDRAW_S = 0.2
"""Least time between two writes of the line on a terminal."""
TICK_S = 0.25
SECOND = 1.0
"""Seconds after which the line on a terminal is written again, with the time that has passed."""
_CLEAR = "\r\x1b[K"


class Progress:
    """What a command is doing now. Any thread may call it.

    Args:
        command: The command's name, the beginning of each line.
        stream: Where lines go.
        clock: Monotonic seconds.
    """

    def __init__(
        self, command: str, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._command = command
        self._stream = stream or sys.stderr
        self._clock = clock
        self._terminal = self._stream.isatty()
        self._lock = threading.Lock()
        self._began = self._written = clock()
        self._what = ""
        self._shown = False

    def __call__(self, what: str) -> None:
        """Take what is done now, such as `3 of 505 files done, 12,000 records`."""
        with self._lock:
            self._what = what
            if self._terminal and (not self._shown or self._clock() - self._written >= REDRAW_S):
                self._write()

    def tick(self) -> None:
        """Write a line if one is due: also when a step takes long and nothing new is known."""
        with self._lock:
            if self._what and self._clock() - self._written >= (SECOND if self._terminal else EVERY_S):
                self._write()

    def clear(self, then: str = "") -> None:
        """Make room for other output, which counts as a line.

        Args:
            then: What is done from now on; empty: the same as before.
        """
        with self._lock:
            self._what = then or self._what
            if self._shown:
                self._put(_CLEAR)
            self._shown = False
            self._written = self._clock()

    def _write(self) -> None:
        now = self._clock()
        line = f"{self._command}: {self._what} ({now - self._began:.0f} s)"
        self._put(f"{_CLEAR}{line}" if self._terminal else f"{line}\n")
        self._shown = self._terminal
        self._written = now

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # nobody reads stderr any more; the work goes on
            self._what = ""


@contextmanager
def shown_progress(command: str, first: str) -> Iterator[Progress]:
    """Show the progress of a command until the block ends.

    Args:
        command: The command's name.
        first: What it does first.
    """
    progress = Progress(command)
    with ticking(progress, first):
        yield progress


@contextmanager
def ticking(progress: Progress, first: str) -> Iterator[None]:
    """Write a due line whenever time has passed, until the block ends.

    Args:
        progress: Writes them.
        first: What is done first.
    """
    progress(first)
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(TICK_S):
            progress.tick()

    thread = threading.Thread(target=tick, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        progress.clear()
