"""Comparison of the leaves, Kafka's records and the archive's rows of one topic-partition (pure, streaming).

Each of the three comes in offset order. Every leaf must have exactly one archive row and, while Kafka retains it, one
record. Both must match the leaf's commitment. Every row and record must have a leaf. Where leaves cannot be read, rows
and records are compared with each other. A problem names topic, partition, offset, and what was expected and found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ledger_sink.format.errors import FormatError
from ledger_sink.format.leaf import record_leaves

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ledger_sink.format.leaf import RecordFields

MOST_PROBLEMS = 100
CHUNK = 2000
END = 1 << 63


class Item(NamedTuple):
    """The leaf computed from a record or row, or the reason why it has none."""

    offset: int
    leaf: bytes
    reason: str = ""


class RecordLeaf(NamedTuple):
    """A leaf of kind record, as a log holds it."""

    offset: int
    number: int
    """Index of the leaf in its log."""
    origin: str
    leaf: bytes


class UnreadLeaves(NamedTuple):
    """Takes the place of leaves that cannot be read: up to the next leaf's offset the sides answer for each other."""

    origin: str
    number: int
    """Index of the first of them in their log."""
    problem: str = ""
    """The file that cannot be read, and why; empty for a leaf that differs from its hash."""


@dataclass
class Comparison:
    """The result of comparing one topic-partition: counts and problems. `where` is `topic/partition`."""

    where: str
    leaves: int = 0
    records: int = 0
    rows: int = 0
    problems: list[str] = field(default_factory=list)
    left_out: int = 0
    """Number of problems beyond the first 100, which are not in `problems`."""

    def add(self, words: str) -> None:
        """Add a problem; beyond the first 100, only count it."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(f"{self.where} {words}")
        else:
            self.left_out += 1


def items(topic: str, partition: int, records: Iterable[RecordFields]) -> Iterator[Item]:
    """Yield the leaf of each record; compute many at a time.

    Args:
        topic: the records' topic.
        partition: the records' partition.
        records: the records, in offset order.
    """
    source = iter(records)
    while chunk := list(islice(source, CHUNK)):
        try:
            leaves = record_leaves(topic, partition, chunk)
        except FormatError:
            yield from (_item(topic, partition, record) for record in chunk)
        else:
            yield from (Item(record[0], leaf) for record, leaf in zip(chunk, leaves, strict=True))


def _item(topic: str, partition: int, record: RecordFields) -> Item:
    try:
        return Item(record[0], record_leaves(topic, partition, [record])[0])
    except FormatError as error:
        return Item(record[0], b"", str(error))


class Side:
    """Kafka or the archive, read in step with the leaves."""

    def __init__(
        self, name: str, found: Iterator[Item], comparison: Comparison, known: Collection[bytes] = ()
    ) -> None:
        """Read the first item.

        Args:
            name: name of the side in problems.
            found: its items, in offset order.
            comparison: receives problems.
            known: leaves of an earlier topic of the same name; items that equal one are skipped.
        """
        self.count = 0
        self._name = name
        self._found = found
        self._comparison = comparison
        self._known = known
        self._next = self._advance()

    def _advance(self) -> Item:
        for item in self._found:
            if item.leaf in self._known:
                continue  # of an earlier topic of this name: a leaf of an earlier epoch commits to it
            self.count += 1
            return item
        return Item(END, b"")

    def meet(self, sealed: RecordLeaf, *, required: bool) -> None:
        """Compare this side with a leaf, after reporting items before it that no leaf commits to.

        Args:
            sealed: the next leaf.
            required: whether a missing item is a problem.
        """
        while self._next.offset < sealed.offset:
            self._unsealed()
        if self._next.offset != sealed.offset:
            if required:
                self._comparison.add(
                    f"offset {sealed.offset}: {self._name}: expected what leaf {sealed.number} of "
                    f"{sealed.origin} commits to, got nothing"
                )
            return
        self._check(sealed)
        self._next = self._advance()
        while self._next.offset == sealed.offset:
            self._comparison.add(f"offset {sealed.offset}: {self._name}: expected one, got another one more")
            self._next = self._advance()

    def _check(self, sealed: RecordLeaf) -> None:
        if self._next.leaf == sealed.leaf:
            return
        got = self._next.reason or f"commitment {self._next.leaf[-32:].hex()}"
        if self._next.leaf[-32:] == sealed.leaf[-32:]:
            got = "another leaf of the same commitment"
        self._comparison.add(
            f"offset {sealed.offset}: {self._name}: expected commitment {sealed.leaf[-32:].hex()} of leaf "
            f"{sealed.number} of {sealed.origin}, got {got}"
        )

    @property
    def offset(self) -> int:
        """Return the offset of the next item; `END` if there is none."""
        return self._next.offset

    def take(self, offset: int) -> bytes | None:
        """Return the leaf of the item at an offset and go past it; `None` if there is none."""
        if self._next.offset != offset:
            return None
        item, self._next = self._next, self._advance()
        while self._next.offset == offset:
            self._comparison.add(f"offset {offset}: {self._name}: expected one, got another one more")
            self._next = self._advance()
        if item.reason:
            self._comparison.add(f"offset {offset}: {self._name}: {item.reason}")
        return item.leaf

    def finish(self, before: int) -> None:
        """Report the items after the last leaf and before an offset."""
        while self._next.offset < before:
            self._unsealed()
        if self._next.offset < END:
            self.count -= 1  # read, but beyond the compared offsets

    def _unsealed(self) -> None:
        self._comparison.add(
            f"offset {self._next.offset}: {self._name}: got a record that no leaf commits to"
        )
        self._next = self._advance()


def compare(
    comparison: Comparison,
    leaves: Iterable[RecordLeaf | UnreadLeaves],
    kafka: Side,
    archive: Side | None,
    *,
    retained_from: int,
    before: int,
) -> None:
    """Compare leaves, records and rows in one pass.

    Args:
        comparison: receives counts and problems.
        leaves: leaves of kind record, offsets rising, and marks where some cannot be read.
        kafka: the records that Kafka retains, or the only source compared.
        archive: the archive's rows; `None` compares no archive.
        retained_from: first offset that Kafka retains; earlier records may be missing.
        before: compare only offsets below it (`END`: all).
    """
    unread = False
    for sealed in leaves:
        if isinstance(sealed, UnreadLeaves):
            unread = True
            continue
        if unread:
            _compare_sides(comparison, kafka, archive, retained_from, sealed.offset)
            unread = False
        comparison.leaves += 1
        kafka.meet(sealed, required=sealed.offset >= retained_from)
        if archive is not None:
            archive.meet(sealed, required=True)
    if unread:
        _compare_sides(comparison, kafka, archive, retained_from, before)
    kafka.finish(before)
    comparison.records = kafka.count
    if archive is not None:
        archive.finish(before)
        comparison.rows = archive.count


def _compare_sides(
    comparison: Comparison, kafka: Side, archive: Side | None, retained_from: int, before: int
) -> None:
    """Compare records and rows with each other, up to an offset: no leaf answers for them."""
    while True:
        offset = min(kafka.offset, END if archive is None else archive.offset)
        if offset >= before:
            return
        record = kafka.take(offset)
        if archive is None:
            continue
        row = archive.take(offset)
        if row is None:
            comparison.add(f"offset {offset}: archive: expected the record that Kafka has, got nothing")
        elif record is None and offset >= retained_from:
            comparison.add(f"offset {offset}: Kafka: expected the record that the archive has, got nothing")
        elif record is not None and record != row:
            comparison.add(
                f"offset {offset}: archive: expected commitment {record[-32:].hex()} of Kafka's record, "
                f"got {row[-32:].hex()}; its leaf cannot be read"
            )
