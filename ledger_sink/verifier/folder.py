"""The files of a log and of a ledger, with limited sizes and exact widths.

Every check reads through `LogFiles` and `LedgerFiles`. The classes here read a directory; `remote.py` reads a URL.
A full tile replaces a partial one that was deleted (C2SP tlog-tiles, "Partial Tiles").
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ledger_sink.format.control import MAX_CONTROL_BYTES
from ledger_sink.format.errors import TileError
from ledger_sink.format.layout import CHECKPOINT, CONTROL, TILES
from ledger_sink.format.note import MAX_NOTE_BYTES
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
"""Most bytes of an entry bundle, the largest file of a log."""
MAX_LOGS = 100_000
"""Most logs of a ledger."""


def size_limit(name: str) -> int:
    """Return the most bytes that a log's file of this name may have, by its kind."""
    if name == CHECKPOINT:
        return MAX_NOTE_BYTES
    if name.startswith(f"{CONTROL}/"):
        return MAX_CONTROL_BYTES
    try:
        level, _, width = parse_tile_path(name)
    except TileError:
        return MAX_LOG_FILE_BYTES
    return width * (MAX_ENTRY_BYTES + 2) if level == ENTRIES else width * HASH_BYTES


class LogFiles(ABC):
    """The files of one log, on disk or elsewhere."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return a file of the log.

        Args:
            name: path below the log's folder.

        Raises:
            AbsentError: if it does not exist.
            UnreadableError: if it cannot be read, or is longer than any file of a log may be.
        """

    @abstractmethod
    def positions(self) -> Iterator[TilePosition] | None:
        """Return the positions of all stored tiles and entry bundles; `None` if they cannot be listed."""

    @abstractmethod
    def has_tiles(self) -> bool:
        """Return whether tiles are known to be there, so that a checkpoint must be, too."""

    def checkpoint(self) -> bytes:
        """Return the signed checkpoint, as bytes.

        Raises:
            UnreadableError: if it cannot be read.
        """
        return self.read(CHECKPOINT)

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first `width` hashes of a tile (a `tiles.ReadTile`).

        Raises:
            UnreadableError: if neither the partial nor the full tile can be read.
            TileError: if the file's length is not that of its width.
        """
        data, file_width = self._read_at(level, index, width)
        if len(data) != file_width * HASH_BYTES:
            raise TileError(f"expected {file_width} hashes, got {len(data)} bytes")
        return data[: width * HASH_BYTES]

    def read_entries(self, index: int, width: int) -> list[bytes]:
        """Return the first `width` entries of an entry bundle.

        Raises:
            UnreadableError: if neither the partial nor the full bundle can be read.
            TileError: if the file's number of entries is not its width.
        """
        data, file_width = self._read_at(ENTRIES, index, width)
        return parse_entries(data, file_width)[:width]

    def entries(self, size: int) -> Iterator[bytes]:
        """Yield the first `size` entries of the log, in order; errors as of `read_entries`."""
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
    """The files of one log in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> bytes:
        """Return a file below the log's folder; see `LogFiles.read`."""
        return read_capped(self.root / name, size_limit(name))

    def has_tiles(self) -> bool:
        """Return whether there is a folder of tiles."""
        return (self.root / TILES).is_dir()

    def positions(self) -> Iterator[TilePosition]:
        """Yield the positions of all stored tiles and entry bundles; skip other files and linked folders."""
        for name in _files_below(self.root, TILES):
            try:
                yield parse_tile_path(name)
            except TileError:
                continue


class LedgerFiles(ABC):
    """The files of a whole ledger."""

    @abstractmethod
    def log(self, path: str) -> LogFiles:
        """Return the files of the log at a path such as `city/1`."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return a file of the ledger outside its logs; errors as of `LogFiles.read`."""

    @abstractmethod
    def logs(self) -> list[str]:
        """Return the paths of the partition logs; empty if they cannot be listed."""


class LedgerFolder(LedgerFiles):
    """The files of a ledger in a directory."""

    def __init__(self, root: Path) -> None:
        """Open the directory.

        Raises:
            UnreadableError: if it does not exist.
        """
        if not root.is_dir():
            raise UnreadableError(f"{root}: expected the folder of a ledger")
        self.root = root

    def log(self, path: str) -> LogFolder:
        """Return the files of the log at a path below the directory."""
        return LogFolder(self.root / path)

    def read(self, name: str) -> bytes:
        """Return a file of the ledger outside its logs."""
        return read_file(self.root / name)

    def logs(self) -> list[str]:
        """Return the paths of the logs that have a checkpoint, sorted."""
        found = list(islice(self.root.glob(f"*/*/*/{CHECKPOINT}"), MAX_LOGS + 1))
        if len(found) > MAX_LOGS:
            raise UnreadableError(f"{self.root}: expected at most {MAX_LOGS} logs, there are more")
        return sorted(path.parent.relative_to(self.root).as_posix() for path in found)


def _files_below(root: Path, name: str) -> Iterator[str]:
    """Yield the paths of regular files below a folder; keep no list of them."""
    try:
        with os.scandir(root / name) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files_below(root, f"{name}/{entry.name}")
                elif entry.is_file():
                    yield f"{name}/{entry.name}"
    except OSError:
        return  # reading the files that must be there names it
