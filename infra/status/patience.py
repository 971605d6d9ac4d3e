"""A question to a part that may hang: asked in a thread, one at a time, and waited for only so long."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a part answered last, or how it failed."""

    value: T | None
    """Its answer; None: it has never answered, or failed."""
    time: float | None = None
    """When the question was asked, POSIX seconds."""
    error: Exception | None = None
    late: bool = False
    """The question of now is not answered yet; the value is that of an earlier one."""


class PatientQuestion(Generic[T]):
    """Asks one part. The thread is a daemon: a part that hangs does not keep a command from ending.

    Args:
        ask: The question; it may block and raise.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._last: Answer[T] = Answer(None)
        self._thread: threading.Thread | None = None

    def answer(self, within_s: float) -> Answer[T]:
        """Ask, unless the last question is still open, and return the answer or, after that time, the last one."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="status", daemon=True)
            self._thread.start()
        thread = self._thread
        thread.join(within_s)
        last = self._last
        return Answer(last.value, last.time, None, late=True) if thread.is_alive() else last

    def forget(self) -> None:
        """Forget the last answer: what is shown next must be newer."""
        self._last = Answer(None)

    def _run(self) -> None:
        asked = time.time()
        try:
            self._last = Answer(self._ask(), asked)
        except Exception as error:  # noqa: BLE001 - a failed part is a fact of the status
            self._last = Answer(None, asked, error)
