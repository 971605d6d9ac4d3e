"""Processor time and resident memory of each process, looked at from outside while something runs."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

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


@dataclass
class Usage:
    """Watches processes in a thread; a context manager.

    Attributes:
        cpu_s: Processor seconds of each process in the time, once it is over.
        lasted_s: The time.
    """

    pids: Mapping[str, int]
    cpu_s: dict[str, float] = field(default_factory=dict)
    lasted_s: float = 0.0
    _memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Find the processes, and this one."""
        self._processes = {name: psutil.Process(pid) for name, pid in self.pids.items()}
        self._processes[MEASURING] = psutil.Process(os.getpid())
        self._thread = threading.Thread(target=self._run, daemon=True)

    def memory(self) -> dict[str, Memory]:
        """Return the memory of each process."""
        return {name: settled(samples) for name, samples in self._memory.items()}

    def __enter__(self) -> Self:
        self.cpu_s, self.lasted_s = self._cpu(), time.monotonic()
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        before, now = self.cpu_s, self._cpu()
        self.cpu_s = {name: now.get(name, seconds) - seconds for name, seconds in before.items()}
        self.lasted_s = time.monotonic() - self.lasted_s

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            self._look()

    def _look(self) -> None:
        for name, process in self._processes.items():
            try:
                rss = process.memory_info().rss / _MIB
            except psutil.NoSuchProcess:
                continue
            self._memory.setdefault(name, []).append((time.monotonic(), rss))

    def _cpu(self) -> dict[str, float]:
        found = {}
        for name, process in self._processes.items():
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            found[name] = times.user + times.system
        return found
