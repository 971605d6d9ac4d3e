"""The clock of one side of a benchmark, in the side's own process: it depends on nothing but psutil.

From `begin` (the first event in hand) to `finish` (the last one durable) it takes the wall time, the processor
time of this process with all its threads, and that of the servers that both sides use. `finish` prints them
as one line of JSON, which `tests.bench.child` reads.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK = "bench: "


def tell(figures: Mapping[str, Any]) -> None:
    """Print what a side measured, for `tests.bench.child` to read."""
    sys.stdout.write(f"\n{MARK}{json.dumps(figures)}\n")
    sys.stdout.flush()


class Clock:
    """Counts events and times them.

    Args:
        total: Events until the work is complete.
        servers: Process ids of broker and engine, whose processor time is told apart.
    """

    def __init__(self, total: int, servers: Sequence[int] = ()) -> None:
        self.total = total
        self.done = 0
        self._servers = [psutil.Process(each) for each in servers]
        self._begun: tuple[float, float, float] | None = None
        self._ended = False

    def begin(self) -> None:
        """Start, the first time it is called."""
        if self._begun is None:
            self._begun = self._now()

    def count(self, events: int = 1) -> bool:
        """Count finished events; True once all are."""
        self.done += events
        return self.done >= self.total

    def finish(self) -> None:
        """Stop, and print what was measured; further calls do nothing."""
        if self._ended or self._begun is None:
            return
        self._ended = True
        wall, cpu, servers = (now - then for now, then in zip(self._now(), self._begun, strict=True))
        tell({"events": self.done, "seconds": wall, "cpu_s": cpu, "server_cpu_s": servers})

    def _now(self) -> tuple[float, float, float]:
        times = [each.cpu_times() for each in self._servers]
        return time.perf_counter(), time.process_time(), sum(each.user + each.system for each in times)
