"""Notice that a full tile or entry bundle of the ledger was changed: such files never change once they are full.

A look asks the file system for size and modification time of each full file, and reads none. A file that is newer than
all were at the look before, although it was full then, is read and compared with the hash tree; so is one that was
wrong before, until it is right again. What has another content and an old modification time, and what was changed
while the ledger did not run, only an audit finds.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from typing import TYPE_CHECKING

from ledger_sink.errors import LedgerError
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import CITY_LOG
from ledger_sink.format.layout import STATE
from ledger_sink.format.merkle import leaf_hashes
from ledger_sink.format.scan import HASH_BYTES
from ledger_sink.format.tiles import ENTRIES, TILE_WIDTH, parse_entries, position_path, tile_hash, tiles_of
from ledger_sink.log.tile_log import TileSource
from ledger_sink.store import checksummed_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger_sink.metrics import Emit
    from ledger_sink.store import FileStore

LOOK_S = 60.0
"""Seconds between two looks, at least."""
SHARE = 0.01
"""Share of the time that looks may take: a look that took long is followed by a longer pause."""
MOST_NAMED = 16
"""Files that are named at a time; the audit names all."""

log = logging.getLogger("ledger.sink")


class FileWatch:
    """Looks at the full files of all logs; a step of a `PeriodicThread`.

    Args:
        store: the ledger's files.
        emit: takes `ledger_file_changed`, 1 when a file is found wrong, and 0 when it is right again.
        clock: monotonic seconds.
    """

    def __init__(self, store: FileStore, emit: Emit, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._emit = emit
        self._clock = clock
        self._next = float("-inf")
        self._seen: dict[str, tuple[int, int]] = {}
        """Log folder → its size, and the newest modification time of its full files in ns, at the last look."""
        self._named: dict[str, str] = {}
        """File → what is wrong with it."""

    def __call__(self) -> None:
        """Look, unless the last look was so long that a pause is due."""
        began = self._clock()
        if began < self._next:
            return
        found: dict[str, str] = {}
        for folder in self._folders():
            for name, why in self._wrong(folder):
                if len(found) < MOST_NAMED or name in self._named:
                    found[name] = self._named.get(name, why)
        for name in self._named:
            if name not in found:
                log.warning("%s: as it was", name)
                self._emit("ledger_file_changed", 0, {"file": name})
        for name, why in found.items():
            if name not in self._named:
                log.error("%s: %s; put it back from a backup", name, why)
                self._emit("ledger_file_changed", 1, {"file": name})
        self._named = found
        now = self._clock()
        self._next = now + (now - began) / SHARE - LOOK_S

    def _folders(self) -> Iterator[str]:
        """Yield the folder of each log that has a state, all epochs."""
        root = self._store.root
        for pattern in (f"{CITY_LOG}/[0-9]*/{STATE}", f"*/[0-9]*/[0-9]*/{STATE}"):
            for path in sorted(root.glob(pattern)):
                yield path.parent.relative_to(root).as_posix()

    def _wrong(self, folder: str) -> Iterator[tuple[str, str]]:
        """Yield each full file of a log that is found wrong, and what is wrong."""
        name = f"{folder}/{STATE}"
        try:
            size = int(checksummed_json.decode(self._store.read(name), name)["size"])
        except (LedgerError, KeyError, TypeError, ValueError):
            return  # the status says so, and which
        known, before = self._seen.get(folder, (0, 0))
        newest = before
        for level, index, width in _full(size):
            name = f"{folder}/{position_path((level, index, width))}"
            try:
                found = os.stat(self._store.path(name))  # noqa: PTH116 - for many files
            except OSError as error:
                yield name, f"cannot be found: {error.strerror}"
                continue
            was_full = index < _hashes(known, level) // TILE_WIDTH
            if (
                name in self._named
                or not stat.S_ISREG(found.st_mode)
                or (was_full and found.st_mtime_ns > before)
            ):
                why = self._compare(folder, level, index, size)
                if why:
                    yield name, why
            newest = max(newest, found.st_mtime_ns)
        self._seen[folder] = (size, min(newest, time.time_ns()))

    def _compare(self, folder: str, level: int, index: int, size: int) -> str:
        """Read a full file and compare it with the hash tree; return what is wrong, or nothing."""
        source = TileSource(self._store, folder)
        try:
            data = self._store.read(f"{folder}/{position_path((level, index, TILE_WIDTH))}")
            if level == ENTRIES:
                hashes = b"".join(leaf_hashes(parse_entries(data, TILE_WIDTH)))
                fits = hashes == source.read_tile(0, index, TILE_WIDTH)
            else:
                above, at = divmod(index, TILE_WIDTH)
                width = min(TILE_WIDTH, _hashes(size, level + 1) - above * TILE_WIDTH)
                parent = source.read_tile(level + 1, above, width)
                fits = (
                    len(data) == TILE_WIDTH * HASH_BYTES
                    and tile_hash(data) == parent[at * HASH_BYTES :][:HASH_BYTES]
                )
        except (LedgerError, FormatError) as error:
            return f"was changed: {error}"
        return "" if fits else "was changed: it does not fit the hash tree"


def _hashes(size: int, level: int) -> int:
    """Return how many hashes a level of a tree of this size has; entries are as many as leaf hashes."""
    return size >> 8 * max(level, 0)


def _full(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield the place of each full entry bundle and tile."""
    for level, index, width in tiles_of(size):
        if width == TILE_WIDTH:
            if level == 0:
                yield ENTRIES, index, width
            yield level, index, width
