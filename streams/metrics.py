"""Every metric of this package: its meaning, its unit, and what to do when it is high.

Values are emitted on a timer, never one per record (docs/counts.md#metrics).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final, Literal

Emit = Callable[[str, float, Mapping[str, str]], None]
"""`emit(name, value, labels)`: sends one metric out; must not block."""

Metric = Literal[
    # Records of a partition that are not committed yet. High and growing: more workers, or a rule that is
    # slow.
    "agents_lag_records",
    # Seconds without any progress of a partition that has lag. Above `stalled_after_s` the worker ends
    # itself.
    "agents_stalled_seconds",
    # Seconds since the last commit of a partition that has lag and that the worker is working on. High: the
    # machine or a rule is slow, or a batch fails again and again.
    "agents_slow_seconds",
    # Input records that agents have finished, since the worker started.
    "agents_records_total",
    # Derived events that agents have delivered, since the worker started.
    "agents_derived_total",
    # Dead letters that agents have delivered, since the worker started. Any growth: read them, `city
    # dead-letters list`.
    "agents_dead_letters_total",
    # 1 for a topic that this worker has stopped because a rule refused too many of its records. The worker's log
    # names the rule: mend it and start the worker again.
    "agents_topic_stopped",
    # Input records that no schema reads; the ClickHouse sink dead-letters them. Any growth: who writes to
    # this topic?
    "agents_undecodable_total",
    # Records that a stateful rule had already folded before a restart, since the worker started.
    "agents_skipped_total",
    # Records that derived nothing because the person was forgotten, since the worker started.
    "agents_forgotten_total",
    # Records that no rule may use: their signature is wrong or missing, or they were replayed. Any growth: read
    # them, `city dead-letters list`.
    "agents_origin_refused_total",
    # Numbers of sources that were passed over and have not come since, found since the worker started. Growth:
    # `platform.sequence-gap` names the sources.
    "agents_missing_numbers",
    # Batches that failed and were fetched again. Growth: Kafka refuses what agents write; see its log.
    "agents_retried_batches_total",
    # Subjects whose state a worker holds in memory, per topic.
    "agents_state_subjects",
    # Seconds from the fetch of the last batch to its state being durable, per topic.
    "agents_batch_seconds",
    # Records of recordings that a replay has read, accepted and refused.
    "replay_read_total",
    "replay_accepted_total",
    "replay_refused_total",
]

METRICS: Final[tuple[str, ...]] = Metric.__args__  # type: ignore[attr-defined]


class Metrics:
    """Totals and last values of metrics. Safe from any thread: one part of a process counts, another emits."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._totals: Counter[tuple[Metric, str]] = Counter()
        self._values: dict[tuple[Metric, str], float] = {}

    def add(self, name: Metric, amount: float = 1, topic: str = "") -> None:
        """Add an amount to a total."""
        with self._lock:
            self._totals[name, topic] += amount  # type: ignore[assignment]

    def set(self, name: Metric, value: float, topic: str = "") -> None:
        """Set a value that is not a total."""
        with self._lock:
            self._values[name, topic] = value

    def get(self, name: Metric, topic: str = "") -> float:
        """Return the current total or value, 0 if never set."""
        with self._lock:
            return self._totals.get((name, topic)) or self._values.get((name, topic), 0)

    def emit_all(self, emit: Emit) -> None:
        """Emit every total and value as it is now."""
        with self._lock:
            both = {**self._totals, **self._values}
        for (name, topic), value in both.items():
            emit(name, float(value), {"topic": topic} if topic else {})


def no_emit(name: str, value: float, labels: Mapping[str, str]) -> None:
    """Discard a metric: for tests and one-shot commands."""
