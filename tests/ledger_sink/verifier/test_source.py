"""What a verdict says of who produced a record: signed by whom, by nobody, or wrongly."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_sink.format import Policy, leaf
from ledger_sink.verifier.cli import main
from ledger_sink.verifier.evidence import check_evidence
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import Verdict
from streams.signing.signer import Signer
from streams.signing.statement import statement
from tests.ledger_sink.simulated_city import TOPIC, SimulatedCity, SimulatedPartition

SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
TOLD = [statement(TOPIC, b"111", b"value %d" % number, number or None) for number in range(4)]
BATCH = SIGNER.sign_batch(TOLD[2:])
HEADERS: list[list[tuple[str, bytes | None]]] = [
    [],
    [("sequence", b"1"), ("signature", SIGNER.sign(TOLD[1]))],
    [("sequence", b"2"), ("signature", BATCH[0])],
    [("sequence", b"3"), ("signature", BATCH[0])],  # its neighbour's
]


def signed_city() -> SimulatedCity:
    """A city of one log: nobody signed record 0, a key records 1 and 2, record 3 bears a signature of another."""
    partition = SimulatedPartition(TOPIC, 0)
    partition.records = [
        (at, 1, 1_767_323_045_678 + at, b"111", b"value %d" % at, tuple(headers))
        for at, headers in enumerate(HEADERS)
    ]
    partition.append(leaf.record_leaves(TOPIC, 0, partition.records))
    city = SimulatedCity([partition])
    city.tick()
    return city


CITY = signed_city()


def verdict_of(offset: int, *source_keys: str) -> Verdict:
    """Verify one record, demanding these keys."""
    data = CITY.evidence(CITY.partitions[0], offset).encode()
    return check_evidence("test", data, Trust(Policy.parse(CITY.policy()), source_keys=source_keys))


def claim_of(verdict: Verdict) -> tuple[str, str]:
    """Return status and words of the claim about the source."""
    (claim,) = (each for each in verdict.claims if each.name == "source-signed")
    return claim.status.value, claim.words


def test_a_record_that_nobody_signed_says_so() -> None:
    """Without a demand it passes, and who produced it is among what is not shown."""
    verdict = verdict_of(0)
    assert verdict.passed
    assert claim_of(verdict) == (
        "not checked",
        "Nobody signed the record: it bears no signature of its source.",
    )
    assert any("who produced the record" in words for words in verdict.not_shown)
    assert verdict.facts["source"] == {"signed_by": None, "trusted": False, "sequence": None, "batch": None}


def test_a_signature_names_its_key_and_leaves_open_whose_it_is() -> None:
    """The signature is shown; that the key is the source's is not."""
    verdict = verdict_of(1)
    assert verdict.passed
    status, words = claim_of(verdict)
    assert status == "shown"
    assert f"Signed by {SIGNER.did}, as its number 1" in words
    assert any(f"whose key {SIGNER.did} is" in each for each in verdict.not_shown)


def test_a_key_that_the_auditor_brings_makes_it_the_sources() -> None:
    """Signed in a batch by a trusted key: said, in words and facts."""
    verdict = verdict_of(2, OTHER.did, SIGNER.did)
    assert verdict.passed
    status, words = claim_of(verdict)
    assert (status, "batch of 2" in words, "you trust that key" in words) == ("shown", True, True)
    assert verdict.facts["source"] == {"signed_by": SIGNER.did, "trusted": True, "sequence": 2, "batch": 2}
    assert not any("who produced" in each for each in verdict.not_shown)


@pytest.mark.parametrize(
    ("offset", "demanded", "words"),
    [
        (3, (), "own signature is wrong: the signature of did:key:"),
        (3, (SIGNER.did,), "own signature is wrong"),
        (1, (OTHER.did,), "no key that you trust"),
        (0, (SIGNER.did,), "You demand one"),
    ],
    ids=["wrong", "wrong and demanded", "another key", "nobody"],
)
def test_what_is_wrong_or_lacks_fails(offset: int, demanded: tuple[str, ...], words: str) -> None:
    """A wrong signature fails always; a missing or foreign one where a key is demanded."""
    verdict = verdict_of(offset, *demanded)
    assert not verdict.passed
    status, said = claim_of(verdict)
    assert status == "failed"
    assert words in said


def test_the_command_takes_source_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--source-key DID` in words and JSON, exit codes 0, 1, and 2 for what is no did:key."""
    bundle, policy = tmp_path / "e.evidence", tmp_path / "policy.txt"
    bundle.write_bytes(CITY.evidence(CITY.partitions[0], 1).encode())
    policy.write_bytes(CITY.policy())
    command = [str(bundle), "--policy", str(policy), "--source-key"]
    assert main([*command, SIGNER.did]) == 0
    assert "you trust that key as the source's" in capsys.readouterr().out
    assert main([*command, OTHER.did, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["facts"]["source"]["signed_by"] == SIGNER.did
    assert main([*command, "did:key:z6Mk"]) == 2
    assert "did:key" in capsys.readouterr().err
