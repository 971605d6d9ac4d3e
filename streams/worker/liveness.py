"""Is the worker alive? Judged by progress alone.

Lag and no commit for a minute is ill, whatever the process says (docs/delivery.md#liveness).

A thread with a Kafka client of its own looks at committed and end offsets, so neither a blocked event loop
nor a consumer that silently lost its group can hide from it. It also exports lag, which Faust does not. A
worker that is ill says one line and ends with a status other than 0, so that its supervisor acts.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, NoReturn

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.config import StreamsConfig
from streams.metrics import Emit, Metrics

EXIT_UNHEALTHY = 70
_REQUEST_S = 5.0

PartitionId = tuple[str, int]


class Offsets(NamedTuple):
    """Where the group stands in a partition: committed, or the beginning if it never was, and the end."""

    committed: int
    end: int

    @property
    def lag(self) -> int:
        """Records that are not committed."""
        return max(0, self.end - self.committed)


class Watch:
    """Tells for how long each partition has had lag without a commit; time is an argument."""

    def __init__(self) -> None:
        self._seen: dict[PartitionId, tuple[int, float]] = {}

    def look(self, now: float, offsets: Mapping[PartitionId, Offsets]) -> dict[PartitionId, float]:
        """Take a look; partitions that are not in it are forgotten.

        Returns:
            Seconds without progress by partition, 0 where there is no lag.
        """
        seen: dict[PartitionId, tuple[int, float]] = {}
        for place, here in offsets.items():
            committed, since = self._seen.get(place, (here.committed, now))
            moved = committed != here.committed or not here.lag
            seen[place] = (here.committed, now if moved else since)
        self._seen = seen
        return {place: now - since for place, (_, since) in seen.items()}


class Liveness(threading.Thread):
    """Looks every few seconds, emits lag and metrics, and ends the process when it is ill.

    Args:
        config: Settings.
        topics: Batched topics.
        assigned: Tells the partitions that this worker has; while it has none, all are watched, so that a
            group in which nobody gets any is noticed.
        metrics: Counts to hand out with the lag.
        emit: Takes them.
        stopped: Topics that the worker has stopped on purpose: their lag is exported and does not end the process.
        on_unhealthy: Called with one line when the worker is ill; ends the process by default.
    """

    def __init__(
        self,
        config: StreamsConfig,
        topics: Iterable[str],
        assigned: Callable[[], frozenset[PartitionId]],
        metrics: Metrics,
        emit: Emit,
        on_unhealthy: Callable[[str], None] | None = None,
        *,
        stopped: Collection[str] = (),
    ) -> None:
        super().__init__(name="liveness", daemon=True)
        self._config = config
        self._topics = tuple(topics)
        self._assigned = assigned
        self._metrics = metrics
        self._emit = emit
        self._stopped = stopped
        self._on_ill = on_unhealthy or end_process
        self._watch = Watch()
        self._halt = threading.Event()
        self._client = Consumer(
            {
                "bootstrap.servers": config.kafka,
                "group.id": config.group,  # only asks for its offsets, never joins
                "enable.auto.commit": False,
                "log_level": 2,
            }
        )

    def stop(self) -> None:
        """End the thread; it does not wait."""
        self._halt.set()

    def run(self) -> None:
        """Look until stopped."""
        every = min(self._config.metrics_interval_s, self._config.stalled_after_s / 4)
        while not self._halt.wait(every):
            try:
                offsets = self._offsets()
            except KafkaException:
                self._watch = Watch()  # Kafka is away: that is not this worker's illness
                offsets = {}
            stalled = self._watch.look(time.monotonic(), offsets)
            self._export(offsets, stalled)
            self._check(offsets, stalled)

    def _offsets(self) -> dict[PartitionId, Offsets]:
        places = self._assigned() or self._all_partitions()
        if not places:
            return {}
        wanted = [TopicPartition(topic, number) for topic, number in sorted(places)]
        found = {}
        for each in self._client.committed(wanted, timeout=_REQUEST_S):
            begin, end = self._client.get_watermark_offsets(each, timeout=_REQUEST_S)
            found[each.topic, each.partition] = Offsets(each.offset if each.offset >= 0 else begin, end)
        return found

    def _all_partitions(self) -> set[PartitionId]:
        known = self._client.list_topics(timeout=_REQUEST_S).topics
        return {
            (topic, number) for topic in self._topics if topic in known for number in known[topic].partitions
        }

    def _export(self, offsets: Mapping[PartitionId, Offsets], stalled: Mapping[PartitionId, float]) -> None:
        for place in offsets if self._assigned() else ():
            labels = {"topic": place[0], "partition": str(place[1])}
            self._emit("agents_lag_records", float(offsets[place].lag), labels)
            self._emit("agents_stalled_seconds", stalled[place], labels)
        self._metrics.hand_out(self._emit)

    def _check(self, offsets: Mapping[PartitionId, Offsets], stalled: Mapping[PartitionId, float]) -> None:
        limit = self._config.stalled_after_s
        for (topic, number), seconds in stalled.items():
            if seconds >= limit and topic not in self._stopped:
                lag = offsets[topic, number].lag
                self._on_ill(
                    f"agents: {topic}/{number}: lag {lag} and no commit for {seconds:.0f} s: ending myself"
                )


def end_process(line: str) -> NoReturn:
    """Say one line and end at once: whatever hangs must not hold it."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
    os._exit(EXIT_UNHEALTHY)
