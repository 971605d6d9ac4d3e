"""What is sealed, as anybody can read it: sizes of logs in the blocks that the cosigned city checkpoint covers."""

from __future__ import annotations

import time
from bisect import bisect_left
from typing import TYPE_CHECKING

from infra.reconcile.count_ledger import checkpoint, entries, newest_epoch
from tests.bench.path.looking import Looking

if TYPE_CHECKING:
    from pathlib import Path

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


class SealWatch(Looking):
    """Looks at the seals many times a second, and remembers when each log had which size."""

    def __init__(self, ledger: Path) -> None:
        super().__init__(LOOK_S)
        self._seals = Seals(ledger)
        self._seen: dict[Place, tuple[list[int], list[float]]] = {}

    def sealed_ms(self, place: Place, offset: int) -> float | None:
        """Return when a record was first seen sealed, in milliseconds since 1970; None: not yet."""
        sizes, moments = self._seen.get(place, ([], []))
        found = bisect_left(sizes, offset + 1)
        return moments[found] if found < len(sizes) else None

    def begin(self) -> None:
        """Nothing: what is sealed already will be seen at the first look."""

    def end(self) -> None:
        """Nothing: there is no connection to close."""

    def look(self) -> None:
        """Note which logs have grown."""
        found = self._seals.look()
        now_ms = time.time() * 1000
        for place, size in found.items():
            sizes, moments = self._seen.setdefault(place, ([], []))
            if not sizes or size > sizes[-1]:
                sizes.append(size)
                moments.append(now_ms)
