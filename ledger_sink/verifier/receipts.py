"""Verification of the receipts in a bundle, under the auditor's own trust (FORMAT.md §11.4).

A bundle holds the first block with the record's leaf, and that leaf's path to the root in the block. For each anchored
city checkpoint it holds the block's proof and the receipts over the checkpoint. Each receipt gives a claim: shown,
failed, or not checked with what is missing. No receipt is ignored silently.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ledger_sink.format.block import Block, time_text
from ledger_sink.format.bundle import ANCHORS as BUNDLED
from ledger_sink.format.bundle import CITY_PROOF
from ledger_sink.format.clock import seconds_text, time_problem
from ledger_sink.format.errors import BlockFormatError, FormatError, ProofError
from ledger_sink.format.merkle import leaf_hash, verify_inclusion
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.receipt.attestation import Attestation
from ledger_sink.receipt.bundled import FIRST_BLOCK, LEAF_PATH, parse_path
from ledger_sink.receipt.errors import ReceiptError, UncheckedError
from ledger_sink.receipt.ethereum import parse_block
from ledger_sink.receipt.kinds import ReceiptTrust, kind_of, verify_receipt
from ledger_sink.receipt.printed import parse_copy
from ledger_sink.receipt.timestamp import parse_roots
from ledger_sink.verifier.errors import TrustError
from ledger_sink.verifier.trust import Trust, read_file
from ledger_sink.verifier.verdict import Claim, failed, not_checked, shown

NAME = "anchor"
MAX_COPY_BYTES = 64 * 1024 * 1024
UNCHECKED = "what the receipts under anchors/ that were not checked say"


def load_receipt_trust(roots: list[Path], blocks: list[str], copies: list[Path]) -> ReceiptTrust:
    """Read the auditor's trust in outside services.

    Args:
        roots: files with root certificates of time stamping authorities, PEM.
        blocks: blocks on EVM chains, as `CHAIN_ID:0xBLOCK_HASH`.
        copies: files with copies of checkpoint lines.

    Raises:
        UnreadableError: if a file cannot be read.
        TrustError: if a file or a block is malformed.
    """
    try:
        certificates = tuple(c for path in roots for c in parse_roots(read_file(path)))
        lines = tuple(line for path in copies for line in parse_copy(read_file(path, MAX_COPY_BYTES)))
        known: dict[int, frozenset[bytes]] = {}
        for text in blocks:
            chain, block = parse_block(text)
            known[chain] = known.get(chain, frozenset()) | {block}
    except ReceiptError as problem:
        raise TrustError(f"what you trust cannot be read: {problem}") from None
    return ReceiptTrust(certificates, known, lines)


def receipt_trust(trust: Trust) -> ReceiptTrust:
    """Return the auditor's trust in outside services, with the policy's witnesses."""
    witnesses = tuple(w.key for w in trust.policy.witnesses) if trust.policy else ()
    return replace(trust.receipts, witnesses=witnesses)


def attestation(name: str, checkpoint: bytes, receipt: bytes, trust: Trust) -> Attestation:
    """Verify a receipt over a checkpoint's bytes, and that its time is not in the auditor's future.

    Raises:
        ReceiptError: if it is wrong.
        UncheckedError: if it could not be checked, or its time says nothing.
    """
    found = verify_receipt(name, checkpoint, receipt, receipt_trust(trust))
    problem = time_problem(found.time_s, trust.clock())
    if problem:
        raise UncheckedError(f"by {found.by}: {problem}")
    return found


@dataclass(frozen=True, slots=True)
class SealedLeaf:
    """The leaf that a bundle's receipts are about.

    Attributes:
        leaf: the leaf's 50 bytes.
        index: index of the leaf in its partition log.
        origin: origin of the partition log.
        city: origin of the city log.
    """

    leaf: bytes
    index: int
    origin: str
    city: str


def anchor_claims(
    files: Mapping[str, bytes], sealed: SealedLeaf, trust: Trust
) -> tuple[list[Claim], list[dict[str, Any]]]:
    """Verify every receipt of a bundle.

    Args:
        files: files below `anchors/`, by their whole path.
        sealed: the leaf that the receipts must cover.
        trust: the auditor's trust.

    Returns:
        The claims, and the facts of the valid receipts for programs.
    """
    groups: dict[str, dict[str, bytes]] = {}
    claims: list[Claim] = []
    for path, data in sorted(files.items()):
        folder, _, name = path.removeprefix(BUNDLED).rpartition("/")
        if path in (FIRST_BLOCK, LEAF_PATH):
            continue
        if folder.isdecimal() and (name == CITY_PROOF or _is_receipt(name)):
            groups.setdefault(folder, {})[name] = data
        else:
            claims.append(
                not_checked(NAME, f"{path} is in the bundle; this verifier makes no claim from it.")
            )
    if not groups:
        return claims, []
    try:
        block = _first_block(files, sealed)
    except FormatError as problem:
        return [*claims, failed(NAME, f"{FIRST_BLOCK}, {LEAF_PATH}: {problem}")], []
    facts: list[dict[str, Any]] = []
    for folder in sorted(groups, key=int):
        claims += _group_claims(folder, groups[folder], block, trust, facts)
    return claims, facts


def _is_receipt(name: str) -> bool:
    try:
        return bool(kind_of(name))
    except ReceiptError:
        return False


def _first_block(files: Mapping[str, bytes], sealed: SealedLeaf) -> Block:
    """Return the block that the receipts cover, after verifying that it covers the leaf."""
    block = Block.parse(files.get(FIRST_BLOCK, b""))
    line = block.head(sealed.origin)
    if block.origin != sealed.city or line is None:
        raise BlockFormatError(f"expected a block of {sealed.city} that mentions {sealed.origin}")
    path = parse_path(files.get(LEAF_PATH, b""))
    verify_inclusion(leaf_hash(sealed.leaf), sealed.index, line.size, path, line.root)
    return block


def _group_claims(
    folder: str, files: Mapping[str, bytes], block: Block, trust: Trust, facts: list[dict[str, Any]]
) -> Iterator[Claim]:
    """Verify the receipts over one city checkpoint; add the facts of valid ones to `facts`."""
    where = f"{BUNDLED}{folder}/"
    try:
        proof = TlogProof.parse(files.get(CITY_PROOF, b""))
        head = proof.head()
        if (head.origin, str(head.size), proof.index) != (block.origin, folder, block.number):
            raise ProofError(f"expected block {block.number} of {block.origin} at size {folder}")
        proof.verify_leaf(block.encode())
        trust.signed(proof.checkpoint)
    except FormatError as problem:
        yield failed(NAME, f"{where}{CITY_PROOF}: {problem}")
        return
    for name, data in files.items():
        if name == CITY_PROOF:
            continue
        try:
            claim = attestation(name, proof.checkpoint, data, trust)
        except ReceiptError as problem:
            yield failed(NAME, f"{where}{name}: {problem}")
        except UncheckedError as problem:
            yield not_checked(NAME, f"{where}{name}: {problem}")
        else:
            facts.append(_fact(f"{where}{name}", claim, block))
            yield shown(NAME, _words(f"{where}{name}", claim, block))


def _words(path: str, claim: Attestation, block: Block) -> str:
    statement = "Existed by" if claim.kind.value == "existed by" else "Cosigned at"
    later = ", although the city dates its block later" if claim.time_s < block.time_ms // 1000 else ""
    return (
        f"{statement} {seconds_text(claim.time_s)}{later}: so says {claim.by} ({path}), assuming "
        f"{' and '.join(claim.assumptions)}."
    )


def _fact(path: str, claim: Attestation, block: Block) -> dict[str, Any]:
    return {
        "receipt": path,
        "kind": claim.kind.value,
        "time": seconds_text(claim.time_s),
        "time_s": claim.time_s,
        "by": claim.by,
        "assumptions": list(claim.assumptions),
        "block": block.number,
        "block_time": time_text(block.time_ms),
    }
