"""Keyed state of rules in memory, restored from and written to a changelog (docs/delivery.md#state).

- A partition's state is read from the changelog before the first batch of each assignment, and discarded when the
  assignment ends. So the owner of a partition always has its newest state.
- The changes of a batch stand in a `StateTransaction`. They take effect when the changelog has confirmed them: one
  write for each subject, for any number of its records. A failed batch leaves no trace.
- A record at or below a subject's stored offset is skipped: it was folded before, and its outputs were delivered.
- States are JSON bytes. A rule gets a fresh copy each time, so only `put` changes the state, and a rule reads the same
  before and after a restart.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from orjson import dumps, loads

from streams.produce.deliveries import DeliveryTracker
from streams.state.entries import AnyEntry, AnySubject, Changelog, Entry, Stored, Subject


class PartitionStore:
    """The state of one partition after the last durable batch.

    Args:
        changelog: Where it is read from and written to.
        partition: Number of the partition.
        generation: Number of the assignment for which it is restored.

    Attributes:
        generation: Number of the assignment for which it was restored.
    """

    def __init__(self, changelog: Changelog, partition: int, generation: int) -> None:
        self.generation = generation
        self._changelog = changelog
        self._partition = partition
        self._entries: dict[AnySubject, AnyEntry] = {}
        self._others: dict[AnySubject, tuple[str, ...]] = {}
        self._cleared: set[AnySubject] = set()

    def subjects(self) -> int:
        """Return the number of subjects with a state."""
        return len(self._entries)

    def restore(self) -> None:
        """Read the changelog. It blocks, so call it outside of the event loop."""
        mine = self._changelog.owner
        alone: dict[str, tuple[str, ...]] = {}
        for subject, owner, entry in self._changelog.read(self._partition):
            known = self._entries.get(subject)
            if known is None or known[0] < entry[0]:
                self._keep(subject, entry)
            if owner != mine:
                before = self._others.get(subject)
                self._others[subject] = (*before, owner) if before else alone.setdefault(owner, (owner,))

    def entry(self, subject: AnySubject) -> Entry | None:
        """Return the durable state of a subject, or None."""
        found = self._entries.get(subject)
        return None if found is None else Entry(*found)

    def entries(self) -> dict[Subject, Entry]:
        """Return a copy of all durable states."""
        return {Subject(*subject): Entry(*entry) for subject, entry in self._entries.items()}

    def begin(self) -> "StateTransaction":
        """Return the transaction of a new batch."""
        return StateTransaction(self._entries)

    def write(
        self, transaction: "StateTransaction", committed: int | None, deliveries: DeliveryTracker
    ) -> None:
        """Hand a transaction's entries to the changelog, then the removal of the entries that they replace.

        Args:
            transaction: Changes of one batch.
            committed: Offset that the group has committed; None: not known. Subjects that were cleared below it are
                removed, because their records cannot come again.
            deliveries: The entries are durable once it is settled.
        """
        owner = self._changelog.owner
        entries = [Stored(subject, owner, entry) for subject, entry in transaction.changes.items()]
        for subject in transaction.changes:
            entries += [Stored(subject, other, None) for other in self._others.get(subject, ())]
        entries += [Stored(subject, owner, None) for subject in self._outlived(transaction, committed)]
        self._changelog.write(self._partition, entries, deliveries)

    def apply(self, transaction: "StateTransaction", committed: int | None) -> None:
        """Apply a transaction to the durable state, once the changelog has confirmed its entries.

        Args:
            transaction: Changes of one batch.
            committed: The same offset as for `write`.
        """
        for subject in self._outlived(transaction, committed):
            del self._entries[subject]
            self._cleared.discard(subject)
        for subject, entry in transaction.changes.items():
            self._keep(subject, entry)
            self._others.pop(subject, None)

    def _keep(self, subject: AnySubject, entry: AnyEntry) -> None:
        self._entries[subject] = entry
        (self._cleared.discard if entry[1] else self._cleared.add)(subject)

    def _outlived(self, transaction: "StateTransaction", committed: int | None) -> list[AnySubject]:
        """Return this owner's cleared subjects whose records are all committed."""
        if committed is None:
            return []
        return [
            subject
            for subject in self._cleared
            if subject not in transaction.changes
            and not self._others.get(subject)
            and self._entries[subject][0] < committed
        ]


class StateTransaction:
    """The changes of one batch on top of the durable state.

    Args:
        durable: The durable entries, which stay unchanged.

    Attributes:
        changes: Changed entries by subject.
    """

    __slots__ = ("_durable", "changes")

    def __init__(self, durable: Mapping[AnySubject, AnyEntry]) -> None:
        self._durable = durable
        self.changes: dict[AnySubject, AnyEntry] = {}

    def entry(self, subject: AnySubject) -> Entry | None:
        """Return the state of a subject, this batch's changes included, or None."""
        found = self.changes.get(subject) or self._durable.get(subject)
        return None if found is None else Entry(*found)

    def state(self, subject: AnySubject, offset: int) -> "KeyedState | None":
        """Return the state for the record at an offset, or None if that record was folded before."""
        found = self.changes.get(subject) or self._durable.get(subject)
        if found is None:
            return KeyedState(self.changes, subject, b"")
        last, state = found
        return None if offset <= last else KeyedState(self.changes, subject, state)


class KeyedState:
    """The state that a rule gets for one record; implements `streams.agents.State`."""

    __slots__ = ("_changes", "_now", "_put", "_subject")

    def __init__(self, changes: dict[AnySubject, AnyEntry], subject: AnySubject, now: bytes) -> None:
        self._changes = changes
        self._subject = subject
        self._now = now
        self._put: bytes | None = None

    def get(self) -> Any:
        """Return a fresh copy of the value that was put last, or None."""
        state = self._now if self._put is None else self._put
        return loads(state) if state else None

    def put(self, value: Any) -> None:
        """Store a JSON value, or a dataclass field by field. It takes effect only if the rule does not raise."""
        self._put = dumps(value)

    def clear(self) -> None:
        """Clear the subject's state. It takes effect only if the rule does not raise."""
        self._put = b""

    def keep(self, offset: int) -> None:
        """Add the value that was put to the transaction, because the rule did not raise."""
        if self._put is not None:
            self._changes[self._subject] = (offset, self._put)


class StateStore:
    """The state of one topic, for the partitions that this worker has."""

    def __init__(self, changelog: Changelog) -> None:
        self.changelog = changelog
        self._partitions: dict[int, PartitionStore] = {}

    async def open(self, partition: int, generation: int) -> PartitionStore:
        """Return a partition's state. Restore it first if it belongs to another assignment.

        The committed offset was read before, and states are durable before commits. So the state is never older than
        the committed offset.
        """
        state = self._partitions.get(partition)
        if state is None or state.generation != generation:
            state = PartitionStore(self.changelog, partition, generation)
            await asyncio.to_thread(state.restore)
            self._partitions[partition] = state
        return state

    def discard(self) -> None:
        """Discard the state of all partitions, because the assignment has ended."""
        self._partitions = {}

    def subjects(self) -> int:
        """Return the number of subjects in memory."""
        return sum(each.subjects() for each in self._partitions.values())
