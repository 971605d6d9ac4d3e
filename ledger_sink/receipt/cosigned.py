"""A witness's cosignature as a receipt: the signature line of a C2SP tlog-witness response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.cosignature import verify_cosignature
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import is_own_witness
from ledger_sink.format.witness_request import parse_cosignatures
from ledger_sink.receipt.attestation import Attestation, AttestationKind
from ledger_sink.receipt.errors import ReceiptError, UntrustedError

if TYPE_CHECKING:
    from ledger_sink.format.note import VerifierKey

HONEST = "that this witness keeps what it saw and cosigns no second history"
OWN = "that the city's own witness is honest: it is NOT independent"


def verify(checkpoint: bytes, receipt: bytes, keys: tuple[VerifierKey, ...]) -> Attestation:
    """Verify a cosignature line over a checkpoint.

    Args:
        checkpoint: the signed checkpoint, as bytes.
        receipt: the signature line.
        keys: keys of the witnesses that the reader trusts.

    Raises:
        ReceiptError: if it is no cosignature line, or a trusted key's signature is wrong.
        UntrustedError: if the reader trusts no such witness.
    """
    try:
        (line,) = parse_cosignatures(receipt)
        head = parse_checkpoint(checkpoint)[0]
        for key in keys:
            if key.matches(line):
                time_s = verify_cosignature(key, head.text, line)
                own = is_own_witness(head.origin.partition("/")[0], key.name)
                return Attestation(AttestationKind.COSIGNED, time_s, key.name, (OWN if own else HONEST,))
    except (FormatError, ValueError) as error:
        raise ReceiptError(f"cosignature: {error}") from None
    raise UntrustedError(f"cosigned by {line.name}, which is no witness of your policy")
