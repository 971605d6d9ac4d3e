"""Verification of a whole ledger: every log, the chain of blocks, and every partition root in a block.

The city log's key and the witnesses come from the auditor's policy. The keys of partition logs come from the auditor's
key file. Without one, the ledger's own `keys.txt` is used and the verdict states it. That loses little: the city log's
signature covers the partition roots.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger_sink.format.block import Block
from ledger_sink.format.errors import FormatError, OriginError
from ledger_sink.format.keys import Origin
from ledger_sink.format.layout import KEYS, log_path, origin_at
from ledger_sink.format.policy import parse_keys
from ledger_sink.verifier.errors import TrustError, UnreadableError
from ledger_sink.verifier.evidence import SPLIT_VIEW, is_independent, witness_claims
from ledger_sink.verifier.folder import LedgerFiles, LedgerFolder
from ledger_sink.verifier.log_check import (
    LogFindings,
    log_claims,
    log_facts,
    memory_claims,
    read_log,
    verified,
)
from ledger_sink.verifier.memory import EMPTY_MEMORY, CheckpointMemory
from ledger_sink.verifier.receipt_folder import anchored_sizes, folder_claims
from ledger_sink.verifier.receipts import NAME as ANCHOR
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import Claim, Verdict, failed, not_checked, shown
from ledger_sink.verifier.verified_prefix import VerifiedPrefix

if TYPE_CHECKING:
    from ledger_sink.verifier.observed_checkpoint import SignedCheckpoint

Heads = dict[str, dict[int, tuple[bytes, int]]]
"""Origin of a partition log → size in a block → root at that size and the block's number."""


def check_city(
    subject: str,
    ledger: LedgerFiles | Path,
    trust: Trust,
    prefixes: dict[str, VerifiedPrefix] | None = None,
    *,
    memory: CheckpointMemory = EMPTY_MEMORY,
    topic: str | None = None,
) -> Verdict:
    """Verify a ledger directory, or a ledger at a URL.

    Args:
        subject: name of the ledger in the verdict.
        ledger: the ledger directory, or the files of a ledger.
        trust: the auditor's trust. Its policy must list the city log; keys of partition logs are optional.
        prefixes: by origin, the prefix of each log that an earlier verification covered. Logs are read from there on.
            The mapping is updated in place; the entry of a log that fails now stays unchanged.
        memory: the checkpoints that the auditor observed before.
        topic: read only this topic's partition logs; `None` for all.

    Raises:
        UnreadableError: if the ledger is no directory.
        TrustError: if the policy lists no city log.
    """
    files = LedgerFolder(ledger) if isinstance(ledger, Path) else ledger
    city_logs = _city_logs(trust)
    prefixes = {} if prefixes is None else prefixes
    claims: list[Claim] = []
    facts: dict[str, object] = {}
    heads: Heads = {}
    observed: tuple[SignedCheckpoint, ...] = ()
    not_shown = _NOT_SHOWN
    for origin in city_logs:
        prefix = prefixes.get(origin)
        root = files.root if isinstance(files, LedgerFolder) else None
        sizes = [] if root is None else anchored_sizes(root, origin, above=prefix.size if prefix else 0)
        findings = read_log(files.log(log_path(origin)), trust, sizes, origin, prefix, memory=memory)
        _keep_prefix(prefixes, origin, findings)
        claims += _under(log_path(origin), log_claims(findings))
        if findings.opened is not None:
            claims += witness_claims(findings.opened, trust)
        if findings.opened is None or not is_independent(findings.opened):
            not_shown = (*_NOT_SHOWN, SPLIT_VIEW)
        claims += _chain_claims(findings)
        if root is None:
            claims.append(not_checked(ANCHOR, "Over HTTP receipts cannot be listed: none was looked at."))
        else:
            claims += folder_claims(root, origin, sizes, findings.roots, trust)
        compared, observed_now = memory_claims(findings, trust, memory)
        claims += compared
        observed += observed_now
        facts[origin] = log_facts(findings)
        if prefix is not None:
            for line in prefix.heads.values():
                heads.setdefault(line.origin, {})[line.size] = (line.root, prefix.size - 1)
        _collect(heads, findings.blocks)
    cities = {Origin.parse(origin).city for origin in city_logs}
    keys, key_claim = _partition_keys(files, trust)
    claims.append(key_claim)
    for city in sorted(cities):
        for origin in sorted({*_folders(files, city), *heads}):
            log = Origin.parse(origin)
            if log.city == city and topic in (None, log.topic):
                findings, found = _partition(files, origin, keys, heads.get(origin, {}), prefixes.get(origin))
                _keep_prefix(prefixes, origin, findings)
                claims += found
                facts[origin] = log_facts(findings)
    return Verdict(subject, tuple(claims), not_shown, facts, observed)


RECORDS_NOT_COMPARED = (
    "that the records still in Kafka or ClickHouse are the ones sealed here: compare them with their leaves"
)
_NOT_SHOWN: tuple[str, ...] = (
    "that the sensors told the truth",
    "that nothing was dropped before it reached Kafka, or left out before the log",
    RECORDS_NOT_COMPARED,
)


def _city_logs(trust: Trust) -> list[str]:
    origins = set()
    for log in trust.policy.logs if trust.policy is not None else ():
        try:
            if Origin.parse(log.key.name).is_city:
                origins.add(log.key.name)
        except OriginError:
            continue
    if not origins:
        raise TrustError("give --policy with a 'log' line of the city log: <city>/city/<epoch>")
    return sorted(origins)


def _chain_claims(findings: LogFindings) -> list[Claim]:
    if findings.problems or findings.head is None:
        return []
    count = len(findings.blocks)
    return [
        shown(
            "blocks-chained", f"{count} blocks of {findings.head.origin} are chained, each log only growing."
        )
    ]


def _collect(heads: Heads, blocks: list[Block]) -> None:
    for block in blocks:
        for line in block.heads:
            heads.setdefault(line.origin, {})[line.size] = (line.root, block.number)


def _folders(ledger: LedgerFiles, city: str) -> list[str]:
    """Return the origins of the partition logs in the directory."""
    origins = []
    for path in ledger.logs():
        try:
            origins.append(origin_at(city, path))
        except OriginError:
            continue
    return origins


def _partition_keys(ledger: LedgerFiles, trust: Trust) -> tuple[Trust, Claim]:
    if trust.keys:
        return replace(trust, policy=None), shown(
            "partition-keys", "Partition logs are checked with your keys."
        )
    try:
        own = tuple(log.key for log in parse_keys(ledger.read(KEYS)))
    except (FormatError, UnreadableError) as problem:
        return Trust(), failed("partition-keys", f"{KEYS}: {problem}")
    words = f"Partition logs are checked with the ledger's own {KEYS}: give --keys to use yours."
    return Trust(None, own), not_checked("partition-keys", words)


def _keep_prefix(prefixes: dict[str, VerifiedPrefix], origin: str, findings: LogFindings) -> None:
    found = verified(findings)
    if found is not None:
        prefixes[origin] = found


def _partition(
    ledger: LedgerFiles,
    origin: str,
    trust: Trust,
    heads: dict[int, tuple[bytes, int]],
    prefix: VerifiedPrefix | None,
) -> tuple[LogFindings, list[Claim]]:
    """Verify one partition log and every root of it that a block holds."""
    path = log_path(origin)
    findings = read_log(ledger.log(path), trust, heads, origin, prefix)
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
    claims = _under(path, log_claims(findings))
    if not findings.problems:
        newest = max(heads, default=0)
        words = f"{origin}: all {len(heads)} roots in blocks are its own, the newest at size {newest}."
        claims.append(shown("roots-in-blocks", words))
        if findings.head is not None and newest < findings.head.size:
            words = f"{origin}: leaves {newest} to {findings.head.size - 1} are in no block yet."
            claims.append(not_checked("roots-in-blocks", words))
    return findings, claims


def _under(path: str, claims: list[Claim]) -> list[Claim]:
    """Prefix the words of each failed claim with the log's folder."""
    return [failed(c.name, _joined(path, c.words)) if c.status.value == "failed" else c for c in claims]


def _joined(path: str, words: str) -> str:
    return f"{path}: {words}" if words.startswith(("leaf ", "and ")) else f"{path}/{words}"
