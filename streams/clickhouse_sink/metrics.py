"""Metrics of the sink: names with their meaning, and the latency from a record's timestamp to its row.

They are emitted on a timer, never per record: `platform.metric` is a topic of this sink too (docs/counts.md#metrics).
"""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Final, Literal

from streams.metrics import Emit

Metric = Literal[
    # Records stored since the sink started.
    "sink.records_total",
    # Batches stored since the sink started. Many of few records: raise `max_age_s`.
    "sink.batches_total",
    # Records that no schema reads, dead-lettered since the sink started. Any growth: who writes to this topic?
    "sink.dead_letters_total",
    # Records of a topic that are not committed yet. High and growing: more sinks, or a slow ClickHouse.
    "sink.lag_records",
    # Seconds without progress of a partition that has lag, the longest. Above `stalled_after_s`: unhealthy.
    "sink.stalled_seconds",
    # Milliseconds from a record's timestamp to its row, by label quantile (0.5, 0.99), over the last interval.
    "sink.latency_ms",
]
METRICS: Final[tuple[str, ...]] = Metric.__args__  # type: ignore[attr-defined]
QUANTILES: Final = (0.5, 0.99)
_SAMPLES = 64  # per batch; its records arrived in order, so evenly spaced ones represent the rest


class Latencies:
    """Ages of records when they were stored, since the last `take`. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: list[tuple[float, float]] = []

    def add(self, stamps: Sequence[int], now_ms: float) -> None:
        """Add a batch that is stored now.

        Args:
            stamps: Timestamps of its records, milliseconds since 1970.
            now_ms: The time, milliseconds since 1970.
        """
        if not stamps:
            return
        chosen = stamps[:: max(1, len(stamps) // _SAMPLES)]
        weight = len(stamps) / len(chosen)
        with self._lock:
            self._seen += [(now_ms - stamp, weight) for stamp in chosen]

    def take(self) -> dict[float, float]:
        """Return the quantiles in milliseconds and start anew. Empty if nothing was stored."""
        with self._lock:
            seen, self._seen = self._seen, []
        seen.sort()
        total = sum(weight for _, weight in seen)
        found: dict[float, float] = {}
        so_far = 0.0
        for age, weight in seen:
            so_far += weight
            for quantile in QUANTILES:
                if quantile not in found and so_far >= quantile * total:
                    found[quantile] = age
        return found


class Totals:
    """Totals since the sink started and the latencies of the current interval.

    Args:
        emit: Receives the metrics.
        interval_s: Seconds between two reports.
        now: Monotonic seconds at the start.
    """

    def __init__(self, emit: Emit, interval_s: float, now: float) -> None:
        self._emit = emit
        self._interval_s = interval_s
        self._due_at = now + interval_s
        self._latencies = Latencies()
        self._records = self._batches = self._dead_letters = 0

    def stored(self, stamps: Sequence[int], dead_letters: int, now_ms: float) -> None:
        """Count a batch that is stored now.

        Args:
            stamps: Timestamps of its records, milliseconds since 1970.
            dead_letters: How many of them were dead-lettered.
            now_ms: The time, milliseconds since 1970.
        """
        self._latencies.add(stamps, now_ms)
        self._records += len(stamps)
        self._batches += 1
        self._dead_letters += dead_letters

    def due(self, now: float) -> bool:
        """Return True if a report is due. The next one is then due an interval from now."""
        if now < self._due_at:
            return False
        self._due_at = now + self._interval_s
        return True

    def report(self, lags: Mapping[str, int], stalled_s: float) -> None:
        """Emit all metrics.

        Args:
            lags: Uncommitted records, by topic.
            stalled_s: Seconds without progress of the partition that waits longest.
        """
        for topic, lag in lags.items():
            self._emit("sink.lag_records", float(lag), {"topic": topic})
        self._emit("sink.stalled_seconds", stalled_s, {})
        self._emit("sink.records_total", float(self._records), {})
        self._emit("sink.batches_total", float(self._batches), {})
        self._emit("sink.dead_letters_total", float(self._dead_letters), {})
        for quantile, age in self._latencies.take().items():
            self._emit("sink.latency_ms", age, {"quantile": str(quantile)})
