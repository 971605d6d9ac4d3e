"""The signature of a source: two implementations, one set of golden vectors, and no bit that may change."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger_sink.format.errors import SourceSignatureError as LedgerRefusal
from ledger_sink.format.leaf import CanonicalRecord
from ledger_sink.format.source_signature import (
    SourceSignature,
    did_key,
    event_statement,
    parse_did_key,
    source_headers,
    verified_source,
)
from streams.errors import SourceKeyError, SourceSignatureError
from streams.signing.did_key import did_of, public_of
from streams.signing.signer import Signer
from streams.signing.statement import provenance_headers, signer_of, statement
from tests.vectors.generate_source_signature import OUTPUT, SEED, TOPIC, golden

VECTORS: dict[str, Any] = json.loads(OUTPUT.read_bytes())
RECORDS = [*VECTORS["single"], *VECTORS["batch"]]
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(SEED))
P = 2**255 - 19
REFUSALS = (SourceSignatureError, SourceKeyError)


def test_the_golden_file_is_regenerated_byte_for_byte() -> None:
    """The generator gives the committed file: no byte of the format changed unnoticed."""
    assert golden() == OUTPUT.read_bytes()


@pytest.mark.parametrize("case", VECTORS["keys"], ids=lambda case: case["did"][-6:])
def test_both_spell_and_read_a_did_key(case: dict[str, str]) -> None:
    """The published examples, and back."""
    public = bytes.fromhex(case["public"])
    assert did_of(public) == did_key(public) == case["did"]
    assert public_of(case["did"]) == parse_did_key(case["did"]) == public


def test_the_published_examples_are_the_published_ones() -> None:
    """The did:key of the W3C CCG's example and of RFC 8032's first key."""
    assert [case["did"] for case in VECTORS["keys"][:2]] == [
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "did:key:z",
        "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2do",
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doKK",
        "did:key:z16MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2do0",
        "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",
        "did:web:city.example",
        "did:key:z" + "6" * 5000,
    ],
)
def test_what_is_no_did_key_of_ed25519_is_refused(text: str) -> None:
    """Cut, longer, another character, another kind of key, another method."""
    with pytest.raises(SourceKeyError):
        public_of(text)
    with pytest.raises(LedgerRefusal):
        parse_did_key(text)


def test_keys_of_small_order_are_refused() -> None:
    """Every encoding of a point whose order divides 8, computed here by another way."""
    found = set()
    d = -121665 * pow(121666, -1, P) % P
    for y in small_order_ys(d):
        for encoded in (y, y + P):
            for sign in (0, 1):
                if encoded < 2**255:
                    found.add((encoded | sign << 255).to_bytes(32, "little"))
    assert len(found) == 14
    for public in found:
        with pytest.raises(SourceKeyError, match="large order"):
            did_of(public)
        with pytest.raises(LedgerRefusal, match="small order"):
            did_key(public)


def small_order_ys(d: int) -> set[int]:
    """Compute the y of all points of order 1, 2, 4 and 8 of edwards25519: -x² + y² = 1 + d x² y²."""
    ys = {1, P - 1, 0}
    # A point of order 8 doubles to one of order 4, whose y is 0: y² = -x², so -2 x² = 1 + d x² y² = 1 - d x⁴.
    root = pow(pow(2, (P - 1) // 4, P), 1, P)  # a square root of -1
    discriminant = square_root(4 + 4 * d, root)
    for sign in (1, -1):
        x2 = (2 + sign * discriminant) * pow(2 * d, -1, P) % P
        y = square_root(-x2 % P, root)
        if y * y % P == -x2 % P:
            ys |= {y, P - y}
    return ys


def square_root(square: int, root_of_minus_one: int) -> int:
    """Compute a square root modulo P where there is one (RFC 8032 §5.1.3)."""
    candidate = pow(square, (P + 3) // 8, P)
    if (candidate * candidate - square) % P:
        candidate = candidate * root_of_minus_one % P
    return candidate


def record_of(case: dict[str, Any], **changes: Any) -> CanonicalRecord:
    """Make the record of a golden case as the ledger sees it."""
    headers = [] if case["sequence"] is None else [("sequence", case["sequence"].encode())]
    headers.append(("signature", bytes.fromhex(case["signature"])))
    parts: dict[str, Any] = {
        "topic": case["topic"],
        "partition": 0,
        "offset": 5,
        "timestamp_type": 1,
        "timestamp_ms": 1,
        "key": None if case["key"] is None else b64decode(case["key"]),
        "value": None if case["value"] is None else b64decode(case["value"]),
        "headers": tuple(headers),
    }
    return CanonicalRecord(**{**parts, **changes})


def streams_verify(record: CanonicalRecord) -> str:
    """Verify a record as the agents do."""
    told = provenance_headers(record.headers)
    assert told.signature is not None
    return signer_of(told.signature, statement(record.topic, record.key, record.value, told.sequence))


@pytest.mark.parametrize("case", RECORDS, ids=range(len(RECORDS)))
def test_both_accept_what_was_signed(case: dict[str, Any]) -> None:
    """Statement and header are the golden ones, and verify."""
    record = record_of(case)
    told = provenance_headers(record.headers)
    spelled = statement(record.topic, record.key, record.value, told.sequence)
    assert spelled == event_statement(record.topic, record.key, record.value, told.sequence)
    assert spelled.hex() == case["statement"]
    found = verified_source(record)
    assert found.signature is not None
    assert found.signature.did == streams_verify(record) == SIGNER.did
    assert found.sequence == told.sequence
    assert found.signature.size == (7 if case in VECTORS["batch"] else 0)


@given(st.data())
def test_any_changed_bit_of_a_header_is_refused_by_both(data: st.DataObject) -> None:
    """Version, key, signature, size, index, path: no bit may change; nor may a byte come or go."""
    case = data.draw(st.sampled_from(RECORDS))
    header = bytearray.fromhex(case["signature"])
    at = data.draw(st.integers(0, len(header) - 1))
    how = data.draw(st.sampled_from(["flip", "cut", "grow"]))
    if how == "flip":
        header[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        header = header[:at] if how == "cut" else header + bytes(at + 1)
    refused_by_both(record_of({**case, "signature": header.hex()}))


@given(st.data())
def test_any_changed_part_of_a_record_is_refused_by_both(data: st.DataObject) -> None:
    """Topic, key, value, number: null is not empty, and bytes do not move from one part to the next."""
    case = data.draw(st.sampled_from(RECORDS))
    record = record_of(case)
    part = data.draw(st.sampled_from(["topic", "key", "value", "number"]))
    if part == "number":
        number = data.draw(st.integers(1, 2**63 - 1) | st.none())
        if number == source_headers(record.headers).sequence:
            return
        refused_by_both(record_of({**case, "sequence": None if number is None else str(number)}))
        return
    given_ = getattr(record, part)
    other = data.draw(st.text(max_size=30) if part == "topic" else st.binary(max_size=30) | st.none())
    if other != given_:
        refused_by_both(record_of(case, **{part: other}))


def refused_by_both(record: CanonicalRecord) -> None:
    """Demand that neither implementation accepts a record."""
    with pytest.raises(REFUSALS):
        streams_verify(record)
    with pytest.raises(LedgerRefusal):
        verified_source(record)


@given(st.integers(1, 40), st.data())
def test_a_batch_of_any_size_verifies_at_each_place_only(size: int, data: st.DataObject) -> None:
    """Every record by its own path, and by no other's."""
    told = [statement(TOPIC, b"k", b"%d" % number, number + 1) for number in range(size)]
    headers = SIGNER.sign_batch(told)
    at, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    for verify, refusal in ((signer_of, REFUSALS), (ledger_verify, (LedgerRefusal,))):
        verify(headers[at], told[at])
        if at != other:
            with pytest.raises(refusal):
                verify(headers[at], told[other])


def ledger_verify(header: bytes, told: bytes) -> None:
    """Verify a header as the ledger's verifier does."""
    SourceSignature.parse(header).verify(told)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_refusal_or_a_signature(data: bytes) -> None:
    """Neither parser raises anything else."""
    for verify, refusal in ((signer_of, REFUSALS), (ledger_verify, (LedgerRefusal,))):
        with pytest.raises(refusal):
            verify(data, b"told")


@given(st.binary(max_size=25) | st.integers(-5, 2**65).map(lambda number: str(number).encode()))
def test_both_read_the_same_numbers(content: bytes) -> None:
    """A number of 1 to 2^63 - 1 in its one spelling; everything else is refused by both."""
    headers = [("sequence", content)]
    try:
        number = provenance_headers(headers).sequence
    except SourceSignatureError:
        with pytest.raises(LedgerRefusal):
            source_headers(headers)
    else:
        assert number == source_headers(headers).sequence
        assert str(number).encode() == content


@pytest.mark.parametrize("name", ["signature", "sequence"])
def test_a_header_that_stands_there_twice_is_refused(name: str) -> None:
    """Nobody has to choose which of the two counts."""
    headers = [*record_of(RECORDS[0]).headers, (name, b"1")]
    with pytest.raises(SourceSignatureError, match="there are more"):
        provenance_headers(headers)
    with pytest.raises(LedgerRefusal, match="at most one"):
        source_headers(headers)


def test_a_key_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    """PKCS #8 PEM, 0600; the same key comes back; a second creation is refused; other files are refused."""
    path = tmp_path / "device.pem"
    signer = Signer.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Signer.load(path).did == signer.did
    with pytest.raises(SourceKeyError, match="never replaced"):
        Signer.create(path)
    (tmp_path / "other.pem").write_text("nothing")
    with pytest.raises(SourceKeyError, match="PEM"):
        Signer.load(tmp_path / "other.pem")
    with pytest.raises(SourceKeyError, match="no such file"):
        Signer.load(tmp_path / "none.pem")
