"""The ClickHouse sink: every topic of the catalogue → its typed table and the evidence archive, once each.

Claim, insert, confirm (docs/delivery.md#clickhouse-sink): a batch's first and last offset are committed as
metadata, then it is inserted under tokens made of them, then the offset behind it is committed. Whoever gets the
partition next finds an open claim and redoes exactly those records. Events are not decoded here
(docs/events.md#rows).

One thread takes records, commits and decides; a few others write, each a batch of another partition.
Commits are shared: the confirmation of one batch is the claim of the next.
"""

import logging
import threading
import time
from collections.abc import Sequence
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
from streams.errors import StreamsError
from streams.metrics import Emit, no_emit

__all__ = ["ClickHouseSink", "SinkConfig", "run"]

log = logging.getLogger("city.sink")
TURN_S = 0.05
SHORT_TURN_S = 0.005
TAKE = 5_000
SLOW_S = 3.0
COALESCE_S = 0.2


def run(
    config: SinkConfig,
    catalog: Catalog,
    stop: threading.Event,
    emit: Emit = no_emit,
    *,
    transform_for_tests: TransformForTests | None = None,
) -> None:
    """Carry records until `stop` is set; blocks.

    Args:
        config: Settings.
        catalog: Topics and schemas; all its topics are read.
        stop: Set it to end within `config.stop_within_s`; nothing is lost, what is not confirmed comes again.
        emit: Takes figures, on a timer.
        transform_for_tests: Only for a test that needs a broken sink: changes each batch before it is written.

    Raises:
        KafkaDownError: Kafka does not answer at the start.
        SinkStopError: It cannot go on; one line.
    """
    sink = ClickHouseSink(config, catalog, emit, transform_for_tests, stop)
    try:
        while not stop.is_set():
            sink.turn()
    finally:
        sink.close()


class ClickHouseSink:
    """One member of the group; `turn` is called again and again by one thread."""

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
        self._lanes: dict[tuple[str, int], PartitionState] = {}
        self._fenced_at = 0.0
        self._inserts = Inserts(BatchWriter(config, catalog, transform_for_tests), config.inserts)
        self._totals = Totals(emit, config.metrics_interval_s, time.monotonic())
        self._troubles = Failures()
        self._stop = stop or threading.Event()
        self._group = ConsumerGroup(config, self._assigned, self._revoked, self._lost, self._stop)
        self._group.join(self._topics)

    def turn(self) -> None:
        """Take what has come, start what is due, settle what is done, report now and then."""
        self._take()
        self._settle()
        self._start()
        if self._totals.due(time.monotonic()):
            self._report()

    def lanes(self) -> list[PartitionState]:
        """Return the partitions that are ours, as they are now; for looking only."""
        return list(self._lanes.values())

    def close(self) -> None:
        """Let running inserts end, confirm them, leave the group; within `config.stop_within_s`."""
        self._stop.set()
        leaving = threading.Thread(target=self._leave, name="sink-leave", daemon=True)
        leaving.start()  # a Kafka that does not answer must not keep us
        leaving.join(self._config.stop_within_s - 2)
        self._inserts.close()

    def _leave(self) -> None:
        """Confirm what can be and leave the group."""
        self._revoked(self._config.stop_within_s / 2)
        self._group.close()

    def _take(self) -> None:
        """Take records in, unless a whole batch of some partition waits for its turn already."""
        now = time.monotonic()
        waiting = sum(lane.waiting.size for lane in self._lanes.values())
        crowded = False
        for lane in self._lanes.values():
            full = lane.full(self._config) or (
                waiting >= self._config.max_waiting_bytes and lane.age(now) > 0
            )
            waited_s = now - max(lane.waiting.since, lane.times.stored_at)
            stuck = full and (bool(lane.backoff.trouble) or waited_s > SLOW_S)
            self._group.hold(lane, stuck)
            crowded |= full and not stuck
        if crowded and not self._group.committing and self._inserts.await_one(TURN_S):
            return
        messages = self._group.take(TAKE, SHORT_TURN_S if self._group.committing else TURN_S)
        now = time.monotonic()
        for message in messages:
            found = self._lanes.get((message.topic(), message.partition()))
            if found is not None:
                found.waiting.add(message, now)

    def _settle(self) -> None:
        """See what became of the inserts that have ended."""
        now = time.monotonic()
        self._inserts.forget_done()
        for lane in list(self._lanes.values()):
            if lane.future is not None and lane.future.done():
                self._settle_lane(lane, lane.future, now)

    def _settle_lane(self, lane: PartitionState, future: "Future[None]", now: float) -> None:
        """Note an insert's outcome.

        Raises:
            SinkStopError: As the insert did, like everything else that is not known to pass.
        """
        try:
            future.result()
        except SinkStopError:
            raise
        except StreamsError as error:
            lane.failed(now, str(error), self._config)
            self._troubles.note(
                "ClickHouse" if isinstance(error, ClickHouseDownError) else lane.topic, str(error)
            )
            return
        if lane.task is not None:
            self._totals.stored(lane.task.batch.stamps, len(lane.task.culprits), time.time() * 1000)
        lane.stored(now)
        self._troubles.over(lane.topic)
        self._troubles.over("ClickHouse")

    def _start(self) -> None:
        """Claim what is due, confirm what is stored, in one commit."""
        if self._group.committing:
            return
        now = time.monotonic()
        starting = self._starting(now)
        for lane in starting:
            task = lane.task or lane.next_task(self._config, now)
            task.lease = Lease(self._config.lease_s)
        confirming = [  # not those that start: their claim confirms what was before it
            lane
            for lane in self._lanes.values()
            if lane.task is None and lane.offsets.unconfirmed
            if starting or now - lane.times.stored_at >= COALESCE_S or not lane.waiting
        ]
        places = [*(lane.claimed() for lane in starting), *(lane.confirmation() for lane in confirming)]
        if places:
            self._group.commit(places, lambda error: self._committed(starting, confirming, error))

    def _committed(
        self, starting: list[PartitionState], confirming: list[PartitionState], error: SinkError | None
    ) -> None:
        """Let the claimed be written; where Kafka did not take the commit, leave all as it is."""
        if isinstance(error, FencedError):
            log.warning("another sink has the partitions: %s", error)
            self._lost()
            self._fenced_at = time.monotonic()
        elif error is not None:
            self._troubles.note("commit", f"Kafka does not take the commit, the sink tries again: {error}")
        else:
            self._troubles.over("commit")
            for lane in (*starting, *confirming):
                lane.confirm(time.monotonic())
                if lane.task is not None:
                    lane.future = self._inserts.submit(lane.task)

    def _starting(self, now: float) -> list[PartitionState]:
        """Choose the lanes whose next batch is to be written: the longest waiting, as many as there is room for."""
        again = [
            lane
            for lane in self._lanes.values()
            if lane.task and not lane.future and now >= lane.backoff.retry_at
        ]
        free = [lane for lane in self._lanes.values() if lane.task is None and lane.age(now) > 0]
        if not any(lane.due(now, self._config) for lane in free):
            free = []
        ready = [  # who is nearly due goes along: one commit for both
            lane
            for lane in free
            if lane.due(now, self._config) or lane.age(now) >= lane.patience(self._config) / 2
        ]
        return (again + sorted(ready, key=lambda lane: lane.waiting.since))[: self._inserts.room]

    def _assigned(self, lanes: Sequence[PartitionState]) -> None:
        """Begin with these partitions."""
        self._lanes = {(lane.topic, lane.partition): lane for lane in lanes}
        self._fenced_at = 0.0

    def _revoked(self, patience_s: float = SLOW_S) -> None:
        """Give all partitions back: let running inserts end, confirm them, let go of the rest."""
        wait([lane.future for lane in self._lanes.values() if lane.future is not None], patience_s)
        self._settle()
        done = [lane.confirmation() for lane in self._lanes.values() if lane.offsets.unconfirmed]
        try:
            if done:
                self._group.commit_now(done)
        except SinkError as error:
            log.warning("stored, but not confirmed, so it will be redone: %s", error)
        self._lost()

    def _lost(self) -> None:
        """All partitions are gone: what is claimed is for others to finish."""
        for lane in self._lanes.values():
            if lane.task is not None:
                lane.task.lease.lose()
        self._lanes = {}
        self._group.forget_commit()

    def _report(self) -> None:
        """Hand the figures out, and end if nothing moves although nobody is known to be in the way."""
        now = time.monotonic()
        if (
            self._fenced_at
            and now - self._fenced_at > self._config.stalled_after_s
            and not self._group.trouble
        ):
            raise SinkStopError("Kafka took the partitions away and gave none again: the sink ends itself")
        lags = dict.fromkeys(self._topics, 0)
        longest = 0.0
        for lane in self._lanes.values():
            lag = self._group.end(lane) - lane.offsets.confirmed
            lags[lane.topic] += lag
            lane.times.moved_at = lane.times.moved_at if lag else now
            longest = max(longest, now - lane.times.moved_at)
            if now - lane.times.moved_at > self._config.stalled_after_s and not (
                lane.backoff.trouble or self._group.trouble
            ):
                raise SinkStopError(
                    f"{lane.topic}/{lane.partition}: {lag} records wait and nothing was committed for "
                    f"{self._config.stalled_after_s:g} s: the sink ends itself, start it again"
                )
        self._totals.report(lags, longest)
