"""Verification of an event's bundle: record → leaf → partition root → block → city root → signatures.

Each step is a claim of its own, verified from the parts of the bundle. The keys at the end of the path come from the
auditor's policy. The claims follow the order of the path (FORMAT.md §7.3).
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from ledger_sink.format.block import Block, time_text
from ledger_sink.format.bundle import Evidence
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.cosigned import Cosigned
from ledger_sink.format.errors import (
    BlockFormatError,
    FormatError,
    LeafFormatError,
    OriginError,
    QuorumError,
    SignatureError,
)
from ledger_sink.format.keys import Origin
from ledger_sink.format.leaf import CanonicalRecord, Kind, Leaf
from ledger_sink.format.stored_zip import MAX_ARCHIVE_BYTES
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.verifier.receipts import UNCHECKED, SealedLeaf, anchor_claims
from ledger_sink.verifier.rests_on import attested_by, rests_on
from ledger_sink.verifier.source_check import check_source
from ledger_sink.verifier.trust import KeyMissingError, Trust
from ledger_sink.verifier.verdict import (
    Claim,
    Status,
    Verdict,
    failed,
    key_missing,
    milliseconds_text,
    not_checked,
    shown,
)
from ledger_sink.verifier.witness_claims import SPLIT_VIEW, cosignature_facts, is_independent, witness_claims

MAX_BUNDLE_BYTES = MAX_ARCHIVE_BYTES
SIMULATED_HEADER = "simulated"

NOT_SHOWN = (
    "that the sensor or whoever produced the record told the truth",
    "that nothing was dropped before it reached Kafka, or left out before the log",
    "that the time of the record, of its block or of a cosignature is the time of the event",
    "that the schema in the bundle is the one its producer used: nothing seals schema.avsc.gz",
)


def check_evidence(subject: str, data: bytes, trust: Trust) -> Verdict:
    """Verify an event's bundle from its bytes (FORMAT.md §7.3).

    Args:
        subject: name of the bundle in the verdict.
        data: the whole file.
        trust: the auditor's trust. Its policy must list the city log; keys of partition logs are optional.

    Returns:
        The verdict. A malformed bundle is a failed claim, not an error.
    """
    try:
        evidence = Evidence.parse(data)
    except FormatError as problem:
        return unreadable_bundle(subject, problem)
    return check_event(subject, evidence, trust)


def unreadable_bundle(subject: str, problem: FormatError) -> Verdict:
    """Return the verdict on a bundle that cannot be parsed."""
    return Verdict(subject, (failed("bundle-whole", f"The bundle is not whole: {problem}"),), NOT_SHOWN)


def check_event(subject: str, evidence: Evidence, trust: Trust) -> Verdict:
    """Verify a parsed bundle of one event; `subject` and `trust` as of `check_evidence`."""
    parts = _EventParts(evidence)
    source = check_source(parts.record, trust.source_keys)
    whole = shown("bundle-whole", "The bundle is whole: every byte is what its manifest and form demand.")
    anchors, anchor_facts = anchor_claims(evidence.anchors, parts.sealed(), trust)
    claims = (
        whole,
        claim_of("record-is-leaf", parts.record_is_leaf),
        claim_of("leaf-in-partition-log", parts.leaf_in_partition_log),
        claim_of("root-in-block", parts.root_in_block),
        claim_of("block-in-city-log", parts.block_in_city_log),
        source.claim,
        *trusted_claims(parts, trust),
        partition_signature(parts, trust),
        *anchors,
    )
    opened = opened_checkpoint(parts, trust)
    facts = {**parts.facts(), "source": source.facts, "cosignatures": cosignature_facts(opened)}
    if anchor_facts:
        facts["anchors"] = anchor_facts
    missing = (source.not_shown, *_not_shown(parts, trust, anchors))
    rests = rests_on(opened, attested_by(anchor_facts))
    return Verdict(subject, claims, missing, facts, holds=parts.holds(), rests_on=rests)


class SealedPath:
    """The path from a partition root to the city root, in a bundle of either kind.

    Each step returns the words of its claim, or raises a `FormatError`.
    """

    def __init__(self, partition_checkpoint: bytes, block: bytes, city_proof: bytes) -> None:
        """Parse the parts.

        Args:
            partition_checkpoint: signed checkpoint of the partition log, as bytes.
            block: bytes of the block.
            city_proof: bytes of the block's tlog-proof.
        """
        self.partition_checkpoint = partition_checkpoint
        self.partition_head = parse_checkpoint(partition_checkpoint)[0]
        self.block_bytes = block
        self.block = Block.parse(block)
        self.city_proof = TlogProof.parse(city_proof)
        self.city_head = self.city_proof.head()

    def root_in_block(self) -> str:
        """Verify that the block holds the partition log's size and root."""
        head = self.partition_head
        line = self.block.head(head.origin)
        if line is None or (line.size, line.root) != (head.size, head.root):
            raise BlockFormatError(
                f"block {self.block.number} does not hold {head.origin} at size {head.size} with that root"
            )
        return f"Block {self.block.number} of {time_text(self.block.time_ms)} holds that size and root."

    def block_in_city_log(self) -> str:
        """Verify that the block is the leaf of its number in the city log."""
        head = self.city_head
        if head.origin != self.block.origin or self.city_proof.index != self.block.number:
            raise BlockFormatError(
                f"the proof is of leaf {self.city_proof.index} of {head.origin}, "
                f"the block is number {self.block.number} of {self.block.origin}"
            )
        self.city_proof.verify_leaf(self.block_bytes)
        return f"The block is leaf {self.block.number} of {head.origin}, whose size is then {head.size}."

    def path_facts(self) -> dict[str, Any]:
        """Return the facts of the path for programs."""
        return {
            "log": {
                "origin": self.partition_head.origin,
                "size": self.partition_head.size,
                "root": self.partition_head.root.hex(),
            },
            "block": {"number": self.block.number, "time": time_text(self.block.time_ms)},
            "city_log": {
                "origin": self.city_head.origin,
                "size": self.city_head.size,
                "root": self.city_head.root.hex(),
            },
        }


class _EventParts(SealedPath):
    """The parsed parts of one event's bundle, and the steps between them."""

    def __init__(self, evidence: Evidence) -> None:
        self.partition_proof = TlogProof.parse(evidence.partition_proof)
        super().__init__(self.partition_proof.checkpoint, evidence.block, evidence.city_proof)
        self.canon = evidence.record
        self.record = CanonicalRecord.parse(evidence.record)
        self.leaf_bytes = evidence.leaf
        self.leaf = Leaf.parse(evidence.leaf)

    @property
    def name(self) -> str:
        return f"{self.record.topic}/{self.record.partition} offset {self.record.offset}"

    def record_is_leaf(self) -> str:
        commit = sha256(self.canon).digest()
        if self.leaf.kind is not Kind.RECORD:
            raise LeafFormatError(f"leaf.bin is a {self.leaf.kind.name} leaf, not a record's")
        expected = (self.record.offset, self.record.timestamp_ms, commit)
        if (self.leaf.offset, self.leaf.timestamp_ms, self.leaf.commit) != expected:
            raise LeafFormatError(
                "leaf.bin does not commit to record.canon: offset, timestamp or hash differ"
            )
        when = "received" if self.record.timestamp_type else "dated by its producer"
        time = milliseconds_text(self.record.timestamp_ms)
        return f"Record {self.name}, {when} {time}, is committed to by the leaf: commit {commit.hex()}."

    def leaf_in_partition_log(self) -> str:
        origin = Origin.parse(self.partition_head.origin)
        if (origin.topic, origin.partition) != (self.record.topic, self.record.partition):
            raise OriginError(f"the proof is of log {origin}, the record is {self.name}")
        self.partition_proof.verify_leaf(self.leaf_bytes)
        return (
            f"It is leaf {self.partition_proof.index} of log {origin}, "
            f"whose root at size {self.partition_head.size} is {self.partition_head.root.hex()}."
        )

    def holds(self) -> str:
        when = "received" if self.record.timestamp_type else "dated by its producer"
        time = milliseconds_text(self.record.timestamp_ms)
        sealed = f"sealed in block {self.block.number} of {time_text(self.block.time_ms)}"
        return f"record {self.name}, {when} {time}, was {sealed}, and no bit of it has changed since."

    def facts(self) -> dict[str, Any]:
        return {
            "topic": self.record.topic,
            "partition": self.record.partition,
            "offset": self.record.offset,
            "timestamp_ms": self.record.timestamp_ms,
            "timestamp_type": ("CreateTime", "LogAppendTime")[self.record.timestamp_type],
            "simulated": self.simulated(),
            "leaf_index": self.partition_proof.index,
            **self.path_facts(),
        }

    def sealed(self) -> SealedLeaf:
        return SealedLeaf(
            self.leaf_bytes, self.partition_proof.index, self.partition_head.origin, self.block.origin
        )

    def simulated(self) -> bool:
        return is_simulated(self.record)


def is_simulated(record: CanonicalRecord) -> bool:
    """Return whether a record declares itself replayed or simulated.

    True if a header `simulated` has any value but `false` (FORMAT.md §7). Subscribers have their own implementation,
    `streams.subscriber.event.Event.simulated`, because the verifier imports nothing of the platform.
    """
    return any(name == SIMULATED_HEADER and content != b"false" for name, content in record.headers)


def claim_of(name: str, step: Callable[[], str]) -> Claim:
    """Run a step; return its claim: shown with its words, or failed with its error's message."""
    try:
        return shown(name, step())
    except FormatError as problem:
        return failed(name, str(problem))


def trusted_claims(parts: SealedPath, trust: Trust) -> tuple[Claim, ...]:
    """Return the claims on the city log's signature and on its witnesses."""
    checkpoint = parts.city_proof.checkpoint
    try:
        trust.signed(checkpoint)
    except KeyMissingError as problem:
        return (key_missing("city-log-signed", f"Whether the city log signed cannot be checked: {problem}"),)
    except FormatError as problem:
        return (failed("city-log-signed", f"The city log's checkpoint is not to be trusted: {problem}"),)
    signed = shown("city-log-signed", f"{parts.city_head.origin} signed that checkpoint; you trust its key.")
    try:
        return (signed, *witness_claims(trust.open(checkpoint), trust, parts.block.time_ms))
    except (QuorumError, SignatureError) as problem:
        return (signed, failed("witnessed", f"Your policy's witnesses are not satisfied: {problem}"))


def partition_signature(parts: SealedPath, trust: Trust) -> Claim:
    """Return the claim on the partition log's signature, which the path does not need but a known key can verify."""
    name, origin = "partition-log-signed", parts.partition_head.origin
    if not trust.keys_of(origin):
        return not_checked(name, f"No key of {origin} was given; the city log vouches for its root.")
    try:
        trust.signed(parts.partition_checkpoint)
    except FormatError as problem:
        return failed(name, f"{origin}'s own checkpoint is not to be trusted: {problem}")
    return shown(name, f"{origin} signed its checkpoint of size {parts.partition_head.size} too.")


def _not_shown(parts: _EventParts, trust: Trust, anchors: list[Claim]) -> tuple[str, ...]:
    """Return what the verdict does not show: the fixed list, and what depends on this bundle."""
    missing = list(NOT_SHOWN)
    if not has_independent(parts, trust):
        missing.append(SPLIT_VIEW)
    if any(claim.status is Status.NOT_CHECKED for claim in anchors):
        missing.append(UNCHECKED)
    return tuple(missing)


def has_independent(parts: SealedPath, trust: Trust) -> bool:
    """Return whether the policy is satisfied and an independent witness cosigned."""
    opened = opened_checkpoint(parts, trust)
    return opened is not None and is_independent(opened)


def opened_checkpoint(parts: SealedPath, trust: Trust) -> Cosigned | None:
    """Return the city checkpoint with its cosignatures; `None` if it does not satisfy the auditor's trust."""
    try:
        return trust.open(parts.city_proof.checkpoint)
    except FormatError:
        return None
