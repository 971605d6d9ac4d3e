"""One pass over the archived rows of a partition: Kafka's records, leaves and rows in step, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.tables.archive_choice import Offset, choose
from ledger_sink.verifier.compare import END, items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from infra.tables.archive_choice import Choice, Tally
    from infra.tables.archive_rows import ArchiveRows, Row
    from infra.tables.sealed_leaves import LeafCursor
    from ledger_sink.kafka_source import PartitionId
    from ledger_sink.record import Record

PAGE_OFFSETS = 20_000
PAGE_BYTES = 16 << 20


class KafkaRecords:
    """Kafka's records, one ahead."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records
        self._next = next(records, None)

    @property
    def offset(self) -> int:
        """Return the offset of the next record; `END` if there is none."""
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
class Span:
    """Offsets of one pass, and what Kafka has of them."""

    first: int
    end: int
    low: int
    """First offset that Kafka has."""


class ArchivePass:
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

    def go(self, over: Span, records: KafkaRecords, leaves: LeafCursor) -> None:
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
            self._page(Span(at, end, over.low), found, leaves)
            at = end

    def _page(self, page: Span, records: Sequence[Record], leaves: LeafCursor) -> None:
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

    def _stored(self, page: Span, *, count: bool = False) -> dict[int, list[Row]]:
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
        tally.removed += sum(row.copies - 1 for row in rows)
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
        page: Span,
        choices: Mapping[int, Choice],
        records: Mapping[int, Record],
        stored: Mapping[int, Sequence[Row]],
    ) -> None:
        missing = [
            records[offset]
            for offset, choice in choices.items()
            if choice.right is not None and all(row.leaf != choice.right for row in stored.get(offset, ()))
        ]
        self.repeats |= any(row.copies > 1 for rows in stored.values() for row in rows)
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
