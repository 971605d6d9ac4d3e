"""The client of one witness (C2SP tlog-witness): sends a city checkpoint, returns its verified cosignature.

It starts from the size that it last saw cosigned and corrects it by the size in a 409 response. It makes consistency
proofs from the city log's own tiles.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ledger_sink.errors import (
    CheckpointRefusedError,
    DamagedLogError,
    MissingFileError,
    WitnessUnavailableError,
)
from ledger_sink.format.clock import time_problem
from ledger_sink.format.cosignature import verify_cosignature
from ledger_sink.format.errors import FormatError
from ledger_sink.format.tiles import consistency_proof
from ledger_sink.format.witness_request import ADD_CHECKPOINT, AddCheckpoint, parse_cosignatures, parse_size
from ledger_sink.http.client import HttpClient

if TYPE_CHECKING:
    from ledger_sink.format.checkpoint import Checkpoint
    from ledger_sink.format.note import Signature, VerifierKey
    from ledger_sink.log.tile_log import TileSource

TIMEOUT_S = 3.0


class WitnessClient:
    """Client of a witness at a URL. One thread at a time uses it.

    Args:
        key: verifier key that its cosignatures must match.
        url: its base URL.
    """

    def __init__(self, key: VerifierKey, url: str) -> None:
        self.key = key
        self._peer = HttpClient(url, timeout_s=TIMEOUT_S, unavailable=WitnessUnavailableError)
        self._known_size = 0

    def cosign(self, checkpoint: Checkpoint, note: bytes, source: TileSource) -> Signature:
        """Request this witness's cosignature and verify it.

        Args:
            checkpoint: the city checkpoint.
            note: that checkpoint with the city log's signature.
            source: the city log's tiles.

        Raises:
            WitnessUnavailableError: no response, or one that C2SP tlog-witness does not define.
            CheckpointRefusedError: the witness cosigned another history.
            DamagedLogError: the tiles give no consistency proof.
        """
        for _ in range(
            3
        ):  # a request, one with the corrected size, and one more if another client was faster
            status, body = self._ask(checkpoint, note, source)
            if status == 200:
                self._known_size = checkpoint.size
                return self._verified(checkpoint, body)
            if status != 409:
                break
            try:
                self._known_size = parse_size(body)
            except FormatError as error:
                raise WitnessUnavailableError(f"{self.key.name}: 409 without a size: {error}") from error
            if self._known_size > checkpoint.size:
                raise CheckpointRefusedError(
                    f"{checkpoint.origin}: witness {self.key.name} cosigned size {self._known_size}, ours is "
                    f"{checkpoint.size}: the city log was rolled back; put its newest files back"
                )
        reason = body[:200].decode("utf-8", "replace").strip()
        if status == 422:
            raise CheckpointRefusedError(f"{checkpoint.origin}: witness {self.key.name} refuses: {reason}")
        raise WitnessUnavailableError(f"{self.key.name} at {self._peer.url}: status {status}: {reason}")

    def _ask(self, checkpoint: Checkpoint, note: bytes, source: TileSource) -> tuple[int, bytes]:
        try:
            proof = consistency_proof(self._known_size, checkpoint.size, source.read_tile)
        except (FormatError, MissingFileError) as error:
            raise DamagedLogError(
                f"{source.folder}: no proof from size {self._known_size}: {error}"
            ) from error
        body = AddCheckpoint(self._known_size, proof, note).encode()
        return self._peer.call("POST", f"/{ADD_CHECKPOINT}", body)

    def _verified(self, checkpoint: Checkpoint, body: bytes) -> Signature:
        try:
            own = [line for line in parse_cosignatures(body) if self.key.matches(line)]
            times = [verify_cosignature(self.key, checkpoint.text, line) for line in own]
        except FormatError as error:
            raise WitnessUnavailableError(f"{self.key.name}: its cosignature is no good: {error}") from error
        if not own:
            raise WitnessUnavailableError(f"{self.key.name}: its answer holds no cosignature of its key")
        problem = time_problem(times[0], time.time())
        if problem:
            raise WitnessUnavailableError(f"{self.key.name}: its cosignature does not count: {problem}")
        return own[0]
