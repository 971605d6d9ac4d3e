"""(topic, partition, interval, filter) → a range bundle: every leaf, and the records that pass the filter.

It first recomputes every leaf of the range from its record. So the bundle leaves out only records that the filter
rejects. It returns no bundle that would not verify. It keeps no state and writes nothing.

Bisection over the leaves finds an interval of times, because leaf times rise where Kafka stamps them (LogAppendTime).
The range is widened by a leaf on either side, so that the times in the bundle enclose the interval.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.errors import DamagedLogError, NotCoveredYetError, NotSealedError, RefusedError
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.leaf import Kind, Leaf, canon, record_leaf
from ledger_sink.format.range_bundle import MAX_LEAVES, SCHEMAS, RangeEvidence, join_canons
from ledger_sink.format.range_proof import RangeProof
from ledger_sink.format.schema_file import pack_schema
from ledger_sink.format.stored_zip import MAX_ZIP_BYTES
from ledger_sink.format.tiles import TILE_WIDTH, range_proof
from ledger_sink.log.epochs import epochs_of
from ledger_sink.log.name import LogName
from ledger_sink.log.tile_log import TileSource
from ledger_sink.prove.cosigned_view import block_proof, cosigned_view
from ledger_sink.prove.receipts import receipt_files
from ledger_sink.prove.record import RETRY_S, advice
from ledger_sink.store import FileStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ledger_sink.config import LedgerConfig
    from ledger_sink.prove.cosigned_view import CosignedView
    from ledger_sink.record import Record
    from ledger_sink.store import Store

    Records = Callable[[int, int], Iterable[Record]]
    """First offset and the one after the last → the records from the first to the last, in offset order."""
    SchemaOf = Callable[[Record], tuple[int, str] | None]
    """The id and text of the schema that reads a record, or None."""

MAX_RECORD_BYTES = MAX_ZIP_BYTES // 2
"""Most bytes of records in one bundle."""
ENDLESS = 1 << 63
"""End of an interval without an upper bound."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open interval from `first` to before `end`, of offsets or of times in milliseconds since 1970 UTC."""

    first: int = 0
    end: int = ENDLESS
    by_time: bool = False


@dataclass(frozen=True, slots=True)
class RangeQuery:
    """An interval of one partition, and the filter `wanted` that selects the records to include."""

    topic: str
    partition: int
    interval: Interval
    wanted: Callable[[Record], bool]

    @property
    def where(self) -> str:
        """Return the partition and interval, for messages."""
        what = "ms since 1970" if self.interval.by_time else "offsets"
        return f"{self.topic}/{self.partition} {what} {self.interval.first} to {self.interval.end}"


def prove_range(
    config: LedgerConfig,
    query: RangeQuery,
    *,
    records: Records,
    schema: SchemaOf | None = None,
    wait_s: float = 0.0,
) -> bytes:
    """Make the evidence bundle of an interval of one partition.

    Args:
        config: data directory and city name.
        query: interval and filter.
        records: reads the partition's records.
        schema: returns id and text of the schema that reads a record, or None.
        wait_s: longest wait for a cosigned city checkpoint that covers any of it, in seconds.

    Returns:
        The bytes of the range bundle (FORMAT.md §8).

    Raises:
        NotSealedError: no record of the interval passes the filter.
        NotCoveredYetError: no cosigned city checkpoint covers a record of the interval yet.
        RefusedError: the interval has too many leaves or bytes for one bundle.
        DamagedLogError: leaves and records contradict each other; run the audit.
    """
    store = FileStore(config.ledger)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return _evidence(store, config.city, query, records, schema).encode()
        except NotCoveredYetError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_S)
        except FormatError as error:
            raise DamagedLogError(f"{query.where}: {error}") from error


def _evidence(
    store: Store, city: str, query: RangeQuery, records: Records, schema: SchemaOf | None
) -> RangeEvidence:
    name, view, (first, end) = _locate(store, city, query)
    head, _ = parse_checkpoint(view.note)
    source = TileSource(store, name.folder)
    entries = list(_entries(source, first, end, head.size))
    canons, schemas = _shown(entries, first, query, records, schema)
    if not canons:
        raise NotSealedError(
            f"{query.where}: none of its {len(entries)} leaves is of a record that is wanted"
        )
    proof = RangeProof(first, end, range_proof(first, end, head.size, source.read_tile), view.note)
    proof.verify_leaves(entries)
    return RangeEvidence(
        b"".join(entries),
        join_canons(canons),
        proof.encode(),
        view.block,
        block_proof(store, city, view).encode(),
        schemas,
        receipt_files(store, name, end - 1),
    )


def _locate(store: Store, city: str, query: RangeQuery) -> tuple[LogName, CosignedView, tuple[int, int]]:
    """Find the newest epoch whose cosigned view has a record in the interval, and the range of its leaves."""
    epochs = epochs_of(store, query.topic, query.partition)
    any_view = False
    for epoch in reversed(epochs):
        name = LogName(city, query.topic, query.partition, epoch)
        view = cosigned_view(store, name)
        if view is None:
            continue
        any_view = True
        leaves = _Leaves(TileSource(store, name.folder), parse_checkpoint(view.note)[0].size)
        found = leaves.range(query.interval)
        if found is not None:
            return name, view, found
    if epochs and not any_view:
        raise NotCoveredYetError(
            f"{query.where}: no cosigned city checkpoint covers its log yet; {_advice(store, city, query, epochs)}"
        )
    if epochs:
        raise NotCoveredYetError(
            f"{query.where}: no record of it is covered (yet) by a cosigned city checkpoint; "
            f"{_advice(store, city, query, epochs)}"
        )
    raise NotSealedError(f"{query.where}: there is no such log")


def _advice(store: Store, city: str, query: RangeQuery, epochs: list[int]) -> str:
    return advice(store, LogName(city, query.topic, query.partition, epochs[-1]))


class _Leaves:
    """The leaves of one log as a sorted sequence, read one entry bundle at a time."""

    def __init__(self, source: TileSource, size: int) -> None:
        self._source = source
        self._size = size

    def range(self, interval: Interval) -> tuple[int, int] | None:
        """Return the indexes [first, end) of the interval's leaves; None if no record is among them."""
        first, end = (
            self._bisect(bound, by_time=interval.by_time) for bound in (interval.first, interval.end)
        )
        if not any(self._leaf(index).kind is Kind.RECORD for index in range(first, min(end, first + 8))):
            return None  # control leaves in front of a record are START and, rarely, a GAP
        if interval.by_time:
            first, end = max(0, first - 1), min(self._size, end + 1)
        if end - first > MAX_LEAVES:
            raise RefusedError(
                f"expected an interval of at most {MAX_LEAVES} leaves, got {end - first}: ask for parts of it"
            )
        return first, end

    def _bisect(self, bound: int, *, by_time: bool) -> int:
        """Return the first index whose leaf is at or above a bound."""
        low, high = 0, self._size
        while low < high:
            middle = (low + high) // 2
            value = self._time_at(middle) if by_time else self._leaf(middle).offset
            low, high = (middle + 1, high) if value < bound else (low, middle)
        return low

    def _time_at(self, index: int) -> int:
        """Return a leaf's time in milliseconds since 1970 UTC; for a control leaf, the time of the next record."""
        while index < self._size:
            leaf = self._leaf(index)
            if leaf.kind is Kind.RECORD:
                return leaf.timestamp_ms
            index += 1
        return ENDLESS

    def _leaf(self, index: int) -> Leaf:
        return Leaf.parse(self._source.entry(index, self._size))


def _entries(source: TileSource, first: int, end: int, size: int) -> Iterator[bytes]:
    for bundle in range(first // TILE_WIDTH, (end - 1) // TILE_WIDTH + 1):
        start = bundle * TILE_WIDTH
        entries = source.read_entries(bundle, min(TILE_WIDTH, size - start))
        yield from entries[max(0, first - start) : end - start]


def _shown(
    entries: list[bytes], first: int, query: RangeQuery, records: Records, schema: SchemaOf | None
) -> tuple[list[bytes], dict[str, bytes]]:
    """Recompute every leaf from its record; return canonical forms and schemas of the records that pass the filter."""
    canons: list[bytes] = []
    schemas: dict[str, bytes] = {}
    total = 0
    leaves = [Leaf.parse(entry) for entry in entries]
    source = iter(records(leaves[0].offset, leaves[-1].offset + 1))
    for index, (leaf, entry) in enumerate(zip(leaves, entries, strict=True), start=first):
        if leaf.kind is not Kind.RECORD:
            continue
        record = next((found for found in source if found.offset >= leaf.offset), None)
        where = f"{query.topic}/{query.partition} offset {leaf.offset}"
        if record is None or record.offset != leaf.offset:
            raise DamagedLogError(
                f"{where}: leaf {index} is there, but neither Kafka nor the archive has the record; run city audit"
            )
        if record_leaf(query.topic, query.partition, *record) != entry:
            raise DamagedLogError(f"{where}: the record does not fit leaf {index}; run city audit")
        if not query.wanted(record):
            continue
        canons.append(canon(query.topic, query.partition, *record))
        total += len(canons[-1])
        if total > MAX_RECORD_BYTES:
            raise RefusedError(f"expected at most {MAX_RECORD_BYTES} bytes of records: ask for parts of it")
        read_by = schema(record) if schema else None
        if read_by is not None:
            schemas[f"{SCHEMAS}{read_by[0]}.avsc.gz"] = pack_schema(read_by[1])
    return canons, schemas
