"""The client of the signer: heads in, signed checkpoint notes out, many logs in one request.

It finds the consistency proofs that the signer asks for in the log's own tiles, and believes no signature
that it has not verified with the key in `keys.txt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.errors import (
    DamagedLogError,
    MissingFileError,
    SetupError,
    SignatureRefusedError,
    SignerUnavailableError,
)
from ledger_sink.format.checkpoint import Checkpoint, open_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.note import Note, VerifierKey, parse_signatures
from ledger_sink.format.tiles import consistency_proof
from ledger_sink.http.client import HttpClient
from ledger_sink.log.tile_log import TileSource
from ledger_sink.signer.protocol import (
    CONFLICT,
    MAX_BATCH,
    SIGNED,
    MalformedRequestError,
    SignAnswer,
    SignRequest,
    decode_answers,
    decode_texts,
    encode_requests,
    encode_texts,
)
from ledger_sink.store.secret_files import read_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ledger_sink.store import Store

TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Head:
    """A committed head that wants a signature."""

    folder: str
    checkpoint: Checkpoint


class SignerConnection:
    """The signer over HTTP."""

    def __init__(self, url: str, token_file: Path) -> None:
        self._peer = HttpClient(url, timeout_s=TIMEOUT_S, unavailable=SignerUnavailableError)
        self._token_file = token_file

    def sign(self, requests: list[SignRequest]) -> list[SignAnswer]:
        """Ask for signatures.

        Raises:
            SignerUnavailableError: it does not answer as agreed.
        """
        try:
            answers = decode_answers(self._post("/sign", encode_requests(requests)))
        except MalformedRequestError as error:
            raise SignerUnavailableError(str(error)) from error
        if len(answers) != len(requests):
            raise SignerUnavailableError(f"signer: expected {len(requests)} answers, got {len(answers)}")
        return answers

    def vkeys(self, origins: Sequence[str]) -> list[VerifierKey]:
        """Ask for the verifier keys of logs."""
        try:
            texts = decode_texts("vkeys", self._post("/keys", encode_texts("origins", list(origins))))
            return [VerifierKey.parse(text) for text in texts]
        except (MalformedRequestError, FormatError) as error:
            raise SignerUnavailableError(str(error)) from error

    def _post(self, path: str, body: bytes) -> bytes:
        try:
            token = read_token(self._token_file)
        except SetupError as error:
            raise SignerUnavailableError(str(error)) from error
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        status, data = self._peer.call("POST", path, body, headers)
        if status != 200:
            raise SignerUnavailableError(f"signer: expected status 200, got {status}: {data[:200]!r}")
        return data


class SignerClient:
    """Turns committed heads into signed notes; remembers what the signer signed last. One thread owns it."""

    def __init__(self, store: Store, sign: Callable[[list[SignRequest]], list[SignAnswer]]) -> None:
        self._store = store
        self._sign = sign
        self._signed: dict[str, int] = {}

    def sign(
        self, heads: Sequence[Head], keys: dict[str, VerifierKey]
    ) -> tuple[dict[str, bytes], dict[str, SignatureRefusedError | DamagedLogError]]:
        """Get signed notes for heads.

        Args:
            heads: at most one of each origin.
            keys: verifier key by origin.

        Returns:
            The notes by origin, and the refusals by origin.

        Raises:
            SignerUnavailableError: nobody can be served just now.
        """
        notes: dict[str, bytes] = {}
        refusals: dict[str, SignatureRefusedError | DamagedLogError] = {}
        waiting = list(heads)
        for _ in range(3):  # ask, correct the remembered sizes, ask again; once more for a racing signer
            waiting = self._round(waiting, keys, notes, refusals)
            if not waiting:
                break
        return notes, refusals

    def _round(
        self,
        heads: list[Head],
        keys: dict[str, VerifierKey],
        notes: dict[str, bytes],
        refusals: dict[str, SignatureRefusedError | DamagedLogError],
    ) -> list[Head]:
        """Ask once for every head; return those to ask for again from another size."""
        asked: list[tuple[Head, SignRequest]] = []
        for head in heads:
            try:
                asked.append((head, self._request(head)))
            except DamagedLogError as error:
                refusals[head.checkpoint.origin] = error
        again = []
        for start in range(0, len(asked), MAX_BATCH):
            part = asked[start : start + MAX_BATCH]
            answers = self._sign([request for _, request in part])
            for (head, _), answer in zip(part, answers, strict=True):
                origin = head.checkpoint.origin
                if answer.status == CONFLICT and answer.size <= head.checkpoint.size:
                    self._signed[origin] = answer.size
                    again.append(head)
                    continue
                try:
                    notes[origin] = _note(head.checkpoint, answer, keys[origin])
                    self._signed[origin] = head.checkpoint.size
                except SignatureRefusedError as error:
                    refusals[origin] = error
        return again

    def _request(self, head: Head) -> SignRequest:
        checkpoint = head.checkpoint
        old_size = self._signed.get(checkpoint.origin, 0)
        source = TileSource(self._store, head.folder)
        try:
            proof = consistency_proof(old_size, checkpoint.size, source.read_tile)
        except (FormatError, MissingFileError) as error:
            raise DamagedLogError(f"{head.folder}: no proof from size {old_size}: {error}") from error
        return SignRequest(checkpoint.origin, checkpoint.size, checkpoint.root, old_size, proof)


def _note(checkpoint: Checkpoint, answer: SignAnswer, key: VerifierKey) -> bytes:
    """Return the signed note, verified.

    Raises:
        SignatureRefusedError: the signer refused, or signed with another key.
    """
    where = f"{checkpoint.origin} at size {checkpoint.size}"
    if answer.status == CONFLICT:
        raise SignatureRefusedError(
            f"{where}: the signer signed size {answer.size} before; this log was rolled back, "
            "put its newest files back or declare a new epoch"
        )
    if answer.status != SIGNED:
        raise SignatureRefusedError(f"{where}: the signer refuses ({answer.status}): {answer.reason}")
    try:
        note = Note(checkpoint.text, parse_signatures(answer.signature.encode())).encode()
        open_checkpoint(note, key)
    except FormatError as error:
        raise SignatureRefusedError(f"{where}: the signer's signature is no good: {error}") from error
    return note
