"""Decides which record belongs into the archive at one offset: Kafka's, or the one that the ledger sealed (pure).

Records are compared by their leaves, which commit to every byte of them. Kafka is the truth where nothing is sealed.
Where a leaf is, only what it commits to is right, whether Kafka or the archive has it. Where nobody has that, nothing
is changed, and it is named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NAMED = 20
"""Contradictions of a topic that are named one by one; more are counted."""


@dataclass(frozen=True, slots=True)
class Offset:
    """What is known of one offset of a topic-partition. A leaf of a record is empty where it cannot be computed."""

    rows: Sequence[bytes]
    """Leaves of the archive's different rows."""
    kafka: bytes | None = None
    """Leaf of Kafka's record; None: Kafka has no readable record here."""
    sealed: bytes | None = None
    """The ledger's leaf; None: there is none."""
    unread: bool = False
    """Whether a leaf may be here that cannot be read."""
    below_end: bool = False
    """Whether the ledger has sealed later records."""
    retained: bool = True
    """Whether Kafka still has this part of the partition."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is right at one offset."""

    right: bytes | None = None
    """Leaf of the one record that belongs there; with `keep`, it is not known."""
    keep: bool = False
    """Leave the archive as it is."""
    words: str = ""
    """What contradicts the ledger, and what was used; empty: nothing does."""


def choose(known: Offset) -> Choice:
    """Return what belongs into the archive at an offset."""
    if known.sealed is not None:
        return _sealed(known, known.sealed)
    if known.kafka == b"":
        return Choice(
            keep=True, words="Kafka's record is one that no leaf can commit to: nothing was changed"
        )
    if known.kafka is not None:
        words = ""
        if known.below_end and not known.unread:
            words = "no leaf commits to Kafka's record: Kafka's was used"
        return Choice(known.kafka, words=words)
    return _rows_alone(known) if known.rows else Choice(keep=True)


def _rows_alone(known: Offset) -> Choice:
    """Return what becomes of rows for which neither Kafka nor the ledger answers."""
    if not known.retained:
        words = ""
        if known.below_end and not known.unread:
            words = "no leaf commits to the archive's row, and Kafka no longer has it: it is kept"
        elif len(known.rows) > 1:
            words = "several rows, and no leaf tells which is right: all are kept"
        return Choice(keep=True, words=words)
    if known.unread:
        return Choice(keep=True, words="Kafka has no record, and the leaf cannot be read: the row is kept")
    return Choice()


def _sealed(known: Offset, sealed: bytes) -> Choice:
    if known.kafka == sealed:
        return Choice(sealed)
    if sealed in known.rows:
        if not known.retained:
            return Choice(sealed)
        has = (
            "Kafka's record is not the one that" if known.kafka is not None else "Kafka lacks the record that"
        )
        return Choice(sealed, words=f"{has} the ledger sealed: the archive's row, which is, was used")
    if not known.retained:
        what = "the archive has another one: it is kept" if known.rows else "the archive has none"
        return Choice(keep=True, words=f"Kafka no longer has the sealed record, and {what}")
    return Choice(
        keep=True,
        words="neither Kafka nor the archive has the record that the ledger sealed: nothing was changed",
    )


@dataclass
class Tally:
    """What became of the archive's rows of a topic."""

    equal: int = 0
    """Rows that were right."""
    put_back: int = 0
    """Records that were missing."""
    replaced: int = 0
    """Records whose row was another one."""
    removed: int = 0
    """Rows that no record stands for, and further rows of one record."""
    kept: int = 0
    """Rows whose record Kafka no longer has."""
    earlier: int = 0
    """Rows of an earlier topic of the same name."""
    in_flight: int = 0
    """Offsets that the sink had not come to, and so were not compared."""
    contradictions: list[str] = field(default_factory=list)
    """What contradicts the ledger; the first ones by name."""
    contradicted: int = 0
    doubts: list[str] = field(default_factory=list)
    """Logs of the ledger that do not verify."""

    def contradict(self, where: str, words: str) -> None:
        """Note a contradiction; beyond the first ones, only count it."""
        self.contradicted += 1
        if len(self.contradictions) < MOST_NAMED:
            self.contradictions.append(f"{where}: {words}")

    def lines(self) -> list[str]:
        """Return doubts and contradictions, one line each, and how many more there are."""
        more = self.contradicted - len(self.contradictions)
        return [*self.doubts, *self.contradictions, *([f"and {more:,} contradictions more"] if more else [])]

    def __str__(self) -> str:
        parts = [
            f"{self.equal:,} rows as in Kafka",
            f"{self.put_back:,} records put back",
            f"{self.replaced:,} replaced",
            f"{self.removed:,} rows removed",
            f"{self.kept:,} kept that Kafka no longer has",
        ]
        if self.earlier:
            parts.append(f"{self.earlier:,} of an earlier topic of this name kept")
        if self.in_flight:
            parts.append(f"{self.in_flight:,} offsets not compared: the sink has not come to them")
        if self.contradicted:
            parts.append(f"{self.contradicted:,} contradict the ledger")
        return ", ".join(parts)
