"""Keyed state: what a rule remembers of a subject, kept in and restored from a changelog (docs/delivery.md#state).

- A partition's state is read from the changelog before its first batch in each assignment, and forgotten when
  the assignment ends; so whoever has the partition has its newest state.
- Within a batch, changes are laid aside in a `StateTransaction` and count only when the changelog has confirmed them:
  one write for each subject, however many of its records the batch had. A batch that fails leaves no trace.
- A record at or below a subject's stored offset was folded before, and its outputs delivered before that: it
  is skipped.
- States are JSON bytes. A rule gets a fresh copy each time, so it cannot change what is remembered other than
  by `put`, and what it reads is the same before and after a restart.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from orjson import dumps, loads

from streams.produce.deliveries import DeliveryTracker
from streams.state.entries import AnyEntry, AnySubject, Changelog, Entry, Stored, Subject


class PartitionStore:
    """The state of one partition as of the last durable batch.

    Attributes:
        generation: Assignment that it was restored in.
    """

    def __init__(self, changelog: Changelog, partition: int, generation: int) -> None:
        self.generation = generation
        self._changelog = changelog
        self._partition = partition
        self._entries: dict[AnySubject, AnyEntry] = {}
        self._others: dict[AnySubject, tuple[str, ...]] = {}
        self._cleared: set[AnySubject] = set()

    def subjects(self) -> int:
        """Return how many subjects are remembered."""
        return len(self._entries)

    def restore(self) -> None:
        """Read the changelog; blocks, so not for the event loop."""
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
        """Return what is durably remembered of a subject."""
        found = self._entries.get(subject)
        return None if found is None else Entry(*found)

    def entries(self) -> dict[Subject, Entry]:
        """Return a copy of everything that is durably remembered."""
        return {Subject(*subject): Entry(*entry) for subject, entry in self._entries.items()}

    def begin(self) -> "StateTransaction":
        """Begin the changes of one batch."""
        return StateTransaction(self._entries)

    def write(
        self, transaction: "StateTransaction", committed: int | None, deliveries: DeliveryTracker
    ) -> None:
        """Hand a transaction's entries to the changelog, then the removal of those that they replace.

        Args:
            transaction: Changes of one batch.
            committed: Offset that the group has committed; subjects cleared below it cannot come again and
                go.
            deliveries: The entries are durable once it is settled.
        """
        owner = self._changelog.owner
        entries = [Stored(subject, owner, entry) for subject, entry in transaction.changes.items()]
        for subject in transaction.changes:
            entries += [Stored(subject, other, None) for other in self._others.get(subject, ())]
        entries += [Stored(subject, owner, None) for subject in self._outlived(transaction, committed)]
        self._changelog.write(self._partition, entries, deliveries)

    def apply(self, transaction: "StateTransaction", committed: int | None) -> None:
        """Take a transaction over, once the changelog has confirmed its entries."""
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
        """Name cleared subjects of our own whose records are all committed."""
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
    """Changes of one batch on top of what is durably remembered."""

    __slots__ = ("_durable", "changes")

    def __init__(self, durable: Mapping[AnySubject, AnyEntry]) -> None:
        self._durable = durable
        self.changes: dict[AnySubject, AnyEntry] = {}

    def entry(self, subject: AnySubject) -> Entry | None:
        """Return what is remembered of a subject, this batch's changes included."""
        found = self.changes.get(subject) or self._durable.get(subject)
        return None if found is None else Entry(*found)

    def state(self, subject: AnySubject, offset: int) -> "KeyedState | None":
        """Return what a rule is given for the record at an offset; None: that record was folded before."""
        found = self.changes.get(subject) or self._durable.get(subject)
        if found is None:
            return KeyedState(self.changes, subject, b"")
        last, state = found
        return None if offset <= last else KeyedState(self.changes, subject, state)


class KeyedState:
    """The `State` that a rule is given for one record; see `streams.agents.State`."""

    __slots__ = ("_changes", "_now", "_put", "_subject")

    def __init__(self, changes: dict[AnySubject, AnyEntry], subject: AnySubject, now: bytes) -> None:
        self._changes = changes
        self._subject = subject
        self._now = now
        self._put: bytes | None = None

    def get(self) -> Any:
        """Return a fresh copy of what was put last, or None."""
        state = self._now if self._put is None else self._put
        return loads(state) if state else None

    def put(self, value: Any) -> None:
        """Remember a JSON value, or a dataclass field by field, if the rule ends well."""
        self._put = dumps(value)

    def clear(self) -> None:
        """Forget the subject, if the rule ends well."""
        self._put = b""

    def keep(self, offset: int) -> None:
        """Lay what was put into the transaction: the rule ended well."""
        if self._put is not None:
            self._changes[self._subject] = (offset, self._put)


class StateStore:
    """State of the partitions of one topic that this worker has."""

    def __init__(self, changelog: Changelog) -> None:
        self.changelog = changelog
        self._partitions: dict[int, PartitionStore] = {}

    async def open(self, partition: int, generation: int) -> PartitionStore:
        """Return a partition's state, restored first if it is not of this assignment.

        This comes after the committed offset was read, and states are durable before commits, so the state is
        never older than the offset.
        """
        state = self._partitions.get(partition)
        if state is None or state.generation != generation:
            state = PartitionStore(self.changelog, partition, generation)
            await asyncio.to_thread(state.restore)
            self._partitions[partition] = state
        return state

    def forget(self) -> None:
        """Forget all partitions: the assignment has ended."""
        self._partitions = {}

    def subjects(self) -> int:
        """Return how many subjects are held in memory."""
        return sum(each.subjects() for each in self._partitions.values())
