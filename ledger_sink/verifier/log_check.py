"""Verification of one log: its checkpoint's signature, the whole tree, and the content of its entries.

In a partition log, START comes first, offsets rise strictly, and control files match their leaves. In a city log, the
blocks form a chain. In any other tlog-tiles log only the tree is verified.
"""

from collections.abc import Callable, Collection, Iterator

from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.errors import FormatError, OriginError
from ledger_sink.verifier.entry_reader import reader_of
from ledger_sink.verifier.errors import AbsentError, UnreadableError, is_refuted
from ledger_sink.verifier.folder import LogFiles
from ledger_sink.verifier.growth_check import check_growth
from ledger_sink.verifier.log_findings import LogFindings
from ledger_sink.verifier.memory import EMPTY_MEMORY, CheckpointMemory
from ledger_sink.verifier.observed_checkpoint import SignedCheckpoint
from ledger_sink.verifier.problem_list import ProblemList
from ledger_sink.verifier.rests_on import rests_on
from ledger_sink.verifier.tree_check import check_tree
from ledger_sink.verifier.trust import KeyMissingError, Trust
from ledger_sink.verifier.verdict import Claim, Verdict, failed, key_missing, not_checked, shown, unreadable
from ledger_sink.verifier.verified_prefix import VerifiedPrefix
from ledger_sink.verifier.witness_claims import cosignature_facts, witness_claims

MAX_PROBLEMS = 100
"""Most problems that a verdict names per log."""


def check_log(
    subject: str, folder: LogFiles, trust: Trust, memory: CheckpointMemory = EMPTY_MEMORY
) -> Verdict:
    """Verify a log against the auditor's keys and memory.

    Args:
        subject: name of the log in the verdict.
        folder: files of the log.
        trust: the auditor's trust.
        memory: the checkpoints that the auditor observed before.
    """
    findings = read_log(folder, trust, memory=memory)
    claims = [*log_claims(findings)]
    if findings.opened is not None and trust.policy is not None:
        claims += witness_claims(findings.opened, trust)
    known, observed = memory_claims(findings, trust, memory)
    head = findings.head
    holds = f"All {head.size} entries of {head.origin} lead to its signed root." if head else ""
    return Verdict(
        subject,
        (*claims, *known),
        _NOT_SHOWN,
        log_facts(findings),
        observed,
        holds,
        rests_on(findings.opened),
    )


_NOT_SHOWN = (
    "that the entries tell the truth, or that none was left out before the log",
    "that everybody is shown the same log, unless somebody independent signed",
)


def memory_claims(
    findings: LogFindings, trust: Trust, memory: CheckpointMemory
) -> tuple[list[Claim], tuple[SignedCheckpoint, ...]]:
    """Compare a log without problems with the auditor's memory.

    Returns:
        The claims, and the checkpoints to remember. Both are empty if the log has problems.
    """
    if findings.problems or findings.unreadable or findings.opened is None:
        return [], ()
    return memory.compare(findings.opened.note.encode(), trust, findings.roots, live=True)


def log_claims(findings: LogFindings) -> list[Claim]:
    """Return one claim per problem and per unreadable file; without any, the claims on the whole log."""
    head = findings.head
    claims = [*_named(failed, findings.problems), *_named(unreadable, findings.unreadable)]
    if findings.key_missing:
        claims.append(key_missing("log-signed", findings.key_missing))
    if head is None or claims:
        return claims
    if findings.prefix is not None:
        return [*_growth_claims(head, findings.prefix)]
    words = f"{head.origin}: signed, and all {head.size} entries lead to its root {head.root.hex()}."
    claims.append(shown("log-whole", words))
    if findings.beyond:
        words = f"{findings.beyond} files lie past the checkpoint's size; they are no part of the log."
        claims.append(not_checked("log-beyond", words))
    if not findings.listed:
        words = f"{head.origin}: over HTTP no folder can be listed: older partial tiles were not looked at."
        claims.append(not_checked("log-leftovers", words))
    return claims


def _named(claim: Callable[[str, str], Claim], problems: ProblemList) -> Iterator[Claim]:
    """Yield a claim for each of the first problems, and one with the number of the others."""
    for words in problems[:MAX_PROBLEMS]:
        yield claim("log-whole", words)
    more = len(problems) + problems.left_out - MAX_PROBLEMS
    if more > 0:
        yield claim("log-whole", f"and {more} problems more")


def _growth_claims(head: Checkpoint, prefix: VerifiedPrefix) -> Iterator[Claim]:
    yield shown(
        "log-grown",
        f"{head.origin}: signed, and its {head.size - prefix.size} new entries lead on from the root verified at "
        f"size {prefix.size} to its root {head.root.hex()}.",
    )
    if prefix.size:
        words = f"{head.origin}: its first {prefix.size} entries were verified before and are not read again."
        yield not_checked("log-whole", words)


def log_facts(findings: LogFindings) -> dict[str, object]:
    """Return the facts of a log for programs; empty without a checkpoint."""
    if findings.head is None:
        return {}
    head, prefix = findings.head, findings.prefix
    return {
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "records": findings.records,
        "controls": findings.controls,
        "blocks": len(findings.blocks),
        **({"since": prefix.size} if prefix is not None else {}),
        **({"cosignatures": cosigned} if (cosigned := cosignature_facts(findings.opened)) else {}),
    }


def verified(findings: LogFindings) -> VerifiedPrefix | None:
    """Return the log as the verified prefix of a later verification; `None` if the log has problems."""
    head = findings.head
    if head is None or findings.problems or findings.unreadable or findings.key_missing:
        return None
    return VerifiedPrefix(head.size, head.root, findings.next_offset, findings.records, findings.heads)


def read_log(
    folder: LogFiles,
    trust: Trust,
    sizes: Collection[int] = (),
    origin: str | None = None,
    prefix: VerifiedPrefix | None = None,
    *,
    memory: CheckpointMemory = EMPTY_MEMORY,
    vouched: Checkpoint | None = None,
) -> LogFindings:
    """Recompute a log and collect its problems.

    Only a size that a trusted key signed is followed: the checkpoint's own, or else the one in a block. So a forged
    checkpoint cannot make the reading endless.

    Args:
        folder: files of the log.
        trust: the auditor's trust, which the checkpoint must satisfy.
        sizes: older sizes whose roots to return in the findings.
        origin: the expected origin; `None` accepts any.
        prefix: the prefix that an earlier verification covered; only later entries are read.
        memory: the checkpoints that the auditor observed before; the roots at their sizes are returned too.
        vouched: size and root of the log in the newest block that holds it. A log with one must be there.
    """
    findings = LogFindings(prefix=prefix)
    if prefix is not None:
        findings.heads.update(prefix.heads)
        findings.next_offset, findings.records = prefix.next_offset, prefix.records
    head = (
        _read_checkpoint(folder, findings, trust, origin, required=vouched is not None or folder.has_tiles())
        or vouched
    )
    if head is not None and not (prefix is not None and head is vouched and head.size < prefix.size):
        remembered = memory.sizes(head.origin, trust)
        _read_entries(folder, head, findings, {*sizes, *remembered})
    return findings


def _read_checkpoint(
    folder: LogFiles, findings: LogFindings, trust: Trust, origin: str | None, *, required: bool
) -> Checkpoint | None:
    """Read a log's checkpoint into the findings; return it if a trusted key of the log signed it."""
    try:
        data = folder.checkpoint()
        head = parse_checkpoint(data)[0]
        if origin is not None and head.origin != origin:
            raise OriginError(f"expected origin {origin}, got {head.origin!a}")
        findings.head = head
        trust.signed(data)
    except KeyMissingError as problem:
        findings.key_missing = f"checkpoint: {problem}"
        return None
    except (FormatError, UnreadableError) as problem:
        missing = isinstance(problem, AbsentError) and not required
        refuted = is_refuted(problem) and not missing
        (findings.problems if refuted else findings.unreadable).append(f"checkpoint: {problem}")
        return None
    try:
        findings.opened = trust.open(data)
    except FormatError as problem:
        findings.problems.append(f"checkpoint: {problem}")
    return head


def _read_entries(folder: LogFiles, head: Checkpoint, findings: LogFindings, sizes: Collection[int]) -> None:
    reader = reader_of(head.origin, folder, findings)
    before = len(findings.problems)
    if findings.prefix is None:
        tree = check_tree(folder, head, reader.take, sizes)
    else:
        tree = check_growth(folder, head, findings.prefix, reader.take, sizes)
    # Damaged files come first: a misplaced bundle causes hundreds of problems of leaves, and only the first are named.
    findings.problems[before:before] = tree.problems
    findings.problems.left_out += tree.problems.left_out
    findings.unreadable.extend(tree.unreadable)
    findings.roots, findings.beyond, findings.listed = tree.roots, tree.beyond, tree.listed
