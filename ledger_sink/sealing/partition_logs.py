"""The partition logs of one process: opened, appended to, and committed together; each stops alone.

A log that cannot go on stops. The reason is in `stopped`, in the file `stopped.txt` of its folder and in a metric. The
others go on. Only a store that accepts no write (full, read-only) stops them all.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from ledger_sink.errors import (
    LedgerError,
    LockHeldError,
    LogStoppedError,
    OffsetPastEndError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    TopicReplacedError,
)
from ledger_sink.log.epochs import current_log
from ledger_sink.log.reasons import STOPPED, clear_reason, write_reason
from ledger_sink.sealing.sequencer import PartitionFacts, Sequencer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ledger_sink.config import LedgerConfig
    from ledger_sink.kafka_source import KafkaSource, PartitionId, TopicFacts
    from ledger_sink.log.name import LogName
    from ledger_sink.log.state import LogState
    from ledger_sink.metrics import Emit
    from ledger_sink.record import Record
    from ledger_sink.store import Store

LOCK_WAIT_S = 5.0
"""How long to wait for a writer lock, in seconds."""
T = TypeVar("T")

log = logging.getLogger("ledger.sink")


class PartitionLogs:
    """The sequencers of all topic-partitions. The main thread owns it; other threads call `states`.

    Args:
        config: city and topics.
        store: the ledger's files.
        source: Kafka; it is assigned the partitions that are open here.
        emit: takes metrics.
    """

    def __init__(self, config: LedgerConfig, store: Store, source: KafkaSource, emit: Emit) -> None:
        self._config = config
        self.stopped: dict[LogName, str] = {}
        """Reason of each stopped log."""
        self._store = store
        self._source = source
        self._emit = emit
        self._logs: dict[PartitionId, Sequencer] = {}
        self._oldest_ms: dict[LogName, tuple[int, int]] = {}
        self._committed_offsets: dict[PartitionId, int] = {}
        self._must_assign = False
        self._missing: set[str] = set()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="ledger-commit")

    def states(self) -> dict[LogName, LogState]:
        """Return the committed state of each log that goes on."""
        return {s.name: s.state for s in list(self._logs.values()) if s.name not in self.stopped}

    @property
    def pending(self) -> int:
        """Return the number of leaves that are not durable yet."""
        return sum(s.pending for s in self._logs.values() if s.name not in self.stopped)

    @property
    def all_stopped(self) -> bool:
        """Return whether logs have stopped and none is left."""
        return bool(self.stopped) and all(s.name in self.stopped for s in self._logs.values())

    def open_missing(self, facts: dict[str, TopicFacts]) -> None:
        """Open a log for each partition in Kafka that has none open; read from its next offset on.

        Args:
            facts: ids and partition counts of the topics that Kafka has.

        Raises:
            LockHeldError: another process holds a writer lock.
            KafkaUnavailableError: Kafka does not return a partition's first and last offset.
        """
        missing = {topic.name for topic in self._config.topics} - facts.keys()
        if missing != self._missing:
            self._missing = missing
            log.warning(
                "topics that Kafka does not have, waited for: %s", ", ".join(sorted(missing)) or "none"
            )
        for topic in self._config.topics:
            if topic.name not in facts:
                continue
            for partition in range(max(topic.partitions, facts[topic.name].partitions)):
                if (topic.name, partition) in self._logs:
                    continue
                name = current_log(self._store, self._config.city, topic.name, partition)
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
        clear_reason(self._store, name.folder, STOPPED)
        self._emit("ledger_log_stopped", 0, _labels(name))

    def _assign(self) -> None:
        self._source.assign(
            {
                partition_id: s.next_offset
                for partition_id, s in self._logs.items()
                if s.name not in self.stopped
            }
        )
        self._must_assign = False

    def take(self, records: Mapping[PartitionId, list[Record]], ends: Mapping[PartitionId, int]) -> None:
        """Append records to their logs; drop those of stopped logs.

        Args:
            records: records by partition.
            ends: offset at which a partition ended: nothing is left to read before it.
        """
        for partition_id, batch in records.items():
            sequencer = self._logs.get(partition_id)
            if sequencer is None or sequencer.name in self.stopped:
                continue
            try:
                sequencer.append(batch)
            except LogStoppedError as error:
                self._stop(sequencer.name, error)
                continue
            first = batch[0]
            if first.timestamp_type == 1:  # only LogAppendTime is the time of arrival
                self._oldest_ms.setdefault(sequencer.name, (first.offset, first.timestamp_ms))
        for partition_id, end in ends.items():
            sequencer = self._logs.get(partition_id)
            if sequencer is not None and sequencer.name not in self.stopped:
                sequencer.step_over(end)

    def resume_lost(self, lost: Iterable[PartitionId], facts: dict[str, TopicFacts]) -> None:
        """Handle partitions whose next offset Kafka no longer has: append a GAP after retention, stop after a loss.

        Args:
            lost: these partitions.
            facts: ids and partition counts of the topics.

        Raises:
            KafkaUnavailableError: Kafka does not return a partition's first and last offset.
        """
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
        """Make all appended leaves durable, all logs at once; stop the log of a re-created topic.

        Args:
            facts: ids and partition counts of the topics, read after the records.

        Raises:
            StoreFullError: no space is left.
            StoreReadOnlyError: the ledger may not be written.
        """
        due = []
        for sequencer in self._logs.values():
            if sequencer.name in self.stopped or not sequencer.has_moved:
                continue
            found = facts.get(sequencer.name.topic)
            if found is None:
                continue  # Kafka has no such topic now: the records may be of another one; wait
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

    def commit_offsets(self, published: dict[LogName, LogState], *, wait: bool = False) -> None:
        """Commit the next offsets of published checkpoints to the group, so that operators see the lag.

        Args:
            published: newest published state of each log.
            wait: commit all of them and wait for Kafka's answer.

        Raises:
            KafkaUnavailableError: Kafka did not accept the commit.
        """
        grown = {}
        for name, state in list(published.items()):
            partition_id = (name.topic, name.partition)
            if wait or self._committed_offsets.get(partition_id) != state.next_offset:
                grown[partition_id] = state.next_offset
                self._measure(name, state)
        if grown:
            self._source.commit(grown, wait=wait)
            self._committed_offsets |= grown

    def _measure(self, name: LogName, state: LogState) -> None:
        offset, timestamp_ms = self._oldest_ms.get(name, (state.next_offset, 0))
        if offset < state.next_offset:
            del self._oldest_ms[name]
            self._emit("ledger_seal_latency_ms", time.time() * 1000 - timestamp_ms, {"topic": name.topic})

    def stop_refused(self, refused: dict[LogName, LogStoppedError]) -> None:
        """Stop logs that the publisher cannot publish, each with its reason."""
        for name, error in list(refused.items()):
            if name not in self.stopped:
                self._stop(name, error)

    def _stop(self, name: LogName, error: LedgerError) -> None:
        self.stopped[name] = str(error)
        log.error("log %s stops: %s", name, error)
        self._emit("ledger_log_stopped", 1, _labels(name) | {"reason": type(error).__name__})
        write_reason(self._store, name.folder, STOPPED, str(error))

    def close(self) -> None:
        """Release the writer locks of all logs."""
        self._pool.shutdown()
        for sequencer in self._logs.values():
            sequencer.close()


def wait_for_lock(action: Callable[[], T]) -> T:
    """Run an action that takes a lock; retry for `LOCK_WAIT_S` while an ending process holds it.

    Raises:
        LockHeldError: the lock is still held after that time.
    """
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return action()
        except LockHeldError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _opened(store: Store, name: LogName, facts: PartitionFacts) -> Sequencer:
    return wait_for_lock(lambda: Sequencer.open(store, name, facts))


def _committed(sequencer: Sequencer) -> LedgerError | None:
    """Commit one log; after a failure other than a full or read-only store, write again once."""
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
            f"it lost records; declare the loss: {sequencer.new_epoch_command}"
        )


def _replaced(sequencer: Sequencer, facts: TopicFacts) -> TopicReplacedError:
    name = sequencer.name
    return TopicReplacedError(
        f"{name}: expected topic id {sequencer.state.topic_id.hex()}, got {facts.topic_id.hex()}: the topic "
        f"was re-created; to go on with the new one, {sequencer.new_epoch_command}"
    )


def _labels(name: LogName) -> dict[str, str]:
    return {"topic": name.topic, "partition": str(name.partition)}
