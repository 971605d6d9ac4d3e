"""One writer for one topic-partition log: Kafka records in offset order → leaves (docs/ledger.md#sequencing).

The order is the promise: entry bundles and tiles durable, then the state; only then may others sign and
publish. Whatever instruction a crash hits, `Sequencer.open` goes on from the state, and the same records
make the same bytes. It neither reads Kafka nor signs; `partition_logs.py` and `publisher.py` do.
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
from ledger_sink.log.name import NO_TOPIC, LogName, published_checkpoint
from ledger_sink.log.state import LogState, read_state
from ledger_sink.log.tile_log import TileLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger_sink.record import Record
    from ledger_sink.store import Store
    from ledger_sink.store.contract import Lock

RETENTION = "deleted by retention before it was read"


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """What Kafka says about a topic-partition."""

    topic_id: bytes
    """16 bytes; a re-created topic has another."""
    low: int
    """First offset still there."""
    high: int
    """Offset after the last record."""


class Sequencer:
    """The one writer of a log. One thread owns it; `state` may be read by others."""

    def __init__(self, store: Store, name: LogName, state: LogState, lock: Lock) -> None:
        """Take the committed state; see `open`."""
        self.name = name
        self.state = state
        """What is durable; replaced as a whole after each commit."""
        self._store = store
        self._lock = lock
        self._log = TileLog(store, name.folder, state.size, state.root)
        self._next = state.next_offset
        self._controls: dict[str, bytes] = {}

    @classmethod
    def open(cls, store: Store, name: LogName, facts: PartitionFacts) -> Sequencer:
        """Lock the log and check that it can go on; append START or GAP leaves where they are due.

        Raises:
            LockHeldError: another process writes this log.
            TopicReplacedError: the topic was re-created.
            OffsetPastEndError: Kafka lost records that are sealed.
            DamagedStateError: the state file is damaged or gone.
            DamagedLogError: the tiles do not fit it.
        """
        lock = store.lock(f"{name.folder}/{LOCK}")
        try:
            state = _state_of(store, name)
            if state.size:
                _require_same_topic(name, state, facts)
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
        """Append a GAP leaf if records from the next offset to before `low` are gone."""
        if self._next < low:
            self._append_control(Gap(self._next, low - 1, RETENTION))
            self._next = low

    def _append_control(self, control: Start | Gap) -> None:
        self._controls[f"{self.name.folder}/{control_path(self._log.size)}"] = control.encode()
        self._log.append([control.leaf()])

    @property
    def next_offset(self) -> int:
        """First offset that was not appended yet, durable or not."""
        return self._next

    @property
    def pending(self) -> int:
        """Leaves that are not durable yet."""
        return self._log.pending

    def append(self, records: Sequence[Record]) -> int:
        """Take records in offset order; those below the next offset were taken before and are dropped.

        Returns:
            How many were taken.

        Raises:
            RecordRefusedError: offsets do not rise, or a record has no canonical form; nothing was taken.
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
        """Make all that was appended durable, then the state.

        Raises:
            StoreError: the state is as before; calling again is safe.
        """
        if not self.pending:
            return self.state
        self._store.write({**self._controls, **self._log.unwritten()})
        state = self.state.grown(self._log.size, self._log.root(), self._next)
        self._store.write({f"{self.name.folder}/{STATE}": state.encode()})
        self._log.mark_durable()
        self._controls.clear()
        self.state = state
        return state

    def close(self) -> None:
        """Let another writer in; what is not committed is forgotten and will be read again."""
        self._lock.release()


def _state_of(store: Store, name: LogName) -> LogState:
    state = read_state(store, name.folder)
    if state is None:
        if CHECKPOINT in store.listing(name.folder):
            raise DamagedStateError(
                f"{name.folder}/{STATE}: expected a state beside the published checkpoint, got none; "
                f"put it back or run: city keys new-epoch {name.topic}"
            )
        return LogState(name.origin, NO_TOPIC, 0, EMPTY_ROOT, 0)
    if state.origin != name.origin:
        raise DamagedStateError(f"{name.folder}/{STATE}: expected origin {name.origin}, got {state.origin}")
    return state


def _require_same_topic(name: LogName, state: LogState, facts: PartitionFacts) -> None:
    if state.topic_id != facts.topic_id:
        raise TopicReplacedError(
            f"{name}: expected topic id {state.topic_id.hex()}, got {facts.topic_id.hex()}: the topic was "
            f"re-created; to go on with the new one run: city keys new-epoch {name.topic}"
        )
    if state.next_offset > facts.high:
        raise OffsetPastEndError(
            f"{name}: {state.next_offset} records are sealed, but Kafka ends at offset {facts.high}: it lost "
            f"records; restore them, or declare the loss: city keys new-epoch {name.topic}"
        )
