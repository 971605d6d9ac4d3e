"""Who produced a record: the claim that its own headers bear out, against the did:keys that the auditor brings.

A signature in the record is part of what the ledger sealed, so it can be neither taken off nor put on later. It shows
which key signed; only a key of the auditor's own (`--source-key`) makes that a statement about a device.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ledger_sink.format.errors import FormatError
from ledger_sink.format.leaf import CanonicalRecord
from ledger_sink.format.source_signature import verified_source
from ledger_sink.verifier.verdict import Claim, failed, not_checked, shown

NAME = "source-signed"
WHO = "who produced the record: no signature of its source was checked"


class SourceCheck(NamedTuple):
    """The claim, what is left open whatever it says, and the facts for programs."""

    claim: Claim
    not_shown: str
    facts: Mapping[str, Any]


def check_source(record: CanonicalRecord, trusted: Sequence[str]) -> SourceCheck:
    """Check the signature in a record's headers.

    Args:
        record: the record, as the ledger sealed it.
        trusted: did:keys of the auditor; if there are any, one of them must have signed.
    """
    try:
        found = verified_source(record)
    except FormatError as problem:
        nothing = {"signed_by": None, "trusted": False, "sequence": None, "batch": None}
        return SourceCheck(failed(NAME, f"The record's own signature is wrong: {problem}"), WHO, nothing)
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
        return SourceCheck(claim, WHO, facts)
    how = f", as one of a batch of {signature.size}" if signature.size else ""
    which = "" if number is None else f", as its number {number}"
    words = f"Signed by {signature.did}{how}{which}"
    if not trusted:
        whose = (
            f"whose key {signature.did} is: give --source-key with a did:key that you have from the source"
        )
        return SourceCheck(shown(NAME, f"{words}; you named no key of the source."), whose, facts)
    if signature.did not in trusted:
        return SourceCheck(failed(NAME, f"{words}, which is no key that you trust."), WHO, facts)
    kept = "that the source's key was in its hands alone"
    return SourceCheck(shown(NAME, f"{words}; you trust that key as the source's."), kept, facts)
