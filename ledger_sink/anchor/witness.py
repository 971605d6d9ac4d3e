"""A witness seen as an anchor: a checkpoint in, its cosignature line out.

The city chain asks its quorum by the same `Cosigner` before it publishes; this adapter is for a witness that
is asked afterwards, beside the quorum. It needs the city log's tiles for consistency proofs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.anchor.contract import Receipt
from ledger_sink.errors import AnchorUnavailableError, CheckpointRefusedError, WitnessUnavailableError
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.witness_request import encode_cosignatures
from ledger_sink.receipt.kinds import COSIGNATURE, ReceiptTrust, verify_receipt

if TYPE_CHECKING:
    from ledger_sink.anchor.contract import Pending
    from ledger_sink.cosigner import Cosigner
    from ledger_sink.receipt.claim import Claim
    from ledger_sink.tile_log import TileSource


class WitnessAnchor:
    """One witness."""

    suffix = COSIGNATURE

    def __init__(self, name: str, cosigner: Cosigner, source: TileSource) -> None:
        self.name = name
        self._cosigner = cosigner
        self._source = source

    def submit(self, checkpoint: bytes) -> Pending | Receipt:
        """Have a checkpoint cosigned."""
        head, _ = parse_checkpoint(checkpoint)
        try:
            line = self._cosigner.cosign(head, checkpoint, self._source)
        except (WitnessUnavailableError, CheckpointRefusedError) as error:
            raise AnchorUnavailableError(f"{self.name}: {error}") from error
        return Receipt(encode_cosignatures((line,)))

    def poll(self, checkpoint: bytes, pending: Pending) -> Pending | Receipt:
        """Ask again: a witness answers at once."""
        del pending
        return self.submit(checkpoint)

    def verify(self, checkpoint: bytes, receipt: bytes, trust: ReceiptTrust | None = None) -> Claim:
        """Check a cosignature offline."""
        trust = trust or ReceiptTrust(witnesses=(self._cosigner.key,))
        return verify_receipt(f"{self.name}.{self.suffix}", checkpoint, receipt, trust)
