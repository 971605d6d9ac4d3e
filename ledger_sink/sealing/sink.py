"""Kafka → leaves: the ledger's ingestion, one process for any number of topic-partitions.

Durable first, then visible, then committed: bundles, tiles and states of all logs in one group commit; then
checkpoints (publisher thread) and blocks (city log thread), which ingestion never waits for; then, for operators
to see the lag, the offsets of published checkpoints are committed to the group. The state file decides where
to go on, never the group. A log that cannot go on stops and says why; the others go on.
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
from ledger_sink.sealing.partition_logs import PartitionLogs, wait_for_lock
from ledger_sink.sealing.publish_step import PublishStep
from ledger_sink.sealing.publisher import Publisher
from ledger_sink.signer.client import SignerConnection
from ledger_sink.store import FileStore

if TYPE_CHECKING:
    import threading

    from ledger_sink.config import LedgerConfig
    from ledger_sink.kafka_source import PartitionId, TopicFacts
    from ledger_sink.metrics import Emit
    from ledger_sink.sealing.publisher import Published

MOST_RECORDS = 5000
MOST_PENDING = 100_000
POLL_S = 0.2
LAST_ANSWER_S = 1.5
ANCHORS_EVERY_S = 1.0

log = logging.getLogger("ledger.sink")


def run(config: LedgerConfig, stop: threading.Event, emit: Emit = no_emit) -> None:
    """Seal the configured topics until `stop` is set; ends within 10 s of it.

    Raises:
        LockHeldError: another ledger runs over the same data.
        StoreFullError: no space is left; nothing is lost, start again when there is.
        LogStoppedError: all logs stopped; or, at the end, some had stopped on the way.
        LedgerError: any other reason that stops everything, in words.
    """
    store = FileStore(config.ledger)
    client = SignerConnection(config.signer_url, config.token_file)
    publisher = Publisher(store, client.sign, client.vkeys)
    anchors = [connect(each) for each in config.anchors]
    keeper = wait_for_lock(lambda: AnchorScheduler(store, city_origin(config.city), anchors, emit))
    anchoring = PeriodicThread("ledger-anchors", keeper, ANCHORS_EVERY_S)
    chain = wait_for_lock(lambda: CityLogStep(config, store, client.sign, emit))
    source = KafkaSource(config)
    logs = PartitionLogs(config, store, source, emit)
    city_log = PeriodicThread("ledger-chain", chain, config.interval_s)
    publish = PublishStep(publisher, config.city, logs.states, emit, then=city_log.wake)
    threads = _Threads(PeriodicThread("ledger-publisher", publish, config.interval_s), city_log)
    ingestion = _Ingestion(config, logs, source, publisher.published, threads, emit)
    anchoring.start()
    try:
        ingestion.run(stop)
    finally:
        if anchoring.finish(last_pass=False, within_s=0.5):
            keeper.close()
        # A thread that hangs in a peer's answer may still write: then only the process's end frees the locks.
        if threads.stop(within_s=0.5 if stop.is_set() else LAST_PASS_S):
            logs.close()
            chain.close()
        source.close()
    reasons = [*logs.stopped.values(), *chain.refused.values(), *filter(None, [chain.stopped])]
    if reasons:
        raise LogStoppedError("; ".join(reasons))


@dataclass(frozen=True, slots=True)
class _Threads:
    """The threads that make visible what ingestion has committed."""

    publisher: PeriodicThread
    city_log: PeriodicThread

    def start(self) -> None:
        """Start both."""
        self.publisher.start()
        self.city_log.start()

    def raise_failure(self) -> None:
        """Raise what ended one of them.

        Raises:
            LedgerError: its failure.
        """
        for thread in (self.publisher, self.city_log):
            if thread.failure:
                raise thread.failure

    def finish(self) -> None:
        """Let each do its step a last time and end, the publisher first.

        Raises:
            LedgerError: the failure of one of them; the others are not waited for.
        """
        for thread in (self.publisher, self.city_log):
            thread.finish()
            if thread.failure:
                raise thread.failure

    def stop(self, within_s: float) -> bool:
        """End both without a last step, waiting for each at most `within_s` seconds; return whether both ended."""
        ended = [
            thread.finish(last_pass=False, within_s=within_s) for thread in (self.publisher, self.city_log)
        ]
        return all(ended)


class _Ingestion:
    """The main thread's loop: read, append, commit, show."""

    def __init__(
        self,
        config: LedgerConfig,
        logs: PartitionLogs,
        source: KafkaSource,
        published: Published,
        threads: _Threads,
        emit: Emit,
    ) -> None:
        self._topics = [topic.name for topic in config.topics]
        self._logs = logs
        self._source = source
        self._published = published
        self._threads = threads
        self._emit = emit
        self._commit_interval = CommitInterval(config.interval_s, config.longest_interval_s)
        self._facts: dict[str, TopicFacts] = {}
        self._lost: set[PartitionId] = set()

    def run(self, stop: threading.Event) -> None:
        """Ingest until `stop` is set or every log stopped; then commit, publish and show what is left.

        Raises:
            LedgerError: what stops all logs, from here or from one of the threads.
        """
        self._threads.start()
        while not stop.is_set():
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
        """Commit if it is time, then take in what comes within `POLL_S`."""
        if self._commit_interval.is_due(time.monotonic()) or self._logs.pending >= MOST_PENDING:
            self._facts = self._source.describe(self._topics)
            self._logs.open_missing(self._facts)
            if self._lost:
                self._logs.resume_lost(self._lost, self._facts)
                self._lost = set()
            self._commit()
            self._threads.publisher.wake()
        records, lost = self._source.poll(
            MOST_RECORDS, min(POLL_S, self._commit_interval.wait_s(time.monotonic()))
        )
        self._lost |= lost
        self._logs.take(records)
        self._logs.commit_offsets(self._published.states)

    def _commit(self) -> None:
        began = time.monotonic()
        self._logs.commit(self._facts)
        took_s = time.monotonic() - began
        self._commit_interval.committed(began, took_s)
        self._emit("ledger_commit_seconds", took_s, {})
        self._emit("ledger_checkpoint_interval_seconds", self._commit_interval.interval_s, {})

    def _finish(self) -> None:
        """Commit, publish and show what is left, each with its own time limit."""
        answers = True
        try:
            if self._logs.pending:
                self._logs.commit(self._source.describe(list(self._facts), within_s=LAST_ANSWER_S))
        except KafkaUnavailableError as error:
            answers = False
            log.warning("%s; what is not sealed yet is read again at the next start", error)
        self._threads.finish()
        try:
            self._logs.commit_offsets(self._published.states, wait=answers)
        except KafkaUnavailableError as error:
            log.warning("%s; the group's offsets lag until the next start", error)
