"""What the audit reads from: Kafka and the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ledger_sink.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ledger_sink.kafka_source import PartitionId, TopicFacts
    from ledger_sink.record import Record


class ArchiveError(LedgerError):
    """The archive cannot be read."""


class ArchiveUnavailableError(ArchiveError):
    """The archive does not answer, or does not let this reader in: nothing of it can be read."""


class ArchiveDamagedError(ArchiveError):
    """The archive answers, but its rows are not there or cannot be read."""


class RowSummary(NamedTuple):
    """Rows of a topic-partition before an offset."""

    rows: int = 0
    digest: int = 0
    """Sum over a 64-bit hash of each row, modulo 2^64: the same in whatever order the rows are read."""


class Source(Protocol):
    """What the audit reads from Kafka; `KafkaSource` implements it."""

    def describe(self, topics: Sequence[str]) -> dict[str, TopicFacts]:
        """Return id and partition count of the topics that exist."""

    def all_watermarks(self, partitions: Iterable[PartitionId]) -> dict[PartitionId, tuple[int, int]]:
        """Return the first retained offset and the one after the last record, of each partition that has a leader."""

    def read_ahead(self, ranges: Mapping[PartitionId, tuple[int, int]]) -> None:
        """Read short ranges of many partitions at once, for the calls of `records` that follow; it may do nothing."""

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[Record]:
        """Return the records with first ≤ offset < end, in offset order."""


class Archive(Protocol):
    """What the audit reads from the archive. Each method raises an `ArchiveError` if it cannot."""

    def ends(self) -> dict[PartitionId, int]:
        """Return the offset after the last row of each topic-partition that has rows."""

    def rows(self, topic: str, partition: int, first: int) -> Iterable[Record]:
        """Return the rows of a topic-partition from offset `first` on, in offset order."""

    def summaries(self, before: Mapping[PartitionId, int]) -> dict[PartitionId, RowSummary]:
        """Return a summary of the rows of each topic-partition whose offset is below the one given."""
