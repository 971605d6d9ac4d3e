"""A log's files, read with care: sizes are capped, widths are exact, errors name the path.

`LogFiles` is what every check reads; `LogFolder` reads a folder on disk, `remote.py` a URL.

A full tile stands in for a partial one that is gone (tlog-tiles, "Partial Tiles").
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from ledger_sink.format.errors import TileError
from ledger_sink.format.layout import CHECKPOINT, TILES
from ledger_sink.format.scan import HASH_BYTES
from ledger_sink.format.tiles import (
    ENTRIES,
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    TilePosition,
    bundles_of,
    parse_entries,
    parse_tile_path,
    position_path,
)
from ledger_sink.verifier.errors import AbsentError, UnreadableError
from ledger_sink.verifier.trust import read_capped, read_file

MAX_LOG_FILE_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)


class LogFiles(ABC):
    """The files of one log, wherever they lie."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return a file of the log by its path.

        Raises:
            AbsentError: if there is none.
            UnreadableError: if it cannot be read or is longer than any file of a log may be.
        """

    @abstractmethod
    def positions(self) -> Iterator[TilePosition] | None:
        """List every tile and entry bundle that lies there; None where nobody can."""

    def checkpoint(self) -> bytes:
        """Return the checkpoint's bytes.

        Raises:
            UnreadableError: if it cannot be read.
        """
        return self.read(CHECKPOINT)

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first `width` hashes of a tile (a `tiles.ReadTile`).

        Raises:
            UnreadableError: if neither the partial nor the full tile is there.
            TileError: if the file is not as long as its path says.
        """
        data, file_width = self._read_at(level, index, width)
        if len(data) != file_width * HASH_BYTES:
            raise TileError(f"expected {file_width} hashes, got {len(data)} bytes")
        return data[: width * HASH_BYTES]

    def read_entries(self, index: int, width: int) -> list[bytes]:
        """Return the first `width` entries of a bundle.

        Raises:
            UnreadableError: if neither the partial nor the full bundle is there.
            TileError: if the file does not hold as many entries as its path says.
        """
        data, file_width = self._read_at(ENTRIES, index, width)
        return parse_entries(data, file_width)[:width]

    def entries(self, size: int) -> Iterator[bytes]:
        """Return all entries of the log of `size` entries, in order; errors as of `read_entries`."""
        for _, index, width in bundles_of(size):
            yield from self.read_entries(index, width)

    def _read_at(self, level: int, index: int, width: int) -> tuple[bytes, int]:
        try:
            return self.read(position_path((level, index, width))), width
        except AbsentError:
            if width == TILE_WIDTH:
                raise
            try:
                return self.read(position_path((level, index, TILE_WIDTH))), TILE_WIDTH
            except AbsentError:
                pass
            raise


class LogFolder(LogFiles):
    """Reads the files of one log below its folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> bytes:
        """Return a file below the log's folder; see `LogFiles.read`."""
        return read_capped(self.root / name, MAX_LOG_FILE_BYTES)

    def positions(self) -> Iterator[TilePosition]:
        """List every tile and entry bundle that lies there; other files are passed by."""
        for path in sorted((self.root / TILES).rglob("*")):
            try:
                position = parse_tile_path(path.relative_to(self.root).as_posix())
            except TileError:
                continue
            if path.is_file():
                yield position


class LedgerFiles(ABC):
    """A whole ledger: its logs, its keys."""

    @abstractmethod
    def log(self, path: str) -> LogFiles:
        """Return the files of the log at a path such as `city/1`."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return a file beside the logs; errors as of `LogFiles.read`."""

    @abstractmethod
    def logs(self) -> list[str]:
        """List the paths of the partition logs that lie there; empty where nobody can."""


class LedgerFolder(LedgerFiles):
    """A ledger directory."""

    def __init__(self, root: Path) -> None:
        """Take the directory.

        Raises:
            UnreadableError: if there is none.
        """
        if not root.is_dir():
            raise UnreadableError(f"{root}: expected the folder of a ledger")
        self.root = root

    def log(self, path: str) -> LogFolder:
        """Return a log's folder."""
        return LogFolder(self.root / path)

    def read(self, name: str) -> bytes:
        """Return a file beside the logs."""
        return read_file(self.root / name)

    def logs(self) -> list[str]:
        """List the partition logs that have a checkpoint."""
        found = self.root.glob(f"*/*/*/{CHECKPOINT}")
        return sorted(path.parent.relative_to(self.root).as_posix() for path in found)
