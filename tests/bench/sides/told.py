"""What a side of an agent row is told, as JSON in its first argument."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.clock import Clock
from tests.bench.work import WORKS

if TYPE_CHECKING:
    from tests.bench.work import Work


@dataclass(frozen=True)
class Told:
    """Where the records are, what to do to them, and how many there are."""

    kafka: str
    group: str
    source: str
    work: str
    total: int
    servers: list[int]
    folder: str

    @classmethod
    def read(cls) -> Told:
        """Read the program's first argument."""
        return cls(**json.loads(sys.argv[1]))

    @property
    def task(self) -> Work:
        """The work."""
        return WORKS[self.work]

    def clock(self) -> Clock:
        """Return a clock for it."""
        return Clock(self.total, self.servers)
