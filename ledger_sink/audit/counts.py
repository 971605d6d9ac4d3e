"""What an audit counts of one topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger_sink.verifier.compare import Comparison


@dataclass(frozen=True)
class Counts:
    """Counts of one topic over all partitions; in an incremental audit, of the new part."""

    records: int = 0
    """Compared records that Kafka retains."""
    sealed: int = 0
    """Leaves of kind record."""
    archived: int = 0
    """Rows of the archive."""

    def plus(self, one: Comparison) -> Counts:
        """Return the counts with those of one more partition."""
        return Counts(self.records + one.records, self.sealed + one.leaves, self.archived + one.rows)
