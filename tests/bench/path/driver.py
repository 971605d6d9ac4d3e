"""The load's process: started, told what to send, asked what it has sent."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.child import ROOT
from tests.bench.harness import SideError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

ENDS_WITHIN_S = 30.0


@dataclass(frozen=True)
class Sent:
    """What the load has sent since it started, all confirmed by Kafka.

    Attributes:
        readings: Readings.
        signals: Signals.
        crashes: Signals that show a crash.
        seconds: How long the last order took, its last confirmation included.
    """

    readings: int
    signals: int
    crashes: int
    seconds: float

    @property
    def events(self) -> int:
        """All of them."""
        return self.readings + self.signals


class Driver:
    """Starts the load's process; a context manager that ends it."""

    def __init__(self, kafka: str, folder: Path) -> None:
        told = json.dumps({"kafka": kafka, "folder": str(folder)})
        self._complaints = folder / "load.log"
        with self._complaints.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.sides.path_load", told],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.sent = Sent(0, 0, 0, 0.0)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def start(self, rate: float, seconds: float) -> None:
        """Have it send `rate` events a second; `ended` must follow."""
        self._tell({"rate": rate, "seconds": seconds})

    def stop(self) -> Sent:
        """Break off what it is doing; return what it has sent."""
        self.start(0, 0)
        self.ended()
        return self.ended()

    def ended(self) -> Sent:
        """Wait until it has done what it was told; return what it has sent.

        Raises:
            SideError: Its process ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SideError(f"the load ended: {self._last_words()}")
        self.sent = Sent(**json.loads(line))
        return self.sent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it: it has no more orders, and has them no longer to follow."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _tell(self, order: dict[str, float]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise SideError(f"the load ended: {self._last_words()}") from error

    def _last_words(self) -> str:
        lines = self._complaints.read_text(encoding="utf-8").splitlines()
        return lines[-1] if lines else "it said nothing"
