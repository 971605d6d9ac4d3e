"""C2SP tlog-tiles: paths, tiles, entry bundles, appending, and proofs computed from tiles.

A full tile has 256 hashes. Hash i of tile n on level l is the root over the 256^l leaves from (n·256+i)·256^l on.
The module touches no disk: the builder returns bytes to be written, and the readers take a function.

`ReadTile(level, index, width)` must return at least the first `width` hashes of the tile. It may return a full tile
for a partial one that was deleted (C2SP tlog-tiles, "Partial Tiles"). If there is no tile, it raises its own error.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger_sink.format.errors import TileError
from ledger_sink.format.merkle import join_peaks, outside, split
from ledger_sink.format.scan import HASH_BYTES, MAX_SIZE, decimal, excerpt

TILE_WIDTH: Final = 256
TILE_HEIGHT: Final = 8
FULL_TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
MAX_ENTRY_BYTES: Final = 65_535
MAX_LEVEL: Final = 63

ReadTile = Callable[[int, int, int], bytes]
TilePosition = tuple[int, int, int]
"""(level, index, width) of a tile, or of an entry bundle with `ENTRIES` as level."""
ENTRIES: Final = -1

_PATH = re.compile(r"tile/(entries|\d{1,2})/((?:x\d{3}/)*\d{3})(?:\.p/(\d{1,3}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile ready to be written: its position and bytes. `width` is 256 for a full tile."""

    level: int
    index: int
    width: int
    data: bytes

    @property
    def path(self) -> str:
        """Return the tile's path below its log's prefix."""
        return tile_path(self.level, self.index, self.width)


def position_path(place: TilePosition) -> str:
    """Return the path of a tile or entry bundle; the reverse of `parse_tile_path`."""
    level, index, width = place
    return entries_path(index, width) if level == ENTRIES else tile_path(level, index, width)


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile, `tile/<L>/<N>[.p/<W>]` (C2SP tlog-tiles, "Merkle Tree").

    Raises:
        TileError: if level, index or width is out of range.
    """
    if not 0 <= level <= MAX_LEVEL:
        raise TileError(f"tile level: expected 0 to {MAX_LEVEL}, got {level}")
    return f"tile/{level}/{_index_path(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle, `tile/entries/<N>[.p/<W>]` (C2SP tlog-tiles, "Log entries").

    Raises:
        TileError: if index or width is out of range.
    """
    return f"tile/entries/{_index_path(index, width)}"


def parse_tile_path(path: str) -> TilePosition:
    """Parse the path of a tile or entry bundle: the reverse of `position_path`.

    Raises:
        TileError: if the path is not the canonical path of a position.
    """
    match = _PATH.fullmatch(path) if path.isascii() else None
    if match is None:
        raise TileError(
            f"tile path: expected tile/<level or entries>/<index>[.p/<width>], got {excerpt(path)}"
        )
    level, groups, width = match.groups()
    index_digits = groups.replace("x", "").replace("/", "").lstrip("0") or "0"
    place = (
        ENTRIES if level == "entries" else decimal(level, TileError, "tile level", MAX_LEVEL),
        decimal(index_digits, TileError, "tile index"),
        TILE_WIDTH if width is None else decimal(width, TileError, "tile width", TILE_WIDTH - 1),
    )
    if position_path(place) != path:
        raise TileError(f"tile path: expected {position_path(place)}, got {excerpt(path)}")
    return place


def tiles_of(size: int) -> Iterator[TilePosition]:
    """Yield every tile of a tree of this size, level by level, partial last ones included."""
    level, hashes = 0, size
    while hashes:
        for index in range(hashes // TILE_WIDTH):
            yield level, index, TILE_WIDTH
        if hashes % TILE_WIDTH:
            yield level, hashes // TILE_WIDTH, hashes % TILE_WIDTH
        level, hashes = level + 1, hashes // TILE_WIDTH


def bundles_of(size: int) -> Iterator[TilePosition]:
    """Yield every entry bundle of a log of this size, a partial last one included."""
    for level, index, width in tiles_of(size):
        if level:
            return
        yield ENTRIES, index, width


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """Encode entries as an entry bundle, or a part of one: `u16 length ‖ entry` each, big-endian.

    Raises:
        TileError: if an entry is longer than 65,535 bytes.
    """
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise TileError(f"entry: expected at most {MAX_ENTRY_BYTES} bytes, got {len(entry)}")
        parts.append(len(entry).to_bytes(2, "big") + entry)
    return b"".join(parts)


def parse_entries(data: bytes, width: int | None = None) -> list[bytes]:
    """Parse an entry bundle; return its entries.

    Args:
        data: the whole bundle.
        width: required number of entries; `None` allows any number up to 256.

    Raises:
        TileError: if the bundle is truncated or has another number of entries.
    """
    entries: list[bytes] = []
    position, end = 0, len(data)
    while position < end:
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if start > end or position > end:
            raise TileError(f"entry bundle: entry {len(entries)} is cut at byte {end}")
        if len(entries) == TILE_WIDTH:
            raise TileError(f"entry bundle: expected at most {TILE_WIDTH} entries, got more")
        entries.append(data[start:position])
    if width is not None and len(entries) != width:
        raise TileError(f"entry bundle: expected {width} entries, got {len(entries)}")
    return entries


def tile_hash(data: bytes) -> bytes:
    """Return the subtree root over 1, 2, 4 … 256 joined hashes: the hot path of appending."""
    hasher = sha256
    while len(data) > HASH_BYTES:
        data = b"".join([hasher(b"\x01" + data[i : i + 64]).digest() for i in range(0, len(data), 64)])
    return data


class TileBuilder:
    """The right edge of a growing tree: takes leaf hashes, returns full tiles, partial tiles and the root.

    It holds one partial tile per level (at most 8 kB each) and no full tile. It is not thread-safe. If writing a
    tile fails, discard the builder and load a new one.
    """

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """Start from a tree of `size` leaves.

        Args:
            size: number of leaves.
            edge: partial tiles of that tree, level 0 first, empty where a level has none.

        Raises:
            TileError: if a partial tile's width does not match the size.
        """
        if not 0 <= size <= MAX_SIZE:
            raise TileError(f"tree size: expected 0 to {MAX_SIZE}, got {size}")
        self._size = size
        self._edge = [bytearray(data) for data in edge]
        level, hashes = 0, size
        while hashes or level < len(self._edge):
            if level == len(self._edge):
                self._edge.append(bytearray())
            _require_width(self._edge[level], level, hashes // TILE_WIDTH, hashes % TILE_WIDTH)
            level, hashes = level + 1, hashes // TILE_WIDTH

    @classmethod
    def load(cls, size: int, read_tile: ReadTile) -> "TileBuilder":
        """Read the right edge of a stored tree of `size` leaves. The caller compares `root()` with the committed root.

        Raises:
            TileError: if a tile is too short.
        """
        edge, level, hashes = [], 0, size
        while hashes:
            width = hashes % TILE_WIDTH
            edge.append(_read(read_tile, level, hashes // TILE_WIDTH, width) if width else b"")
            level, hashes = level + 1, hashes // TILE_WIDTH
        return cls(size, edge)

    @property
    def size(self) -> int:
        """Return the number of leaves."""
        return self._size

    def append(self, hashes: Sequence[bytes]) -> list[Tile]:
        """Append leaf hashes in order; return the tiles that this filled, children before parents."""
        finished: list[Tile] = []
        self._size += len(hashes)
        self._extend(0, b"".join(hashes), self._size, finished)
        return finished

    def _extend(self, level: int, data: bytes, count: int, finished: list[Tile]) -> None:
        """Append hashes to a level, which then has `count`, and the roots of its new full tiles to the level above."""
        if level == len(self._edge):
            self._edge.append(bytearray())
        pending = bytes(self._edge[level]) + data
        full = len(pending) // FULL_TILE_BYTES
        first = count // TILE_WIDTH - full
        tiles = [
            Tile(level, first + i, TILE_WIDTH, pending[i * FULL_TILE_BYTES : (i + 1) * FULL_TILE_BYTES])
            for i in range(full)
        ]
        self._edge[level] = bytearray(pending[full * FULL_TILE_BYTES :])
        if tiles:
            finished += tiles
            above = b"".join([tile_hash(tile.data) for tile in tiles])
            self._extend(level + 1, above, count // TILE_WIDTH, finished)

    def partials(self) -> list[Tile]:
        """Return the partial tiles of the current tree, without empty ones (C2SP tlog-tiles, "Partial Tiles")."""
        return [
            Tile(level, self._size >> TILE_HEIGHT * (level + 1), len(data) // HASH_BYTES, bytes(data))
            for level, data in enumerate(self._edge)
            if data
        ]

    def root(self) -> bytes:
        """Return the root of the current tree, computed from its right edge."""
        peaks: list[bytes] = []
        for data in reversed(self._edge):
            peaks += _peaks(bytes(data))
        return join_peaks(peaks)


def read_root(size: int, read_tile: ReadTile) -> bytes:
    """Return the root of the tree of `size` leaves, computed from its right-edge tiles; errors as of `load`."""
    return TileBuilder.load(size, read_tile).root()


def inclusion_proof(index: int, size: int, read_tile: ReadTile) -> tuple[bytes, ...]:
    """Return the proof that leaf `index` is in the tree of `size` leaves (RFC 6962 §2.1.1).

    Each tile is read once.

    Raises:
        TileError: if the index is outside the tree or a tile is too short.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise TileError(f"inclusion proof: index {index} is not in a tree of {size} leaves")
    tree = _Tree(size, read_tile)
    low, high, proof = 0, size, []
    while high - low > 1:
        middle = low + split(high - low)
        if index < middle:
            proof.append(tree.root(middle, high))
            high = middle
        else:
            proof.append(tree.root(low, middle))
            low = middle
    return tuple(reversed(proof))


def consistency_proof(old_size: int, new_size: int, read_tile: ReadTile) -> tuple[bytes, ...]:
    """Return the proof that the tree of `new_size` leaves begins with that of `old_size` (RFC 6962 §2.1.2).

    It is empty from the empty tree and between equal sizes (C2SP tlog-witness, add-checkpoint).

    Raises:
        TileError: if the new size is smaller or a tile is too short.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise TileError(f"consistency proof: expected 0 ≤ old ≤ new, got {old_size} and {new_size}")
    if old_size in (0, new_size):
        return ()
    tree = _Tree(new_size, read_tile)
    low, high, proof, old_root_known = 0, new_size, [], True
    while high != old_size:
        middle = low + split(high - low)
        if old_size <= middle:
            proof.append(tree.root(middle, high))
            high = middle
        else:
            proof.append(tree.root(low, middle))
            low, old_root_known = middle, False
    if not old_root_known:
        proof.append(tree.root(low, high))
    return tuple(reversed(proof))


def range_proof(first: int, end: int, size: int, read_tile: ReadTile) -> tuple[bytes, ...]:
    """Return the proof that leaves [first, end) are in the tree of `size` leaves (see `merkle.verify_range`).

    Raises:
        TileError: if the range is empty or outside the tree, or a tile is too short.
    """
    if not 0 <= first < end <= size <= MAX_SIZE:
        raise TileError(f"range proof: {first} to {end} is no range of a tree of {size} leaves")
    tree = _Tree(size, read_tile)
    return tuple(tree.root(low, high) for low, high in outside(first, end, size))


class _Tree:
    """Computes subtree roots of one tree; reads each tile once."""

    def __init__(self, size: int, read_tile: ReadTile) -> None:
        self._size = size
        self._read_tile = read_tile
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root(self, low: int, high: int) -> bytes:
        """Return the root over leaves [low, high).

        `low` must be divisible by the largest power of two that is at most high - low.
        """
        peaks = []
        while low < high:
            height = (high - low).bit_length() - 1
            peaks.append(self._perfect(low >> height, height))
            low += 1 << height
        return join_peaks(peaks)

    def _perfect(self, position: int, height: int) -> bytes:
        level, inside = divmod(height, TILE_HEIGHT)
        first = position << inside
        index, offset = divmod(first, TILE_WIDTH)
        data = self._tile(level, index)
        return tile_hash(data[offset * HASH_BYTES : (offset + (1 << inside)) * HASH_BYTES])

    def _tile(self, level: int, index: int) -> bytes:
        if (level, index) not in self._tiles:
            width = min(TILE_WIDTH, (self._size >> TILE_HEIGHT * level) - index * TILE_WIDTH)
            self._tiles[level, index] = _read(self._read_tile, level, index, width)
        return self._tiles[level, index]


def _read(read_tile: ReadTile, level: int, index: int, width: int) -> bytes:
    data = read_tile(level, index, width)
    if len(data) > FULL_TILE_BYTES or len(data) % HASH_BYTES or len(data) < width * HASH_BYTES:
        raise TileError(f"{tile_path(level, index, width)}: expected {width} hashes, got {len(data)} bytes")
    return data[: width * HASH_BYTES]


def _require_width(data: bytes | bytearray, level: int, index: int, width: int) -> None:
    if len(data) != width * HASH_BYTES:
        raise TileError(f"edge tile {level}/{index}: expected {width} hashes, got {len(data)} bytes")


def _peaks(data: bytes) -> list[bytes]:
    """Return the roots of the perfect subtrees of a partial tile, largest first."""
    peaks, position, width = [], 0, len(data) // HASH_BYTES
    for bit in range(TILE_HEIGHT - 1, -1, -1):
        if width >> bit & 1:
            end = position + (HASH_BYTES << bit)
            peaks.append(tile_hash(data[position:end]))
            position = end
    return peaks


def _index_path(index: int, width: int) -> str:
    if not 0 <= index <= MAX_SIZE:
        raise TileError(f"tile index: expected 0 to {MAX_SIZE}, got {index}")
    if not 1 <= width <= TILE_WIDTH:
        raise TileError(f"tile width: expected 1 to {TILE_WIDTH}, got {width}")
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    path = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return path if width == TILE_WIDTH else f"{path}.p/{width}"
