"""Liveness of a worker, by progress alone (docs/delivery.md#liveness).

A worker is unhealthy when a partition has lag and no progress for `stalled_after_s`. It then prints one line and ends
with `EXIT_UNHEALTHY`, so that its supervisor acts. Progress is a commit, or that the agent of the topic comes further,
within a batch, too: a slow worker does not end.

A thread with its own Kafka client compares committed and last stable offsets. So it also finds a blocked event loop,
and a consumer that silently lost its group. It exports lag, which Faust does not. Only what a consumer can read is lag:
neither control records nor aborted ones, nor records that an open transaction holds back.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import NamedTuple, NoReturn

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.backlog import Backlog, PartitionId
from streams.config import StreamsConfig
from streams.consumer_settings import READ_COMMITTED
from streams.metrics import Emit, Metrics
from streams.stalls import LOOK_S, NOTABLE_S, Notice, Seen, StallWatch

EXIT_UNHEALTHY = 70
_REQUEST_S = 5.0


class Offsets(NamedTuple):
    """Offsets of the group in a partition.

    Attributes:
        committed: The committed offset, or the partition's first offset if that is larger.
        end: Last stable offset.
        readable: First offset from `committed` on with a record that a consumer gets, or `end`; None: `committed`.
    """

    committed: int
    end: int
    readable: int | None = None

    @property
    def lag(self) -> int:
        """Number of records that are not committed, at most; 0 only if there is none."""
        return max(0, self.end - (self.committed if self.readable is None else self.readable))


class Stalls(NamedTuple):
    """What one look says of the time without progress, in seconds by partition; 0 where nothing waits.

    Attributes:
        no_commit: Since the last commit.
        no_progress: Since the last commit, or since the topic's agent came further.
    """

    no_commit: dict[PartitionId, float]
    no_progress: dict[PartitionId, float]

    def slow(self, partition: PartitionId) -> float:
        """Return the seconds without a commit of a partition that is worked on, else 0."""
        return 0.0 if self.no_progress[partition] >= NOTABLE_S else self.no_commit[partition]


class Watch:
    """A measure of how long each partition has had lag without progress. The time is an argument."""

    def __init__(self) -> None:
        self._commits: StallWatch[PartitionId] = StallWatch()
        self._progress: StallWatch[PartitionId] = StallWatch()

    def look(
        self, now: float, offsets: Mapping[PartitionId, Offsets], worked: Callable[[str], Hashable]
    ) -> Stalls:
        """Compare offsets with those of the last call. Partitions that are missing in `offsets` are discarded.

        Args:
            now: Time in seconds of a monotonic clock.
            offsets: Offsets by partition.
            worked: Returns how far the agent of a topic has come.
        """
        commits = {key: Seen(each.lag > 0, each.committed) for key, each in offsets.items()}
        progress = {key: Seen(seen.waits, (seen.progress, worked(key[0]))) for key, seen in commits.items()}
        return Stalls(self._commits.look(now, commits), self._progress.look(now, progress))


class Liveness(threading.Thread):
    """The thread that emits lag and metrics every few seconds, and ends an unhealthy process.

    Args:
        config: Settings.
        topics: Batched topics.
        assigned: Returns the partitions that this worker has. While it has none, the partitions that no member of the
            group holds are watched, so that a group in which no member gets a partition is noticed.
        metrics: Counts to emit with the lag.
        emit: Receives them; must not block.
        on_unhealthy: Called with one line when the worker is unhealthy; by default it ends the process.
        stopped: Topics that a rule fault has stopped. Their lag is exported and does not end the process.
        worked: Returns how far the agent of a topic has come; it changes with every progress.
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
        worked: Callable[[str], Hashable] = lambda _topic: None,
    ) -> None:
        super().__init__(name="liveness", daemon=True)
        self._config = config
        self._topics = tuple(topics)
        self._assigned = assigned
        self._metrics = metrics
        self._emit = emit
        self._stopped = stopped
        self._on_unhealthy = on_unhealthy or end_process
        self._worked = worked
        self._watch = Watch()
        self._notice: Notice[tuple[str, PartitionId]] = Notice()
        self._last: dict[PartitionId, Offsets] = {}
        self._backlog = Backlog(config.kafka)
        self._halt = threading.Event()
        self._client = Consumer(
            {
                "bootstrap.servers": config.kafka,
                "group.id": config.group,  # to read its offsets; this client never joins
                "enable.auto.commit": False,
                "log_level": 2,
                **READ_COMMITTED,  # so its end offsets are last stable offsets
            }
        )
        self._admin = AdminClient({"bootstrap.servers": config.kafka, "log_level": 2})

    def stop(self) -> None:
        """End the thread, without waiting for it."""
        self._halt.set()

    def run(self) -> None:
        """Check and emit until stopped. An unexpected error ends the process: nobody else would see it hang."""
        try:
            self._repeat()
        except Exception as error:  # noqa: BLE001 - whatever it is, the watch is over
            if not self._halt.is_set():
                self._on_unhealthy(f"agents: the liveness thread ended by {type(error).__name__}: {error}")

    def _repeat(self) -> None:
        """Check and emit until stopped."""
        every = min(LOOK_S, self._config.metrics_interval_s, self._config.stalled_after_s / 4)
        due_at = time.monotonic() + self._config.metrics_interval_s - every / 2
        while not self._halt.wait(every):
            try:
                offsets = self._offsets()
            except KafkaException:
                self._watch = Watch()  # Kafka is away, which is no fault of this worker
                offsets = {}
            now = time.monotonic()
            stalls = self._watch.look(now, offsets, self._worked)
            due = now >= due_at
            if self._notable(stalls) or due:
                self._export(offsets, stalls)
            if due:
                due_at = now + self._config.metrics_interval_s - every / 2
                self._metrics.emit_all(self._emit)
            self._check(offsets, stalls.no_progress)

    def _notable(self, stalls: Stalls) -> bool:
        """Return whether a stall has become notable or is over: that is reported at once."""
        kinds = {"commit": stalls.no_commit, "progress": stalls.no_progress}
        return self._notice.changed(
            {
                (kind, partition): seconds
                for kind, found in kinds.items()
                for partition, seconds in found.items()
            }
        )

    def _offsets(self) -> dict[PartitionId, Offsets]:
        partitions = self._assigned() or self._unheld_partitions()
        if not partitions:
            return {}
        wanted = [TopicPartition(topic, number) for topic, number in sorted(partitions)]
        begins, ends = self._bounds(wanted, OffsetSpec.earliest()), self._bounds(wanted, OffsetSpec.latest())
        found = {}
        for each in self._client.committed(wanted, timeout=_REQUEST_S):
            partition = each.topic, each.partition
            offsets = Offsets(max(each.offset, begins[partition]), ends[partition])
            found[partition] = self._readable(partition, offsets)
        self._last = found
        return found

    def _bounds(self, wanted: Iterable[TopicPartition], spec: OffsetSpec) -> dict[PartitionId, int]:
        """Return the first offsets or the last stable offsets of partitions, by one request to each broker."""
        asked = self._admin.list_offsets(
            dict.fromkeys(wanted, spec),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=_REQUEST_S,
        )
        return {(each.topic, each.partition): future.result().offset for each, future in asked.items()}

    def _readable(self, partition: PartitionId, offsets: Offsets) -> Offsets:
        """Look for a readable record where nothing was committed since the last time."""
        last = self._last.get(partition)
        if not offsets.lag or last is None or last.committed != offsets.committed:
            return offsets
        readable = self._backlog.first_readable(partition, offsets.committed, offsets.end)
        return offsets._replace(readable=readable)

    def _unheld_partitions(self) -> set[PartitionId]:
        """Return the partitions that no member of the group holds; each holder watches its own."""
        group = self._config.group
        described = self._admin.describe_consumer_groups([group], request_timeout=_REQUEST_S)[group].result()
        held = {
            (each.topic, each.partition)
            for member in described.members
            if member.assignment is not None
            for each in member.assignment.topic_partitions
        }
        return self._all_partitions() - held

    def _all_partitions(self) -> set[PartitionId]:
        known = self._client.list_topics(timeout=_REQUEST_S).topics
        return {
            (topic, number) for topic in self._topics if topic in known for number in known[topic].partitions
        }

    def _export(self, offsets: Mapping[PartitionId, Offsets], stalls: Stalls) -> None:
        for partition in offsets if self._assigned() else ():
            labels = {"topic": partition[0], "partition": str(partition[1])}
            self._emit("agents_lag_records", float(offsets[partition].lag), labels)
            self._emit("agents_stalled_seconds", stalls.no_progress[partition], labels)
            self._emit("agents_slow_seconds", stalls.slow(partition), labels)

    def _check(self, offsets: Mapping[PartitionId, Offsets], stalled: Mapping[PartitionId, float]) -> None:
        limit = self._config.stalled_after_s
        for (topic, number), seconds in stalled.items():
            if seconds >= limit and topic not in self._stopped:
                lag = offsets[topic, number].lag
                self._on_unhealthy(
                    f"agents: {topic}/{number}: lag {lag} and no progress for {seconds:.0f} s: ending myself"
                )


def end_process(line: str) -> NoReturn:
    """Print one line on stderr and end the process at once, so that nothing that hangs can block it."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
    os._exit(EXIT_UNHEALTHY)
