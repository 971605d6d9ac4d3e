"""Collects the published partition checkpoints for the next block and verifies each (docs/ledger.md#blocks).

The city log is a witness to every partition log. It accepts a checkpoint that the log signed and that is consistent
with the size in the last block about this log. A log whose checkpoint fails is refused until the process restarts; the
others go on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.city_log.state import CosignedCheckpoint, read_cosigned_checkpoint
from ledger_sink.errors import CheckpointRefusedError, DamagedStateError, MissingFileError
from ledger_sink.format.checkpoint import open_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import Origin
from ledger_sink.format.layout import CHECKPOINT, log_path
from ledger_sink.format.merkle import EMPTY_ROOT, verify_consistency
from ledger_sink.format.tiles import consistency_proof
from ledger_sink.log.key_list import read_keys
from ledger_sink.log.tile_log import TileSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ledger_sink.city_log.state import LastCheckpoint
    from ledger_sink.format.checkpoint import Checkpoint
    from ledger_sink.format.note import VerifierKey
    from ledger_sink.store import Store

log = logging.getLogger("ledger.chain")


@dataclass(frozen=True, slots=True)
class AcceptedCheckpoint:
    """A verified partition checkpoint for the next block, with its signed note."""

    checkpoint: Checkpoint
    note: bytes


class CheckpointCollector:
    """Reads and verifies published partition checkpoints of one city. One thread owns it."""

    def __init__(self, store: Store, city: str) -> None:
        self.refused: dict[str, str] = {}
        """Reason of refusal, by origin of the refused partition log."""
        self.lost_cosigned: dict[str, CosignedCheckpoint] = {}
        """Checkpoints whose `cover.json` a crash after the city checkpoint left unwritten, by origin."""
        self._store = store
        self._city = city
        self._keys: dict[str, VerifierKey] = {}
        self._committed_notes: dict[str, bytes] = {}

    def mark_committed(self, item: AcceptedCheckpoint) -> None:
        """Record that a checkpoint is in a committed block."""
        self._committed_notes[item.checkpoint.origin] = item.note

    def collect(self, last_checkpoints: Mapping[str, LastCheckpoint]) -> list[AcceptedCheckpoint]:
        """Return the verified checkpoints of logs that grew since their last checkpoint in a block, sorted by origin.

        Args:
            last_checkpoints: last checkpoint in a block, by origin.

        Raises:
            SetupError: `keys.txt` is malformed.
        """
        self.lost_cosigned = {}
        accepted = []
        for origin in self._origins():
            try:
                item = self._examine(origin, last_checkpoints.get(origin))
            except CheckpointRefusedError as error:
                self.refused[origin] = str(error)
                log.error("%s", error)  # noqa: TRY400 - the message says it all
                continue
            if item:
                accepted.append(item)
        return sorted(accepted, key=lambda item: item.checkpoint.origin.encode())

    def _origins(self) -> Iterator[str]:
        """Yield the origin of every partition log of this city that has a key in `keys.txt` and is not refused."""
        self._keys = read_keys(self._store)
        for text in self._keys:
            origin = Origin.parse(text)
            if not origin.is_city and origin.city == self._city and text not in self.refused:
                yield text

    def _examine(self, origin: str, last: LastCheckpoint | None) -> AcceptedCheckpoint | None:
        folder = log_path(origin)
        try:
            note = self._store.read(f"{folder}/{CHECKPOINT}")
        except MissingFileError:
            return None
        if self._committed_notes.get(origin) == note:
            return None
        checkpoint = self._checked(origin, last, note)
        if last is not None and checkpoint.size == last.size:
            self._committed_notes[origin] = note
            self._recover_cosigned(origin, last, note)
            return None
        return AcceptedCheckpoint(checkpoint, note) if checkpoint.size else None

    def _checked(self, origin: str, last: LastCheckpoint | None, note: bytes) -> Checkpoint:
        """Verify a partition checkpoint against the last block about its log.

        Raises:
            CheckpointRefusedError: it is unsigned, smaller, or inconsistent.
        """
        folder = log_path(origin)
        size, root = (last.size, last.root) if last else (0, EMPTY_ROOT)
        try:
            checkpoint, _ = open_checkpoint(note, self._keys[origin])
            if last is not None and checkpoint.size < size:
                raise CheckpointRefusedError(
                    f"{folder}/{CHECKPOINT}: size {checkpoint.size} was rolled back, "
                    f"block {last.block} says {size}"
                )
            proof = consistency_proof(size, checkpoint.size, TileSource(self._store, folder).read_tile)
            verify_consistency(size, root, checkpoint.size, checkpoint.root, proof)
        except (FormatError, MissingFileError) as error:
            raise CheckpointRefusedError(f"{folder}/{CHECKPOINT}: {error}") from error
        return checkpoint

    def _recover_cosigned(self, origin: str, last: LastCheckpoint, note: bytes) -> None:
        try:
            cosigned = read_cosigned_checkpoint(self._store, log_path(origin))
        except DamagedStateError as error:
            log.warning("%s; it is made anew", error)
            cosigned = None
        if cosigned is None or cosigned.block != last.block:
            self.lost_cosigned[origin] = CosignedCheckpoint(last.block, note)
