"""Threads beside ingestion: one publishes partition checkpoints, one extends the city log, one anchors it.

Ingestion never waits for them. A `RetryError` is logged, and the step runs again. A step itself handles what stops one
log. Any other error (a full disk, another master seed) ends the thread and
stays in `failure`; the main thread raises it, and the process ends.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.errors import (
    LedgerError,
    RetryError,
)

if TYPE_CHECKING:
    from collections.abc import Callable


LAST_PASS_S = 3.5
"""Time limit of a last pass, in seconds."""
REPEAT_S = 60.0
"""Seconds after which a lasting `RetryError` is logged again."""
RETRY_S = 1.0
"""Pause after a `RetryError`, in seconds."""

log = logging.getLogger("ledger.sink")


@dataclass
class _Reported:
    """The last `RetryError` in the log, so that one that lasts is not written each second."""

    kind: type[RetryError] | None = None
    at_s: float = 0.0

    def is_news(self, error: RetryError, now_s: float) -> bool:
        """Return whether an error is of another kind than the last, or that was `REPEAT_S` ago."""
        if type(error) is self.kind and now_s - self.at_s < REPEAT_S:
            return False
        self.kind, self.at_s = type(error), now_s
        return True


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

    def raise_failure(self) -> None:
        """Raise what ended the thread.

        Raises:
            LedgerError: the thread ended although nobody finished it.
        """
        if self.failure:
            raise self.failure
        if self._thread.ident is not None and not self._stop and not self._thread.is_alive():
            raise LedgerError(f"{self._thread.name}: the thread ended by itself")

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
        last, reported = False, _Reported()
        while not last:
            self._wake.wait(self._interval_s)
            self._wake.clear()
            last = self._stop
            if last and not self._last_pass:
                return
            try:
                self._step()
            except RetryError as error:
                if reported.is_news(error, time.monotonic()):
                    log.warning("%s; trying again", error)
                time.sleep(0 if self._stop else RETRY_S)
            except LedgerError as error:
                self.failure = error
                return
            except BaseException as error:  # a thread that ended must not look like one that rests
                log.exception("%s failed", self._thread.name)
                self.failure = LedgerError(f"{self._thread.name}: {type(error).__name__}: {error}")
                return
