"""The leaves of one log that can be read, for the comparison with records and rows.

The verifier names every damaged file. Here a damaged file only limits what is compared: a bundle that cannot be read,
and an entry that differs from its hash in the level-0 tile, become `UnreadLeaves`; all other leaves are compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger_sink.errors import LedgerError
from ledger_sink.format.errors import FormatError
from ledger_sink.format.leaf import LEAF_BYTES, Kind
from ledger_sink.format.merkle import leaf_hashes
from ledger_sink.format.scan import HASH_BYTES
from ledger_sink.format.tiles import TILE_WIDTH, entries_path
from ledger_sink.log.state import read_state
from ledger_sink.log.tile_log import TileSource
from ledger_sink.verifier.compare import RecordLeaf, UnreadLeaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger_sink.log.name import LogName
    from ledger_sink.store import Store
    from ledger_sink.verifier.verified_prefix import VerifiedPrefix


class LogExtent(NamedTuple):
    """How far a log is compared, and on what ground."""

    size: int
    """Number of leaves."""
    next_offset: int | None
    """The offset after the last leaf's; `None` if unknown: read it from the leaves."""
    ground: str
    """Where an unverified size comes from; empty for a verified one."""


def extent_of(store: Store, name: LogName, verified: VerifiedPrefix | None, sealed: int) -> LogExtent:
    """Return how many leaves of a log to compare.

    Args:
        store: the ledger's files.
        name: the log.
        verified: the log as the verifier found it whole; `None` if it has a problem.
        sealed: its size in the newest block of the city log; 0 if it is in none.
    """
    if verified is not None:
        return LogExtent(verified.size, verified.next_offset, "")
    try:
        state = read_state(store, name.folder)
    except LedgerError:
        state = None
    if state is not None and state.origin == name.origin:
        return LogExtent(state.size, state.next_offset, "the size in its state file, which nobody signed")
    if sealed:
        return LogExtent(sealed, None, "its size in the newest block")
    return LogExtent(0, None, "no size: neither checkpoint, state file nor block can be read")


def read_leaves(
    store: Store, name: LogName, extent: LogExtent, first: int = 0
) -> Iterator[RecordLeaf | UnreadLeaves]:
    """Yield the leaves of kind record, offsets rising, with a mark where some cannot be read.

    Args:
        store: the ledger's files.
        name: the log.
        extent: how far to read.
        first: index of the first leaf to read.
    """
    source = TileSource(store, name.folder)
    last = -1
    for index in range(first // TILE_WIDTH, -(-extent.size // TILE_WIDTH)):
        begin = index * TILE_WIDTH
        width = min(TILE_WIDTH, extent.size - begin)
        try:
            entries = source.read_entries(index, width)
        except (LedgerError, FormatError) as error:
            yield UnreadLeaves(
                name.origin, max(begin, first), f"{source.folder}/{entries_path(index, width)}: {error}"
            )
            continue
        hashes = _tile(source, index, width)
        for number, entry in enumerate(entries):
            if begin + number < first:
                continue
            at = number * HASH_BYTES
            offset = int.from_bytes(entry[2:10], "big")
            if hashes and leaf_hashes([entry])[0] != hashes[at : at + HASH_BYTES]:
                yield UnreadLeaves(name.origin, begin + number)
            elif len(entry) == LEAF_BYTES and entry[1] == Kind.RECORD and offset > last:
                last = offset
                yield RecordLeaf(offset, begin + number, name.origin, entry)
    if not extent.size:
        yield UnreadLeaves(name.origin, 0)


def _tile(source: TileSource, index: int, width: int) -> bytes:
    """Return the hashes of a bundle's entries, or nothing where the tile cannot be read."""
    try:
        data = source.read_tile(0, index, width)
    except (LedgerError, FormatError):
        return b""
    return data if len(data) >= width * HASH_BYTES else b""
