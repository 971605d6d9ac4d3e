"""Whether the ledger of a stack stands still for a reason that only a person can remove."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from infra.errors import StackError
from ledger_sink.log.reasons import REFUSED, STOPPED, WAITING, Waiting
from ledger_sink.regular_file import read_regular_text

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

EVERY_S = 2.0
"""Seconds between two looks."""
LASTS_S = 5.0
"""Seconds after which a reason counts."""


_WHAT = {STOPPED: "has stopped", REFUSED: "is refused by the city log"}


def standstill(ledger: Path, known: Container[tuple[Path, int]] = ()) -> list[str]:
    """Return one sentence for each log that has stopped, is refused, or waits for the clock.

    Args:
        ledger: Folder of the ledger.
        known: Reasons that do not count, as `written` returned them.
    """
    found = []
    for path, written_at in written(ledger):
        if (path, written_at) in known:
            continue
        with suppress(FileNotFoundError):  # removed meanwhile
            text = read_regular_text(path, errors="replace").strip()
            log = path.parent.relative_to(ledger)
            name = "the city log" if log.parts[0] == "city" else f"log {log.parent}"
            found.append(
                str(Waiting.parse(text)) if path.name == WAITING else f"{name} {_WHAT[path.name]}: {text}"
            )
    return found


def written(ledger: Path) -> list[tuple[Path, int]]:
    """Return the file of each reason, and when it was written, in nanoseconds."""
    found = []
    for folder in sorted([*ledger.glob("city/[0-9]*"), *ledger.glob("*/[0-9]*/[0-9]*")]):
        for name in (*_WHAT, WAITING):
            with suppress(FileNotFoundError):
                found.append((folder / name, (folder / name).stat().st_mtime_ns))
    return found


class StandstillWatch:
    """Raises once a reason has lasted: a stack that must come to rest would wait for ever.

    A reason of an earlier run does not count. The ledger removes it when it opens the log, or writes it again.

    Args:
        ledger: Folder of the ledger.
        clock: Monotonic seconds.
    """

    def __init__(self, ledger: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._clock = clock
        self._earlier = written(ledger)
        self._looked = self._since = float("-inf")

    def check(self) -> None:
        """Look, at most every EVERY_S.

        Raises:
            StackError: A reason has lasted for LASTS_S.
        """
        now = self._clock()
        if now - self._looked < EVERY_S:
            return
        self._looked = now
        found = standstill(self._ledger, self._earlier)
        if not found:
            self._since = float("inf")
        elif self._since in (float("inf"), float("-inf")):
            self._since = now
        elif now - self._since >= LASTS_S:
            raise StackError(f"the stack cannot come to rest: {'; '.join(found)}")
