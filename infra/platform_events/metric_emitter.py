"""The metric emitter: a process's last metric values, sent as `platform.metric` events on a timer.

A process sets values as often as it likes; they are sent once per interval, never one event per record
(docs/counts.md#metrics). A value that has not changed is sent once a minute. While the file
`<data>/run/metrics-paused` exists nothing is sent, so that the stack can come to rest for a count.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

REPEAT_S = 60.0
"""Seconds after which a value that is set again and again, always the same, is sent again."""
REPORT_S = 15.0
"""Longest time without any event of a process that sets values, in seconds."""

_Key = tuple[str, tuple[tuple[str, str], ...]]
"""Name and labels of a metric."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was last sent of a metric."""

    value: float
    at: float
    """Seconds of the emitter's clock."""


class Sender(Protocol):
    """Where an emitter sends metrics."""

    def send(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Send one metric."""

    def flush(self) -> None:
        """Wait until all metrics are delivered."""


def pause_file(data: Path) -> Path:
    """Return the file whose presence pauses the metric events of the stack in `data`."""
    return data / "run" / "metrics-paused"


class Emitter:
    """Keeps the last value of each metric and sends, every `interval_s` seconds, those that were set and changed.

    A value that was set and did not change is sent again after `REPEAT_S`. If nothing changed for `REPORT_S`, the value
    that was sent longest ago is sent, so that a silent process is one that has ended or hangs.

    Args:
        sender: Sends the events.
        paused: While this file exists nothing is sent.
        interval_s: Seconds between two ticks.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self, sender: Sender, paused: Path, interval_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sender = sender
        self._paused = paused
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._clock = clock
        self._values: dict[_Key, float] = {}
        self._sent: dict[_Key, _Sent] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> Emitter:
        """Start the timer and return the emitter."""
        self._thread.start()
        return self

    def __call__(self, name: str, value: float, labels: Mapping[str, str] | None = None) -> None:
        """Set the value of one metric."""
        with self._lock:
            self._values[name, tuple(sorted((labels or {}).items()))] = value

    def stop(self) -> None:
        """Stop the timer; values set since the last tick are not sent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def tick(self) -> int:
        """Send what is due and return how many events that are; while paused the values are dropped."""
        with self._lock:
            values, self._values = self._values, {}
        if self._paused.exists():
            return 0
        now = self._clock()
        due = self._due(values, now)
        for name, labels in due:
            self._sender.send(name, values[name, labels], dict(labels))
        if due:
            self._sender.flush()
        self._sent |= {key: _Sent(values[key], now) for key in due}
        return len(due)

    def _due(self, values: Mapping[_Key, float], now: float) -> list[_Key]:
        """Return the metrics to send now, of those that were set since the last tick."""
        due = [
            key
            for key, value in values.items()
            if (last := self._sent.get(key)) is None or last.value != value or now - last.at >= REPEAT_S
        ]
        newest = max((sent.at for sent in self._sent.values()), default=-math.inf)
        if values and not due and now - newest >= REPORT_S:
            due.append(min(values, key=lambda key: self._sent[key].at))
        return due

    def _run(self) -> None:
        # All processes tick at the same moments, so their events reach ClickHouse in one insert.
        while not self._stop.wait(self._interval_s - time.time() % self._interval_s):
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001 - a metric must never end the process that it measures
                print(f"metrics: {error}", flush=True)  # noqa: T201
