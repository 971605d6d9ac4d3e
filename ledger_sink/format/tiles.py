"""C2SP tlog-tiles: paths, tiles, entry bundles, appending, and proofs read from tiles.

A full tile is 256 hashes; hash i of tile n on level l is the root over the 256^l leaves from (n·256+i)·256^l.
Nothing here touches a disk: the builder hands out bytes to be written, the readers take a function.

`ReadTile(level, index, width)` must return the first `width` hashes of the tile (or more: a full tile stands
in for a partial one that is gone, tlog-tiles "Partial Tiles"), and raises what its store raises if there is
none.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger_sink.format.errors import TileError
from ledger_sink.format.merkle import join_peaks, outside, split
from ledger_sink.format.scan import HASH_BYTES, MAX_SIZE, decimal, shown

TILE_WIDTH: Final = 256
TILE_HEIGHT: Final = 8
FULL_TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
MAX_ENTRY_BYTES: Final = 65_535
MAX_LEVEL: Final = 63

ReadTile = Callable[[int, int, int], bytes]
TilePlace = tuple[int, int, int]
"""(level, index, width) of a tile, or of an entry bundle with `ENTRIES` as level."""
ENTRIES: Final = -1

_PATH = re.compile(r"tile/(entries|\d{1,2})/((?:x\d{3}/)*\d{3})(?:\.p/(\d{1,3}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile's place and bytes, ready to be written; `width` is 256 for a full tile."""

    level: int
    index: int
    width: int
    data: bytes

    @property
    def path(self) -> str:
        """The tile's path below its log's prefix."""
        return tile_path(self.level, self.index, self.width)


def place_path(place: TilePlace) -> str:
    """Return the path of a tile or entry bundle; the reverse of `parse_tile_path`."""
    level, index, width = place
    return entries_path(index, width) if level == ENTRIES else tile_path(level, index, width)


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return `tile/<L>/<N>[.p/<W>]` (tlog-tiles, "Merkle Tree").

    Raises:
        TileError: if a number is outside what a path can say.
    """
    if not 0 <= level <= MAX_LEVEL:
        raise TileError(f"tile level: expected 0 to {MAX_LEVEL}, got {level}")
    return f"tile/{level}/{_index_path(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return `tile/entries/<N>[.p/<W>]` (tlog-tiles, "Log entries")."""
    return f"tile/entries/{_index_path(index, width)}"


def parse_tile_path(path: str) -> TilePlace:
    """Read a tile or entry bundle path: the reverse of `tile_path` and `entries_path`.

    Raises:
        TileError: if the path is not the one spelling of its place.
    """
    match = _PATH.fullmatch(path) if path.isascii() else None
    if match is None:
        raise TileError(f"tile path: expected tile/<level or entries>/<index>[.p/<width>], got {shown(path)}")
    level, groups, width = match.groups()
    index_digits = groups.replace("x", "").replace("/", "").lstrip("0") or "0"
    place = (
        ENTRIES if level == "entries" else decimal(level, TileError, "tile level", MAX_LEVEL),
        decimal(index_digits, TileError, "tile index"),
        TILE_WIDTH if width is None else decimal(width, TileError, "tile width", TILE_WIDTH - 1),
    )
    if place_path(place) != path:
        raise TileError(f"tile path: expected {place_path(place)}, got {shown(path)}")
    return place


def tiles_of(size: int) -> Iterator[TilePlace]:
    """List every tile of a tree of this size, level by level, partial last ones included."""
    level, hashes = 0, size
    while hashes:
        for index in range(hashes // TILE_WIDTH):
            yield level, index, TILE_WIDTH
        if hashes % TILE_WIDTH:
            yield level, hashes // TILE_WIDTH, hashes % TILE_WIDTH
        level, hashes = level + 1, hashes // TILE_WIDTH


def bundles_of(size: int) -> Iterator[TilePlace]:
    """List every entry bundle of a log of this size, a partial last one included."""
    for level, index, width in tiles_of(size):
        if level:
            return
        yield ENTRIES, index, width


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """Join entries into (a part of) an entry bundle: `u16 length ‖ entry`, big-endian.

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
    """Split an entry bundle into its entries.

    Args:
        data: the whole bundle.
        width: how many entries there must be; `None` takes any number up to 256.

    Raises:
        TileError: if the bundle is cut, has bytes after its last entry, or another number of entries.
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
    """Hash a run of 1, 2, 4 … 256 tile hashes into their subtree root: the hot path of appending."""
    hasher = sha256
    while len(data) > HASH_BYTES:
        data = b"".join([hasher(b"\x01" + data[i : i + 64]).digest() for i in range(0, len(data), 64)])
    return data


class TileBuilder:
    """The right edge of a growing log: takes leaf hashes, gives finished tiles, partial tiles and the root.

    It holds one partial tile a level (at most 8 kB each) and nothing of the finished ones. It has one owner;
    it is not safe for two threads. After an error from outside (a tile that could not be written), load a
    new one.
    """

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """Start from the partial tiles of a tree of `size` leaves, level 0 first.

        Raises:
            TileError: if a partial tile has another width than the size demands.
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
        """Read the right edge of a stored tree of `size` leaves; compare `root()` with the committed one."""
        edge, level, hashes = [], 0, size
        while hashes:
            width = hashes % TILE_WIDTH
            edge.append(_read(read_tile, level, hashes // TILE_WIDTH, width) if width else b"")
            level, hashes = level + 1, hashes // TILE_WIDTH
        return cls(size, edge)

    @property
    def size(self) -> int:
        """Number of leaves so far."""
        return self._size

    def append(self, hashes: Sequence[bytes]) -> list[Tile]:
        """Append leaf hashes in order; return the tiles that became full, children before parents."""
        finished: list[Tile] = []
        self._size += len(hashes)
        self._extend(0, b"".join(hashes), self._size, finished)
        return finished

    def _extend(self, level: int, data: bytes, count: int, finished: list[Tile]) -> None:
        """Add to a level that then has `count` hashes, and pass those of its full tiles on."""
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
        """Return the partial tiles of the tree as it is now, empty ones left out (tlog-tiles)."""
        return [
            Tile(level, self._size >> TILE_HEIGHT * (level + 1), len(data) // HASH_BYTES, bytes(data))
            for level, data in enumerate(self._edge)
            if data
        ]

    def root(self) -> bytes:
        """Compute the root of the tree as it is now from its right edge alone."""
        peaks: list[bytes] = []
        for data in reversed(self._edge):
            peaks += _peaks(bytes(data))
        return join_peaks(peaks)


def read_root(size: int, read_tile: ReadTile) -> bytes:
    """Compute the root of the tree of `size` leaves from its right-edge tiles."""
    return TileBuilder.load(size, read_tile).root()


def inclusion_proof(index: int, size: int, read_tile: ReadTile) -> tuple[bytes, ...]:
    """Build the proof that leaf `index` is in the tree of `size` leaves (RFC 6962 §2.1.1).

    Each tile is asked for once.

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
    """Build the proof that the tree of `new_size` leaves begins with that of `old_size` (RFC 6962 §2.1.2).

    Empty from the empty tree and between equal sizes, as tlog-witness demands.

    Raises:
        TileError: if the sizes shrink or a tile is too short.
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
    """Build the proof that leaves [first, end) are those of the tree of `size` leaves (see `merkle.verify_range`).

    Raises:
        TileError: if that is no range of the tree or a tile is too short.
    """
    if not 0 <= first < end <= size <= MAX_SIZE:
        raise TileError(f"range proof: {first} to {end} is no range of a tree of {size} leaves")
    tree = _Tree(size, read_tile)
    return tuple(tree.root(low, high) for low, high in outside(first, end, size))


class _Tree:
    """Subtree roots of one tree, each tile read once."""

    def __init__(self, size: int, read_tile: ReadTile) -> None:
        self._size = size
        self._read_tile = read_tile
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root(self, low: int, high: int) -> bytes:
        """Root over leaves [low, high); low is divisible by the largest power of two up to high - low."""
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
    """Roots of the perfect subtrees of a partial tile, largest first."""
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
