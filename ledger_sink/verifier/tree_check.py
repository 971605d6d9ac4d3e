"""Recomputation of a whole log: entries → leaf hashes → tiles → root, with a report of every damaged file.

If the entries lead to the signed root, they are right, and a tile that differs is damaged. If only the tiles lead to
it, an entry bundle that differs is damaged. If neither does, every pair that differs is reported, and every full
bundle that the level-1 tile above contradicts.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import TileError
from ledger_sink.format.merkle import leaf_hashes
from ledger_sink.format.scan import HASH_BYTES
from ledger_sink.format.tiles import (
    ENTRIES,
    FULL_TILE_BYTES,
    TILE_WIDTH,
    TileBuilder,
    TilePosition,
    bundles_of,
    parse_entries,
    position_path,
    tile_hash,
    tiles_of,
)
from ledger_sink.verifier.errors import UnreadableError, is_refuted
from ledger_sink.verifier.folder import LogFiles
from ledger_sink.verifier.problem_list import ProblemList

MOST_DAMAGED = 1000
"""Missing, wrong and unreadable files of a log after which no further one is read: a size may be a lie."""

TakeEntries = Callable[[int, list[bytes]], None]
"""Receives the index of the first entry of a bundle, and its entries."""


@dataclass
class TreeFindings:
    """What the recomputation of a log found: problems, which begin with a path, and the requested roots."""

    problems: ProblemList = field(default_factory=ProblemList)
    unreadable: ProblemList = field(default_factory=ProblemList)
    """Files that could not be read, so that nothing is known about them; each begins with a path."""
    roots: dict[int, bytes] = field(default_factory=dict)
    """Roots by size; empty unless the tree's own root is the signed one."""
    listed: bool = True
    """Whether the stored files could be listed, so that older partial tiles were compared too."""
    beyond: int = 0
    """Number of files past the checkpoint's size. A crash may leave them; they are no part of the log."""


def check_tree(
    folder: LogFiles, head: Checkpoint, take_entries: TakeEntries, sizes: Collection[int] = ()
) -> TreeFindings:
    """Recompute a log. The caller has verified its checkpoint, or reports that it is not trusted.

    Args:
        folder: files of the log.
        head: the checkpoint, whose size and root must result.
        take_entries: called with the first index and the entries of each readable bundle, in order.
        sizes: older sizes whose roots to return in the findings.
    """
    return _TreeCheck(folder, head, take_entries).run(sizes)


class _TreeCheck:
    def __init__(self, folder: LogFiles, head: Checkpoint, take_entries: TakeEntries) -> None:
        self._folder = folder
        self._head = head
        self._take_entries = take_entries
        self._findings = TreeFindings()
        # Level 0, one piece per bundle: from its entries (from its tile if they are unreadable), and vice versa.
        self._by_entries: list[bytes] = []
        self._by_tiles: list[bytes] = []
        self._computed: dict[tuple[int, int], bytes] = {}  # the expected tiles of all levels

    def run(self, sizes: Collection[int]) -> TreeFindings:
        for _, index, width in bundles_of(self._head.size):
            self._read_bundle(index, width)
            if len(self._findings.problems) + len(self._findings.unreadable) > MOST_DAMAGED:
                self._findings.problems.append("and further files, which were not looked at")
                return self._findings
        if not all(self._by_entries):
            return self._findings  # a bundle with neither entries nor tile: no level above can be computed
        if self._decide_by_root():
            self._findings.roots = self._roots_at(sizes)
        self._check_upper_tiles()
        self._check_leftovers()
        return self._findings

    def _read_bundle(self, index: int, width: int) -> None:
        """Read a bundle and its level-0 tile; report what cannot be read."""
        hashes = tile = b""
        try:
            entries = self._folder.read_entries(index, width)
            hashes = b"".join(leaf_hashes(entries))
        except (TileError, UnreadableError) as problem:
            self._damaged((ENTRIES, index, width), problem)
        else:
            self._take_entries(index * TILE_WIDTH, entries)
        try:
            tile = self._folder.read_tile(0, index, width)
        except (TileError, UnreadableError) as problem:
            self._damaged((0, index, width), problem)
        tile = hashes if tile == hashes else tile  # one object instead of two that are equal
        self._by_entries.append(hashes or tile)
        self._by_tiles.append(tile or hashes)

    def _decide_by_root(self) -> bool:
        """Decide by the signed root whether entries or tiles are right; report the others.

        Returns:
            Whether either of them leads to the signed root.
        """
        pairs = enumerate(zip(self._by_entries, self._by_tiles, strict=True))
        differing = [index for index, (left, right) in pairs if left != right]
        by_entries = self._compute(self._by_entries)
        if by_entries == self._head.root:
            for index in differing:
                self._problem(self._position(0, index), "damaged: its entries lead to the signed root")
            return True
        if differing and self._compute(self._by_tiles) == self._head.root:
            for index in differing:
                leaf = index * TILE_WIDTH + _first_difference(self._by_entries[index], self._by_tiles[index])
                self._problem(self._position(ENTRIES, index), f"damaged: entry {leaf} is not what was sealed")
            return True
        self._findings.problems.append(
            f"checkpoint: its root at size {self._head.size} is {self._head.root.hex()}, "
            f"the entries lead to {by_entries.hex()}"
        )
        self._name_both(differing)
        return False

    def _name_both(self, differing: list[int]) -> None:
        for index in differing:
            self._problem(
                self._position(ENTRIES, index), f"differs from {position_path(self._position(0, index))}"
            )
        for index, piece in enumerate(self._by_entries):
            above = self._position(1, index // TILE_WIDTH)
            if len(piece) == FULL_TILE_BYTES and self._hash_in(above, index) not in (
                "",
                tile_hash(piece).hex(),
            ):
                self._problem(self._position(ENTRIES, index), f"does not fit {position_path(above)}")

    def _hash_in(self, above: TilePosition, index: int) -> str:
        """Return the root of a level-0 tile in the stored level-1 tile, in hexadecimal; empty if it is unreadable."""
        at = index % TILE_WIDTH * HASH_BYTES
        try:
            return self._folder.read_tile(*above)[at : at + HASH_BYTES].hex()
        except (TileError, UnreadableError):
            return ""

    def _compute(self, pieces: list[bytes]) -> bytes:
        """Compute all tiles over level-0 pieces; return the root."""
        self._computed = {}
        builder = TileBuilder()
        for piece in pieces:
            for tile in builder.append(_hashes(piece)):
                self._computed[tile.level, tile.index] = tile.data
        for tile in builder.partials():
            self._computed[tile.level, tile.index] = tile.data
        return builder.root()

    def _roots_at(self, sizes: Collection[int]) -> dict[int, bytes]:
        def read(level: int, index: int, width: int) -> bytes:
            return self._computed[level, index][: width * HASH_BYTES]

        wanted = {size for size in sizes if size <= self._head.size}
        return {size: TileBuilder.load(size, read).root() for size in sorted(wanted)}

    def _check_upper_tiles(self) -> None:
        for position in tiles_of(self._head.size):
            level, index, width = position
            if level == 0:
                continue
            try:
                if self._folder.read_tile(level, index, width) != self._computed.get((level, index)):
                    self._problem(position, "damaged: it is not what the level below leads to")
            except (TileError, UnreadableError) as problem:
                self._damaged(position, problem)

    def _check_leftovers(self) -> None:
        """Compare older partial tiles with the current ones: each must be a prefix, or history was rewritten."""
        current = {*tiles_of(self._head.size), *bundles_of(self._head.size)}
        positions = self._folder.positions()
        if positions is None:
            self._findings.listed = False
            return
        for position in positions:
            level, index, width = position
            if index * TILE_WIDTH + width > self._width_of(level):
                self._findings.beyond += 1
            elif position not in current:
                self._check_leftover(position)

    def _check_leftover(self, position: TilePosition) -> None:
        level, index, width = position
        try:
            data = self._folder.read(position_path(position))
            if level == ENTRIES:
                data, level = b"".join(leaf_hashes(parse_entries(data, width))), 0
        except (TileError, UnreadableError) as problem:
            self._damaged(position, problem)
            return
        if data != self._computed.get((level, index), b"")[: width * HASH_BYTES]:
            self._problem(position, "is no prefix of what replaced it: damaged, or history was rewritten")

    def _position(self, level: int, index: int) -> TilePosition:
        return level, index, max(1, min(TILE_WIDTH, self._width_of(level) - index * TILE_WIDTH))

    def _width_of(self, level: int) -> int:
        """Return the number of hashes on a level, or of entries."""
        return self._head.size >> 8 * max(level, 0)

    def _damaged(self, position: TilePosition, problem: Exception) -> None:
        """Report a file that is wrong, or that could not be read."""
        if is_refuted(problem):
            self._problem(position, str(problem))
        else:
            self._findings.unreadable.append(f"{position_path(position)}: {problem}")

    def _problem(self, position: TilePosition, words: str) -> None:
        self._findings.problems.append(f"{position_path(position)}: {words}")


def _hashes(piece: bytes) -> list[bytes]:
    return [piece[i : i + HASH_BYTES] for i in range(0, len(piece), HASH_BYTES)]


def _first_difference(left: bytes, right: bytes) -> int:
    pairs = zip(_hashes(left), _hashes(right), strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)) // HASH_BYTES)
