"""A log's folder on disk, read with care: sizes are capped, widths are exact, errors name the path.

A full tile stands in for a partial one that is gone (tlog-tiles, "Partial Tiles").
"""

from collections.abc import Iterator
from pathlib import Path

from ledger_sink.format.errors import TileError
from ledger_sink.format.layout import CHECKPOINT, TILES
from ledger_sink.format.scan import HASH_BYTES
from ledger_sink.format.tiles import (
    ENTRIES,
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    TilePlace,
    parse_entries,
    parse_tile_path,
    place_path,
)
from ledger_sink.verifier.trust import read_capped

MAX_LOG_FILE_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)


class LogFolder:
    """Reads the files of one log below its folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def checkpoint(self) -> bytes:
        """Return the checkpoint's bytes.

        Raises:
            UnreadableError: if it cannot be read.
        """
        return self.read(CHECKPOINT)

    def read(self, name: str) -> bytes:
        """Return a file below the log's folder.

        Raises:
            UnreadableError: if it cannot be read or is longer than any file of a log may be.
        """
        return read_capped(self.root / name, MAX_LOG_FILE_BYTES)

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first `width` hashes of a tile (a `tiles.ReadTile`).

        Raises:
            UnreadableError: if neither the partial nor the full tile is there.
            TileError: if the file is not as long as its path says.
        """
        data, file_width = self._read_place(level, index, width)
        if len(data) != file_width * HASH_BYTES:
            raise TileError(f"expected {file_width} hashes, got {len(data)} bytes")
        return data[: width * HASH_BYTES]

    def read_entries(self, index: int, width: int) -> list[bytes]:
        """Return the first `width` entries of a bundle.

        Raises:
            UnreadableError: if neither the partial nor the full bundle is there.
            TileError: if the file does not hold as many entries as its path says.
        """
        data, file_width = self._read_place(ENTRIES, index, width)
        return parse_entries(data, file_width)[:width]

    def _read_place(self, level: int, index: int, width: int) -> tuple[bytes, int]:
        name = place_path((level, index, width))
        full_name = place_path((level, index, TILE_WIDTH))
        if (self.root / name).exists() or not (self.root / full_name).exists():
            return self.read(name), width
        return self.read(full_name), TILE_WIDTH

    def places(self) -> Iterator[TilePlace]:
        """List every tile and entry bundle that lies there; other files are passed by."""
        for path in sorted((self.root / TILES).rglob("*")):
            try:
                place = parse_tile_path(path.relative_to(self.root).as_posix())
            except TileError:
                continue
            if path.is_file():
                yield place
