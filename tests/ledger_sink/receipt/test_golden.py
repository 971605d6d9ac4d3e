"""The golden vectors of receipts are what the code makes today, and what it reads."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from ledger_sink.receipt import ethereum, printed
from ledger_sink.receipt.bundled import parse_path
from ledger_sink.receipt.job import Job
from tests.vectors.generate_receipts import OUTPUT, golden

VECTORS: dict[str, Any] = json.loads(OUTPUT.read_bytes())
CHECKPOINT = VECTORS["checkpoint"].encode()


def test_the_golden_file_is_regenerated_byte_for_byte() -> None:
    """The generator gives the committed file: no byte of the format changed unnoticed."""
    assert golden() == OUTPUT.read_bytes()


def test_the_golden_evm_receipt_holds() -> None:
    """Payload, transaction, proof, header: it shows what stands beside it."""
    case = VECTORS["evm"]
    assert case["payload"] == b"CLA1".hex() + sha256(CHECKPOINT).hexdigest()
    placed = ethereum.verify_inclusion(CHECKPOINT, case["receipt"].encode())
    expected = (case["chain_id"], case["block"], case["number"], case["time_s"])
    assert (placed.chain_id, placed.block.hex(), placed.number, placed.time_s) == expected
    blocks = {case["chain_id"]: frozenset({placed.block})}
    assert ethereum.verify(CHECKPOINT, case["receipt"].encode(), blocks).time_s == case["time_s"]


def test_the_golden_line_job_and_path_read_back() -> None:
    """Each parses to its values and is spelled the same again."""
    line = printed.PrintedLine.parse(VECTORS["line"].encode())
    assert line.digest == sha256(CHECKPOINT).digest()
    job = Job.parse(VECTORS["job"].encode())
    assert (job.size, job.previous, job.digest) == (line.head.size, 12000, line.digest)
    path = VECTORS["leaf_path"]
    assert [each.hex() for each in parse_path(path["file"].encode())] == path["hashes"]
