"""The one writer of a partition log: Kafka records in offset order → leaves (docs/ledger.md#sequencing).

It makes entry bundles, tiles and control files durable before the state. Only a committed state is published.
After a crash at any instruction, `Sequencer.open` goes on from the state, and the same records give the same bytes.
Reading Kafka is left to `partition_logs.py`, signing to `publisher.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.errors import (
    DamagedStateError,
    OffsetPastEndError,
    RecordRefusedError,
    TopicReplacedError,
)
from ledger_sink.format.control import Gap, Start
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import CHECKPOINT, LOCK, STATE, control_path
from ledger_sink.format.leaf import record_leaves
from ledger_sink.format.merkle import EMPTY_ROOT
from ledger_sink.log.epochs import new_epoch_command
from ledger_sink.log.name import NO_TOPIC, LogName, published_checkpoint
from ledger_sink.log.state import LogState, read_state
from ledger_sink.log.tile_log import TileLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger_sink.record import Record
    from ledger_sink.store import Store
    from ledger_sink.store.contract import Lock

RETENTION = "deleted by retention before it was read"
"""Reason in a GAP leaf's control file."""


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """Topic id and offsets that Kafka reports for a topic-partition."""

    topic_id: bytes
    """Kafka's topic id, 16 bytes. A re-created topic has another."""
    low: int
    """First retained offset."""
    high: int
    """Offset after the last record."""


class Sequencer:
    """The one writer of a partition log. One thread owns it; other threads may read `state`."""

    def __init__(self, store: Store, name: LogName, state: LogState, lock: Lock) -> None:
        """Load the log at its committed state; callers use `open`."""
        self.name = name
        self.state = state
        """The durable state; replaced as a whole after each commit."""
        self._store = store
        self._lock = lock
        self._log = TileLog(store, name.folder, state.size, state.root)
        self._next = state.next_offset
        self._controls: dict[str, bytes] = {}

    @classmethod
    def open(cls, store: Store, name: LogName, facts: PartitionFacts) -> Sequencer:
        """Lock the log and verify that it can go on; append START or GAP leaves where they are due.

        Args:
            store: the ledger's files.
            name: the log.
            facts: topic id and offsets of the partition.

        Raises:
            LockHeldError: another process holds the writer lock.
            TopicReplacedError: the topic was re-created.
            OffsetPastEndError: Kafka lost sealed records.
            DamagedStateError: the state file is damaged or missing.
            DamagedLogError: the tiles do not match the state.
        """
        lock = store.lock(f"{name.folder}/{LOCK}")
        try:
            state = _state_of(store, name)
            if state.size:
                _require_same_topic(store, name, state, facts)
            sequencer = cls(store, name, state, lock)
            if not state.size:
                sequencer._start(facts)
            sequencer.skip_to(facts.low)
        except BaseException:
            lock.release()
            raise
        return sequencer

    def _start(self, facts: PartitionFacts) -> None:
        """Append the START leaf of an epoch."""
        carried = self.state.topic_id == facts.topic_id and self.state.next_offset <= facts.high
        self._next = self.state.next_offset if carried else facts.low
        previous = published_checkpoint(self._store, self.name.previous)
        start = Start(self._next, facts.topic_id.hex(), previous.decode())
        self.state = LogState(self.state.origin, facts.topic_id, 0, EMPTY_ROOT, self._next)
        self._append_control(start)

    def skip_to(self, low: int) -> None:
        """Append a GAP leaf if Kafka no longer has the offsets from the next one to `low` - 1."""
        if self._next < low:
            self._append_control(Gap(self._next, low - 1, RETENTION))
            self._next = low

    def step_over(self, end: int) -> None:
        """Go on at `end`: no reader will ever get a record from the next offset to `end` - 1.

        These are control records, aborted records, or what compaction removed. They make no leaf:
        it would depend on when the log's writer met them.
        """
        self._next = max(self._next, end)

    def _append_control(self, control: Start | Gap) -> None:
        self._controls[f"{self.name.folder}/{control_path(self._log.size)}"] = control.encode()
        self._log.append([control.leaf()])

    @property
    def next_offset(self) -> int:
        """Return the next offset to append."""
        return self._next

    @property
    def pending(self) -> int:
        """Return the number of leaves that are not durable yet."""
        return self._log.pending

    @property
    def new_epoch_command(self) -> str:
        """Return the words that say how an operator declares a new epoch of the topic."""
        return new_epoch_command(self._store, self.name.topic)

    @property
    def has_moved(self) -> bool:
        """Return whether a commit would change the state."""
        return bool(self.pending) or self._next != self.state.next_offset

    def append(self, records: Sequence[Record]) -> int:
        """Append records in offset order; drop those below the next offset, which are appended already.

        Returns:
            The number of appended records.

        Raises:
            RecordRefusedError: offsets do not rise, or a record has no canonical form. No record was appended.
        """
        fresh = [record for record in records if record.offset >= self._next]
        last = self._next - 1
        for record in fresh:
            if record.offset <= last:
                raise RecordRefusedError(
                    f"{self.name}: expected an offset above {last}, got {record.offset}; Kafka gave no order"
                )
            last = record.offset
        try:
            leaves = record_leaves(self.name.topic, self.name.partition, fresh)
        except FormatError as error:
            raise RecordRefusedError(f"{self.name}: offsets {self._next} to {last}: {error}") from error
        self._log.append(leaves)
        self._next = last + 1
        return len(fresh)

    def commit(self) -> LogState:
        """Make all appended leaves durable, then the state; return the state.

        Raises:
            StoreError: a write failed and the state is as before. Calling again is safe.
        """
        if not self.has_moved:
            return self.state
        if self.pending:
            self._store.write({**self._controls, **self._log.unwritten()})
        state = self.state.grown(self._log.size, self._log.root(), self._next)
        self._store.write({f"{self.name.folder}/{STATE}": state.encode()})
        self._log.mark_durable()
        self._controls.clear()
        self.state = state
        return state

    def close(self) -> None:
        """Release the writer lock; discard uncommitted leaves, whose records are read again later."""
        self._lock.release()


def _state_of(store: Store, name: LogName) -> LogState:
    state = read_state(store, name.folder)
    if state is None:
        if CHECKPOINT in store.listing(name.folder):
            raise DamagedStateError(
                f"{name.folder}/{STATE}: expected a state beside the published checkpoint, got none; "
                f"put it back, or {new_epoch_command(store, name.topic)}"
            )
        return LogState(name.origin, NO_TOPIC, 0, EMPTY_ROOT, 0)
    if state.origin != name.origin:
        raise DamagedStateError(f"{name.folder}/{STATE}: expected origin {name.origin}, got {state.origin}")
    return state


def _require_same_topic(store: Store, name: LogName, state: LogState, facts: PartitionFacts) -> None:
    if state.topic_id != facts.topic_id:
        raise TopicReplacedError(
            f"{name}: expected topic id {state.topic_id.hex()}, got {facts.topic_id.hex()}: the topic was "
            f"re-created; to go on with the new one, {new_epoch_command(store, name.topic)}"
        )
    if state.next_offset > facts.high:
        raise OffsetPastEndError(
            f"{name}: {state.next_offset} records are sealed, but Kafka ends at offset {facts.high}: it lost "
            f"records; restore them, or declare the loss: {new_epoch_command(store, name.topic)}"
        )
