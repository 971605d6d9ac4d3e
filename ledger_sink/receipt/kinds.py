"""The kinds of receipts by file name, and one function that verifies any of them under a reader's trust."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger_sink.receipt import cosigned, ethereum, printed, timestamp
from ledger_sink.receipt.errors import ReceiptError, UntrustedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.x509 import Certificate

    from ledger_sink.format.note import VerifierKey
    from ledger_sink.receipt.attestation import Attestation
    from ledger_sink.receipt.printed import PrintedLine

TIMESTAMP, EVM, LINE, COSIGNATURE = "tsr", "evm", "line", "cosig"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\.(tsr|evm|line|cosig)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReceiptTrust:
    """The outside parties that a reader of receipts trusts. It always comes from the reader.

    Attributes:
        tsa_roots: root certificates of time stamping authorities.
        evm_blocks: by chain id, hashes of blocks on that chain.
        copies: the reader's own copies of checkpoint lines.
        witnesses: keys of witnesses.
        known: names of receipts whose issuers are all listed here. Such a receipt of another issuer is wrong, not
            unchecked.
    """

    tsa_roots: tuple[Certificate, ...] = ()
    evm_blocks: Mapping[int, frozenset[bytes]] = field(default_factory=dict)
    copies: tuple[PrintedLine, ...] = ()
    witnesses: tuple[VerifierKey, ...] = ()
    known: frozenset[str] = frozenset()


def kind_of(name: str) -> str:
    """Return the suffix of a receipt's file name, `<anchor>.<suffix>`.

    Raises:
        ReceiptError: if the name is not of that form.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ReceiptError(f"{name!a}: expected a receipt's name: [a-z0-9-]+ and .tsr, .evm, .line or .cosig")
    return match[1]


def verify_receipt(name: str, checkpoint: bytes, receipt: bytes, trust: ReceiptTrust) -> Attestation:
    """Verify a receipt over a checkpoint's bytes, offline.

    Args:
        name: file name of the receipt, which gives its kind.
        checkpoint: the anchored checkpoint, as bytes.
        receipt: the receipt.
        trust: the reader's trust.

    Raises:
        ReceiptError: if it is wrong.
        UncheckedError: if it could not be checked; the message states why.
    """
    try:
        return _verify(name, checkpoint, receipt, trust)
    except UntrustedError as problem:
        if name in trust.known:
            raise ReceiptError(f"it is of a foreign issuer, or damaged: {problem}") from None
        raise


def _verify(name: str, checkpoint: bytes, receipt: bytes, trust: ReceiptTrust) -> Attestation:
    kind = kind_of(name)
    if kind == TIMESTAMP:
        return timestamp.verify(checkpoint, receipt, trust.tsa_roots)
    if kind == EVM:
        return ethereum.verify(checkpoint, receipt, trust.evm_blocks)
    if kind == LINE:
        return printed.verify(checkpoint, receipt, trust.copies)
    return cosigned.verify(checkpoint, receipt, trust.witnesses)
