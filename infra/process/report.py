"""What a process of the stack reports about itself in a file, so that it is seen without Kafka and ClickHouse.

`<data>/run/health/<process>.json` holds the conditions that are unhealthy, with since when. Its modification time is
the last round of the process's main loop: it stands still when the process is stopped or hangs. The file is rewritten
only when a condition changes; a round costs one `utime` in BEAT_S.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.regular_file import read_regular_text
from streams.stalls import NOTABLE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

BEAT_S = 1.5
"""Seconds between two writes of the time."""
SAME_S = 2.0
"""Two durations whose beginnings differ by less than this are of one condition."""
FLAGS = frozenset(
    {
        "ledger_log_stopped",
        "ledger_signer_down",
        "ledger_witness_down",
        "ledger_anchor_down",
        "ledger_clock_waiting",
        "ledger_file_changed",
        "agents_topic_stopped",
    }
)
"""Metrics that are 1 while something is unhealthy."""
DURATIONS = frozenset(
    {"ledger_quorum_lag_seconds", "agents_stalled_seconds", "agents_slow_seconds", "sink.stalled_seconds"}
)
"""Metrics that say for how many seconds something is unhealthy, from NOTABLE_S on."""


@dataclass(frozen=True, slots=True)
class Condition:
    """An unhealthy condition that a process reports."""

    metric: str
    labels: Mapping[str, str]
    since: float
    """POSIX seconds."""


@dataclass(frozen=True, slots=True)
class Report:
    """A process's report as read from its file."""

    process: str
    beat: float
    """When its main loop last went round, POSIX seconds."""
    conditions: tuple[Condition, ...] = ()


def folder(data: Path) -> Path:
    """Return the folder of the reports."""
    return data / "run" / "health"


class Reporter:
    """Writes the report of this process. Any thread may call `note`; the main loop calls `beat`.

    Args:
        data: The data directory.
        process: Name of the process in the stack.
        clock: The time, POSIX seconds.
    """

    def __init__(self, data: Path, process: str, clock: Callable[[], float] = time.time) -> None:
        self._path = folder(data) / f"{process}.json"
        self._process = process
        self._clock = clock
        self._lock = threading.Lock()
        self._conditions: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._written: object = None
        self._beat_at = float("-inf")

    def note(self, metric: str, value: float, labels: Mapping[str, str]) -> None:
        """Take a metric; those of FLAGS and DURATIONS set or clear a condition."""
        flag = metric in FLAGS
        if not flag and metric not in DURATIONS:
            return
        identity = {
            name: text for name, text in labels.items() if name != "reason"
        }  # 0 comes without a reason
        key = (metric, tuple(sorted(identity.items())))
        with self._lock:
            if value <= 0 or (not flag and value < NOTABLE_S):
                self._conditions.pop(key, None)
                return
            since = self._clock() - (0.0 if flag else value)
            known = self._conditions.get(key)
            if known is None or (not flag and abs(since - known) > SAME_S):
                self._conditions[key] = since

    def tee(self, emit: Callable[..., None]) -> Callable[..., None]:
        """Return an `emit` that passes a metric on and notes it here, too."""

        def both(name: str, value: float, labels: Mapping[str, str]) -> None:
            self.note(name, value, labels)
            emit(name, value, labels)

        return both

    def beat(self) -> None:
        """Say that the main loop goes round; write at most once in BEAT_S. An unwritable disk is no error here."""
        now = time.monotonic()
        if now - self._beat_at < BEAT_S:
            return
        self._beat_at = now
        with self._lock:
            conditions = dict(self._conditions)
        with suppress(OSError):
            if conditions == self._written and self._path.exists():
                os.utime(self._path)
                return
            self._write(conditions)
            self._written = conditions

    def _write(self, conditions: Mapping[tuple[str, tuple[tuple[str, str], ...]], float]) -> None:
        rows = [
            {"metric": metric, "labels": dict(labels), "since": since}
            for (metric, labels), since in conditions.items()
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(f".{self._path.name}")
        temporary.write_text(json.dumps({"process": self._process, "conditions": rows}))
        temporary.replace(self._path)

    def close(self) -> None:
        """Remove the report of a process that ends in order."""
        with suppress(OSError):
            self._path.unlink()


def read_reports(data: Path) -> dict[str, Report]:
    """Return the report of each process of a data directory that has one; one that cannot be read has no conditions."""
    found = {}
    for path in sorted(folder(data).glob("[!.]*.json")):
        with suppress(OSError):  # it ended just now
            beat = path.stat().st_mtime
            found[path.stem] = Report(path.stem, beat, _conditions(path))
    return found


def _conditions(path: Path) -> tuple[Condition, ...]:
    try:
        rows = json.loads(read_regular_text(path))["conditions"]
        return tuple(Condition(str(r["metric"]), dict(r["labels"]), float(r["since"])) for r in rows)
    except (ValueError, KeyError, TypeError):
        return ()


def clear_reports(data: Path) -> None:
    """Remove the reports that a killed stack left behind."""
    for path in folder(data).glob("*.json"):
        with suppress(OSError):
            path.unlink()
