"""Bundles under `ledger-verify`: claims, what is not shown, exit codes, and every forgery refused by name."""

import hashlib
import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_sink.format import (
    Block,
    Checkpoint,
    CosigningKey,
    Evidence,
    Note,
    Policy,
    SigningKey,
    TlogProof,
    city_origin,
    leaf,
    merkle,
    parse_note,
    sign_checkpoint,
)
from ledger_sink.verifier.cli import main
from ledger_sink.verifier.evidence import check_evidence
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import Verdict
from tests.ledger_sink.simulated_city import (
    OWN_WITNESS,
    TIME_S,
    TOPIC,
    WITNESS,
    SimulatedCity,
    SimulatedPartition,
    record,
    small_city,
)

CITY = small_city()
PARTITION = CITY.partitions[0]
EVIDENCE = CITY.evidence(PARTITION, 7)
TRUST = Trust(Policy.parse(CITY.policy()))


def verdict_of(evidence: Evidence, trust: Trust = TRUST) -> Verdict:
    """Verify evidence from its bytes."""
    return check_evidence("test", evidence.encode(), trust)


def failures(verdict: Verdict) -> set[str]:
    """Return the names of the claims that failed."""
    return {claim.name for claim in verdict.claims if claim.status == "failed"}


def test_the_commitment_is_printed_for_those_who_received_the_record() -> None:
    """It is the SHA-256 of the canonical record, as a subscriber computes it."""
    (claim,) = [each for each in verdict_of(EVIDENCE).claims if each.name == "record-is-leaf"]
    assert claim.words.endswith(f"commit {hashlib.sha256(EVIDENCE.record).hexdigest()}.")


def test_a_true_bundle_passes_claim_by_claim() -> None:
    """Every step of the path is shown, in its order."""
    verdict = verdict_of(EVIDENCE)
    assert verdict.passed
    assert [(claim.name, claim.status.value) for claim in verdict.claims] == [
        ("bundle-whole", "shown"),
        ("record-is-leaf", "shown"),
        ("leaf-in-partition-log", "shown"),
        ("root-in-block", "shown"),
        ("block-in-city-log", "shown"),
        ("source-signed", "not checked"),
        ("city-log-signed", "shown"),
        ("witnessed", "shown"),
        ("quorum", "shown"),
        ("partition-log-signed", "not checked"),
    ]


def test_the_verdict_says_what_is_not_shown() -> None:
    """Truth of the sensor, completeness, the event's time and the producer are named as not shown."""
    text = verdict_of(EVIDENCE).text()
    for words in ("told the truth", "dropped before it reached Kafka", "time of the event", "who produced"):
        assert words in text


def test_partition_key_is_checked_if_given() -> None:
    """With the partition log's key, its own signature is a claim too."""
    verdict = verdict_of(EVIDENCE, replace(TRUST, keys=(PARTITION.key.verifier,)))
    assert verdict.passed
    assert ("partition-log-signed", "shown") in [(c.name, c.status.value) for c in verdict.claims]


def test_the_citys_own_witness_is_called_not_independent() -> None:
    """A witness under the city's name satisfies a policy that lists it, and the verdict says what it is."""
    city = small_city()
    city.witnesses = (OWN_WITNESS,)
    trust = Trust(Policy.parse(city.policy()))
    verdict = verdict_of(city.evidence(city.partitions[0], 1), trust)
    assert verdict.passed
    assert "NOT independent" in verdict.text()
    assert any("no independent witness" in words for words in verdict.not_shown)
    assert not any("no independent witness" in words for words in verdict_of(EVIDENCE).not_shown)


def test_a_policy_without_witnesses_leaves_split_views_open() -> None:
    """Quorum none passes, and the verdict says what that leaves open."""
    verdict = verdict_of(EVIDENCE, Trust(Policy.parse(f"log {CITY.log.key.vkey}\nquorum none\n".encode())))
    assert verdict.passed
    assert any("no independent witness" in words for words in verdict.not_shown)


def test_simulated_records_are_said_to_be() -> None:
    """The header `simulated` makes the verdict say so."""
    partition = SimulatedPartition(TOPIC, 0)
    partition.records = [record(0, (("simulated", b"true"),)), record(1)]
    partition.append(leaf.record_leaves(TOPIC, 0, partition.records))
    city = SimulatedCity([partition])
    city.tick()
    for offset, simulated in ((0, True), (1, False)):
        verdict = verdict_of(city.evidence(partition, offset), Trust(Policy.parse(city.policy())))
        assert verdict.passed
        assert verdict.facts["simulated"] is simulated
        assert ("SIMULATED" in verdict.text()) is simulated


def test_anchors_are_listed_but_not_believed() -> None:
    """Receipts that this verifier cannot check make no claim."""
    verdict = verdict_of(replace(EVIDENCE, anchors={"anchors/rfc3161/x.tsr": b"anything"}))
    assert verdict.passed
    assert "makes no claim from it" in verdict.text()


def other_record() -> Evidence:
    """The canon of another record, with this one's leaf."""
    return replace(EVIDENCE, record=CITY.evidence(PARTITION, 6).record)


def changed_value() -> Evidence:
    """The record with one bit of its value changed, and a leaf that commits to it."""
    offset, kind, time_ms, key, value, headers = PARTITION.records[7]
    assert value is not None
    changed = (offset, kind, time_ms, key, value[:-1] + bytes([value[-1] ^ 1]), headers)
    canon = leaf.canons(TOPIC, 0, [changed])[0]
    return replace(EVIDENCE, record=canon, leaf=leaf.record_leaves(TOPIC, 0, [changed])[0])


def swapped_leaves() -> Evidence:
    """A neighbour's leaf and record, with this one's proof."""
    other = CITY.evidence(PARTITION, 6)
    return replace(other, partition_proof=EVIDENCE.partition_proof)


def foreign_logs_proof() -> Evidence:
    """The proof of the same index in the other partition's log."""
    return replace(EVIDENCE, partition_proof=CITY.evidence(CITY.partitions[1], 7).partition_proof)


def start_leaf_as_record() -> Evidence:
    """A leaf that is no record's."""
    return replace(EVIDENCE, leaf=PARTITION.entries[0])


def older_block() -> Evidence:
    """A block of the chain that holds another size of the log."""
    return replace(
        EVIDENCE, block=CITY.blocks[0].encode(), city_proof=CITY.log.proof(0, CITY.cosigned()).encode()
    )


def block_never_sealed() -> Evidence:
    """A well-made block with this root that is not in the city log."""
    block = Block.parse(EVIDENCE.block)
    return replace(EVIDENCE, block=replace(block, time_ms=block.time_ms + 1).encode())


def other_blocks_proof() -> Evidence:
    """The city proof of another block."""
    return replace(EVIDENCE, city_proof=CITY.log.proof(0, CITY.cosigned()).encode())


def forked_city() -> Evidence:
    """A city log of the forger's own, with a true origin and the forger's key."""
    return _resealed(SigningKey(city_origin("seoul.example"), b"f" * 32), (WITNESS,))


def without_witness() -> Evidence:
    """A true city checkpoint without cosignatures."""
    return replace(EVIDENCE, city_proof=CITY.log.proof(1).encode())


def foreign_witness() -> Evidence:
    """A true city checkpoint, cosigned by a witness that the auditor does not know."""
    return _resealed(CITY.log.key, (CosigningKey("evil.example/w", b"e" * 32),))


def namesake_witness() -> Evidence:
    """A cosigner of the known witness's name with another key."""
    return _resealed(CITY.log.key, (CosigningKey(WITNESS.name, b"e" * 32),))


def cosigned_other_root() -> Evidence:
    """The witness's cosignature of another checkpoint, pasted in: a known key with a bad signature."""
    other = Checkpoint(CITY.log.origin, 1, merkle.leaf_hash(CITY.log.entries[0]))
    note = parse_note(CITY.log.checkpoint())
    pasted = WITNESS.cosign(other.text, TIME_S)
    return _with_city_checkpoint(Note(note.text, (*note.signatures, pasted)).encode())


def _resealed(key: SigningKey, witnesses: tuple[CosigningKey, ...]) -> Evidence:
    note = parse_note(sign_checkpoint(CITY.log.head(), key))
    lines = (witness.cosign(note.text, TIME_S) for witness in witnesses)
    return _with_city_checkpoint(Note(note.text, (*note.signatures, *lines)).encode())


def _with_city_checkpoint(checkpoint: bytes) -> Evidence:
    proof = TlogProof.parse(EVIDENCE.city_proof)
    return replace(EVIDENCE, city_proof=TlogProof(proof.index, proof.proof, checkpoint).encode())


@pytest.mark.parametrize(
    ("attack", "refused"),
    [
        (other_record, {"record-is-leaf"}),
        (changed_value, {"leaf-in-partition-log"}),
        (swapped_leaves, {"leaf-in-partition-log"}),
        (foreign_logs_proof, {"leaf-in-partition-log"}),
        (start_leaf_as_record, {"record-is-leaf", "leaf-in-partition-log"}),
        (older_block, {"root-in-block"}),
        (block_never_sealed, {"block-in-city-log"}),
        (other_blocks_proof, {"block-in-city-log"}),
        (forked_city, {"city-log-signed"}),
        (without_witness, {"witnessed"}),
        (foreign_witness, {"witnessed"}),
        (namesake_witness, {"witnessed"}),
        (cosigned_other_root, {"witnessed"}),
    ],
)
def test_attack_is_refused_by_name(attack: Callable[[], Evidence], refused: set[str]) -> None:
    """Each forgery, well packed, fails the claim that it breaks."""
    verdict = verdict_of(attack())
    assert not verdict.passed
    assert failures(verdict) == refused


def test_another_citys_policy_refuses() -> None:
    """A bundle of a log that the policy does not list is not to be trusted."""
    other = SigningKey(city_origin("paris.example"), b"p" * 32)
    verdict = verdict_of(EVIDENCE, Trust(Policy.parse(f"log {other.vkey}\nquorum none\n".encode())))
    assert (failures(verdict), verdict.outcome.exit_code) == (set(), 4)
    assert [claim.name for claim in verdict.claims if claim.status == "key missing"] == ["city-log-signed"]


def test_forged_partition_signature_is_refused_where_its_key_is_known() -> None:
    """A partition key of the auditor's that did not sign fails its claim."""
    wrong = SigningKey(PARTITION.origin, b"x" * 32)
    assert failures(verdict_of(EVIDENCE, replace(TRUST, keys=(wrong.verifier,)))) == {"partition-log-signed"}


def test_each_flipped_byte_of_a_bundle_fails() -> None:
    """One bit in any byte of the file turns the verdict."""
    data = EVIDENCE.encode()
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << (position + 3) % 8
        assert not check_evidence("flipped", bytes(flipped), TRUST).passed, position


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a bundle, a policy and a key file."""
    (tmp_path / "event.evidence").write_bytes(EVIDENCE.encode())
    (tmp_path / "policy.txt").write_bytes(CITY.policy())
    (tmp_path / "keys.txt").write_bytes(CITY.keys())
    return tmp_path


def test_exit_codes_tell_pass_fail_and_unusable(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 for a true bundle, 1 for a damaged one, 2 for a bad policy or wrong usage, 3 for a missing file."""
    bundle, policy = str(files / "event.evidence"), str(files / "policy.txt")
    assert main([bundle, "--policy", policy, "--keys", str(files / "keys.txt")]) == 0
    (files / "cut.evidence").write_bytes(EVIDENCE.encode()[:-1])
    assert main([str(files / "cut.evidence"), "--policy", policy]) == 1
    assert main([str(files / "none.evidence"), "--policy", policy]) == 3
    (files / "bad.txt").write_text("quorum\n")
    assert main([bundle, "--policy", str(files / "bad.txt")]) == 2
    assert main([bundle]) == 2
    assert "without a key of your own" in capsys.readouterr().err
    for usage in ([], [bundle, "--city", str(files), "--policy", policy]):
        with pytest.raises(SystemExit) as stopped:
            main(usage)
        assert stopped.value.code == 2


def test_json_holds_the_same_verdict(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one object with verdict, claims, facts and what is not shown."""
    assert main([str(files / "event.evidence"), "--policy", str(files / "policy.txt"), "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["verdict"] == "pass"
    assert verdict["facts"]["offset"] == 7
    assert {claim["status"] for claim in verdict["claims"]} == {"shown", "not checked"}
    assert verdict["not_shown"]


def test_hostile_text_does_not_reach_the_terminal() -> None:
    """Control characters of a damaged bundle are escaped in words."""
    verdict = check_evidence("\x1b[2Jx", b64decode("UEsDBA=="), TRUST)
    assert "\x1b" not in verdict.text()
