"""Verification of the partition logs of a ledger: each one whole, under a key, and the one that the blocks hold."""

from dataclasses import replace

from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import KEYS, log_path
from ledger_sink.format.policy import parse_keys
from ledger_sink.verifier.errors import AbsentError, UnreadableError, is_refuted
from ledger_sink.verifier.folder import LedgerFiles
from ledger_sink.verifier.log_check import log_claims, read_log
from ledger_sink.verifier.log_findings import LogFindings
from ledger_sink.verifier.trust import Trust, shared_key
from ledger_sink.verifier.verdict import Claim, Status, failed, key_missing, not_checked, shown, unreadable
from ledger_sink.verifier.verified_prefix import VerifiedPrefix


def partition_keys(ledger: LedgerFiles, trust: Trust) -> tuple[Trust, Claim]:
    """Return the keys of the partition logs and a claim on whose they are: the auditor's, or the ledger's own."""
    if trust.keys:
        return replace(trust, policy=None), shown(
            "partition-keys", "Partition logs are checked with your keys."
        )
    try:
        own = tuple(log.key for log in parse_keys(ledger.read(KEYS)))
    except AbsentError:
        words = f"{KEYS}: it is not there, and you gave no --keys: whether partition logs signed cannot be checked."
        return Trust(), key_missing("partition-keys", words)
    except (FormatError, UnreadableError) as problem:
        claim = failed if is_refuted(problem) else unreadable
        return Trust(), claim("partition-keys", f"{KEYS}: {problem}")
    shared = shared_key(trust.policy, own)
    if shared:
        return Trust(), failed("partition-keys", f"{KEYS}: {shared}")
    words = f"Partition logs are checked with the ledger's own {KEYS}: give --keys to use yours."
    return Trust(None, own), not_checked("partition-keys", words)


def check_partition(
    ledger: LedgerFiles,
    origin: str,
    trust: Trust,
    heads: dict[int, tuple[bytes, int]],
    prefix: VerifiedPrefix | None,
) -> tuple[LogFindings, list[Claim]]:
    """Verify one partition log and every root of it that a block holds.

    Args:
        ledger: files of the ledger.
        origin: the partition log.
        trust: the keys of partition logs.
        heads: size in a block → root at that size and the block's number.
        prefix: the prefix that an earlier verification covered.
    """
    path = log_path(origin)
    newest = max(heads, default=0)
    vouched = Checkpoint(origin, newest, heads[newest][0]) if newest else None
    findings = read_log(ledger.log(path), trust, heads, origin, prefix, vouched=vouched)
    for size, (root, number) in sorted(heads.items()):
        if findings.head is not None and size > findings.head.size:
            findings.problems.append(
                f"checkpoint: its size is {findings.head.size}, block {number} holds {size}: rolled back"
            )
        elif findings.roots and findings.roots.get(size) != root:
            findings.problems.append(
                f"checkpoint: the root at size {size} is {findings.roots[size].hex()}, "
                f"block {number} holds {root.hex()}: forked"
            )
    claims = below(path, log_claims(findings))
    if not findings.problems and not findings.unreadable:
        words = f"{origin}: all {len(heads)} roots in blocks are its own, the newest at size {newest}."
        claims.append(shown("roots-in-blocks", words))
        if findings.head is not None and newest < findings.head.size:
            words = f"{origin}: leaves {newest} to {findings.head.size - 1} are in no block yet."
            claims.append(not_checked("roots-in-blocks", words))
    return findings, claims


def below(path: str, claims: list[Claim]) -> list[Claim]:
    """Prefix the words of each claim that names a file with the log's folder."""
    return [replace(c, words=_joined(path, c.words)) if c.status in _OF_FILES else c for c in claims]


_OF_FILES = (Status.FAILED, Status.UNREADABLE, Status.KEY_MISSING)


def _joined(path: str, words: str) -> str:
    return f"{path}: {words}" if words.startswith(("leaf ", "and ")) else f"{path}/{words}"
