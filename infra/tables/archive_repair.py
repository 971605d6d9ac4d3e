"""Makes the archive's rows of a topic the records that Kafka has, as far as the ledger agrees (`archive_choice.py`).

A right row is stored before a wrong one is removed, so a run that is killed in between loses nothing, and a second run
ends what the first began. A pass that changed something is followed by another: the last one found nothing to change.

The sink may run. Rows behind its committed offset are its own: they are waited for, and what it has not committed by
then is not compared.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from infra.errors import StackError
from infra.tables.archive_choice import Offset, Tally, choose
from infra.tables.archive_rows import ArchiveRows, Row, remove_repeats
from infra.tables.sealed_leaves import LeafCursor
from ledger_sink.errors import KafkaUnavailableError
from ledger_sink.verifier.compare import END, items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from infra.settings import Settings
    from infra.tables.archive_choice import Choice
    from ledger_sink.kafka_source import PartitionId, TopicFacts
    from ledger_sink.record import Record

PAGE_OFFSETS = 20_000
PAGE_BYTES = 16 << 20
MOST_PASSES = 4
SINK_S = 15.0
"""Seconds that the sink has to come to Kafka's end."""


class Source(Protocol):
    """What is read from Kafka; `KafkaSource` of the sink's group implements it."""

    def describe(self, topics: Sequence[str]) -> dict[str, TopicFacts]:
        """Return id and partition count of the topics that exist."""

    def all_watermarks(self, partitions: Iterable[PartitionId]) -> dict[PartitionId, tuple[int, int]]:
        """Return the first retained offset and the one after the last record, of each partition that has a leader."""

    def committed(self, partitions: Iterable[PartitionId]) -> dict[PartitionId, int]:
        """Return the group's committed offsets, negative without one."""

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[Record]:
        """Return the records with first ≤ offset < end, in offset order."""


class Ledger(Protocol):
    """What is read from the ledger; `SealedLeaves` implements it."""

    def partitions(self, topic: str) -> set[int]:
        """Return the partitions of a topic that have a log."""

    def cursor(self, topic: str, partition: int, topic_id: bytes) -> LeafCursor:
        """Return the leaves of the topic that Kafka has now."""

    def earlier(self, topic: str, partition: int, topic_id: bytes) -> set[bytes]:
        """Return the leaves of an earlier topic of the same name."""


class _Records:
    """Kafka's records, one ahead."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records
        self._next = next(records, None)

    @property
    def offset(self) -> int:
        return END if self._next is None else self._next.offset

    def take(self, end: int) -> tuple[list[Record], int]:
        """Return the records before an offset, as many as a page holds, and the offset behind them."""
        found: list[Record] = []
        size = 0
        while self._next is not None and self._next.offset < end:
            if size > PAGE_BYTES:
                return found, self._next.offset
            found.append(self._next)
            size += len(self._next.key or b"") + len(self._next.value or b"")
            self._next = next(self._records, None)
        return found, end


@dataclass(frozen=True)
class _Range:
    """Offsets of one pass, and what Kafka has of them."""

    first: int
    end: int
    low: int
    """First offset that Kafka has."""


class ArchiveRepair:
    """One repair of a topic's archived rows.

    Args:
        client: A clickhouse-connect client.
        settings: The stack.
        source: Kafka.
        ledger: The ledger; None for a topic that is not sealed.
        step: Called with the name of each change before it is made.
        sink_s: Seconds that the sink has to come to Kafka's end.
    """

    def __init__(
        self,
        client: Any,
        settings: Settings,
        source: Source,
        ledger: Ledger | None,
        step: Callable[[str], None] = lambda _: None,
        sink_s: float = SINK_S,
    ) -> None:
        self._client = client
        self._settings = settings
        self._source = source
        self._ledger = ledger
        self._step = step
        self._sink_s = sink_s

    def repair(self, topic: str, expected: int, ends: Mapping[int, int]) -> Tally:
        """Repair the rows of a topic.

        Args:
            topic: Name of the topic.
            expected: Number of its partitions by the catalogue.
            ends: Offset behind the last row of each partition that has rows, read just before.

        Raises:
            StackError: Kafka lacks the topic, or others change its rows meanwhile.
            KafkaUnavailableError: Kafka does not answer, or has removed records meanwhile.
        """
        facts = self._source.describe([topic]).get(topic)
        if facts is None:
            raise StackError(
                f"Kafka has no topic {topic}: nothing was changed; without `--from kafka` its table is made from the "
                "archive; where Kafka was lost: docs/recovery.md#one-store-is-older"
            )
        there = [(topic, number) for number in range(facts.partitions)]
        marks = self._source.all_watermarks(there)
        committed = self._committed(there, marks)
        tally = Tally()
        sealed = self._ledger.partitions(topic) if self._ledger is not None else set()
        for number in range(max(expected, facts.partitions, *(n + 1 for n in {*ends, *sealed}))):
            place = topic, number
            if number >= facts.partitions:
                tally.contradict(
                    f"{topic}/{number}",
                    f"Kafka has {facts.partitions} partitions of the topic, and not this one: its rows are kept",
                )
            elif place not in marks:
                raise KafkaUnavailableError(
                    f"{topic}/{number}: no leader; nothing was changed in this partition"
                )
            else:
                self._partition(
                    place, facts.topic_id, marks[place], committed[place], ends.get(number, 0), tally
                )
        return tally

    def _committed(
        self, places: Sequence[PartitionId], marks: Mapping[PartitionId, tuple[int, int]]
    ) -> dict[PartitionId, int]:
        """Return how far the sink is, as soon as it has come to the end of every partition, or after a while."""
        until = time.monotonic() + self._sink_s
        while True:
            found = {each: max(0, offset) for each, offset in self._source.committed(places).items()}
            behind = [each for each, (low, high) in marks.items() if low < high and found[each] < high]
            if not behind or time.monotonic() > until:
                return found
            time.sleep(0.2)

    def _partition(
        self,
        place: PartitionId,
        topic_id: bytes,
        marks: tuple[int, int],
        committed: int,
        archive_end: int,
        tally: Tally,
    ) -> None:
        low, high = marks
        limit = high if low == high else min(high, committed)
        tally.in_flight += max(0, high - max(low, limit))
        earlier = self._ledger.earlier(*place, topic_id) if self._ledger is not None else set()
        with closing(ArchiveRows(self._client, self._settings, *place)) as rows:
            for number in range(MOST_PASSES):
                found = tally if number == 0 else Tally()
                one = _Pass(place, rows, earlier, found, self._step)
                leaves = self._leaves(place, topic_id)
                records = _Records(self._source.records(*place, low, limit))
                one.go(_Range(0, limit, low), records, leaves)
                one.go(_Range(high, max(archive_end, leaves.end), low), _Records(iter(())), leaves)
                if one.repeats:
                    self._step("repeats")
                    remove_repeats(self._client)
                if not one.changed:
                    return
        raise StackError(
            f"{place[0]}/{place[1]}: its archived rows are changed by others meanwhile; end that, and run it again"
        )

    def _leaves(self, place: PartitionId, topic_id: bytes) -> LeafCursor:
        return LeafCursor(()) if self._ledger is None else self._ledger.cursor(*place, topic_id)


class _Pass:
    """One pass over the offsets of a partition, page by page."""

    def __init__(
        self,
        place: PartitionId,
        rows: ArchiveRows,
        earlier: set[bytes],
        tally: Tally,
        step: Callable[[str], None],
    ) -> None:
        self.changed = False
        self.repeats = False
        """Whether a row is there more than once."""
        self._place = place
        self._rows = rows
        self._earlier = earlier
        self._tally = tally
        self._step = step

    def go(self, over: _Range, records: _Records, leaves: LeafCursor) -> None:
        """Repair the rows of a range of offsets; skip what nobody has."""
        at = over.first
        leaves.take(at)
        while at < over.end:
            stored = self._rows.next_offset(at, over.end)
            ahead = [each for each in (records.offset, leaves.offset) if each < END]
            at = min([*ahead, *([] if stored is None else [stored])], default=over.end)
            if at >= over.end:
                return
            found, end = records.take(min(at + PAGE_OFFSETS, over.end))
            self._page(_Range(at, end, over.low), found, leaves)
            at = end

    def _page(self, page: _Range, records: Sequence[Record], leaves: LeafCursor) -> None:
        by_offset = {each.offset: each for each in records}
        kafka = {item.offset: item.leaf for item in items(*self._place, records)}
        sealed = leaves.take(page.end)
        stored = self._stored(page, count=True)
        choices: dict[int, Choice] = {}
        for offset in sorted({*kafka, *sealed, *stored}):
            known = Offset(
                [row.leaf for row in stored.get(offset, ())],
                kafka.get(offset),
                sealed.get(offset),
                leaves.unread(offset),
                offset < leaves.end,
                offset >= page.low,
            )
            choices[offset] = choice = choose(known)
            if choice.words:
                self._tally.contradict(f"{self._place[0]}/{self._place[1]} offset {offset}", choice.words)
            self._count(choice, stored.get(offset, ()), retained=known.retained)
        self._change(page, choices, by_offset, stored)

    def _stored(self, page: _Range, *, count: bool = False) -> dict[int, list[Row]]:
        """Return the rows of a page without those of an earlier topic."""
        found = self._rows.read(page.first, page.end)
        if not self._earlier:
            return found
        own = {
            offset: [row for row in rows if row.leaf not in self._earlier] for offset, rows in found.items()
        }
        if count:
            self._tally.earlier += sum(map(len, found.values())) - sum(map(len, own.values()))
        return {offset: rows for offset, rows in own.items() if rows}

    def _count(self, choice: Choice, rows: Sequence[Row], *, retained: bool) -> None:
        tally = self._tally
        tally.removed += sum(row.count - 1 for row in rows)
        wrong = sum(row.leaf != choice.right for row in rows)
        if choice.keep:
            tally.kept += 0 if retained else len(rows)
        elif choice.right is None:
            tally.removed += wrong
        elif wrong == len(rows):
            tally.put_back += not wrong
            tally.replaced += bool(wrong)
            tally.removed += max(0, wrong - 1)
        else:
            tally.equal += retained
            tally.kept += not retained
            tally.removed += wrong

    def _change(
        self,
        page: _Range,
        choices: Mapping[int, Choice],
        records: Mapping[int, Record],
        stored: Mapping[int, Sequence[Row]],
    ) -> None:
        missing = [
            records[offset]
            for offset, choice in choices.items()
            if choice.right is not None and all(row.leaf != choice.right for row in stored.get(offset, ()))
        ]
        self.repeats |= any(row.count > 1 for rows in stored.values() for row in rows)
        if missing:
            self._step("insert")
            self._rows.insert(missing)
            stored = self._stored(page)
        wrong = list(_wrong(choices, stored))
        if wrong:
            self._step("remove")
            self._rows.remove(wrong)
        self.changed |= bool(missing or wrong or self.repeats)


def _wrong(choices: Mapping[int, Choice], stored: Mapping[int, Sequence[Row]]) -> Iterator[Row]:
    """Yield the rows to remove: never the last one of an offset whose right row is not there."""
    for offset, choice in choices.items():
        rows = stored.get(offset, ())
        if choice.keep or (choice.right is not None and all(row.leaf != choice.right for row in rows)):
            continue
        yield from (row for row in rows if row.leaf != choice.right)
