"""The ClickHouse sink writes each record of the catalogue's topics once to its typed table and once to the archive.

It claims, inserts and confirms (docs/delivery.md#clickhouse-sink):

1. It commits a batch's first and last offset as commit metadata.
2. It inserts the batch under tokens that are made of these offsets.
3. It commits the offset behind the batch.

The next owner of a partition finds an open claim and replays exactly those records. Events are not decoded here
(docs/events.md#rows).

One thread takes records, commits and decides. A few other threads write, each a batch of another partition.
Commits are shared: the confirmation of one batch is the claim of the next.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait

from schemas.model import Catalog
from streams.clickhouse_sink.batch_writer import BatchWriter, TransformForTests
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.consumer_group import ConsumerGroup, FencedError
from streams.clickhouse_sink.errors import ClickHouseDownError, SinkError, SinkStopError
from streams.clickhouse_sink.failures import Failures
from streams.clickhouse_sink.inserts import Inserts
from streams.clickhouse_sink.lease import Lease
from streams.clickhouse_sink.metrics import Totals
from streams.clickhouse_sink.partition import PartitionState
from streams.clickhouse_sink.standstill import Standstill
from streams.errors import StreamsError
from streams.metrics import Emit, no_emit

__all__ = ["ClickHouseSink", "SinkConfig", "run"]

log = logging.getLogger("city.sink")
POLL_S = 0.05
"""Longest wait for records in one pass."""

IDLE_POLL_S = 0.2
"""The same while the sink has nothing to do: no record waits, and no insert or commit is under way."""

SHORT_POLL_S = 0.005
"""Wait for records while a commit's outcome is awaited."""

TAKE = 5_000
"""Most records of one poll."""

SLOW_S = 3.0
"""Seconds without progress after which a full partition is paused; also the wait for inserts at a revocation."""

COALESCE_S = 0.2
"""Seconds that a confirmation waits to share its commit with the next claim."""


def run(
    config: SinkConfig,
    catalog: Catalog,
    stop: threading.Event,
    emit: Emit = no_emit,
    *,
    beat: Callable[[], None] = lambda: None,
    transform_for_tests: TransformForTests | None = None,
) -> None:
    """Write records to ClickHouse until `stop` is set. Blocks.

    Args:
        config: Settings.
        catalog: Topics and schemas. All topics are read.
        stop: Set it to end within `config.stop_within_s`. Unconfirmed records are replayed by the next run.
        emit: Receives the metrics every `config.metrics_interval_s`.
        beat: Called in each round of the main loop, several times a second; must not block.
        transform_for_tests: Only for a test that needs a faulty sink: changes each batch before it is written.

    Raises:
        KafkaDownError: Kafka does not answer at the start.
        SinkStopError: The sink cannot go on. The message is one line for the operator.
    """
    sink = ClickHouseSink(config, catalog, emit, transform_for_tests, stop)
    try:
        while not stop.is_set():
            beat()
            sink.run_once()
    finally:
        sink.close()


class ClickHouseSink:
    """One member of the consumer group. One thread calls `run_once` repeatedly.

    Args:
        config: Settings.
        catalog: Topics and schemas. All topics are read.
        emit: Receives the metrics every `config.metrics_interval_s`.
        transform_for_tests: Only for a test that needs a faulty sink: changes each batch before it is written.
        stop: Once it is set, Kafka's answers are not awaited any more.

    Raises:
        KafkaDownError: Kafka does not answer.
    """

    def __init__(
        self,
        config: SinkConfig,
        catalog: Catalog,
        emit: Emit = no_emit,
        transform_for_tests: TransformForTests | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._config = config
        self._topics = [topic.name for topic in catalog.topics.values()]
        self._partitions: dict[tuple[str, int], PartitionState] = {}
        self._fenced_at = 0.0
        self._inserts = Inserts(BatchWriter(config, catalog, transform_for_tests), config.inserts)
        self._totals = Totals(emit, config.metrics_interval_s, time.monotonic())
        self._failures = Failures()
        self._standstill = Standstill(config, emit, time.monotonic())
        self._stop = stop or threading.Event()
        self._group = ConsumerGroup(config, self._assigned, self._revoked, self._lost, self._stop)
        self._group.join(self._topics)

    def run_once(self) -> None:
        """Take new records, complete finished inserts, start due batches, and look for stalls and metrics when due.

        Raises:
            SinkStopError: The sink cannot go on.
        """
        self._take()
        self._complete_inserts()
        self._start()
        now = time.monotonic()
        if self._standstill.due(now):
            self._look(now)
        if self._totals.due(now):
            self._report()

    def partitions(self) -> list[PartitionState]:
        """Return the state of each assigned partition. Callers only read it."""
        return list(self._partitions.values())

    def close(self) -> None:
        """Wait for running inserts, confirm them and leave the group, within `config.stop_within_s`."""
        self._stop.set()
        leaving = threading.Thread(target=self._leave, name="sink-leave", daemon=True)
        leaving.start()  # a thread of its own: a Kafka that does not answer must not delay the stop
        leaving.join(self._config.stop_within_s - 2)
        self._inserts.close()

    def _leave(self) -> None:
        """Confirm what is stored and leave the group."""
        self._revoked(self._config.stop_within_s / 2)
        self._group.close()

    def _take(self) -> None:
        """Take records from Kafka, unless a full batch already waits for a free thread."""
        now = time.monotonic()
        waiting = sum(state.waiting.size for state in self._partitions.values())
        crowded = False
        for state in self._partitions.values():
            full = state.full(self._config) or (
                waiting >= self._config.max_waiting_bytes and state.age(now) > 0
            )
            waited_s = now - max(state.waiting.since, state.times.stored_at)
            stuck = full and (bool(state.backoff.trouble) or waited_s > SLOW_S)
            self._group.hold(state, stuck)
            crowded |= full and not stuck
        if crowded and not self._group.committing and self._inserts.await_one(POLL_S):
            return
        taken = self._group.take(TAKE, self._poll_s(waiting))
        now = time.monotonic()
        for message in taken.messages:
            found = self._partitions.get((message.topic(), message.partition()))
            if found is not None:
                found.waiting.add(message, now)
        for partition, end in taken.ends.items():
            if partition in self._partitions:
                self._partitions[partition].reach_end(end, now)

    def _poll_s(self, waiting_bytes: int) -> float:
        """Return how long to collect records before the next look at batches and commits, in seconds."""
        if self._group.committing:
            return SHORT_POLL_S
        busy = waiting_bytes or any(
            state.future is not None or state.offsets.unconfirmed for state in self._partitions.values()
        )
        return POLL_S if busy else IDLE_POLL_S

    def _complete_inserts(self) -> None:
        """Note the outcome of each insert that has ended."""
        now = time.monotonic()
        self._inserts.forget_done()
        for state in list(self._partitions.values()):
            if state.future is not None and state.future.done():
                self._complete_insert(state, state.future, now)

    def _complete_insert(self, state: PartitionState, future: "Future[None]", now: float) -> None:
        """Note one insert's outcome. Errors that do not pass by themselves are raised.

        Raises:
            SinkStopError: The insert raised it.
        """
        try:
            future.result()
        except SinkStopError:
            raise
        except StreamsError as error:
            state.failed(now, str(error), self._config)
            self._failures.note(
                "ClickHouse" if isinstance(error, ClickHouseDownError) else state.topic, str(error)
            )
            return
        if state.task is not None:
            self._totals.stored(state.task.batch.stamps, len(state.task.invalid), time.time() * 1000)
        state.stored(now)
        self._standstill.written += 1
        self._failures.over(state.topic)
        self._failures.over("ClickHouse")

    def _start(self) -> None:
        """Claim the due batches and confirm the stored ones in one commit."""
        if self._group.committing:
            return
        now = time.monotonic()
        self._step_over()
        starting = self._starting(now)
        for state in starting:
            task = state.task or state.next_task(self._config, now)
            task.lease = Lease(self._config.lease_s)
        confirming = [  # not those that start: their claim confirms what precedes it
            state
            for state in self._partitions.values()
            if state.task is None and state.offsets.unconfirmed
            if starting or now - state.times.stored_at >= COALESCE_S or not state.waiting
        ]
        commits = [*(state.claimed() for state in starting), *(state.confirmation() for state in confirming)]
        if commits:
            self._group.commit(commits, lambda error: self._committed(starting, confirming, error))

    def _step_over(self) -> None:
        """Pass the offsets at the ends of partitions that hold no record to read."""
        for state in self._partitions.values():
            gone = state.step_over()
            if gone is not None:
                log.warning(
                    "%s/%s: records %s were claimed and are gone from Kafka: nothing to replay",
                    state.topic, state.partition, gone,
                )  # fmt: skip

    def _committed(
        self, starting: list[PartitionState], confirming: list[PartitionState], error: SinkError | None
    ) -> None:
        """Submit the claimed batches. If Kafka did not take the commit, leave everything as it is."""
        if isinstance(error, FencedError):
            log.warning("another sink has the partitions: %s", error)
            self._lost()
            self._fenced_at = time.monotonic()
        elif error is not None:
            self._failures.note("commit", f"Kafka does not take the commit, the sink tries again: {error}")
        else:
            self._failures.over("commit")
            for state in (*starting, *confirming):
                state.confirm()
                self._standstill.written += 1
                if state.task is not None:
                    state.future = self._inserts.submit(state.task)

    def _starting(self, now: float) -> list[PartitionState]:
        """Choose the partitions whose next batch is written now: the longest waiting, as many as there is room for."""
        again = [
            state
            for state in self._partitions.values()
            if state.task and not state.future and now >= state.backoff.retry_at
        ]
        free = [state for state in self._partitions.values() if state.task is None and state.age(now) > 0]
        if not any(state.due(now, self._config) for state in free):
            free = []
        ready = [  # a nearly due partition goes along: one commit for both
            state
            for state in free
            if state.due(now, self._config) or state.age(now) >= state.wait_limit_s(self._config) / 2
        ]
        return (again + sorted(ready, key=lambda state: state.waiting.since))[: self._inserts.room]

    def _assigned(self, states: Sequence[PartitionState]) -> None:
        """Replace the assigned partitions."""
        self._partitions = {(state.topic, state.partition): state for state in states}
        self._fenced_at = 0.0

    def _revoked(self, wait_s: float = SLOW_S) -> None:
        """Give all partitions back: wait for running inserts, confirm them, abandon the rest."""
        wait([state.future for state in self._partitions.values() if state.future is not None], wait_s)
        self._complete_inserts()
        done = [state.confirmation() for state in self._partitions.values() if state.offsets.unconfirmed]
        try:
            if done:
                self._group.commit_now(done)
        except SinkError as error:
            log.warning("stored, but not confirmed, so it will be replayed: %s", error)
        self._lost()

    def _lost(self) -> None:
        """Drop all partitions. Their next owner finishes what is claimed."""
        for state in self._partitions.values():
            if state.task is not None:
                state.task.lease.lose()
        self._partitions = {}
        self._group.forget_commit()

    def _look(self, now: float) -> None:
        """Look for partitions without progress. Stop the sink if one stalls without a known cause.

        Raises:
            SinkStopError: The sink has to end (docs/delivery.md#liveness).
        """
        if (
            self._fenced_at
            and now - self._fenced_at > self._config.stalled_after_s
            and not self._group.trouble
        ):
            raise SinkStopError("Kafka took the partitions away and gave none again: the sink ends itself")
        states = self.partitions()
        for state in states:
            self._verify_end(state, now)
        self._standstill.look(now, states, self._group.end, known=bool(self._group.trouble))

    def _report(self) -> None:
        """Report the metrics."""
        lags = dict.fromkeys(self._topics, 0)
        for state in self._partitions.values():
            lags[state.topic] += state.lag(self._group.end(state))
        self._totals.report(lags, self._standstill.longest_s)

    def _verify_end(self, state: PartitionState, now: float) -> None:
        """Ask Kafka whether a partition still ends where it ended long ago, although its high watermark is behind that.

        It does while a transaction is open. Otherwise this sink's consumer is stuck, and what it does not read is lag.
        """
        quiet = now - state.times.ended_at <= self._config.stalled_after_s / 2
        if quiet or self._group.trouble or not state.at_end or self._group.end(state) <= state.ended:
            return
        stable = self._group.stable_end(state)
        if stable is None or stable <= state.ended:
            state.times.ended_at = now
        else:
            state.ended = 0
