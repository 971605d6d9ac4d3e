"""The blocks of the city log on disk: read and verified when opened, then appended to.

Blocks are durable before the state. The log has one writer: it is locked while it is open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from ledger_sink.city_log.state import CityState, LastCheckpoint, read_city_state
from ledger_sink.errors import ClockSteppedBackError, DamagedLogError, DamagedStateError
from ledger_sink.format.block import NO_PREVIOUS, Block
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import CHECKPOINT, LOCK, STATE, log_path
from ledger_sink.log.tile_log import TileLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger_sink.format.checkpoint import Checkpoint
    from ledger_sink.log.tile_log import TileSource
    from ledger_sink.store import Store

BLOCK_LINES = 8
"""Most lines of a written block (the format allows 32): every bundle carries a block and should stay small."""


@dataclass(frozen=True, slots=True)
class LastBlock:
    """Hash and time of the block that the next one follows."""

    hash: bytes
    time_ms: int
    """Milliseconds since 1970 UTC; 0 before block 0."""


@dataclass(frozen=True, slots=True)
class _Committed:
    """State, tiles and last block on disk. They are always read and replaced together."""

    state: CityState
    tiles: TileLog
    last: LastBlock


class CityBlocks:
    """Reader and one writer of a city log's blocks."""

    def __init__(self, store: Store, origin: str) -> None:
        """Lock the city log and verify state, tiles and last block.

        Raises:
            LockHeldError: another process holds the writer lock.
            DamagedStateError: the state file is damaged or missing.
            DamagedLogError: the tiles do not match the state.
        """
        self.origin = origin
        self.folder = log_path(origin)
        self._store = store
        self._lock = store.lock(f"{self.folder}/{LOCK}")
        try:
            self._committed = self._read()
        except BaseException:
            self._lock.release()
            raise

    @property
    def state(self) -> CityState:
        """Return the committed state."""
        return self._committed.state

    @property
    def last_ms(self) -> int:
        """Return the time of the last block, in milliseconds since 1970 UTC; 0 before block 0."""
        return self._committed.last.time_ms

    @property
    def tiles(self) -> TileSource:
        """Return the reader of the log's tiles and blocks."""
        return self._committed.tiles.source

    def append(self, checkpoints: Sequence[Checkpoint], now_ms: int) -> int:
        """Put partition checkpoints into new blocks and commit them.

        Args:
            checkpoints: partition checkpoints, sorted by origin.
            now_ms: time of the blocks, in milliseconds since 1970 UTC.

        Returns:
            The number of new blocks.

        Raises:
            ClockSteppedBackError: the last block has a later time; wait.
            StoreError: the commit failed; try again.
        """
        last_ms = self._committed.last.time_ms
        if now_ms < last_ms:
            raise ClockSteppedBackError(
                f"{self.origin}: the clock shows {now_ms} ms, the last block {last_ms}; waiting for it"
            )
        blocks, last_checkpoints = self._blocks(checkpoints, now_ms)
        tiles = self._committed.tiles
        try:
            tiles.append(blocks)
            self._store.write(tiles.unwritten())
            last_checkpoints = {**self.state.last_checkpoints, **last_checkpoints}
            state = replace(self.state, size=tiles.size, root=tiles.root(), last_checkpoints=last_checkpoints)
            self._store.write({f"{self.folder}/{STATE}": state.encode()})
        except BaseException:
            # Blocks carry the time: return to the committed state and make new ones later. The store may or may not
            # have replaced the state.
            self._committed = self._read()
            raise
        tiles.mark_durable()
        self._committed = _Committed(state, tiles, LastBlock(sha256(blocks[-1]).digest(), now_ms))
        return len(blocks)

    def close(self) -> None:
        """Release the writer lock."""
        self._lock.release()

    def _blocks(
        self, checkpoints: Sequence[Checkpoint], now_ms: int
    ) -> tuple[list[bytes], dict[str, LastCheckpoint]]:
        previous = self._committed.last.hash
        blocks: list[bytes] = []
        last_checkpoints: dict[str, LastCheckpoint] = {}
        for start in range(0, len(checkpoints), BLOCK_LINES):
            heads = tuple(checkpoints[start : start + BLOCK_LINES])
            number = self.state.size + len(blocks)
            data = Block(self.origin, number, previous, now_ms, heads).encode()
            last_checkpoints |= {head.origin: LastCheckpoint(head.size, head.root, number) for head in heads}
            previous = sha256(data).digest()
            blocks.append(data)
        return blocks, last_checkpoints

    def _read(self) -> _Committed:
        state = self._read_state()
        tiles = TileLog(self._store, self.folder, state.size, state.root)
        return _Committed(state, tiles, self._last_block(state, tiles))

    def _read_state(self) -> CityState:
        state = read_city_state(self._store, self.folder)
        if state is None:
            if CHECKPOINT in self._store.listing(self.folder):
                raise DamagedStateError(
                    f"{self.folder}/{STATE}: gone, but a checkpoint is published; put it back"
                )
            return CityState(self.origin)
        if state.origin != self.origin:
            raise DamagedStateError(
                f"{self.folder}/{STATE}: expected origin {self.origin}, got {state.origin}"
            )
        return state

    def _last_block(self, state: CityState, tiles: TileLog) -> LastBlock:
        if not state.size:
            return LastBlock(NO_PREVIOUS, 0)
        data = tiles.source.entry(state.size - 1, state.size)
        try:
            return LastBlock(sha256(data).digest(), Block.parse(data).time_ms)
        except FormatError as error:
            raise DamagedLogError(f"{self.folder}: block {state.size - 1}: {error}") from error
