"""Recomputation of a log's growth: from a verified prefix, over the new entries, to the signed root.

The right-edge tiles at the prefix's size must give the prefix's root. The hashes of the new entries must extend it to
the signed root. Every tile that they touch must equal the stored one. Time and reads grow with the new entries only.
"""

from collections.abc import Collection

from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import FormatError, TileError
from ledger_sink.format.merkle import leaf_hashes
from ledger_sink.format.tiles import (
    ENTRIES,
    TILE_WIDTH,
    Tile,
    TileBuilder,
    TilePosition,
    position_path,
)
from ledger_sink.verifier.errors import UnreadableError, is_refuted
from ledger_sink.verifier.folder import LogFiles
from ledger_sink.verifier.tree_check import TakeEntries, TreeFindings
from ledger_sink.verifier.verified_prefix import VerifiedPrefix


def check_growth(
    folder: LogFiles,
    head: Checkpoint,
    prefix: VerifiedPrefix,
    take_entries: TakeEntries,
    sizes: Collection[int] = (),
) -> TreeFindings:
    """Recompute the growth of a log.

    Args:
        folder: files of the log.
        head: the trusted checkpoint, whose size and root must result.
        prefix: the prefix that was verified before.
        take_entries: called with the first index and the new entries of each bundle, in order.
        sizes: sizes whose roots to return in the findings.
    """
    findings = TreeFindings()
    if head.size < prefix.size:
        findings.problems.append(
            f"checkpoint: its size is {head.size}, an earlier verification saw {prefix.size}: rolled back"
        )
        return findings
    builder = _edge(folder, prefix, findings)
    if builder is None or not _append(builder, folder, head, take_entries, findings):
        return findings
    if builder.root() != head.root:
        findings.problems.append(
            f"checkpoint: its root at size {head.size} is {head.root.hex()}, the entries since {prefix.size} lead to "
            f"{builder.root().hex()}"
        )
        return findings
    for size in sorted(size for size in sizes if size <= head.size):
        try:
            findings.roots[size] = TileBuilder.load(size, folder.read_tile).root()
        except (FormatError, UnreadableError) as problem:
            _damaged(findings, f"tile: the root at size {size} could not be computed", problem)
    return findings


def _edge(folder: LogFiles, prefix: VerifiedPrefix, findings: TreeFindings) -> TileBuilder | None:
    """Load the right edge at the prefix's size; return `None` and report it unless it gives the prefix's root."""
    try:
        builder = TileBuilder.load(prefix.size, folder.read_tile)
    except (FormatError, UnreadableError) as problem:
        _damaged(findings, f"tile: the tree at size {prefix.size} could not be read", problem)
        return None
    if builder.root() == prefix.root:
        return builder
    findings.problems.append(
        f"checkpoint: the root at size {prefix.size} was {prefix.root.hex()} when it was verified, "
        f"the tiles now lead to {builder.root().hex()}: damaged, or forked"
    )
    return None


def _append(
    builder: TileBuilder, folder: LogFiles, head: Checkpoint, take: TakeEntries, findings: TreeFindings
) -> bool:
    """Append the new entries, and compare every tile that they touch with the stored one."""
    for index in range(builder.size // TILE_WIDTH, -(-head.size // TILE_WIDTH)):
        first = index * TILE_WIDTH
        width = min(TILE_WIDTH, head.size - first)
        try:
            fresh = folder.read_entries(index, width)[builder.size - first :]
        except (TileError, UnreadableError) as problem:
            _damaged(findings, position_path((ENTRIES, index, width)), problem)
            return False
        take(builder.size, fresh)
        for tile in builder.append(leaf_hashes(fresh)):
            _compare(folder, tile, findings)
    for tile in builder.partials():
        _compare(folder, tile, findings)
    return True


def _compare(folder: LogFiles, tile: Tile, findings: TreeFindings) -> None:
    position: TilePosition = (tile.level, tile.index, tile.width)
    try:
        if folder.read_tile(*position) == tile.data:
            return
        findings.problems.append(f"{position_path(position)}: damaged: it is not what the entries lead to")
    except (TileError, UnreadableError) as problem:
        _damaged(findings, position_path(position), problem)


def _damaged(findings: TreeFindings, what: str, problem: Exception) -> None:
    (findings.problems if is_refuted(problem) else findings.unreadable).append(f"{what}: {problem}")
