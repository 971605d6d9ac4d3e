"""The city log: partition checkpoints → blocks → a city checkpoint with witnesses' cosignatures.

It believes no partition checkpoint without its signature and a consistency proof from the size in its last block:
it is a witness to all of them (docs/ledger.md#blocks). Blocks are durable, then the state, then the signature, then
the cosignatures; `checkpoint` appears only with the policy's quorum. It reads what the publisher wrote, so
ingestion never waits for it. One thread owns it.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.city_log.blocks import CityBlocks
from ledger_sink.city_log.checkpoint_collector import CheckpointCollector
from ledger_sink.city_log.state import COSIGNED_NAME, CosignedCheckpoint
from ledger_sink.errors import CheckpointRefusedError, LedgerError, MissingFileError
from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import Origin
from ledger_sink.format.layout import CHECKPOINT, log_path
from ledger_sink.format.note import Note, parse_note
from ledger_sink.format.policy import open_cosigned
from ledger_sink.log.key_list import read_keys
from ledger_sink.log.tile_log import drop_partials
from ledger_sink.signer.client import CommittedHead, SignerClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger_sink.city_log.state import CityState
    from ledger_sink.format.note import Signature, VerifierKey
    from ledger_sink.format.policy import Policy
    from ledger_sink.signer.protocol import SignRequest, SignResponse
    from ledger_sink.store import Store
    from ledger_sink.witness.client import WitnessClient

log = logging.getLogger("ledger.chain")


@dataclass(frozen=True, slots=True)
class Quorum:
    """Who must cosign, and how they are reached."""

    policy: Policy
    witnesses: tuple[tuple[str, WitnessClient], ...]
    """By the name under which the policy speaks of the witness."""


class CityLogWriter:
    """The one writer of the city log."""

    def __init__(
        self, store: Store, origin: str, sign: Callable[[list[SignRequest]], list[SignResponse]]
    ) -> None:
        """Open the city log; see `CityBlocks`.

        Raises:
            LockHeldError: another process writes it.
            DamagedStateError: the state file is damaged or gone.
            DamagedLogError: the tiles do not fit it.
        """
        self.failures: dict[str, str] = {}
        """Witnesses that did not cosign at the last attempt, and why."""
        self.published = -1
        """Size of the published city checkpoint; -1 before the first look."""
        self._store = store
        self._blocks = CityBlocks(store, origin)
        self._signer = SignerClient(store, sign)
        self._keys: dict[str, VerifierKey] = {}
        self._collector = CheckpointCollector(store, Origin.parse(origin).city)
        self._uncosigned: dict[str, CosignedCheckpoint] = {}

    @property
    def origin(self) -> str:
        """Origin of the city log."""
        return self._blocks.origin

    @property
    def folder(self) -> str:
        """Folder of the city log."""
        return self._blocks.folder

    @property
    def state(self) -> CityState:
        """What is committed of it."""
        return self._blocks.state

    @property
    def refused(self) -> dict[str, str]:
        """Partition logs that get into no block any more, and why."""
        return self._collector.refused

    def key(self) -> VerifierKey | None:
        """Return the city log's verifier key once `keys.txt` holds it."""
        if self.origin not in self._keys:
            self._keys = read_keys(self._store)
        return self._keys.get(self.origin)

    def extend(self, now_ms: int) -> int:
        """Put every partition checkpoint that grew into blocks; return the number of new blocks.

        Raises:
            ClockSteppedBackError: the last block is of a later time; wait.
            StoreError: nothing was committed; try again.
        """
        accepted = self._collector.collect(self.state.last_checkpoints)
        self._uncosigned |= self._collector.lost_cosigned
        if not accepted:
            return 0
        added = self._blocks.append([item.checkpoint for item in accepted], now_ms)
        for item in accepted:
            origin = item.checkpoint.origin
            self._uncosigned[origin] = CosignedCheckpoint(
                self.state.last_checkpoints[origin].block, item.note
            )
            self._collector.mark_committed(item)
        return added

    def publish(self, quorum: Quorum) -> bool:
        """Sign, have cosigned and publish the city checkpoint if the log grew; tell whether it is published.

        Raises:
            SignerUnavailableError: try again later.
            LogStoppedError: the signer or a witness saw another history.
        """
        key = self.key()
        if key is None or not self.state.size:
            return False
        if self.published < 0:
            self.published = self._published_size(quorum.policy)
        if self.published != self.state.size:
            checkpoint = Checkpoint(self.origin, self.state.size, self.state.root)
            notes, refusals = self._signer.sign([CommittedHead(self.folder, checkpoint)], {self.origin: key})
            if refusals:
                raise refusals[self.origin]
            note = self._cosigned(checkpoint, notes[self.origin], quorum)
            if note is None:
                return False
            self._store.write({f"{self.folder}/{CHECKPOINT}": note})
            drop_partials(self._store, self.folder, max(self.published, 0), checkpoint.size)
            self.published = checkpoint.size
        self._write_cosigned()
        return True

    def _published_size(self, policy: Policy) -> int:
        try:
            data = self._store.read(f"{self.folder}/{CHECKPOINT}")
            return open_cosigned(data, policy).checkpoint.size
        except (MissingFileError, FormatError):
            return 0  # absent, damaged or short of today's policy: it is made anew

    def _cosigned(self, checkpoint: Checkpoint, note: bytes, quorum: Quorum) -> bytes | None:
        """Return the note with every cosignature that can be had, or None if they are too few."""
        signatures, refusal = self._ask_all(checkpoint, note, quorum)
        if not quorum.policy.is_witnessed(signatures.keys()):
            if refusal:
                raise refusal
            return None
        signed = parse_note(note)
        return Note(signed.text, (*signed.signatures, *signatures.values())).encode()

    def _ask_all(
        self, checkpoint: Checkpoint, note: bytes, quorum: Quorum
    ) -> tuple[dict[str, Signature], CheckpointRefusedError | None]:
        def ask(witness: WitnessClient) -> Signature | LedgerError:
            try:
                return witness.cosign(checkpoint, note, self._blocks.tiles)
            except LedgerError as error:
                return error

        signatures: dict[str, Signature] = {}
        refusal = None
        if not quorum.witnesses:
            return signatures, None
        with ThreadPoolExecutor(len(quorum.witnesses), thread_name_prefix="ledger-witness") as pool:
            answers = list(pool.map(ask, [witness for _, witness in quorum.witnesses]))
        self.failures = {}
        for (name, _), answer in zip(quorum.witnesses, answers, strict=True):
            if isinstance(answer, LedgerError):
                self.failures[name] = str(answer)
                refusal = answer if isinstance(answer, CheckpointRefusedError) else refusal
            else:
                signatures[name] = answer
        return signatures, refusal

    def _write_cosigned(self) -> None:
        covered = {o: c for o, c in self._uncosigned.items() if c.block < self.published}
        self._store.write({f"{log_path(o)}/{COSIGNED_NAME}": c.encode() for o, c in covered.items()})
        for origin in covered:
            del self._uncosigned[origin]

    def close(self) -> None:
        """Let another writer in."""
        self._blocks.close()
