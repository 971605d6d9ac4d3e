"""The metric emitter: a process's last metric values, sent as `platform.metric` events on a timer.

A process sets values as often as it likes; they are sent once per interval, never one event per record
(docs/counts.md#metrics). While the file `<data>/run/metrics-paused` exists nothing is sent, so that the stack can come
to rest for a count.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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
    """Keeps the last value of each metric and sends those that were set every `interval_s` seconds.

    Args:
        sender: Sends the events.
        paused: While this file exists nothing is sent.
        interval_s: Seconds between two ticks.
    """

    def __init__(self, sender: Sender, paused: Path, interval_s: float) -> None:
        self._sender = sender
        self._paused = paused
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
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
        """Send the values set since the last tick and return how many; while paused they are dropped."""
        with self._lock:
            values, self._values = self._values, {}
        if self._paused.exists():
            return 0
        for (name, labels), value in values.items():
            self._sender.send(name, value, dict(labels))
        if values:
            self._sender.flush()
        return len(values)

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001 - a metric must never end the process that it measures
                print(f"metrics: {error}", flush=True)  # noqa: T201
