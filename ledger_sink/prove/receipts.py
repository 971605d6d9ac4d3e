"""(log, leaf) → the receipts in a bundle: for each anchor the earliest one over a checkpoint that includes the leaf.

Bisection finds the first block that includes the leaf, because the sizes of one log rise from block to block. The
published tiles then give a path from that block to the record, and one proof for each anchored checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.anchor.jobs import AnchorJobs, anchored_sizes
from ledger_sink.city_log.state import read_city_state
from ledger_sink.format.block import Block
from ledger_sink.format.bundle import ANCHORS, CITY_PROOF
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import log_path
from ledger_sink.format.tiles import TILE_WIDTH, inclusion_proof
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.log.tile_log import TileSource
from ledger_sink.receipt.bundled import FIRST_BLOCK, LEAF_PATH, encode_path

if TYPE_CHECKING:
    from ledger_sink.log.name import LogName
    from ledger_sink.store import Store

MOST_BUNDLES = 256
"""Most entry bundles of blocks in memory."""
MOST_JOBS = 200
"""Most anchored checkpoints to read from the first that includes the leaf: slow anchors have few of them."""


def receipt_files(store: Store, name: LogName, index: int) -> dict[str, bytes]:
    """Return a bundle's files below `anchors/` (FORMAT.md §11), by name; none if no receipt includes the leaf yet.

    Args:
        store: the ledger's files.
        name: the record's log.
        index: index of its leaf.

    Raises:
        StoreError: a tile or entry bundle is missing.
        LogStoppedError: the files of an anchor job are damaged; run the audit.
        FormatError: tiles and blocks contradict each other.
    """
    folder = log_path(city_origin(name.city))
    newest = next(anchored_sizes(store, folder, newest_first=True), 0)
    if not newest:
        return {}
    blocks = _Blocks(TileSource(store, folder), name.origin, newest)
    state = read_city_state(store, folder)
    newest_line = state.last_checkpoints.get(name.origin) if state else None
    number = blocks.first_above(index, min(newest - 1, newest_line.block if newest_line else newest - 1))
    if number is None:
        return {}
    receipts = _receipts(store, folder, number)
    if not receipts:
        return {}
    data = blocks.entry(number)
    line = Block.parse(data).head(name.origin)
    size = line.size if line else 0
    path = inclusion_proof(index, size, TileSource(store, name.folder).read_tile)
    files = {FIRST_BLOCK: data, LEAF_PATH: encode_path(path)}
    for anchored, (checkpoint, found) in receipts.items():
        proof = TlogProof(number, inclusion_proof(number, anchored, blocks.source.read_tile), checkpoint)
        proof.verify_leaf(data)
        files[f"{ANCHORS}{anchored}/{CITY_PROOF}"] = proof.encode()
        files |= {f"{ANCHORS}{anchored}/{receipt}": held for receipt, held in found.items()}
    return files


def _receipts(store: Store, folder: str, number: int) -> dict[int, tuple[bytes, dict[str, bytes]]]:
    """Return each anchor's earliest receipt over a checkpoint that includes a block, by checkpoint size."""
    jobs = AnchorJobs(store, folder)
    found: set[str] = set()
    chosen: dict[int, tuple[bytes, dict[str, bytes]]] = {}
    for count, size in enumerate(anchored_sizes(store, folder, above=number)):
        if count >= MOST_JOBS:
            break
        job = jobs.read(size)
        for receipt in job.receipts if job else ():
            data = jobs.receipt(job, receipt) if job and receipt not in found else None
            if job and data is not None:
                found.add(receipt)
                chosen.setdefault(size, (jobs.checkpoint(job), {}))[1][receipt] = data
    return chosen


class _Blocks:
    """The blocks of a city log, read one entry bundle at a time."""

    def __init__(self, source: TileSource, origin: str, size: int) -> None:
        self.source = source
        self._needle = f"\n{origin} ".encode()
        self._size = size
        self._bundles: dict[int, list[bytes]] = {}

    def entry(self, number: int) -> bytes:
        """Return a block's bytes."""
        bundle, position = divmod(number, TILE_WIDTH)
        if bundle not in self._bundles:
            width = min(TILE_WIDTH, self._size - bundle * TILE_WIDTH)
            if len(self._bundles) >= MOST_BUNDLES:
                del self._bundles[next(iter(self._bundles))]
            self._bundles[bundle] = self.source.read_entries(bundle, width)
        return self._bundles[bundle][position]

    def first_above(self, index: int, last: int) -> int | None:
        """Return the number of the first block up to `last` whose size of the log is above an index, or None."""
        found = self._last_line(last)
        if found is None or found[1] <= index:
            return None
        low, high = 0, found[0]
        while low < high:
            middle = (low + high) // 2
            found = self._last_line(middle)
            if found is not None and found[1] > index:
                high = found[0]
            else:
                low = middle + 1
        return high

    def _last_line(self, number: int) -> tuple[int, int] | None:
        """Return block number and size of the newest line of the log in blocks up to this one, or None."""
        for at in range(number, -1, -1):
            data = self.entry(at)
            start = data.find(self._needle)
            if start >= 0:
                return at, int(data[start + len(self._needle) :].split(b" ", 1)[0])
        return None
