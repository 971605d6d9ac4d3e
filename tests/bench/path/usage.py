"""Processor time and resident memory of each process, looked at from outside while something runs."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from tests.bench.path.looking import Looking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOOK_S = 2.0
MEASURING = "measuring"
"""This process: it asks the stack how far it is, and reads as a subscriber."""
_SETTLED, _WINDOW = 0.2, 0.1
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of one process, in MiB.

    Attributes:
        start: Mean around a fifth of the time (a minute of five), when it has settled.
        end: Mean of the last tenth.
        largest: The largest seen.
        minutes: Minutes from the middle of `start` to that of `end`.
    """

    start: float
    end: float
    largest: float
    minutes: float

    @property
    def growth_percent(self) -> float:
        """How much larger the end is."""
        return (self.end / self.start - 1) * 100

    @property
    def growth_per_minute(self) -> float:
        """MiB a minute."""
        return (self.end - self.start) / self.minutes


def settled(samples: Sequence[tuple[float, float]]) -> Memory:
    """Sum up samples, seconds and MiB, of one process.

    Raises:
        ValueError: There are none.
    """
    first, lasted = samples[0][0], samples[-1][0] - samples[0][0]
    half = _WINDOW * lasted / 2
    begin, end = first + _SETTLED * lasted, first + lasted - half
    low = [mib for at, mib in samples if abs(at - begin) <= half] or [samples[len(samples) // 5][1]]
    high = [mib for at, mib in samples if abs(at - end) <= half] or [samples[-1][1]]
    minutes = max(end - begin, 1e-9) / 60
    return Memory(sum(low) / len(low), sum(high) / len(high), max(mib for _, mib in samples), minutes)


class Usage(Looking):
    """Watches processes, by name, and this one.

    Attributes:
        cpu_s: Processor seconds of each process in the time, once it is over.
        lasted_s: The time.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        super().__init__(LOOK_S)
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._processes[MEASURING] = psutil.Process(os.getpid())
        self._memory: dict[str, list[tuple[float, float]]] = {}
        self._before: dict[str, float] = {}
        self._begun = 0.0
        self.cpu_s: dict[str, float] = {}
        self.lasted_s = 0.0

    def memory(self) -> dict[str, Memory]:
        """Return the memory of each process."""
        return {name: settled(samples) for name, samples in self._memory.items()}

    def begin(self) -> None:
        """Start the clocks."""
        self._before, self._begun = self._cpu(), time.monotonic()
        self.look()

    def end(self) -> None:
        """Stop them."""
        now = self._cpu()
        self.cpu_s = {name: now[name] - seconds for name, seconds in self._before.items()}
        self.lasted_s = time.monotonic() - self._begun

    def look(self) -> None:
        """Note what each process holds."""
        for name, process in self._processes.items():
            sample = (time.monotonic(), process.memory_info().rss / _MIB)
            self._memory.setdefault(name, []).append(sample)

    def _cpu(self) -> dict[str, float]:
        found = {}
        for name, process in self._processes.items():
            times = process.cpu_times()
            found[name] = times.user + times.system
        return found
