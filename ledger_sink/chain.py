"""The city log: partition checkpoints → blocks → a city checkpoint with witnesses' cosignatures.

It believes no partition checkpoint without its signature and a consistency proof from the size in its last block:
it is a witness to all of them (docs/ledger.md#blocks). Blocks are durable, then the state, then the signature, then
the cosignatures; `checkpoint` appears only with the policy's quorum. It reads what the publisher wrote, so
ingestion never waits for it. One thread owns it.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from ledger_sink.city_state import COVER_NAME, CityState, Cover, Mention, read_city_state
from ledger_sink.errors import (
    CheckpointRefusedError,
    ClockSteppedBackError,
    DamagedLogError,
    DamagedStateError,
    LedgerError,
    MissingFileError,
)
from ledger_sink.format.block import NO_PREVIOUS, Block
from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import Origin
from ledger_sink.format.layout import CHECKPOINT, LOCK, STATE, log_path
from ledger_sink.format.note import Note, parse_note
from ledger_sink.format.policy import open_cosigned
from ledger_sink.head_collector import Accepted, HeadCollector
from ledger_sink.head_signer import Head, HeadSigner
from ledger_sink.keyring import read_keys
from ledger_sink.tile_log import TileLog, drop_partials

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger_sink.cosigner import Cosigner
    from ledger_sink.format.note import Signature, VerifierKey
    from ledger_sink.format.policy import Policy
    from ledger_sink.signing import SignAnswer, SignRequest
    from ledger_sink.store import Store

BLOCK_LINES = 8
"""Lines of a block that we write (the format allows 32): every bundle carries a block, and is to stay small."""

log = logging.getLogger("ledger.chain")


@dataclass(frozen=True, slots=True)
class Quorum:
    """Who must cosign, and how they are reached."""

    policy: Policy
    cosigners: tuple[tuple[str, Cosigner], ...]
    """By the name under which the policy speaks of the witness."""


class CityChain:
    """The one writer of the city log."""

    def __init__(
        self, store: Store, origin: str, sign: Callable[[list[SignRequest]], list[SignAnswer]]
    ) -> None:
        """Lock the city log and check it.

        Raises:
            LockHeldError: another process writes it.
            DamagedStateError: the state file is damaged or gone.
            DamagedLogError: the tiles do not fit it.
        """
        self.origin = origin
        self.folder = log_path(origin)
        self.silent: dict[str, str] = {}
        """Witnesses that did not cosign at the last attempt, and why."""
        self._store = store
        self._lock = store.lock(f"{self.folder}/{LOCK}")
        try:
            self.state = self._read_state()
            self._log = TileLog(store, self.folder, self.state.size, self.state.root)
            self._last = self._last_block()
        except BaseException:
            self._lock.release()
            raise
        self._signer = HeadSigner(store, sign)
        self._keys: dict[str, VerifierKey] = {}
        self._collector = HeadCollector(store, Origin.parse(origin).city)
        self._uncovered: dict[str, Cover] = {}
        self.published = -1
        """Size of the published city checkpoint; -1 before the first look."""

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

    def _last_block(self) -> tuple[bytes, int]:
        """Return hash and time of the last block."""
        if not self.state.size:
            return NO_PREVIOUS, 0
        data = self._log.source.entry(self.state.size - 1, self.state.size)
        try:
            return sha256(data).digest(), Block.parse(data).time_ms
        except FormatError as error:
            raise DamagedLogError(f"{self.folder}: block {self.state.size - 1}: {error}") from error

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
        accepted = self._collector.collect(self.state.mentions)
        self._uncovered |= self._collector.lost_covers
        if not accepted:
            return 0
        if now_ms < self._last[1]:
            raise ClockSteppedBackError(
                f"{self.origin}: the clock shows {now_ms} ms, the last block {self._last[1]}; waiting for it"
            )
        blocks, mentions = self._blocks(accepted, now_ms)
        self._commit(blocks, mentions, now_ms)
        for item in accepted:
            origin = item.checkpoint.origin
            self._uncovered[origin] = Cover(mentions[origin].block, item.note)
            self._collector.settle(item)
        return len(blocks)

    def _blocks(self, accepted: Sequence[Accepted], now_ms: int) -> tuple[list[bytes], dict[str, Mention]]:
        previous = self._last[0]
        blocks: list[bytes] = []
        mentions: dict[str, Mention] = {}
        for start in range(0, len(accepted), BLOCK_LINES):
            heads = tuple(item.checkpoint for item in accepted[start : start + BLOCK_LINES])
            number = self.state.size + len(blocks)
            data = Block(self.origin, number, previous, now_ms, heads).encode()
            mentions |= {head.origin: Mention(head.size, head.root, number) for head in heads}
            previous = sha256(data).digest()
            blocks.append(data)
        return blocks, mentions

    def _commit(self, blocks: list[bytes], mentions: dict[str, Mention], now_ms: int) -> None:
        try:
            self._log.append(blocks)
            self._store.write(self._log.unwritten())
            state = replace(
                self.state,
                size=self._log.size,
                root=self._log.root(),
                mentions={**self.state.mentions, **mentions},
            )
            self._store.write({f"{self.folder}/{STATE}": state.encode()})
        except BaseException:
            # Blocks carry the time: go back to what is committed and make new ones.
            self._reload()
            raise
        self._log.mark_durable()
        self.state = state
        self._last = (sha256(blocks[-1]).digest(), now_ms)

    def _reload(self) -> None:
        """Forget what is not committed; the store may or may not have taken the state."""
        self.state = self._read_state()
        self._log = TileLog(self._store, self.folder, self.state.size, self.state.root)
        self._last = self._last_block()

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
            notes, refusals = self._signer.sign([Head(self.folder, checkpoint)], {self.origin: key})
            if refusals:
                raise refusals[self.origin]
            note = self._cosigned(checkpoint, notes[self.origin], quorum)
            if note is None:
                return False
            self._store.write({f"{self.folder}/{CHECKPOINT}": note})
            drop_partials(self._store, self.folder, max(self.published, 0), checkpoint.size)
            self.published = checkpoint.size
        self._write_covers()
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
        def ask(cosigner: Cosigner) -> Signature | LedgerError:
            try:
                return cosigner.cosign(checkpoint, note, self._log.source)
            except LedgerError as error:
                return error

        signatures: dict[str, Signature] = {}
        refusal = None
        if not quorum.cosigners:
            return signatures, None
        with ThreadPoolExecutor(len(quorum.cosigners), thread_name_prefix="ledger-witness") as pool:
            answers = list(pool.map(ask, [cosigner for _, cosigner in quorum.cosigners]))
        self.silent = {}
        for (name, _), answer in zip(quorum.cosigners, answers, strict=True):
            if isinstance(answer, LedgerError):
                self.silent[name] = str(answer)
                refusal = answer if isinstance(answer, CheckpointRefusedError) else refusal
            else:
                signatures[name] = answer
        return signatures, refusal

    def _write_covers(self) -> None:
        covered = {o: c for o, c in self._uncovered.items() if c.block < self.published}
        self._store.write({f"{log_path(o)}/{COVER_NAME}": c.encode() for o, c in covered.items()})
        for origin in covered:
            del self._uncovered[origin]

    def close(self) -> None:
        """Let another writer in."""
        self._lock.release()
