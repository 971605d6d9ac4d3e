"""The writer of the city log: partition checkpoints → blocks → a city checkpoint with witnesses' cosignatures.

It takes only checkpoints that `checkpoint_collector.py` verified (docs/ledger.md#blocks). The order is: blocks durable,
state durable, signature, cosignatures, published `checkpoint`. A city checkpoint is published only with the policy's
quorum. The writer reads the publisher's files, so ingestion never waits for it. One thread owns it.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.city_log.blocks import CityBlocks
from ledger_sink.city_log.checkpoint_collector import CheckpointCollector
from ledger_sink.city_log.state import COSIGNED_NAME, CosignedCheckpoint
from ledger_sink.errors import CheckpointRefusedError, LedgerError, MissingFileError
from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.cosigned import open_cosigned
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import Origin
from ledger_sink.format.layout import CHECKPOINT, log_path
from ledger_sink.format.note import Note, parse_note
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
    """The policy, and clients of its witnesses that have an address."""

    policy: Policy
    witnesses: tuple[tuple[str, WitnessClient], ...]
    """Each with the witness's name in the policy."""


class CityLogWriter:
    """The one writer of the city log."""

    def __init__(
        self, store: Store, origin: str, sign: Callable[[list[SignRequest]], list[SignResponse]]
    ) -> None:
        """Lock the city log and verify it; see `CityBlocks`.

        Args:
            store: the ledger's files.
            origin: origin of the city log.
            sign: requests signatures from the signer.

        Raises:
            LockHeldError: another process holds the writer lock.
            DamagedStateError: the state file is damaged or missing.
            DamagedLogError: the tiles do not match the state.
        """
        self.failures: dict[str, str] = {}
        """Reason of each witness that did not cosign at the last attempt, by name."""
        self.published = -1
        """Size of the published city checkpoint; -1 before it is read."""
        self._store = store
        self._blocks = CityBlocks(store, origin)
        self._signer = SignerClient(store, sign)
        self._keys: dict[str, VerifierKey] = {}
        self._collector = CheckpointCollector(store, Origin.parse(origin).city)
        self._uncosigned: dict[str, CosignedCheckpoint] = {}

    @property
    def origin(self) -> str:
        """Return the origin of the city log."""
        return self._blocks.origin

    @property
    def folder(self) -> str:
        """Return the folder of the city log."""
        return self._blocks.folder

    @property
    def state(self) -> CityState:
        """Return the committed state."""
        return self._blocks.state

    @property
    def last_block_ms(self) -> int:
        """Return the time of the last block, in milliseconds since 1970 UTC; 0 before block 0."""
        return self._blocks.last_ms

    @property
    def refused(self) -> dict[str, str]:
        """Return the reason of refusal, by origin of a partition log that no new block includes."""
        return self._collector.refused

    def key(self) -> VerifierKey | None:
        """Return the city log's verifier key, or None before `keys.txt` has it."""
        if self.origin not in self._keys:
            self._keys = read_keys(self._store)
        return self._keys.get(self.origin)

    def extend(self, now_ms: int) -> int:
        """Put every partition checkpoint that grew into blocks.

        Args:
            now_ms: time of the blocks, in milliseconds since 1970 UTC.

        Returns:
            The number of new blocks.

        Raises:
            ClockSteppedBackError: the last block has a later time; wait.
            StoreError: the commit failed; try again.
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
        """Sign, cosign and publish the city checkpoint if the log grew.

        Returns:
            Whether the checkpoint of the current size is published.

        Raises:
            SignerUnavailableError: the signer does not answer; try again later.
            StoreError: the checkpoint could not be made durable; try again later.
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
            return open_cosigned(data, policy, time.time()).checkpoint.size
        except (MissingFileError, FormatError):
            return 0  # absent, damaged or short of the policy's quorum: publish it again

    def _cosigned(self, checkpoint: Checkpoint, note: bytes, quorum: Quorum) -> bytes | None:
        """Return the note with every available cosignature, or None without a quorum."""
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
        cosigned = {o: c for o, c in self._uncosigned.items() if c.block < self.published}
        self._store.write({f"{log_path(o)}/{COSIGNED_NAME}": c.encode() for o, c in cosigned.items()})
        for origin in cosigned:
            del self._uncosigned[origin]

    def close(self) -> None:
        """Release the writer lock."""
        self._blocks.close()
