"""Verification of a range bundle: all leaves between two indexes of a log, and records of them (FORMAT.md §8.3).

The verdict states exactly what is complete. No leaf of the range can be left out. Whether an undisclosed record
belongs to the same subject does not follow from its commitment.
"""

from hashlib import sha256
from itertools import pairwise
from typing import Any

from ledger_sink.format.block import time_text
from ledger_sink.format.errors import LeafFormatError, OriginError
from ledger_sink.format.keys import Origin
from ledger_sink.format.leaf import CanonicalRecord, Kind, Leaf
from ledger_sink.format.range_bundle import RangeEvidence
from ledger_sink.format.range_proof import RangeProof
from ledger_sink.verifier.evidence import (
    NOT_SHOWN,
    SealedPath,
    claim_of,
    has_independent,
    is_simulated,
    opened_checkpoint,
    partition_signature,
    trusted_claims,
)
from ledger_sink.verifier.receipts import UNCHECKED, SealedLeaf, anchor_claims
from ledger_sink.verifier.rests_on import attested_by, rests_on
from ledger_sink.verifier.source_check import check_sources
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import (
    Claim,
    Status,
    Verdict,
    milliseconds_text,
    not_checked,
    printable,
    shown,
)
from ledger_sink.verifier.witness_claims import SPLIT_VIEW, cosignature_facts

NOT_SHOWN_OF_RANGES = (
    "that no record of the same key lies in another partition, another epoch or outside the interval",
)


def check_range(subject: str, evidence: RangeEvidence, trust: Trust) -> Verdict:
    """Verify a parsed range bundle; `subject` and `trust` as of `evidence.check_evidence`."""
    parts = _RangeParts(evidence)
    sources = check_sources(parts.records, trust.source_keys)
    anchors, anchor_facts = anchor_claims(evidence.anchors, parts.last(), trust)
    whole = shown("bundle-whole", "The bundle is whole: every byte is what its manifest and form demand.")
    claims = (
        whole,
        claim_of("records-are-leaves", parts.records_are_leaves),
        claim_of("range-in-partition-log", parts.range_in_partition_log),
        claim_of("leaves-in-order", parts.leaves_in_order),
        claim_of("root-in-block", parts.root_in_block),
        claim_of("block-in-city-log", parts.block_in_city_log),
        *trusted_claims(parts, trust),
        partition_signature(parts, trust),
        sources.claim,
        parts.complete(),
        *anchors,
    )
    missing = (*sources.not_shown, *_not_shown(parts, trust, anchors))
    opened = opened_checkpoint(parts, trust)
    facts = {
        **parts.facts(),
        "sources": sources.facts,
        "cosignatures": cosignature_facts(opened),
        "anchors": anchor_facts,
    }
    rests = rests_on(opened, attested_by(anchor_facts))
    return Verdict(subject, claims, missing, facts, holds=parts.holds(), rests_on=rests)


class _RangeParts(SealedPath):
    """The parsed parts of a range bundle, and the steps between them."""

    def __init__(self, evidence: RangeEvidence) -> None:
        self.proof = RangeProof.parse(evidence.partition_proof)
        super().__init__(self.proof.checkpoint, evidence.block, evidence.city_proof)
        self.entries = evidence.entries()
        self.leaves = [Leaf.parse(entry) for entry in self.entries]
        self.canons = evidence.canons()
        self.records = [CanonicalRecord.parse(canon) for canon in self.canons]
        self.sealed = [leaf for leaf in self.leaves if leaf.kind is Kind.RECORD]

    @property
    def name(self) -> str:
        return f"{self.records[0].topic}/{self.records[0].partition}"

    def records_are_leaves(self) -> str:
        leaves = {leaf.offset: leaf for leaf in self.sealed}
        for record, canon in zip(self.records, self.canons, strict=True):
            leaf = leaves.get(record.offset)
            where = f"the record at offset {record.offset}"
            if leaf is None:
                raise LeafFormatError(f"{where} has no leaf in leaves.bin: it is foreign to this range")
            if (leaf.timestamp_ms, leaf.commit) != (record.timestamp_ms, sha256(canon).digest()):
                raise LeafFormatError(f"{where} is not what its leaf commits to: timestamp or hash differ")
        keys = {record.key for record in self.records}
        whose = f", all with the key {_key_text(self.records[0].key)}" if len(keys) == 1 else ""
        return f"{len(self.records)} records of {self.name}{whose}, are committed to by leaves of the range."

    def range_in_partition_log(self) -> str:
        origin = Origin.parse(self.partition_head.origin)
        if (origin.topic, origin.partition) != (self.records[0].topic, self.records[0].partition):
            raise OriginError(f"the proof is of log {origin}, the records are of {self.name}")
        self.proof.verify_leaves(self.entries)
        return (
            f"The leaves are all of {self.proof.first} to {self.proof.end - 1} of log {origin}, none left out, whose "
            f"root at size {self.partition_head.size} is {self.partition_head.root.hex()}."
        )

    def leaves_in_order(self) -> str:
        if (self.leaves[0].kind is Kind.START) != (self.proof.first == 0):
            raise LeafFormatError("expected START as leaf 0 of a log and nowhere else")
        for index, (before, after) in enumerate(pairwise(self.leaves), start=self.proof.first + 1):
            rises = (
                after.offset >= before.offset if before.kind is Kind.START else after.offset > before.offset
            )
            if not rises or after.kind is Kind.START:
                raise LeafFormatError(
                    f"leaf {index}: expected a record or GAP behind offset {before.offset}, "
                    f"got {after.kind.name} at {after.offset}"
                )
        first, last = self.leaves[0], self.leaves[-1]
        times = [leaf.timestamp_ms for leaf in self.sealed]
        rising = "rising" if all(a <= b for a, b in pairwise(times)) else "not always rising"
        return (
            f"Their offsets rise from {first.offset} to {last.offset}; their times are {rising}, "
            f"from {milliseconds_text(min(times))} to {milliseconds_text(max(times))}."
            if times
            else f"Their offsets rise from {first.offset} to {last.offset}."
        )

    def last(self) -> SealedLeaf:
        index = self.proof.end - 1
        return SealedLeaf(self.entries[-1], index, self.partition_head.origin, self.block.origin)

    def holds(self) -> str:
        first, last = self.leaves[0].offset, self.leaves[-1].offset
        return (
            f"{len(self.records)} of the {len(self.sealed)} records of {self.name} at offsets {first} to {last} are in "
            f"the bundle, all were sealed by block {self.block.number} of {time_text(self.block.time_ms)}, and none "
            "between was left out."
        )

    def complete(self) -> Claim:
        missing = len(self.sealed) - len(self.records)
        if not missing:
            words = "Every record of the range is in the bundle: nothing between those offsets is left out."
            return shown("complete", words)
        words = (
            f"{missing} of the range's {len(self.sealed)} records are not in the bundle; of them it shows commitments "
            "only. That none of them is of the same subject is the word of whoever made the bundle: "
            "whoever may read the topic can compare."
        )
        return not_checked("complete", words)

    def facts(self) -> dict[str, Any]:
        keys = {record.key for record in self.records}
        times = [leaf.timestamp_ms for leaf in self.sealed]
        return {
            "topic": self.records[0].topic,
            "partition": self.records[0].partition,
            "key": _key_text(self.records[0].key) if len(keys) == 1 else None,
            "offsets": [record.offset for record in self.records],
            "simulated": any(is_simulated(record) for record in self.records),
            "range": {
                "first_index": self.proof.first,
                "last_index": self.proof.end - 1,
                "first_offset": self.leaves[0].offset,
                "last_offset": self.leaves[-1].offset,
                "earliest_ms": min(times, default=None),
                "latest_ms": max(times, default=None),
                "records": len(self.sealed),
                "shown": len(self.records),
                "gaps": [leaf.offset for leaf in self.leaves if leaf.kind is Kind.GAP],
            },
            **self.path_facts(),
        }


def _key_text(key: bytes | None) -> str:
    if key is None:
        return "null"
    try:
        return printable(key.decode())
    except UnicodeDecodeError:
        return f"0x{key.hex()}"


def _not_shown(parts: _RangeParts, trust: Trust, anchors: list[Claim]) -> tuple[str, ...]:
    """Return what the verdict does not show: the fixed list, and what depends on this bundle."""
    missing = [*NOT_SHOWN, *NOT_SHOWN_OF_RANGES]
    if len(parts.sealed) > len(parts.records):
        missing.append("whose the records are of which the bundle holds commitments only")
    missing += [
        f"what stood at the offsets from {leaf.offset} on that were gone before they could be sealed (GAP)"
        for leaf in parts.leaves
        if leaf.kind is Kind.GAP
    ]
    if not has_independent(parts, trust):
        missing.append(SPLIT_VIEW)
    if anchors:
        missing.append("that any leaf but the range's last existed by the times of its receipts")
    if any(claim.status is Status.NOT_CHECKED for claim in anchors):
        missing.append(UNCHECKED)
    return tuple(missing)
