"""Kafka → leaves: the ledger's ingestion, one process for any number of topic-partitions.

Durable first, then visible, then committed: bundles, tiles and states of all logs in one group commit; then
checkpoints (publisher thread) and blocks (chain thread), which ingestion never waits for; then, for operators
to see the lag, the offsets of published checkpoints are committed to the group. The state file decides where
to go on, never the group. A log that cannot go on stops and says why; the others go on.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from ledger_sink.anchor.config import connect
from ledger_sink.anchor.keeper import AnchorKeeper
from ledger_sink.background import LAST_PASS_S, Background, ChainStep, PublishStep
from ledger_sink.epochs import current_log
from ledger_sink.errors import (
    KafkaUnavailableError,
    LedgerError,
    LockHeldError,
    LogStoppedError,
    OffsetPastEndError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    TopicReplacedError,
)
from ledger_sink.format.keys import city_origin
from ledger_sink.head_signer import SignerClient
from ledger_sink.kafka_source import KafkaSource
from ledger_sink.metrics import no_emit
from ledger_sink.pace import Pace
from ledger_sink.publisher import Publisher
from ledger_sink.sequencer import LogName, PartitionFacts, Sequencer
from ledger_sink.store import FileStore

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from ledger_sink.config import LedgerConfig
    from ledger_sink.kafka_source import Place, TopicFacts
    from ledger_sink.metrics import Emit
    from ledger_sink.record import Record
    from ledger_sink.state import LogState
    from ledger_sink.store import Store

MOST_RECORDS = 5000
MOST_PENDING = 100_000
POLL_S = 0.2
LAST_ANSWER_S = 1.5
LOCK_WAIT_S = 5.0
ANCHORS_EVERY_S = 1.0
STOPPED_NAME = "stopped.txt"
T = TypeVar("T")

log = logging.getLogger("ledger.sink")


class Sink:
    """All sequencers of this process. The main thread owns it; others read `states`."""

    def __init__(self, config: LedgerConfig, store: Store, source: KafkaSource, emit: Emit) -> None:
        self.config = config
        self.stopped: dict[LogName, str] = {}
        """Logs that cannot go on, and why."""
        self._store = store
        self._source = source
        self._emit = emit
        self._logs: dict[Place, Sequencer] = {}
        self._oldest_ms: dict[LogName, tuple[int, int]] = {}
        self._shown: dict[Place, int] = {}
        self._must_assign = False
        self._missing: set[str] = set()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="ledger-commit")

    def states(self) -> dict[LogName, LogState]:
        """Return what is durable now, log by log."""
        return {s.name: s.state for s in list(self._logs.values()) if s.name not in self.stopped}

    @property
    def pending(self) -> int:
        """Leaves that are not durable yet."""
        return sum(s.pending for s in self._logs.values() if s.name not in self.stopped)

    @property
    def is_dead(self) -> bool:
        """Whether there are logs and every one of them stopped."""
        return bool(self.stopped) and all(s.name in self.stopped for s in self._logs.values())

    def open_missing(self, facts: dict[str, TopicFacts]) -> None:
        """Open the logs of partitions that are there and have none, and read on from where they are.

        Raises:
            LockHeldError: another process writes one of them.
            KafkaUnavailableError: Kafka does not tell where a partition begins and ends.
        """
        missing = {topic.name for topic in self.config.topics} - facts.keys()
        if missing != self._missing:
            self._missing = missing
            log.warning(
                "topics that Kafka does not have, waited for: %s", ", ".join(sorted(missing)) or "none"
            )
        for topic in self.config.topics:
            if topic.name not in facts:
                continue
            for partition in range(max(topic.partitions, facts[topic.name].partitions)):
                if (topic.name, partition) in self._logs:
                    continue
                name = current_log(self._store, self.config.city, topic.name, partition)
                if name not in self.stopped:
                    self._open(name, facts[topic.name])
        if self._must_assign:
            self._assign()

    def _open(self, name: LogName, facts: TopicFacts) -> None:
        low, high = self._source.watermarks(name.topic, name.partition)
        try:
            sequencer = _opened(self._store, name, PartitionFacts(facts.topic_id, low, high))
        except (LogStoppedError, StoreError) as error:
            self._stop(name, error)
            return
        self._must_assign = True
        self._logs[name.topic, name.partition] = sequencer
        self._store.remove([f"{name.folder}/{STOPPED_NAME}"])
        self._emit("ledger_log_stopped", 0, _labels(name))

    def _assign(self) -> None:
        self._source.assign(
            {place: s.next_offset for place, s in self._logs.items() if s.name not in self.stopped}
        )
        self._must_assign = False

    def take(self, records: dict[Place, list[Record]]) -> None:
        """Append what was read."""
        for place, batch in records.items():
            sequencer = self._logs.get(place)
            if sequencer is None or sequencer.name in self.stopped:
                continue
            try:
                sequencer.append(batch)
            except LogStoppedError as error:
                self._stop(sequencer.name, error)
                continue
            first = batch[0]
            if first.timestamp_type == 1:  # only LogAppendTime says when it came
                self._oldest_ms.setdefault(sequencer.name, (first.offset, first.timestamp_ms))

    def resume_lost(self, lost: Iterable[Place], facts: dict[str, TopicFacts]) -> None:
        """Go on where a position does not exist any more: a GAP after retention, a stop after a loss."""
        for topic, partition in lost:
            sequencer = self._logs.get((topic, partition))
            if sequencer is None or sequencer.name in self.stopped:
                continue
            low, high = self._source.watermarks(topic, partition)
            try:
                _require_alive(sequencer, facts.get(topic), high)
                sequencer.skip_to(low)
            except LogStoppedError as error:
                self._stop(sequencer.name, error)
        self._assign()

    def commit(self, facts: dict[str, TopicFacts]) -> None:
        """Make everything that was appended durable, all logs at once; a re-created topic is not believed.

        Raises:
            StoreFullError: no space is left.
            StoreReadOnlyError: the ledger may not be written.
        """
        due = []
        for sequencer in self._logs.values():
            if sequencer.name in self.stopped or not sequencer.pending:
                continue
            found = facts.get(sequencer.name.topic)
            if found is None:
                continue  # the topic does not answer: what was read of it may be of another; wait
            if found.topic_id != sequencer.state.topic_id:
                self._stop(sequencer.name, _replaced(sequencer, found))
                continue
            due.append(sequencer)
        before = {s.name: s.state.size for s in due}
        for sequencer, error in zip(due, self._pool.map(_committed, due), strict=True):
            if isinstance(error, (StoreFullError, StoreReadOnlyError)):
                raise error
            if error is not None:
                self._stop(sequencer.name, error)
                continue
            sealed = sequencer.state.size - before[sequencer.name]
            self._emit("ledger_sealed_leaves", sealed, {"topic": sequencer.name.topic})
            self._emit("ledger_log_size", sequencer.state.size, {"origin": sequencer.name.origin})

    def show(self, published: dict[LogName, LogState], *, wait: bool = False) -> None:
        """Commit the offsets of published checkpoints to the group, for operators to see."""
        grown = {}
        for name, state in list(published.items()):
            place = (name.topic, name.partition)
            if wait or self._shown.get(place) != state.next_offset:
                grown[place] = state.next_offset
                self._measure(name, state)
        if grown:
            self._source.commit(grown, wait=wait)
            self._shown |= grown

    def _measure(self, name: LogName, state: LogState) -> None:
        offset, timestamp_ms = self._oldest_ms.get(name, (state.next_offset, 0))
        if offset < state.next_offset:
            del self._oldest_ms[name]
            self._emit("ledger_seal_latency_ms", time.time() * 1000 - timestamp_ms, {"topic": name.topic})

    def stop_refused(self, refused: dict[LogName, LogStoppedError]) -> None:
        """Stop logs whose checkpoints the signer refuses."""
        for name, error in list(refused.items()):
            if name not in self.stopped:
                self._stop(name, error)

    def _stop(self, name: LogName, error: LedgerError) -> None:
        self.stopped[name] = str(error)
        log.error("log %s stops: %s", name, error)
        self._emit("ledger_log_stopped", 1, _labels(name) | {"reason": type(error).__name__})
        try:
            self._store.write({f"{name.folder}/{STOPPED_NAME}": f"{error}\n".encode()})
        except StoreError as trouble:
            log.warning("%s/%s: %s", name.folder, STOPPED_NAME, trouble)

    def close(self) -> None:
        """Let other writers in."""
        self._pool.shutdown()
        for sequencer in self._logs.values():
            sequencer.close()


def run(config: LedgerConfig, stop: threading.Event, emit: Emit = no_emit) -> None:
    """Seal the configured topics until told to stop; ends within 10 s of it.

    Raises:
        LockHeldError: another ledger runs over the same data.
        StoreFullError: no space is left; nothing is lost, start again when there is.
        LogStoppedError: all logs stopped; or, at the end, some had stopped on the way.
        LedgerError: any other reason that stops everything, in words.
    """
    store = FileStore(config.ledger)
    client = SignerClient(config.signer_url, config.token_file)
    publisher = Publisher(store, client.sign, client.vkeys)
    anchors = [connect(each) for each in config.anchors]
    keeper = _patiently(lambda: AnchorKeeper(store, city_origin(config.city), anchors, emit))
    anchoring = Background("ledger-anchors", keeper, ANCHORS_EVERY_S)
    chain = _patiently(lambda: ChainStep(config, store, client.sign, emit))
    source = KafkaSource(config)
    sink = Sink(config, store, source, emit)
    publish = PublishStep(publisher, config.city, sink.states, emit)
    threads = [
        Background("ledger-publisher", publish, config.interval_s),
        Background("ledger-chain", chain, config.interval_s),
    ]
    publish.then = threads[1].wake
    anchoring.start()
    try:
        _seal(config, stop, emit, sink, source, publisher, threads)
    finally:
        if anchoring.finish(last_pass=False, within_s=0.5):
            keeper.close()
        # A thread that hangs in a peer's answer may still write: then only the process's end frees the locks.
        patience_s = 0.5 if stop.is_set() else LAST_PASS_S
        ended = [thread.finish(last_pass=False, within_s=patience_s) for thread in threads]
        if all(ended):
            sink.close()
            chain.close()
        source.close()
    reasons = [*sink.stopped.values(), *chain.refused.values(), *filter(None, [chain.stopped])]
    if reasons:
        raise LogStoppedError("; ".join(reasons))


def _seal(
    config: LedgerConfig,
    stop: threading.Event,
    emit: Emit,
    sink: Sink,
    source: KafkaSource,
    publisher: Publisher,
    threads: list[Background],
) -> None:
    pace = Pace(config.interval_s, config.longest_interval_s)
    published = publisher.published
    facts: dict[str, TopicFacts] = {}
    for thread in threads:
        thread.start()
    lost: set[Place] = set()
    while not stop.is_set():
        try:
            if pace.is_due(time.monotonic()) or sink.pending >= MOST_PENDING:
                facts = source.describe([topic.name for topic in config.topics])
                sink.open_missing(facts)
                if lost:
                    sink.resume_lost(lost, facts)
                    lost = set()
                _group_commit(sink, facts, pace, emit)
                threads[0].wake()
            records, newly_lost = source.poll(MOST_RECORDS, min(POLL_S, pace.wait_s(time.monotonic())))
            lost |= newly_lost
            sink.take(records)
            sink.show(published.states)
        except KafkaUnavailableError as error:
            log.warning("%s; trying again", error)
            stop.wait(POLL_S * 5)
        sink.stop_refused(published.refused)
        for thread in threads:
            if thread.failure:
                raise thread.failure
        if sink.is_dead:
            break
    _finish(sink, source, facts, publisher, threads)


def _group_commit(sink: Sink, facts: dict[str, TopicFacts], pace: Pace, emit: Emit) -> None:
    began = time.monotonic()
    sink.commit(facts)
    took_s = time.monotonic() - began
    pace.committed(began, took_s)
    emit("ledger_commit_seconds", took_s, {})
    emit("ledger_checkpoint_interval_seconds", pace.interval_s, {})


def _finish(
    sink: Sink,
    source: KafkaSource,
    facts: dict[str, TopicFacts],
    publisher: Publisher,
    threads: list[Background],
) -> None:
    """Commit, publish and show what is left, each with its own time limit."""
    answers = True
    try:
        if sink.pending:
            sink.commit(source.describe(list(facts), within_s=LAST_ANSWER_S))
    except KafkaUnavailableError as error:
        answers = False
        log.warning("%s; what is not sealed yet is read again at the next start", error)
    for thread in threads:
        thread.finish()
        if thread.failure:
            raise thread.failure
    try:
        sink.show(publisher.published.states, wait=answers)
    except KafkaUnavailableError as error:
        log.warning("%s; the group's offsets lag until the next start", error)


def _opened(store: Store, name: LogName, facts: PartitionFacts) -> Sequencer:
    return _patiently(lambda: Sequencer.open(store, name, facts))


def _patiently(action: Callable[[], T]) -> T:
    """Do what needs a lock; a process that is just ending may still hold it."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return action()
        except LockHeldError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _committed(sequencer: Sequencer) -> LedgerError | None:
    """Commit one log; a write that failed for no lasting reason is written again, once."""
    try:
        sequencer.commit()
    except (StoreFullError, StoreReadOnlyError) as error:
        return error
    except StoreError as error:
        log.warning("%s; writing again", error)
        try:
            sequencer.commit()
        except LedgerError as again:
            return again
    return None


def _require_alive(sequencer: Sequencer, facts: TopicFacts | None, high: int) -> None:
    if facts is not None and facts.topic_id != sequencer.state.topic_id:
        raise _replaced(sequencer, facts)
    if sequencer.next_offset > high:
        raise OffsetPastEndError(
            f"{sequencer.name}: expected offset {sequencer.next_offset} next, but Kafka ends at {high}: "
            f"it lost records; declare the loss: city keys new-epoch {sequencer.name.topic}"
        )


def _replaced(sequencer: Sequencer, facts: TopicFacts) -> TopicReplacedError:
    name = sequencer.name
    return TopicReplacedError(
        f"{name}: expected topic id {sequencer.state.topic_id.hex()}, got {facts.topic_id.hex()}: the topic "
        f"was re-created; to go on with the new one run: city keys new-epoch {name.topic}"
    )


def _labels(name: LogName) -> dict[str, str]:
    return {"topic": name.topic, "partition": str(name.partition)}
