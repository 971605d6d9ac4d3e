"""A growing C2SP tlog-tiles log over a store: takes entries, returns the bundles and tiles to write.

Promise: once the files that `unwritten` returns are durable, so is every entry bundle and tile of the current size,
partial ones included. The owner writes these files and then calls `mark_durable`. After a failed write, `unwritten`
returns the same bytes again. States, signatures and Kafka are left to the sequencer and the city log. One thread owns
a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.errors import DamagedLogError, MissingFileError
from ledger_sink.format.errors import FormatError, TileError
from ledger_sink.format.merkle import EMPTY_ROOT, leaf_hashes
from ledger_sink.format.tiles import (
    TILE_WIDTH,
    Tile,
    TileBuilder,
    encode_entries,
    entries_path,
    parse_entries,
    tile_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ledger_sink.store import Store


class TileSource:
    """Reader of one log's tiles and entries. A full tile replaces a partial one that was removed."""

    def __init__(self, store: Store, folder: str) -> None:
        self.store = store
        self.folder = folder

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return a tile's bytes, at least `width` hashes of 32 bytes (C2SP tlog-tiles).

        Args:
            level: level of the tile; 0 has the leaf hashes.
            index: index of the tile in its level.
            width: number of hashes, at most 256.

        Raises:
            MissingFileError: the store has neither the partial nor the full tile.
        """
        return self._read(tile_path(level, index, width), tile_path(level, index))

    def read_entries(self, index: int, width: int) -> list[bytes]:
        """Return the first `width` entries of a bundle.

        Raises:
            MissingFileError: the store has neither the partial nor the full bundle.
            DamagedLogError: the bundle is malformed or too short.
        """
        data = self._read(entries_path(index, width), entries_path(index))
        try:
            entries = parse_entries(data)
            if len(entries) < width:
                raise TileError(f"expected {width} entries, got {len(entries)}")  # noqa: TRY301
        except TileError as error:
            raise DamagedLogError(f"{self.folder}/{entries_path(index, width)}: {error}") from error
        return entries[:width]

    def entry(self, index: int, size: int) -> bytes:
        """Return entry `index` of a log that has `size` entries.

        Raises:
            MissingFileError: the store has no bundle with it.
            DamagedLogError: the bundle is malformed or too short.
        """
        bundle, position = divmod(index, TILE_WIDTH)
        return self.read_entries(bundle, min(TILE_WIDTH, size - bundle * TILE_WIDTH))[position]

    def entries(self, size: int, first: int = 0) -> Iterator[bytes]:
        """Yield the entries from index `first` on, in order, of a log that has `size` entries."""
        for index in range(first // TILE_WIDTH, -(-size // TILE_WIDTH)):
            begin = index * TILE_WIDTH
            yield from self.read_entries(index, min(TILE_WIDTH, size - begin))[max(0, first - begin) :]

    def _read(self, name: str, full_name: str) -> bytes:
        try:
            return self.store.read(f"{self.folder}/{name}")
        except MissingFileError:
            if name == full_name:
                raise
        try:
            return self.store.read(f"{self.folder}/{full_name}")
        except MissingFileError as error:
            raise MissingFileError(f"{self.folder}/{name}: no such file, nor {full_name}") from error


class TileLog:
    """The right edge of one log, and its entries and tiles that are not durable yet."""

    def __init__(self, store: Store, folder: str, size: int = 0, root: bytes = EMPTY_ROOT) -> None:
        """Open a log at its committed size.

        Args:
            store: the ledger's files.
            folder: the log's folder.
            size: committed number of entries.
            root: Merkle root over them, 32 bytes.

        Raises:
            DamagedLogError: the right edge is missing or does not give the committed root.
        """
        self.store = store
        self.folder = folder
        self.source = TileSource(store, folder)
        self._durable = size
        self._finished: list[Tile] = []
        self._tail: list[bytes] = []
        """Entries from the start of the first bundle that is not both full and durable."""
        try:
            self._builder = TileBuilder.load(size, self.source.read_tile)
            self._load_tail(size)
        except (FormatError, MissingFileError) as error:
            raise DamagedLogError(f"{folder}: right edge at size {size}: {error}") from error
        if self._builder.root() != root:
            raise DamagedLogError(
                f"{folder}: tiles at size {size} have root {self._builder.root().hex()}, "
                f"expected {root.hex()} by the state"
            )

    def _load_tail(self, size: int) -> None:
        index, width = divmod(size, TILE_WIDTH)
        if not width:
            return
        self._tail = self.source.read_entries(index, width)
        edge = self.source.read_tile(0, index, width)
        if b"".join(leaf_hashes(self._tail)) != edge[: width * 32]:
            raise DamagedLogError(
                f"{self.folder}/{entries_path(index, width)}: entries do not fit {tile_path(0, index, width)}"
            )

    @property
    def size(self) -> int:
        """Return the number of entries, durable or not."""
        return self._builder.size

    @property
    def pending(self) -> int:
        """Return the number of entries that are not durable yet."""
        return self._builder.size - self._durable

    def root(self) -> bytes:
        """Return the Merkle root over all entries, durable or not."""
        return self._builder.root()

    def append(self, entries: Sequence[bytes]) -> None:
        """Append entries in memory; write nothing."""
        self._finished += self._builder.append(leaf_hashes(entries))
        self._tail += entries

    def unwritten(self) -> dict[str, bytes]:
        """Return every file to make durable for the current size, by name."""
        if not self.pending:
            return {}
        files = {f"{self.folder}/{tile.path}": tile.data for tile in self._finished}
        files |= {f"{self.folder}/{tile.path}": tile.data for tile in self._builder.partials()}
        first = self._durable // TILE_WIDTH
        for start in range(0, len(self._tail), TILE_WIDTH):
            part = self._tail[start : start + TILE_WIDTH]
            files[f"{self.folder}/{entries_path(first + start // TILE_WIDTH, len(part))}"] = encode_entries(
                part
            )
        return files

    def mark_durable(self) -> None:
        """Record that every file of `unwritten` is durable."""
        self._finished.clear()
        del self._tail[: (self.size // TILE_WIDTH - self._durable // TILE_WIDTH) * TILE_WIDTH]
        self._durable = self.size


def drop_partials(store: Store, folder: str, old_size: int, new_size: int) -> None:
    """Remove partial tiles and bundles that a full one replaces (C2SP tlog-tiles, "Partial Tiles").

    Args:
        store: the ledger's files.
        folder: the log's folder.
        old_size: size up to which they are removed already.
        new_size: size of a published checkpoint.
    """
    full = [entries_path(index) for index in range(old_size // TILE_WIDTH, new_size // TILE_WIDTH)]
    level, width = 0, TILE_WIDTH
    while new_size // width:
        full += [tile_path(level, index) for index in range(old_size // width, new_size // width)]
        level, width = level + 1, width * TILE_WIDTH
    for name in full:
        partials = f"{folder}/{name}.p"
        store.remove([f"{partials}/{width}" for width in store.listing(partials)])
