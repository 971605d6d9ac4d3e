"""The golden vectors are what the format library makes today, and what it reads."""

import json
from base64 import b64decode
from typing import Any

import pytest

from ledger_sink.format import (
    AddCheckpoint,
    Block,
    Evidence,
    Policy,
    RangeEvidence,
    TlogProof,
    VerifierKey,
    merkle,
    open_checkpoint,
    open_cosigned,
)
from ledger_sink.format.control import parse_control
from ledger_sink.format.leaf import CanonicalRecord, Leaf
from ledger_sink.verifier.bundle_check import check_bundle
from ledger_sink.verifier.evidence import check_evidence
from ledger_sink.verifier.trust import Trust
from tests.vectors.generate import OUTPUT, golden

VECTORS: dict[str, Any] = json.loads(OUTPUT.read_bytes())


def test_the_golden_file_is_regenerated_byte_for_byte() -> None:
    """The generator gives the committed file: no byte of the format changed unnoticed."""
    assert golden() == OUTPUT.read_bytes()


@pytest.mark.parametrize("case", VECTORS["records"], ids=lambda case: case["offset"])
def test_golden_records_read_back(case: dict[str, Any]) -> None:
    """Each golden canon parses to the record beside it, and its leaf commits to it."""
    record = CanonicalRecord.parse(b64decode(case["canon"]))
    assert (record.topic, record.partition, str(record.offset)) == (
        case["topic"],
        case["partition"],
        case["offset"],
    )
    assert (record.timestamp_type, str(record.timestamp_ms)) == (case["timestamp_type"], case["timestamp_ms"])
    headers = tuple((name, None if value is None else b64decode(value)) for name, value in case["headers"])
    assert record.headers == headers
    assert Leaf.parse(bytes.fromhex(case["leaf"])).offset == record.offset


def test_golden_controls_make_their_leaves() -> None:
    """Each control file gives the leaf beside it."""
    for case in VECTORS["controls"]:
        assert parse_control(case["file"].encode()).leaf().hex() == case["leaf"]


def test_golden_checkpoints_proofs_and_blocks_fit_together() -> None:
    """Signatures, the witness's quorum, both proofs and the chain of blocks verify."""
    partition_key, city_key = (VerifierKey.parse(log["vkey"]) for log in VECTORS["keys"]["logs"])
    head, _ = open_checkpoint(VECTORS["checkpoint"].encode(), partition_key)
    assert head.root.hex() == VECTORS["log"]["roots"]["300"]
    opened = open_cosigned(VECTORS["city_checkpoint"].encode(), Policy.parse(VECTORS["policy"].encode()))
    assert opened.checkpoint.origin == city_key.name
    blocks = [Block.parse(case["bytes"].encode()) for case in VECTORS["blocks"]]
    assert blocks[1].previous == blocks[0].hash
    TlogProof.parse(VECTORS["city_proof"].encode()).verify_leaf(blocks[1].encode())
    request = AddCheckpoint.parse(VECTORS["add_checkpoint"].encode())
    old_root = bytes.fromhex(VECTORS["log"]["roots"]["300"])
    old = blocks[0].heads[0]
    merkle.verify_consistency(old.size, old.root, head.size, old_root, request.proof)


def test_the_golden_bundle_is_accepted() -> None:
    """The golden bundle passes under the golden policy."""
    data = b64decode(VECTORS["bundle"])
    verdict = check_evidence("golden", data, Trust(Policy.parse(VECTORS["policy"].encode())))
    assert verdict.passed, verdict.text()
    assert Evidence.parse(data).encode() == data


def test_the_golden_range_bundle_is_accepted() -> None:
    """The golden range bundle passes under the golden policy, and shows two of its 230 records."""
    data = b64decode(VECTORS["range_bundle"])
    verdict = check_bundle("golden", data, Trust(Policy.parse(VECTORS["policy"].encode())))
    assert verdict.passed, verdict.text()
    assert (verdict.facts["range"]["records"], verdict.facts["range"]["shown"]) == (230, 2)
    evidence = RangeEvidence.parse(data)
    assert evidence.encode() == data
    assert evidence.partition_proof.decode() == VECTORS["range_proof_40_270"]
