"""Verification of a bundle of either kind: one event, or a range of leaves with records of it."""

from dataclasses import replace

from ledger_sink.format.bundle import Evidence
from ledger_sink.format.errors import FormatError
from ledger_sink.format.leaf import LEAF_BYTES, Kind, Leaf
from ledger_sink.format.range_bundle import RangeEvidence, parse_bundle
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.verifier.evidence import check_event, unreadable_bundle
from ledger_sink.verifier.memory import EMPTY_MEMORY, CheckpointMemory
from ledger_sink.verifier.range_check import check_range
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import Claim, Verdict, failed, shown


def check_bundle(
    subject: str,
    data: bytes,
    trust: Trust,
    memory: CheckpointMemory = EMPTY_MEMORY,
    commitment: bytes | None = None,
) -> Verdict:
    """Verify a bundle (FORMAT.md §7.3, FORMAT.md §8.3) and compare its city checkpoint with the auditor's memory.

    Args:
        subject: name of the bundle in the verdict.
        data: the whole file.
        trust: the auditor's trust. Its policy must list the city log; keys of partition logs are optional.
        memory: the checkpoints that the auditor observed before.
        commitment: the commitment that the auditor computed from the record received; `None` compares none.

    Returns:
        The verdict. A malformed bundle is a failed claim, not an error.
    """
    try:
        evidence = parse_bundle(data)
    except FormatError as problem:
        return unreadable_bundle(subject, problem)
    if isinstance(evidence, Evidence):
        verdict = check_event(subject, evidence, trust)
    else:
        verdict = check_range(subject, evidence, trust)
    claims, observed = memory.compare(TlogProof.parse(evidence.city_proof).checkpoint, trust)
    received = () if commitment is None else (_as_received(evidence, commitment),)
    return replace(verdict, claims=(*verdict.claims, *received, *claims), observed=observed)


def _as_received(evidence: Evidence | RangeEvidence, commitment: bytes) -> Claim:
    """Compare the commitment of a record that somebody received with the bundle's leaves of records."""
    data = evidence.leaf if isinstance(evidence, Evidence) else evidence.leaves
    leaves = [Leaf.parse(data[start : start + LEAF_BYTES]) for start in range(0, len(data), LEAF_BYTES)]
    sealed = [leaf.commit for leaf in leaves if leaf.kind is Kind.RECORD]
    if commitment in sealed:
        return shown("record-as-received", f"The record is the one received: commit {commitment.hex()}.")
    got = sealed[0].hex() if len(sealed) == 1 else f"none of {len(sealed)} leaves with it"
    return failed(
        "record-as-received",
        f"The record is not the one received: expected commit {commitment.hex()}, got {got}.",
    )
