"""What is sealed, as anybody can read it: sizes of logs in the blocks that the cosigned city checkpoint covers."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from typing import TYPE_CHECKING

from infra.count_ledger import checkpoint, entries, newest_epoch

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

LOOK_S = 0.05
Place = tuple[str, int]
"""Topic and partition."""


class Seals:
    """Follows the city log of one ledger.

    Args:
        ledger: Folder of its published files.
    """

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._blocks = 0
        self._sizes: dict[Place, int] = {}

    def look(self) -> dict[Place, int]:
        """Return how many records of each log are sealed by now; leaves that are no records are left out."""
        folder = newest_epoch(self._ledger / "city")
        head = checkpoint(folder) if folder else None
        if folder is None or head is None or head[3] < 2 or head[1] == self._blocks:  # two: city and witness
            return self._sizes
        for block in entries(folder, head[1], self._blocks):
            for line in block.decode().splitlines()[5:]:
                origin, size, _root = line.split(" ")
                _city, topic, partition, epoch = origin.rsplit("/", 3)
                control = self._ledger / topic / partition / epoch / "control"
                others = len(list(control.glob("*.json"))) if control.is_dir() else 0
                self._sizes = {**self._sizes, (topic, int(partition)): int(size) - others}
        self._blocks = head[1]
        return self._sizes


class SealWatch:
    """Looks at the seals many times a second, in a thread, and remembers when each log had which size."""

    def __init__(self, ledger: Path) -> None:
        self._seals = Seals(ledger)
        self._seen: dict[Place, tuple[list[int], list[float]]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def sealed_ms(self, place: Place, offset: int) -> float | None:
        """Return when a record was first seen sealed, in milliseconds since 1970; None: not yet."""
        sizes, moments = self._seen.get(place, ([], []))
        found = bisect_left(sizes, offset + 1)
        return moments[found] if found < len(sizes) else None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            now_ms = time.time() * 1000
            for place, size in self._seals.look().items():
                sizes, moments = self._seen.setdefault(place, ([], []))
                if not sizes or size > sizes[-1]:
                    sizes.append(size)
                    moments.append(now_ms)
