"""Long messages: a document of many events, judged as a whole before its first event, in bounded memory."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.child import figures_of
from tests.bench.harness import SideError
from tests.bench.limits import LimitRow, Quantity
from tests.bench.sides.documents import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_S = 60.0
LARGEST_MIB = 300.0
_LIMIT_S = 600.0


@contextlib.contextmanager
def stage(events: int) -> Iterator[Path]:
    """Write a message of each format."""
    with tempfile.TemporaryDirectory(prefix="city-bench-documents-") as name:
        folder = Path(name)
        for form in MESSAGES:
            told = {"way": "write", "path": str(folder / form), "form": form, "events": events}
            figures_of("documents", told, _LIMIT_S)
        yield folder


def measure(folder: Path, number: int, events: int) -> list[Quantity]:
    """Read each message in a process of its own.

    Raises:
        SideError: It failed, or not every event was accepted.
    """
    del number
    quantities: list[Quantity] = []
    for form in MESSAGES:
        found = figures_of("documents", {"way": "read", "path": str(folder / form)}, _LIMIT_S)
        if found["accepted"] != events:
            raise SideError(f"{form}: accepted {found['accepted']} of {events} events")
        quantities += [
            Quantity(f"{form}", "s", found["seconds"], most=LONGEST_S),
            Quantity(f"{form}, processor time an event", "µs", found["cpu_s"] / events * 1e6),
            Quantity(f"{form}, memory at its peak", "MiB", found["peak_mib"], most=LARGEST_MIB),
        ]
    return quantities


DOCUMENTS = LimitRow(
    "documents",
    "one message of EPCIS or DCSA: found, judged as a whole, every event checked and encoded",
    stage,
    measure,
    events=100_000,
    small=2_000,
    rounds=3,
)
