"""Verification of a record's source signature, against the auditor's did:keys.

The signature is in the record's headers, which the ledger sealed, so it can be neither removed nor added later. It
shows which key signed. Only a key that the auditor supplies (`--source-key`) makes that a statement about a device.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ledger_sink.format.errors import FormatError
from ledger_sink.format.leaf import CanonicalRecord
from ledger_sink.format.source_signature import verified_source
from ledger_sink.verifier.verdict import Claim, Status, failed, not_checked, shown

NAME = "source-signed"
PRODUCER_UNKNOWN = "who produced the record: no signature of its source was checked"


class SourceCheck(NamedTuple):
    """The claim on one record's source, what it does not show, and the facts for programs."""

    claim: Claim
    not_shown: str
    facts: Mapping[str, Any]


def check_source(record: CanonicalRecord, trusted: Sequence[str]) -> SourceCheck:
    """Verify the signature in a record's headers.

    Args:
        record: the record, as the ledger sealed it.
        trusted: the auditor's did:keys. If there are any, one of them must have signed.
    """
    try:
        found = verified_source(record)
    except FormatError as problem:
        nothing = {"signed_by": None, "trusted": False, "sequence": None, "batch": None}
        return SourceCheck(
            failed(NAME, f"The record's own signature is wrong: {problem}"), PRODUCER_UNKNOWN, nothing
        )
    signature, number = found.signature, found.sequence
    facts: dict[str, Any] = {
        "signed_by": None if signature is None else signature.did,
        "trusted": signature is not None and signature.did in trusted,
        "sequence": number,
        "batch": None if signature is None or not signature.size else signature.size,
    }
    if signature is None:
        words = "Nobody signed the record: it bears no signature of its source."
        claim = failed(NAME, f"{words} You demand one.") if trusted else not_checked(NAME, words)
        return SourceCheck(claim, PRODUCER_UNKNOWN, facts)
    how = f", as one of a batch of {signature.size}" if signature.size else ""
    which = "" if number is None else f", as its number {number}"
    words = f"Signed by {signature.did}{how}{which}"
    if not trusted:
        whose = (
            f"whose key {signature.did} is: give --source-key with a did:key that you have from the source"
        )
        return SourceCheck(shown(NAME, f"{words}; you named no key of the source."), whose, facts)
    if signature.did not in trusted:
        return SourceCheck(failed(NAME, f"{words}, which is no key that you trust."), PRODUCER_UNKNOWN, facts)
    kept = "that the source's key was in its hands alone"
    return SourceCheck(shown(NAME, f"{words}; you trust that key as the source's."), kept, facts)


class SourceChecks(NamedTuple):
    """The claim on the sources of several records, what it does not show, and the facts of each record."""

    claim: Claim
    not_shown: tuple[str, ...]
    facts: Sequence[Mapping[str, Any]]


def check_sources(records: Sequence[CanonicalRecord], trusted: Sequence[str]) -> SourceChecks:
    """Verify the signatures of several records; a failed claim names the first wrong one by its offset.

    Args:
        records: the records, as the ledger sealed them.
        trusted: the auditor's did:keys. If there are any, one of them must have signed each record.
    """
    found = [check_source(record, trusted) for record in records]
    missing = tuple(dict.fromkeys(check.not_shown for check in found))
    facts = [check.facts for check in found]
    for record, check in zip(records, found, strict=True):
        if check.claim.status is Status.FAILED:
            return SourceChecks(failed(NAME, f"Offset {record.offset}: {check.claim.words}"), missing, facts)
    signers = sorted({fact["signed_by"] for fact in facts if fact["signed_by"] is not None})
    signed = sum(fact["signed_by"] is not None for fact in facts)
    if not signed:
        return SourceChecks(not_checked(NAME, "Nobody signed the records as their source."), missing, facts)
    whose = "; you trust these keys as the sources'" if trusted else "; you named no key of a source"
    words = f"{signed} of {len(found)} records are signed by {', '.join(signers[:5])}{whose}."
    return SourceChecks(shown(NAME, words), missing, facts)
