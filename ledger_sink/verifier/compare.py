"""Leaves, Kafka's records and the archive's rows of one topic-partition, side by side (pure, streaming).

Each of the three comes in offset order. For every leaf there must be exactly one archive row and, while Kafka
retains it, one record, and both must be what the leaf commits to; for every row and record there must be a
leaf. What is wrong is said with topic, partition and offset, expected and got.
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
    """A record as its leaf, or why none can be made of it."""

    offset: int
    leaf: bytes
    reason: str = ""


class RecordLeaf(NamedTuple):
    """A leaf of kind record."""

    offset: int
    number: int
    """Its index in the log."""
    origin: str
    leaf: bytes


@dataclass
class Comparison:
    """What comparing one topic-partition brought."""

    where: str
    leaves: int = 0
    records: int = 0
    rows: int = 0
    problems: list[str] = field(default_factory=list)
    left_out: int = 0
    """Problems beyond those that are told."""

    def add(self, words: str) -> None:
        """Tell a problem, unless there are too many already."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(f"{self.where} {words}")
        else:
            self.left_out += 1


def items(topic: str, partition: int, records: Iterable[RecordFields]) -> Iterator[Item]:
    """Return the leaves that records commit to, many at a time."""
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
    """Kafka or the archive, walked along the leaves."""

    def __init__(
        self, name: str, found: Iterator[Item], comparison: Comparison, known: Collection[bytes] = ()
    ) -> None:
        self.count = 0
        self._name = name
        self._found = found
        self._comparison = comparison
        self._known = known
        self._next = self._advance()

    def _advance(self) -> Item:
        for item in self._found:
            if item.leaf in self._known:
                continue  # of an earlier topic of this name: its own epoch's leaf commits to it
            self.count += 1
            return item
        return Item(END, b"")

    def meet(self, sealed: RecordLeaf, *, required: bool) -> None:
        """Compare what this side has at a leaf's offset."""
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

    def finish(self, before: int) -> None:
        """Name what lies after the last leaf and before an offset."""
        while self._next.offset < before:
            self._unsealed()
        if self._next.offset < END:
            self.count -= 1  # taken off the source, but beyond what is compared

    def _unsealed(self) -> None:
        self._comparison.add(
            f"offset {self._next.offset}: {self._name}: got a record that no leaf commits to"
        )
        self._next = self._advance()


def compare(
    comparison: Comparison,
    leaves: Iterable[RecordLeaf],
    kafka: Side,
    archive: Side | None,
    *,
    retained_from: int,
    before: int,
) -> None:
    """Walk the three along each other.

    Args:
        comparison: takes counts and problems.
        leaves: leaves of kind record, offsets rising.
        kafka: what Kafka still has.
        archive: what the archive has, or None where nothing is archived.
        retained_from: first offset that Kafka still has.
        before: offsets from here on are not compared (`END`: all are).
    """
    for sealed in leaves:
        comparison.leaves += 1
        kafka.meet(sealed, required=sealed.offset >= retained_from)
        if archive is not None:
            archive.meet(sealed, required=True)
    kafka.finish(before)
    comparison.records = kafka.count
    if archive is not None:
        archive.finish(before)
        comparison.rows = archive.count
