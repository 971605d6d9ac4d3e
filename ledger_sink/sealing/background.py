"""Threads beside ingestion: one publishes partition checkpoints, one extends the city log, one anchors it.

Ingestion never waits for them. A `RetryError` is logged, and the step runs again. A step itself handles what stops one
log. Any other error (a full disk, another
master seed) ends the thread and stays in `failure` for the main thread.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from ledger_sink.errors import (
    LedgerError,
    RetryError,
)

if TYPE_CHECKING:
    from collections.abc import Callable


LAST_PASS_S = 3.5
"""Time limit of a last pass, in seconds."""
RETRY_S = 1.0
"""Pause after a `RetryError`, in seconds."""

log = logging.getLogger("ledger.sink")


class PeriodicThread:
    """A thread that repeats a step until `finish`, and then runs it once more.

    Args:
        name: the thread's name.
        step: what to repeat.
        interval_s: longest pause between two steps, in seconds.
    """

    def __init__(self, name: str, step: Callable[[], None], interval_s: float) -> None:
        self.failure: LedgerError | None = None
        """The error that ended the thread, or None."""
        self._step = step
        self._interval_s = interval_s
        self._wake = threading.Event()
        self._stop = False
        self._last_pass = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Run the next step now."""
        self._wake.set()

    def finish(self, *, last_pass: bool = True, within_s: float = LAST_PASS_S) -> bool:
        """Stop the thread, optionally after one last pass. Wait at most `within_s`.

        Args:
            last_pass: run the step once more first.
            within_s: time limit, in seconds.

        Returns:
            Whether the thread ended. If not, it may still write, so its locks must be held until the process ends.
        """
        self._last_pass &= last_pass
        self._stop = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        last = False
        while not last:
            self._wake.wait(self._interval_s)
            self._wake.clear()
            last = self._stop
            if last and not self._last_pass:
                return
            try:
                self._step()
            except RetryError as error:
                log.warning("%s; trying again", error)
                time.sleep(0 if self._stop else RETRY_S)
            except LedgerError as error:
                self.failure = error
                return
            except Exception as error:
                log.exception("%s failed", self._thread.name)
                self.failure = LedgerError(f"{self._thread.name}: {type(error).__name__}: {error}")
                return
