"""Verification of a bundle of either kind: one event, or a range of leaves with records of it."""

from dataclasses import replace

from ledger_sink.format.bundle import Evidence
from ledger_sink.format.errors import FormatError
from ledger_sink.format.range_bundle import parse_bundle
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.verifier.evidence import check_event, unreadable_bundle
from ledger_sink.verifier.memory import EMPTY_MEMORY, CheckpointMemory
from ledger_sink.verifier.range_check import check_range
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import Verdict


def check_bundle(subject: str, data: bytes, trust: Trust, memory: CheckpointMemory = EMPTY_MEMORY) -> Verdict:
    """Verify a bundle (FORMAT.md §7.3, FORMAT.md §8.3) and compare its city checkpoint with the auditor's memory.

    Args:
        subject: name of the bundle in the verdict.
        data: the whole file.
        trust: the auditor's trust. Its policy must list the city log; keys of partition logs are optional.
        memory: the checkpoints that the auditor observed before.

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
    return replace(verdict, claims=(*verdict.claims, *claims), observed=observed)
