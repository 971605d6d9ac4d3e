"""Growth of the ledger: what an event costs and how long a log takes to open do not grow with the log.

Three logs of 1 M, 10 M and 100 M leaves take the events before their size in turn, commit by commit. The two
smaller ones were sealed whole; the largest is made at its size from its right edge, as `sides/growth_ledger.py`
tells: what a file system does with the 780,000 files of such a log is not measured.
"""

from __future__ import annotations

import contextlib
import tempfile
from typing import TYPE_CHECKING

from tests.bench.child import figures_of
from tests.bench.limits import LimitRow, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAT = 1.10
OPENING_MS = 10.0
"""Opening reads the last tile of each level, of which there is one more for each 256 times as many leaves, and hashes
them: how wide they happen to be at a size counts for more than the size. So no ratio is asked for, but milliseconds.
"""
_LIMIT_S = 1800.0


def size_words(count: int) -> str:
    """Write a number of events: 10 M, 30 k."""
    for unit, name in ((1_000_000, " M"), (1_000, " k")):
        if count >= unit:
            return f"{count / unit:g}{name}"
    return str(count)


@contextlib.contextmanager
def stage(events: int) -> Iterator[str]:
    """Make a folder, on disk."""
    del events
    with tempfile.TemporaryDirectory(prefix="city-bench-growth-") as folder:
        yield folder


def measure(folder: str, number: int, events: int) -> list[Quantity]:
    """Seal, and open.

    Raises:
        SideError: It failed, or did not seal every event.
    """
    told = {"events": events, "folder": f"{folder}/{number}"}
    found = figures_of("growth_ledger", told, _LIMIT_S)
    cost, opening, resident = found["cost_us"], found["open_ms"], found["resident_mib"]
    low, middle, high = (size_words(each) for each in (events // 10, events, events * 10))
    return [
        *(
            Quantity(f"CPU per event at {at}", "µs", us)
            for at, us in zip((low, middle, high), cost, strict=True)
        ),
        Quantity(f"CPU per event at {middle} / at {low}", "×", cost[1] / cost[0], most=FLAT),
        Quantity(f"CPU per event at {high} / at {low}", "×", cost[2] / cost[0], most=FLAT),
        *(
            Quantity(f"open at {at}", "ms", ms, most=OPENING_MS)
            for at, ms in zip((low, middle, high), opening, strict=True)
        ),
        Quantity(f"open at {high} / at {low}", "×", opening[2] / opening[0]),
        *(Quantity(f"resident at {at}", "MiB", mib) for at, mib in zip((low, middle), resident, strict=True)),
        Quantity(f"resident at {middle} / at {low}", "×", resident[1] / resident[0], most=FLAT),
    ]


GROWTH_LEDGER = LimitRow(
    "growth-ledger",
    "seal in logs of a tenth, one and ten times the events",
    stage,
    measure,
    events=10_000_000,
    small=200_000,
)
