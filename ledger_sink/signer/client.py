"""The client of the signer: takes committed heads, returns signed checkpoint notes, many logs in one request.

It makes the consistency proofs that the signer demands from the log's own tiles. It verifies every signature with the
key in `keys.txt` before it returns a note.
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
    SignRequest,
    SignResponse,
    decode_responses,
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
class CommittedHead:
    """The committed head of a log, to be signed."""

    folder: str
    """The log's folder, where its tiles lie."""
    checkpoint: Checkpoint


class SignerConnection:
    """The signer's HTTP interface, from the caller's side."""

    def __init__(self, url: str, token_file: Path) -> None:
        self._peer = HttpClient(url, timeout_s=TIMEOUT_S, unavailable=SignerUnavailableError)
        self._token_file = token_file

    def sign(self, requests: list[SignRequest]) -> list[SignResponse]:
        """Request signatures of at most `MAX_BATCH` heads; return one response for each, in order.

        Raises:
            SignerUnavailableError: the signer does not answer as agreed.
        """
        try:
            answers = decode_responses(self._post("/sign", encode_requests(requests)))
        except MalformedRequestError as error:
            raise SignerUnavailableError(str(error)) from error
        if len(answers) != len(requests):
            raise SignerUnavailableError(f"signer: expected {len(requests)} answers, got {len(answers)}")
        return answers

    def vkeys(self, origins: Sequence[str]) -> list[VerifierKey]:
        """Request the verifier keys of logs, in the order of their origins.

        Raises:
            SignerUnavailableError: the signer does not answer as agreed.
        """
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
    """Turns committed heads into signed notes.

    It remembers the last signed size of each log, so that most heads take one request. One thread owns it.
    """

    def __init__(self, store: Store, sign: Callable[[list[SignRequest]], list[SignResponse]]) -> None:
        self._store = store
        self._sign = sign
        self._signed: dict[str, int] = {}

    def sign(
        self, heads: Sequence[CommittedHead], keys: dict[str, VerifierKey]
    ) -> tuple[dict[str, bytes], dict[str, SignatureRefusedError | DamagedLogError]]:
        """Request signed notes for heads.

        Args:
            heads: at most one head per origin.
            keys: verifier key by origin.

        Returns:
            The signed notes by origin, and the refusals by origin.

        Raises:
            SignerUnavailableError: the signer does not answer; no head is signed now.
        """
        notes: dict[str, bytes] = {}
        refusals: dict[str, SignatureRefusedError | DamagedLogError] = {}
        waiting = list(heads)
        for _ in range(
            3
        ):  # a request, one with corrected sizes, and one more if another client signed meanwhile
            waiting = self._round(waiting, keys, notes, refusals)
            if not waiting:
                break
        return notes, refusals

    def _round(
        self,
        heads: list[CommittedHead],
        keys: dict[str, VerifierKey],
        notes: dict[str, bytes],
        refusals: dict[str, SignatureRefusedError | DamagedLogError],
    ) -> list[CommittedHead]:
        """Request each head once; return those that need a proof from another size."""
        requests: list[tuple[CommittedHead, SignRequest]] = []
        for head in heads:
            try:
                requests.append((head, self._request(head)))
            except DamagedLogError as error:
                refusals[head.checkpoint.origin] = error
        again = []
        for start in range(0, len(requests), MAX_BATCH):
            part = requests[start : start + MAX_BATCH]
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

    def _request(self, head: CommittedHead) -> SignRequest:
        checkpoint = head.checkpoint
        old_size = self._signed.get(checkpoint.origin, 0)
        source = TileSource(self._store, head.folder)
        try:
            proof = consistency_proof(old_size, checkpoint.size, source.read_tile)
        except (FormatError, MissingFileError) as error:
            raise DamagedLogError(f"{head.folder}: no proof from size {old_size}: {error}") from error
        return SignRequest(checkpoint.origin, checkpoint.size, checkpoint.root, old_size, proof)


def _note(checkpoint: Checkpoint, answer: SignResponse, key: VerifierKey) -> bytes:
    """Return the verified signed note.

    Raises:
        SignatureRefusedError: the signer refused, or its signature is not valid under the key.
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
