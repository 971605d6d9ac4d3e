"""(topic, partition, offset) → an evidence bundle that anyone can check without us (docs/ledger.md#evidence).

It takes the record and its schema from its caller. It finds the leaf in the published log, the newest block below a
cosigned city checkpoint, and the proofs between. It returns no bundle that would not verify. It keeps no state and
writes nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ledger_sink.errors import (
    DamagedLogError,
    NotCoveredYetError,
    NotSealedError,
)
from ledger_sink.format.bundle import Evidence
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import log_path
from ledger_sink.format.leaf import Kind, Leaf, canon, record_leaf
from ledger_sink.format.schema_file import pack_schema
from ledger_sink.format.tiles import TILE_WIDTH, inclusion_proof
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.log.epochs import epochs_of
from ledger_sink.log.name import LogName
from ledger_sink.log.reasons import why_not_covered
from ledger_sink.log.tile_log import TileSource
from ledger_sink.prove.cosigned_view import block_proof, cosigned_view
from ledger_sink.prove.receipts import receipt_files
from ledger_sink.store import FileStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger_sink.config import LedgerConfig
    from ledger_sink.prove.cosigned_view import CosignedView
    from ledger_sink.record import Record
    from ledger_sink.store import Store

    Fetch = Callable[[str, int, int], Record | None]
    """Topic, partition and offset → the raw record, or None."""
    SchemaText = Callable[[Record], str | None]
    """The text of the schema that reads a record, or None."""

RETRY_S = 0.25
"""Pause before the next look for a cosigned checkpoint, in seconds."""


def prove(
    config: LedgerConfig,
    topic: str,
    partition: int,
    offset: int,
    *,
    fetch: Fetch,
    schema: SchemaText | None = None,
    wait_s: float = 0.0,
) -> bytes:
    """Make the evidence bundle of one record.

    Args:
        config: data directory and city name.
        topic: the record's topic.
        partition: its partition.
        offset: its offset.
        fetch: returns the raw record at a topic, partition and offset, or None.
        schema: returns the text of the schema that reads a record, or None.
        wait_s: longest wait for a cosigned city checkpoint that covers the record, in seconds.

    Returns:
        The bytes of the bundle (FORMAT.md §7).

    Raises:
        NotSealedError: the record is not in its log, or neither Kafka nor the archive has it.
        NotCoveredYetError: no cosigned city checkpoint covers the record yet.
        DamagedLogError: the ledger's files and the record contradict each other; run the audit.
    """
    store = FileStore(config.ledger)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            evidence = _evidence(store, config.city, (topic, partition, offset), fetch, schema)
            return evidence.encode()
        except NotCoveredYetError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_S)
        except FormatError as error:
            raise DamagedLogError(f"{topic}/{partition} offset {offset}: {error}") from error


def _evidence(
    store: Store, city: str, record_id: tuple[str, int, int], fetch: Fetch, schema: SchemaText | None
) -> Evidence:
    topic, partition, offset = record_id
    name, view, index = _locate(store, city, record_id)
    record = fetch(topic, partition, offset)
    if record is None:
        raise NotSealedError(
            f"{topic}/{partition} offset {offset}: its leaf is there, but neither Kafka nor the archive has the record"
        )
    head, _ = parse_checkpoint(view.note)
    source = TileSource(store, name.folder)
    leaf = source.entry(index, head.size)
    if leaf != record_leaf(topic, partition, *record):
        raise DamagedLogError(
            f"{topic}/{partition} offset {offset}: the record does not fit leaf {index} of {head.origin}; "
            "run city audit"
        )
    partition_proof = TlogProof(index, inclusion_proof(index, head.size, source.read_tile), view.note)
    partition_proof.verify_leaf(leaf)
    city_proof = block_proof(store, city, view)
    text = schema(record) if schema else None
    return Evidence(
        canon(topic, partition, *record),
        leaf,
        partition_proof.encode(),
        view.block,
        city_proof.encode(),
        None if text is None else pack_schema(text),
        receipt_files(store, name, index),
    )


def _locate(store: Store, city: str, record_id: tuple[str, int, int]) -> tuple[LogName, CosignedView, int]:
    """Find the log, its cosigned view and the leaf's index, newest epoch first.

    Raises:
        NotSealedError: no epoch's log has a leaf of the offset.
        NotCoveredYetError: a log may have one, but its cosigned view ends before.
    """
    topic, partition, offset = record_id
    waiting = ""
    epochs = list(reversed(epochs_of(store, topic, partition)))
    for epoch in epochs:
        name = LogName(city, topic, partition, epoch)
        view = cosigned_view(store, name)
        if view is None:
            waiting = waiting or "no cosigned city checkpoint covers its log yet"
            continue
        head, _ = parse_checkpoint(view.note)
        index = find_leaf(TileSource(store, name.folder), head.size, offset)
        if index is not None:
            return name, view, index
        last = Leaf.parse(TileSource(store, name.folder).entry(head.size - 1, head.size))
        if last.offset < offset or (last.offset == offset and last.kind is Kind.START):
            waiting = waiting or f"what is covered ends at offset {last.offset}"
    where = f"{topic}/{partition} offset {offset}"
    if waiting:
        raise NotCoveredYetError(
            f"{where}: {waiting}; {advice(store, LogName(city, topic, partition, epochs[0]))}"
        )
    raise NotSealedError(f"{where}: no leaf of its log speaks of it")


def advice(store: Store, name: LogName) -> str:
    """Return what is in the way of a block that covers a log's newest leaves, or how long to wait."""
    reason = why_not_covered(store, log_path(city_origin(name.city)), name.folder)
    return reason or "wait a few seconds, or see `city status` for the witnesses"


def find_leaf(source: TileSource, size: int, offset: int) -> int | None:
    """Return the index of the record leaf with this offset, or None; bisect over entry bundles.

    Args:
        source: the log's tiles and entries.
        size: size of the log.
        offset: Kafka offset of the record.
    """
    low, high = 0, (size - 1) // TILE_WIDTH
    while low < high:
        middle = (low + high + 1) // 2
        first = Leaf.parse(_bundle(source, middle, size)[0])
        low, high = (low, middle - 1) if first.offset > offset else (middle, high)
    for position, entry in enumerate(_bundle(source, low, size)):
        leaf = Leaf.parse(entry)
        if leaf.kind is Kind.RECORD and leaf.offset == offset:
            return low * TILE_WIDTH + position
    return None


def _bundle(source: TileSource, index: int, size: int) -> list[bytes]:
    return source.read_entries(index, min(TILE_WIDTH, size - index * TILE_WIDTH))
