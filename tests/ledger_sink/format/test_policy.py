"""Trust policies, proofs in files, and witness requests: strict, and refusing what they must."""

import pytest

from ledger_sink.format.cosignature import CosigningKey
from ledger_sink.format.cosigned import open_cosigned
from ledger_sink.format.errors import (
    CheckpointFormatError,
    FormatError,
    PolicyFormatError,
    ProofError,
    QuorumError,
    SignatureError,
    TlogProofFormatError,
    WitnessRequestFormatError,
)
from ledger_sink.format.note import Note, Signature, SigningKey, parse_note
from ledger_sink.format.policy import Policy, encode_keys, parse_keys
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.format.witness_request import (
    AddCheckpoint,
    encode_cosignatures,
    encode_size,
    monitoring_path,
    parse_cosignatures,
    parse_size,
)
from tests.ledger_sink.simulated_city import OWN_WITNESS, TIME_S, WITNESS, small_city

CITY = small_city()
LOG = CITY.log.key
WITNESSES = [CosigningKey(f"w{i}.example", bytes([i]) * 32) for i in range(6)]
GROUPS = (
    f"log {LOG.vkey} https://city.example/\n"
    + "".join(f"witness X{i} {WITNESSES[i].vkey}\n" for i in range(3))
    + "group X-witnesses 2 X0 X1 X2\n\n# the others\n"
    + "".join(f"\twitness  Y{i}\t{WITNESSES[3 + i].vkey} https://w.example/ \n" for i in range(3))
    + "group Y-witnesses any Y0 Y1 Y2\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
)


def cosigned(*keys: CosigningKey) -> bytes:
    """The city log's checkpoint, cosigned by these."""
    note = parse_note(CITY.log.checkpoint())
    return Note(note.text, (*note.signatures, *(key.cosign(note.text, TIME_S) for key in keys))).encode()


def test_a_policy_with_groups_of_groups_counts_as_the_spec_says() -> None:
    """Two of X and any of Y: each sufficient and insufficient set is judged."""
    policy = Policy.parse(GROUPS.encode())
    assert policy.is_witnessed({"X0", "X2", "Y1"})
    assert not policy.is_witnessed({"X0", "Y1"})
    assert not policy.is_witnessed({"X0", "X1", "X2"})
    assert not policy.is_witnessed({"X-and-Y", "X-witnesses", "Y-witnesses"})
    assert Policy.parse(policy.encode()) == policy


def test_quorum_is_demanded_of_a_checkpoint() -> None:
    """A checkpoint opens with enough cosignatures and not with fewer."""
    policy = Policy.parse(GROUPS.encode())
    opened = open_cosigned(cosigned(WITNESSES[0], WITNESSES[1], WITNESSES[5]), policy)
    assert [witness.name for witness, _ in opened.witnesses] == ["X0", "X1", "Y2"]
    for keys in ([], WITNESSES[:3], WITNESSES[3:]):
        with pytest.raises(QuorumError, match="X-and-Y"):
            open_cosigned(cosigned(*keys), policy)


def test_foreign_witness_does_not_count() -> None:
    """A cosignature of a witness that the policy does not list is no cosignature."""
    policy = Policy.parse(f"log {LOG.vkey}\nwitness w {WITNESS.vkey}\nquorum w\n".encode())
    assert open_cosigned(cosigned(OWN_WITNESS, WITNESS), policy).witnesses[0][1] == TIME_S
    with pytest.raises(QuorumError):
        open_cosigned(cosigned(OWN_WITNESS), policy)


def test_bad_cosignature_of_a_known_witness_refuses_the_checkpoint() -> None:
    """Even where no quorum is demanded, a known key's bad signature is refused."""
    policy = Policy.parse(f"log {LOG.vkey}\nwitness w {WITNESS.vkey}\nquorum none\n".encode())
    note = parse_note(CITY.log.checkpoint())
    forged = Signature(WITNESS.name, WITNESS.verifier.key_id, bytes(72))
    with pytest.raises(SignatureError, match="wrong"):
        open_cosigned(Note(note.text, (*note.signatures, forged)).encode(), policy)


def test_unlisted_log_is_refused() -> None:
    """A checkpoint of a log that the policy does not list is refused; so is one signed by a namesake."""
    other = SigningKey(LOG.name, b"n" * 32)
    with pytest.raises(CheckpointFormatError, match="no log of the policy"):
        open_cosigned(CITY.log.checkpoint(), Policy.parse(b"quorum none\n"))
    with pytest.raises(SignatureError):
        open_cosigned(CITY.log.checkpoint(), Policy.parse(f"log {other.vkey}\nquorum none".encode()))


W = [f"witness a{i} {key.vkey}\n" for i, key in enumerate(WITNESSES)]


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing\n", "quorum\n", "quorum none none\n", "quorum none\nquorum none\n", "quorum a0\n" + W[0],
        "witness\n", "frob x\nquorum none\n", f"log {WITNESS.vkey}\nquorum none\n", f"witness w {LOG.vkey}\nquorum w\n",
        f"log {LOG.vkey}\nlog {LOG.vkey}\nquorum none\n", f"log {LOG.vkey} url more\nquorum none\n",
        W[0] + W[0] + "quorum none\n", W[0] + W[0].replace("a0", "b") + "quorum none\n",
        W[0].replace("a0", "none") + "quorum none\n",
        W[0] + "group g 0 a0\nquorum g\n", W[0] + "group g 2 a0\nquorum g\n", W[0] + "group g 01 a0\nquorum g\n",
        W[0] + "group g -1 a0\nquorum g\n", W[0] + "group g all\nquorum g\n", W[0] + "group g all b\nquorum g\n",
        W[0] + "group a0 all a0\nquorum a0\n", W[0] + "group g all a0 a0\nquorum g\n",
        W[0] + "group g all none\nquorum g\n",
        W[0] + W[1] + "group g any a0 a1\ngroup h any a0\nquorum h\n", W[0] + "group g all g\nquorum g\n",
        "quorum none\r\n", "quorum\x0bnone\n", "quorum none\n\x7f", "quorum\u00a0none\n", "log x\nquorum none\n",
        "#\n" * 10_001,
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused(text: str) -> None:
    """Order, names, thresholds, doubles, types and control characters are checked as the spec demands."""
    with pytest.raises(PolicyFormatError):
        Policy.parse(text.encode())


def test_many_members_and_opaque_names_are_supported() -> None:
    """32 logs, witnesses and groups are; names may be any octets, and stay themselves."""
    lines = [f"log {SigningKey(f'l{i}', bytes([i]) * 32).vkey}".encode() for i in range(40)]
    names = [b"\xff%d" % i for i in range(40)]
    keys = [CosigningKey(f"k{i}", bytes([i + 40]) * 32).vkey.encode() for i in range(40)]
    lines += [b"witness " + name + b" " + key for name, key in zip(names, keys, strict=True)]
    lines += [b"group g%d any %b" % (i, name) for i, name in enumerate(names)]
    lines.append(b"group all-of-them all " + b" ".join(b"g%d" % i for i in range(40)))
    policy = Policy.parse(b"\n".join([*lines, b"quorum all-of-them", b""]))
    assert policy.is_witnessed([witness.name for witness in policy.witnesses])
    assert not policy.is_witnessed([witness.name for witness in policy.witnesses[1:]])
    assert Policy.parse(policy.encode()) == policy


def test_key_files_hold_log_lines_only() -> None:
    """keys.txt reads back; anything else in it is refused."""
    keys = [LOG.verifier, *(log.key.verifier for log in CITY.partitions)]
    assert [log.key for log in parse_keys(encode_keys(keys))] == keys
    with pytest.raises(PolicyFormatError, match="line 1"):
        parse_keys(b"quorum none\n")


def test_proof_file_reads_back_and_verifies() -> None:
    """A tlog-proof gives itself back, with and without extra data, and verifies its leaf only."""
    proof = CITY.log.proof(1)
    for made in (proof, TlogProof(proof.index, proof.proof, proof.checkpoint, b"extra")):
        assert TlogProof.parse(made.encode()) == made
    proof.verify_leaf(CITY.log.entries[1])
    with pytest.raises(ProofError):
        proof.verify_leaf(CITY.log.entries[0])


PROOF = CITY.log.proof(1).encode().decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@v1", "@v2"), ("@v1\n", "@v1\r\n"), ("index 1", "index 01"), ("index 1", "index -1"), ("index 1", "index"),
        ("index 1", "extra AA==\nextra AA==\nindex 1"), ("index 1", "extra AB==\nindex 1"), ("index 1\n", ""),
        ("index 1", "extra\nindex 1"), ("index 1\n", "index 1\nAAAA\n"),
        ("index 1\n", "index 1\n" + f"{'A' * 43}=\n" * 64),
        ("\n\nseoul", "\nseoul"), ("\n\nseoul", "\n\n\nseoul"), ("\n2\n", "\n02\n"), ("index 1\n", "index 1\n\n"),
    ],
)  # fmt: skip
def test_what_is_no_proof_file_is_refused(old: str, new: str) -> None:
    """Every line of a tlog-proof has one spelling."""
    assert old in PROOF
    with pytest.raises(FormatError):
        TlogProof.parse(PROOF.replace(old, new, 1).encode())
    with pytest.raises(TlogProofFormatError):
        TlogProof.parse(bytes(2_000_001))


def test_add_checkpoint_request_reads_back() -> None:
    """A request gives itself back; its body is the spec's."""
    request = AddCheckpoint(5, (bytes(32), bytes(range(32))), CITY.log.checkpoint())
    body = request.encode()
    assert body.startswith(b"old 5\n" + b"A" * 43 + b"=\nAAECAwQF")
    assert AddCheckpoint.parse(body) == request
    assert AddCheckpoint.parse(AddCheckpoint(0, (), CITY.log.checkpoint()).encode()).proof == ()


@pytest.mark.parametrize(
    "head",
    ["old 01\n\n", "old\n\n", "old 1 \n\n", "new 1\n\n", "\n\n", "old 1\n", "old 1\r\n\r\n", "old 1\nAAAA\n\n",
     "old 1\n" + f"{'A' * 43}=\n" * 64 + "\n", "old 9223372036854775808\n\n", "old 1\n\n\n"],
)  # fmt: skip
def test_malformed_request_is_refused(head: str) -> None:
    """A witness's 400: numbers, base64, more than 63 hashes, a missing empty line."""
    with pytest.raises(FormatError):
        AddCheckpoint.parse(head.encode() + CITY.log.checkpoint())


def test_request_of_a_whole_megabyte_is_refused() -> None:
    """Bodies are capped before they are looked at."""
    with pytest.raises(WitnessRequestFormatError, match="at most"):
        AddCheckpoint.parse(bytes(1_100_000))


def test_a_witnesss_answers_read_back() -> None:
    """Cosignature lines and the size of a 409, strictly."""
    lines = (WITNESS.cosign(parse_note(CITY.log.checkpoint()).text, 5),)
    assert parse_cosignatures(encode_cosignatures(lines)) == lines
    assert parse_size(encode_size(17)) == 17
    for bad in (b"", b"17", b"017\n", b"17\n17\n", b"-1\n", b"1" * 200):
        with pytest.raises(WitnessRequestFormatError):
            parse_size(bad)
    assert (
        monitoring_path("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb/checkpoint"
    )
