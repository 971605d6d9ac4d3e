"""The threads beside ingestion: one publishes partition checkpoints, one extends the city log, one anchors it.

Neither is waited for. What a peer's silence holds up is tried again; what stops one log is told and leaves
the others alone; what stops everything (a full disk, a wrong master seed) is left in `failure` for the main
thread.
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
RETRY_S = 1.0

log = logging.getLogger("ledger.sink")


class PeriodicThread:
    """A thread that does one thing again and again until told to stop, and once more then."""

    def __init__(self, name: str, step: Callable[[], None], interval_s: float) -> None:
        self.failure: LedgerError | None = None
        """Why it stopped by itself; nothing else is done after it."""
        self._step = step
        self._interval_s = interval_s
        self._wake = threading.Event()
        self._stop = False
        self._last_pass = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Let it do its thing now."""
        self._wake.set()

    def finish(self, *, last_pass: bool = True, within_s: float = LAST_PASS_S) -> bool:
        """Let it do its thing a last time, or not, and end; it is not waited for longer than told.

        Returns:
            Whether it ended. If not, it may still write: nobody else must be let in before the process ends.
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
