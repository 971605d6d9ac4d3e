"""The ledger sink: Kafka → leaves, one process for any number of topic-partitions.

The order is: durable, then visible, then committed (docs/delivery.md#ledger). One group commit makes bundles, tiles and
states of all logs durable. Then the publisher's thread writes checkpoints and the city log's thread writes blocks;
ingestion waits for neither. Last, the next offsets of published checkpoints are committed to the group: operators see
the lag. The state file, never the group, decides where to go on. A log that cannot go on stops; the others go on.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.anchor.config import connect
from ledger_sink.anchor.scheduler import AnchorScheduler
from ledger_sink.city_log.step import CityLogStep
from ledger_sink.errors import KafkaUnavailableError, LogStoppedError
from ledger_sink.format.keys import city_origin
from ledger_sink.kafka_source import KafkaSource
from ledger_sink.metrics import no_emit
from ledger_sink.sealing.background import LAST_PASS_S, PeriodicThread
from ledger_sink.sealing.commit_interval import CommitInterval
from ledger_sink.sealing.file_watch import LOOK_S as WATCH_S
from ledger_sink.sealing.file_watch import FileWatch
from ledger_sink.sealing.partition_logs import PartitionLogs, wait_for_lock
from ledger_sink.sealing.publish_step import PublishStep
from ledger_sink.sealing.publisher import Publisher
from ledger_sink.signer.client import SignerConnection
from ledger_sink.store import FileStore

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from ledger_sink.config import LedgerConfig
    from ledger_sink.kafka_source import PartitionId, TopicFacts
    from ledger_sink.metrics import Emit
    from ledger_sink.sealing.publisher import Published

MOST_RECORDS = 5000
"""Most records of one poll."""
MOST_PENDING = 100_000
"""Leaves that make a commit due at once."""
POLL_S = 0.2
LAST_ANSWER_S = 1.5
"""Time limit of Kafka's answer while the process ends, in seconds."""
ANCHORS_EVERY_S = 1.0
IDLE_DESCRIBE_S = 3.0
"""Seconds between two looks at Kafka's topics while there is nothing to seal."""

log = logging.getLogger("ledger.sink")


def run(
    config: LedgerConfig,
    stop: threading.Event,
    emit: Emit = no_emit,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Seal the configured topics until `stop` is set, then end within 10 s.

    Args:
        config: settings.
        stop: ends the run when set.
        emit: takes metrics.
        beat: called in each round of the main loop, several times a second; must not block.

    Raises:
        LockHeldError: another sink runs over the same data.
        StoreFullError: no space is left. Nothing is lost; start again when there is space.
        LogStoppedError: all logs stopped, or some had stopped when the run ended.
        LedgerError: any other error that stops all logs.
    """
    store = FileStore(config.ledger)
    client = SignerConnection(config.signer_url, config.token_file)
    publisher = Publisher(store, client.sign, client.vkeys)
    anchors = [connect(each) for each in config.anchors]
    anchor_scheduler = wait_for_lock(lambda: AnchorScheduler(store, city_origin(config.city), anchors, emit))
    anchoring = PeriodicThread("ledger-anchors", anchor_scheduler, ANCHORS_EVERY_S)
    city_log_step = wait_for_lock(lambda: CityLogStep(config, store, client.sign, emit))
    source = KafkaSource(config)
    logs = PartitionLogs(config, store, source, emit)
    city_log = PeriodicThread("ledger-city-log", city_log_step, config.interval_s)
    publish = PublishStep(publisher, config.city, logs.states, emit, then=city_log.wake)
    watching = PeriodicThread("ledger-file-watch", FileWatch(store, emit), WATCH_S)
    publishing = PeriodicThread("ledger-publisher", publish, config.interval_s)
    threads = _Threads(publishing, city_log, anchoring, watching)
    ingestion = _Ingestion(config, logs, source, publisher.published, threads, emit, beat)
    anchoring.start()
    watching.start()
    watching.wake()
    try:
        ingestion.run(stop)
    finally:
        watching.finish(last_pass=False, within_s=0.1)
        if anchoring.finish(last_pass=False, within_s=0.5):
            anchor_scheduler.close()
        # A thread that waits for a peer may still write: then only the process's end may free the locks.
        if threads.stop(within_s=0.5 if stop.is_set() else LAST_PASS_S):
            logs.close()
            city_log_step.close()
        source.close()
    reasons = [
        *logs.stopped.values(),
        *city_log_step.refused.values(),
        *filter(None, [city_log_step.stopped]),
    ]
    if reasons:
        raise LogStoppedError("; ".join(reasons))


@dataclass(frozen=True, slots=True)
class _Threads:
    """The threads that publish what ingestion has committed, and the one that anchors it."""

    publisher: PeriodicThread
    city_log: PeriodicThread
    anchoring: PeriodicThread
    watching: PeriodicThread

    def start(self) -> None:
        """Start both."""
        self.publisher.start()
        self.city_log.start()

    def raise_failure(self) -> None:
        """Raise the failure of a thread that ended by itself.

        Raises:
            LedgerError: that failure.
        """
        for thread in (self.publisher, self.city_log, self.anchoring, self.watching):
            thread.raise_failure()

    def finish(self) -> None:
        """Stop each thread after one last pass, the publisher first.

        Raises:
            LedgerError: the failure of a thread; the next one is not waited for.
        """
        for thread in (self.publisher, self.city_log):
            thread.finish()
            if thread.failure:
                raise thread.failure

    def stop(self, within_s: float) -> bool:
        """Stop both threads without a last pass. Wait for each at most `within_s` seconds.

        Returns:
            Whether both ended.
        """
        ended = [
            thread.finish(last_pass=False, within_s=within_s) for thread in (self.publisher, self.city_log)
        ]
        return all(ended)


class _Ingestion:
    """The main thread's loop: read, append, commit, commit offsets."""

    def __init__(
        self,
        config: LedgerConfig,
        logs: PartitionLogs,
        source: KafkaSource,
        published: Published,
        threads: _Threads,
        emit: Emit,
        beat: Callable[[], None],
    ) -> None:
        self._topics = [topic.name for topic in config.topics]
        self._logs = logs
        self._source = source
        self._published = published
        self._threads = threads
        self._emit = emit
        self._beat = beat
        self._commit_interval = CommitInterval(config.interval_s, config.longest_interval_s)
        self._facts: dict[str, TopicFacts] = {}
        self._lost: set[PartitionId] = set()
        self._described_at = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Ingest until `stop` is set or every log stopped; then commit and publish the rest.

        Raises:
            LedgerError: an error that stops all logs, of this thread or another.
        """
        self._threads.start()
        while not stop.is_set():
            self._beat()
            try:
                self._iterate()
            except KafkaUnavailableError as error:
                log.warning("%s; trying again", error)
                stop.wait(POLL_S * 5)
            self._logs.stop_refused(self._published.refused)
            self._threads.raise_failure()
            if self._logs.all_stopped:
                break
        self._finish()

    def _iterate(self) -> None:
        """Commit if a commit is due, then append what Kafka returns within `POLL_S`."""
        if self._commit_interval.is_due(time.monotonic()) or self._logs.pending >= MOST_PENDING:
            if not self._logs.pending and not self._lost and not self._describe_is_due():
                self._commit_interval.committed(time.monotonic(), 0.0)  # nothing to commit: look again later
                return
            self._facts = self._source.describe(self._topics)
            self._logs.open_missing(self._facts)
            if self._lost:
                self._logs.resume_lost(self._lost, self._facts)
                self._lost = set()
            self._commit()
            self._threads.publisher.wake()
        polled = self._source.poll(MOST_RECORDS, min(POLL_S, self._commit_interval.wait_s(time.monotonic())))
        self._lost |= polled.lost
        self._logs.take(polled.records, polled.ends)
        self._logs.commit_offsets(self._published.states)

    def _describe_is_due(self) -> bool:
        """Return whether Kafka is asked now for new and re-created topics, although there is nothing to commit."""
        now = time.monotonic()
        if now - self._described_at < IDLE_DESCRIBE_S:
            return False
        self._described_at = now
        return True

    def _commit(self) -> None:
        began = time.monotonic()
        self._logs.commit(self._facts)
        took_s = time.monotonic() - began
        self._commit_interval.committed(began, took_s)
        self._emit("ledger_commit_seconds", took_s, {})
        self._emit("ledger_checkpoint_interval_seconds", self._commit_interval.interval_s, {})

    def _finish(self) -> None:
        """Commit and publish the rest and commit its offsets, each with its own time limit."""
        kafka_answers = True
        try:
            if self._logs.pending:
                self._logs.commit(self._source.describe(list(self._facts), within_s=LAST_ANSWER_S))
        except KafkaUnavailableError as error:
            kafka_answers = False
            log.warning("%s; what is not sealed yet is read again at the next start", error)
        self._threads.finish()
        try:
            self._logs.commit_offsets(self._published.states, wait=kafka_answers)
        except KafkaUnavailableError as error:
            log.warning("%s; the group's offsets lag until the next start", error)
