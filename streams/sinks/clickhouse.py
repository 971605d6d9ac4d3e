"""The ClickHouse sink: every topic of the catalogue → its typed table and the evidence archive, once each.

Claim, insert, confirm (CONTRACT §3): a batch's first and last offset are committed as metadata, then it is
inserted under tokens made of them, then the offset behind it is committed. Whoever gets the partition next
finds an open claim and redoes exactly those records. Events are not decoded here (ARCHITECTURE D6).

One thread takes records, commits and decides; a few others write, each a batch of another partition.
Commits are shared: the confirmation of one batch is the claim of the next.
"""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from schemas.model import Catalog
from streams.errors import StreamsError
from streams.metrics import Emit, no_emit
from streams.sinks.config import SinkConfig
from streams.sinks.errors import EngineDownError, SinkError, SinkStopError
from streams.sinks.figures import Latencies
from streams.sinks.group import FencedError, Group
from streams.sinks.lane import Lane
from streams.sinks.lease import Lease
from streams.sinks.writer import TransformForTests, Writer

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
        self._catalog = catalog
        self._emit = emit
        self._writer = Writer(config, catalog, transform_for_tests)
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._running: set[Future[None]] = set()
        self._latencies = Latencies()
        self._totals = {"sink.records_total": 0, "sink.batches_total": 0, "sink.dead_letters_total": 0}
        self._told: dict[str, str] = {}
        self._fenced_at = 0.0
        self._report_at = time.monotonic() + config.metrics_interval_s
        self._threads = ThreadPoolExecutor(config.inserts, "sink-insert")
        self._stop = stop or threading.Event()
        self._group = Group(config, self._assigned, self._revoked, self._lost, self._stop)
        self._group.join([topic.name for topic in catalog.topics.values()])

    def turn(self) -> None:
        """Take what has come, start what is due, settle what is done, report now and then."""
        self._take()
        self._settle()
        self._start()
        if time.monotonic() >= self._report_at:
            self._report_at = time.monotonic() + self._config.metrics_interval_s
            self._report()

    def lanes(self) -> list[Lane]:
        """Return the partitions that are ours, as they are now; for looking only."""
        return list(self._lanes.values())

    def close(self) -> None:
        """Let running inserts end, confirm them, leave the group; within `config.stop_within_s`."""
        self._stop.set()
        leaving = threading.Thread(target=self._leave, name="sink-leave", daemon=True)
        leaving.start()  # a Kafka that does not answer must not keep us
        leaving.join(self._config.stop_within_s - 2)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _leave(self) -> None:
        """Confirm what can be and leave the group."""
        self._revoked(self._config.stop_within_s / 2)
        self._group.close()

    def _take(self) -> None:
        """Take records in, unless a whole batch of some partition waits for its turn already."""
        now = time.monotonic()
        waiting = sum(lane.waiting_bytes for lane in self._lanes.values())
        crowded = False
        for lane in self._lanes.values():
            full = lane.full(self._config) or (
                waiting >= self._config.max_waiting_bytes and lane.age(now) > 0
            )
            stuck = full and (bool(lane.trouble) or now - max(lane.since, lane.stored_at) > SLOW_S)
            self._group.hold(lane, stuck)
            crowded |= full and not stuck
        if crowded and self._running and not self._group.committing:
            wait(self._running, TURN_S, FIRST_COMPLETED)
            return
        messages = self._group.take(TAKE, SHORT_TURN_S if self._group.committing else TURN_S)
        now = time.monotonic()
        for message in messages:
            found = self._lanes.get((message.topic(), message.partition()))
            if found is not None:
                found.add(message, now)

    def _settle(self) -> None:
        """See what became of the inserts that have ended."""
        now = time.monotonic()
        self._running = {future for future in self._running if not future.done()}
        for lane in list(self._lanes.values()):
            if lane.future is not None and lane.future.done():
                self._settle_lane(lane, lane.future, now)

    def _settle_lane(self, lane: Lane, future: "Future[None]", now: float) -> None:
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
            self._say("ClickHouse" if isinstance(error, EngineDownError) else f"{lane.topic}", str(error))
            return
        if lane.task is not None:
            batch, culprits = lane.task.batch, lane.task.culprits
            self._latencies.add(batch.stamps, time.time() * 1000)
            self._totals["sink.records_total"] += len(batch)
            self._totals["sink.batches_total"] += 1
            self._totals["sink.dead_letters_total"] += len(culprits)
        lane.stored(now)
        self._say(lane.topic, "")
        self._say("ClickHouse", "")

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
            if lane.task is None and lane.position > lane.confirmed
            if starting or now - lane.stored_at >= COALESCE_S or not lane.waiting
        ]
        places = [*(lane.claimed() for lane in starting), *(lane.confirmation() for lane in confirming)]
        if places:
            self._group.commit(places, lambda error: self._committed(starting, confirming, error))

    def _committed(self, starting: list[Lane], confirming: list[Lane], error: SinkError | None) -> None:
        """Let the claimed be written; where Kafka did not take the commit, leave all as it is."""
        if isinstance(error, FencedError):
            log.warning("another sink has the partitions: %s", error)
            self._lost()
            self._fenced_at = time.monotonic()
        elif error is not None:
            self._say("commit", f"Kafka does not take the commit, the sink tries again: {error}")
        else:
            self._say("commit", "")
            for lane in (*starting, *confirming):
                lane.confirm(time.monotonic())
                if lane.task is not None:
                    lane.future = self._threads.submit(self._writer.write, lane.task)
                    self._running.add(lane.future)

    def _starting(self, now: float) -> list[Lane]:
        """Choose the lanes whose next batch is to be written: the longest waiting, as many as there is room for."""
        room = 2 * self._config.inserts - len(self._running)
        again = [
            lane for lane in self._lanes.values() if lane.task and not lane.future and now >= lane.retry_at
        ]
        free = [lane for lane in self._lanes.values() if lane.task is None and lane.age(now) > 0]
        if not any(lane.due(now, self._config) for lane in free):
            free = []
        ready = [  # who is nearly due goes along: one commit for both
            lane
            for lane in free
            if lane.due(now, self._config) or lane.age(now) >= lane.patience(self._config) / 2
        ]
        return (again + sorted(ready, key=lambda lane: lane.since))[: max(room, 0)]

    def _assigned(self, lanes: Sequence[Lane]) -> None:
        """Begin with these partitions."""
        self._lanes = {(lane.topic, lane.partition): lane for lane in lanes}
        self._fenced_at = 0.0

    def _revoked(self, patience_s: float = SLOW_S) -> None:
        """Give all partitions back: let running inserts end, confirm them, let go of the rest."""
        running = [lane.future for lane in self._lanes.values() if lane.future is not None]
        wait(running, patience_s)
        self._settle()
        done = [lane.confirmation() for lane in self._lanes.values() if lane.position > lane.confirmed]
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

    def _say(self, about: str, text: str) -> None:
        """Say a trouble once when it begins, and once when it is over."""
        before = self._told.get(about, "")
        if text and not before:
            log.warning("%s", text)
        if before and not text:
            log.warning("%s: well again", about)
        self._told[about] = text

    def _report(self) -> None:
        """Hand the figures out, and end if nothing moves although nobody is known to be in the way."""
        now = time.monotonic()
        if (
            self._fenced_at
            and now - self._fenced_at > self._config.stalled_after_s
            and not self._group.trouble
        ):
            raise SinkStopError("Kafka took the partitions away and gave none again: the sink ends itself")
        lags = dict.fromkeys(self._catalog.topics, 0)
        longest = 0.0
        for lane in self._lanes.values():
            lag = self._group.end(lane) - lane.confirmed
            lags[lane.topic] += lag
            lane.moved_at = lane.moved_at if lag else now
            longest = max(longest, now - lane.moved_at)
            if now - lane.moved_at > self._config.stalled_after_s and not (
                lane.trouble or self._group.trouble
            ):
                raise SinkStopError(
                    f"{lane.topic}/{lane.partition}: {lag} records wait and nothing was committed for "
                    f"{self._config.stalled_after_s:g} s: the sink ends itself, start it again"
                )
        for topic, lag in lags.items():
            self._emit("sink.lag_records", float(lag), {"topic": topic})
        self._emit("sink.stalled_seconds", longest, {})
        for name, total in self._totals.items():
            self._emit(name, float(total), {})
        for quantile, age in self._latencies.take().items():
            self._emit("sink.latency_ms", age, {"quantile": str(quantile)})
