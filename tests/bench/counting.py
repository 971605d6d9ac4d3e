"""What every side of the state row does to a subject's state: its figures, and the check that none was lost.

It depends on nothing but the clock, so peers with environments of their own run it too.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tests.bench.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 5_000
SUBJECTS = 1_000
_WINDOWS = {"pm10": 12, "pm2_5": 12, "no2": 1, "o3": 8, "co": 8, "so2": 24}

Value = dict[str, Any]


def windows(number: int) -> Value:
    """Return what the air-quality rule keeps of a station that reports by the hour, all windows full: 0.4 kB."""
    micro = 3_000 + number % 90_000
    return {
        "PT1H": {
            "frontier": 1_600_000_000_000_000 + number,
            "gas_unit": "PPM",
            "hours": {name: [micro + hour for hour in range(hours)] for name, hours in _WINDOWS.items()},
            "us": [2, 0],
            "kr": [1, 0],
            "late": 0,
        }
    }


def category(_: int) -> Value:
    """Return a last category and twelve means: 0.1 kB."""
    return {"over": False, "hours": [12.5] * 12}


WEIGHTS: dict[str, Callable[[int], Value]] = {"category": category, "windows": windows}


class Counting:
    """One side's turn: names of subjects, what each begins with, and the clock."""

    def __init__(self, total: int, weight: str) -> None:
        self.clock = Clock(total)
        self.subjects = [f"station-{number:04d}" for number in range(SUBJECTS)]
        self._first = WEIGHTS[weight]

    @classmethod
    def read(cls) -> Counting:
        """Read what the row told this side."""
        told = json.loads(sys.argv[1])
        return cls(told["total"], told["weight"])

    def after(self, before: Value | None) -> Value:
        """Return a subject's state after one more record."""
        value = {**self._first(0), "records": 0} if before is None else before
        value["records"] += 1
        return value

    def finish(self, found: Callable[[str], Value | None]) -> None:
        """Stop the clock, and check that every record was counted.

        Args:
            found: Returns the state of a subject.
        """
        counts = [(found(each) or {"records": 0})["records"] for each in self.subjects[: self.clock.total]]
        if sum(counts) != self.clock.total:
            raise SystemExit(f"counted {sum(counts)} records of {self.clock.total}")
        self.clock.finish()
