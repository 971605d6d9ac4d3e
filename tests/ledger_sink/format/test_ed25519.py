"""Public keys of others: small order, other encodings, points off the curve; signatures that others accept."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger_sink.format.cosignature import CosigningKey
from ledger_sink.format.ed25519 import require_public_key, signature_fits
from ledger_sink.format.errors import FormatError, KeyFormatError, PolicyFormatError, SourceSignatureError
from ledger_sink.format.note import COSIGNATURE, ED25519, SigningKey, VerifierKey
from ledger_sink.format.policy import Policy, parse_keys
from ledger_sink.format.scan import base64_text
from ledger_sink.format.source_signature import did_key
from ledger_sink.verifier.errors import TrustError
from ledger_sink.verifier.trust import load_trust

CASES = json.loads((Path(__file__).parents[2] / "vectors/ed25519_speccheck.json").read_text())["cases"]
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
SMALL = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
"""A point of order 8."""
REFUSED = {
    "small order": SMALL,
    "canonical": (P + 3).to_bytes(32, "little"),
    "no point": (2).to_bytes(32, "little"),
}
"""What a message says of a key, and such a key."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["number"]))
def test_the_published_edge_cases_are_decided_as_stated(case: dict[str, Any]) -> None:
    """The twelve vectors of the paper: keys of small order are refused, S ≥ L and respelled R do not fit."""
    public, message, signature = (
        bytes.fromhex(case[name]) for name in ("public_key", "message", "signature")
    )
    if case["key_accepted"]:
        require_public_key(public, KeyFormatError, "key")
        assert signature_fits(public, signature, message) == case["signature_fits"]
    else:
        with pytest.raises(KeyFormatError, match="small order"):
            require_public_key(public, KeyFormatError, "key")


def test_a_signature_cannot_be_respelled() -> None:
    """S + L passes the equation and is refused, at every multiple that fits 32 bytes (RFC 8032 §5.1.7)."""
    key = SigningKey("log.example", bytes(32))
    good = key.sign("text\n").signature
    scalar = int.from_bytes(good[32:], "little")
    assert signature_fits(key.verifier.public_key, good, b"text\n")
    for times in range(1, 16):
        respelled = good[:32] + (scalar + times * L).to_bytes(32, "little")
        assert not signature_fits(key.verifier.public_key, respelled, b"text\n")


def test_all_encodings_that_are_not_canonical_are_refused() -> None:
    """Every y from p to 2^255 - 1, with either sign."""
    for y in range(P, 2**255):
        for sign in (0, 1):
            public = (y | sign << 255).to_bytes(32, "little")
            with pytest.raises(KeyFormatError, match=r"small order|not in its canonical"):
                require_public_key(public, KeyFormatError, "key")


@pytest.mark.parametrize("words", REFUSED)
def test_such_a_key_is_refused_wherever_it_is_read(words: str, tmp_path: Path) -> None:
    """As a log's, a witness's and a source's; in a policy, a key file and on the command line; told where."""
    public = REFUSED[words]
    log, witness = (spelled(public, kind) for kind in (ED25519, COSIGNATURE))
    with pytest.raises(KeyFormatError, match=f"key 'x.example': .*{words}.*ask its owner"):
        VerifierKey("x.example", ED25519, public)
    for line in (f"log {log}", f"witness w {witness}"):
        with pytest.raises(PolicyFormatError, match=f"policy line 2: key 'x.example': .*{words}"):
            Policy.parse(f"# mine\n{line}\nquorum none\n".encode())
    with pytest.raises(FormatError, match=words):
        parse_keys(f"log {log}\n".encode())
    with pytest.raises(SourceSignatureError, match=words):
        did_key(public)
    file = tmp_path / "keys.txt"
    file.write_text(f"log {log}\n")
    with pytest.raises(TrustError, match=f"--keys {file}: .*{words}"):
        load_trust(None, [file], [])
    with pytest.raises(TrustError, match=f"--key .*{words}"):
        load_trust(None, [], [log])
    file.write_text(f"witness w {witness}\nquorum w\n")
    with pytest.raises(TrustError, match=f"--policy {file}: policy line 1: .*{words}"):
        load_trust(file, [], [])


def test_honest_keys_pass() -> None:
    """No key made from a seed is refused."""
    for number in range(200):
        seed = number.to_bytes(32, "big")
        assert VerifierKey.parse(SigningKey("log.example", seed).vkey).algorithm == ED25519
        assert VerifierKey.parse(CosigningKey("w.example", seed).vkey).algorithm == COSIGNATURE


def spelled(public: bytes, algorithm: int) -> str:
    """Spell a key as text, with its right id, as its hostile owner would."""
    key = object.__new__(VerifierKey)
    for name, value in (("name", "x.example"), ("algorithm", algorithm), ("public_key", public)):
        object.__setattr__(key, name, value)
    assert base64_text(bytes([algorithm]) + public) in key.vkey
    return key.vkey
