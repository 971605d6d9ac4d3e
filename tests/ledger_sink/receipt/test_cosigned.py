"""A witness's cosignature as a receipt: who said it and when, and nothing for any other bytes, text or key."""

from __future__ import annotations

import random
import socket
from dataclasses import replace

import pytest

from ledger_sink.format.note import parse_note
from ledger_sink.format.witness_request import encode_cosignatures
from ledger_sink.receipt.attestation import Attestation, AttestationKind
from ledger_sink.receipt.cosigned import HONEST, OWN
from ledger_sink.receipt.errors import ReceiptError, UncheckedError, UntrustedError
from ledger_sink.receipt.kinds import ReceiptTrust, verify_receipt
from tests.ledger_sink.simulated_city import OWN_WITNESS, TIME_S, WITNESS, small_city

CHECKPOINT = small_city().cosigned()
NOTE = parse_note(CHECKPOINT)
RECEIPT = encode_cosignatures((WITNESS.cosign(NOTE.text, TIME_S + 7),))
TRUST = ReceiptTrust(witnesses=(WITNESS.verifier, OWN_WITNESS.verifier))


def verify(receipt: bytes, checkpoint: bytes = CHECKPOINT, trust: ReceiptTrust = TRUST) -> Attestation:
    """Check a receipt by its name, as a reader of a bundle does."""
    return verify_receipt("w.cosig", checkpoint, receipt, trust)


def test_a_cosignature_is_a_claim_of_its_witness_and_time() -> None:
    """The witness's own name and second, and what it rests on."""
    assert verify(RECEIPT) == Attestation(AttestationKind.COSIGNED, TIME_S + 7, WITNESS.name, (HONEST,))


def test_the_citys_own_witness_is_named_so() -> None:
    """It is not independent."""
    own = encode_cosignatures((OWN_WITNESS.cosign(NOTE.text, TIME_S),))
    assert verify(own).assumptions == (OWN,)


def test_no_cosignature_of_a_foreign_witness_is_claimed() -> None:
    """A reader who does not know the witness gets no claim."""
    with pytest.raises(UntrustedError, match="no witness of your policy"):
        verify(RECEIPT, trust=ReceiptTrust(witnesses=(OWN_WITNESS.verifier,)))


def test_no_damaged_cosignature_says_anything_else() -> None:
    """Any flipped bit, cut or addition: refused, or the very same claim."""
    dice, true = random.Random(7), verify(RECEIPT)
    for position in range(len(RECEIPT)):
        damaged = bytearray(RECEIPT)
        damaged[position] ^= 1 << dice.randrange(8)
        try:
            assert verify(bytes(damaged)) == true
        except (ReceiptError, UncheckedError):
            continue
    for cut in (b"", RECEIPT[:-1], RECEIPT[: len(RECEIPT) // 2], RECEIPT + b"\0", RECEIPT + RECEIPT):
        with pytest.raises((ReceiptError, UncheckedError)):
            verify(cut)


def test_a_cosignature_of_another_checkpoint_is_refused() -> None:
    """An older or altered checkpoint is not what was cosigned."""
    altered = replace(NOTE, text=NOTE.text.replace("\n2\n", "\n3\n")).encode()
    for other in (small_city(records=4).cosigned(), altered):
        with pytest.raises(ReceiptError):
            verify(RECEIPT, other)


def test_garbage_never_escapes_as_another_error() -> None:
    """Random bytes for a receipt or a checkpoint: the receipt's own errors only."""
    dice = random.Random(3)
    for size in (0, 1, 2, 10, 100, 1000):
        with pytest.raises((ReceiptError, UncheckedError)):
            verify(dice.randbytes(size))
        with pytest.raises((ReceiptError, UncheckedError)):
            verify(RECEIPT, dice.randbytes(size))


def test_verification_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no socket to be had, a cosignature is verified all the same."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network here")

    monkeypatch.setattr(socket, "socket", refuse)
    assert verify(RECEIPT).kind is AttestationKind.COSIGNED
