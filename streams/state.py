"""Keyed state: what a rule remembers of a subject, kept in and restored from a changelog (CONTRACT §3).

- A partition's state is read from the changelog before its first batch in each assignment, and forgotten when
  the assignment ends; so whoever has the partition has its newest state.
- Within a batch, changes are laid aside in a `Draft` and count only when the changelog has confirmed them:
  one write for each subject, however many of its records the batch had. A batch that fails leaves no trace.
- A record at or below a subject's stored offset was folded before, and its outputs delivered before that: it
  is skipped.
- States are JSON bytes. A rule gets a fresh copy each time, so it cannot change what is remembered other than
  by `put`, and what it reads is the same before and after a restart.
"""

import asyncio
from collections import defaultdict
from typing import Any

import orjson

from streams.changelog import Changelog, Entry, Stored, Subject
from streams.door import Deliveries


class PartitionState:
    """The state of one partition as of the last durable batch.

    Attributes:
        generation: Assignment that it was restored in.
    """

    def __init__(self, changelog: Changelog, partition: int, generation: int) -> None:
        self.generation = generation
        self._changelog = changelog
        self._partition = partition
        self._entries: dict[Subject, Entry] = {}
        self._others: defaultdict[Subject, set[str]] = defaultdict(set)
        self._cleared: set[Subject] = set()

    def subjects(self) -> int:
        """Return how many subjects are remembered."""
        return len(self._entries)

    def restore(self) -> None:
        """Read the changelog; blocks, so not for the event loop."""
        found: defaultdict[Subject, dict[str, Entry]] = defaultdict(dict)
        for subject, owner, entry in self._changelog.read(self._partition):
            if entry is None:
                found[subject].pop(owner, None)
            else:
                found[subject][owner] = entry
        for subject, by_owner in found.items():
            if by_owner:
                self._keep(subject, max(by_owner.values(), key=lambda entry: entry.offset))
                self._others[subject] = by_owner.keys() - {self._changelog.owner}

    def entry(self, subject: Subject) -> Entry | None:
        """Return what is durably remembered of a subject."""
        return self._entries.get(subject)

    def entries(self) -> dict[Subject, Entry]:
        """Return a copy of everything that is durably remembered."""
        return dict(self._entries)

    def draft(self) -> "Draft":
        """Begin the changes of one batch."""
        return Draft(self)

    def write(self, draft: "Draft", committed: int | None, deliveries: Deliveries) -> None:
        """Hand a draft's entries to the changelog, then the removal of those that they replace.

        Args:
            draft: Changes of one batch.
            committed: Offset that the group has committed; subjects cleared below it cannot come again and
                go.
            deliveries: The entries are durable once it is settled.
        """
        owner = self._changelog.owner
        entries = [Stored(subject, owner, entry) for subject, entry in draft.changes.items()]
        for subject in draft.changes:
            entries += [Stored(subject, other, None) for other in self._others.get(subject, ())]
        entries += [Stored(subject, owner, None) for subject in self._outlived(draft, committed)]
        self._changelog.write(self._partition, entries, deliveries)

    def apply(self, draft: "Draft", committed: int | None) -> None:
        """Take a draft over, once the changelog has confirmed its entries."""
        for subject in self._outlived(draft, committed):
            del self._entries[subject]
            self._cleared.discard(subject)
        for subject, entry in draft.changes.items():
            self._keep(subject, entry)
            self._others.pop(subject, None)

    def _keep(self, subject: Subject, entry: Entry) -> None:
        self._entries[subject] = entry
        (self._cleared.discard if entry.state else self._cleared.add)(subject)

    def _outlived(self, draft: "Draft", committed: int | None) -> list[Subject]:
        """Name cleared subjects of our own whose records are all committed."""
        if committed is None:
            return []
        return [
            subject
            for subject in self._cleared
            if subject not in draft.changes
            and not self._others.get(subject)
            and self._entries[subject].offset < committed
        ]


class Draft:
    """Changes of one batch on top of a partition's state."""

    __slots__ = ("_base", "changes")

    def __init__(self, base: PartitionState) -> None:
        self._base = base
        self.changes: dict[Subject, Entry] = {}

    def entry(self, subject: Subject) -> Entry | None:
        """Return what is remembered of a subject, this batch's changes included."""
        return self.changes.get(subject) or self._base.entry(subject)


class SubjectState:
    """The `State` that a rule is given for one record; see `streams.agents.State`."""

    __slots__ = ("_draft", "_now", "_put", "_subject")

    def __init__(self, draft: Draft, subject: Subject) -> None:
        self._draft = draft
        self._subject = subject
        entry = draft.entry(subject)
        self._now = entry.state if entry else b""
        self._put: bytes | None = None

    def get(self) -> Any:
        """Return a fresh copy of what was put last, or None."""
        state = self._now if self._put is None else self._put
        return orjson.loads(state) if state else None

    def put(self, value: Any) -> None:
        """Remember a JSON value, if the rule ends well."""
        self._put = orjson.dumps(value)

    def clear(self) -> None:
        """Forget the subject, if the rule ends well."""
        self._put = b""

    def keep(self, offset: int) -> None:
        """Lay what was put into the draft: the rule ended well."""
        if self._put is not None:
            self._draft.changes[self._subject] = Entry(offset, self._put)


class StateStore:
    """State of the partitions of one topic that this worker has."""

    def __init__(self, changelog: Changelog) -> None:
        self.changelog = changelog
        self._partitions: dict[int, PartitionState] = {}

    async def open(self, partition: int, generation: int) -> PartitionState:
        """Return a partition's state, restored first if it is not of this assignment.

        This comes after the committed offset was read, and states are durable before commits, so the state is
        never older than the offset.
        """
        state = self._partitions.get(partition)
        if state is None or state.generation != generation:
            state = PartitionState(self.changelog, partition, generation)
            await asyncio.to_thread(state.restore)
            self._partitions[partition] = state
        return state

    def forget(self) -> None:
        """Forget all partitions: the assignment has ended."""
        self._partitions = {}

    def subjects(self) -> int:
        """Return how many subjects are held in memory."""
        return sum(each.subjects() for each in self._partitions.values())
