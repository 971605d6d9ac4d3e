"""Verification of a whole ledger: every log, the chain of blocks, and every partition root in a block.

The city log's key and the witnesses come from the auditor's policy. The keys of partition logs come from the auditor's
key file. Without one, the ledger's own `keys.txt` is used and the verdict states it. That loses little: the city log's
signature covers the partition roots.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ledger_sink.format.block import Block, time_text
from ledger_sink.format.errors import OriginError
from ledger_sink.format.keys import Origin
from ledger_sink.format.layout import log_path, origin_at
from ledger_sink.verifier.errors import TrustError
from ledger_sink.verifier.folder import LedgerFiles, LedgerFolder
from ledger_sink.verifier.log_check import (
    log_claims,
    log_facts,
    memory_claims,
    read_log,
    verified,
)
from ledger_sink.verifier.log_findings import LogFindings
from ledger_sink.verifier.memory import EMPTY_MEMORY, CheckpointMemory
from ledger_sink.verifier.partition_check import below, check_partition, partition_keys
from ledger_sink.verifier.receipt_folder import anchored_sizes, folder_claims
from ledger_sink.verifier.receipts import NAME as ANCHOR
from ledger_sink.verifier.rests_on import rests_on
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import Claim, Status, Verdict, not_checked, nothing, shown
from ledger_sink.verifier.verified_prefix import VerifiedPrefix
from ledger_sink.verifier.witness_claims import SPLIT_VIEW, is_independent, witness_claims

if TYPE_CHECKING:
    from ledger_sink.verifier.observed_checkpoint import SignedCheckpoint

MAX_NAMES = 10_000
"""Most topic names among which the nearest one is looked for."""

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
    newest: Block | None = None
    observed: tuple[SignedCheckpoint, ...] = ()
    not_shown = _NOT_SHOWN
    words: list[str] = []
    for origin in city_logs:
        log = _city_log(files, origin, trust, prefixes.get(origin), memory)
        _keep_prefix(prefixes, origin, log.findings)
        claims += log.claims
        if log.findings.opened is None or not is_independent(log.findings.opened):
            not_shown = (*_NOT_SHOWN, SPLIT_VIEW)
        words.append(rests_on(log.findings.opened, log.attested))
        observed += log.observed
        facts[origin] = log_facts(log.findings)
        newest = log.findings.blocks[-1] if log.findings.blocks else newest
        _collect(heads, log.findings)
    cities = {Origin.parse(origin).city for origin in city_logs}
    keys, key_claim = partition_keys(files, trust)
    if key_claim.status is not Status.KEY_MISSING or heads:
        claims.append(key_claim)  # where not even a block could be read, that is what is wrong
    for city in sorted(cities):
        for origin in sorted({*_folders(files, city), *heads}):
            name = Origin.parse(origin)
            if name.city == city and topic in (None, name.topic):
                findings, found = check_partition(
                    files, origin, keys, heads.get(origin, {}), prefixes.get(origin)
                )
                _keep_prefix(prefixes, origin, findings)
                claims += found
                facts[origin] = log_facts(findings)
    if topic is not None:
        claims += _topic_claims(
            topic, [*heads, *(f"{city}/{path}" for city in cities for path in files.logs())]
        )
    holds = _holds(facts, set(city_logs), newest)
    return Verdict(subject, tuple(claims), not_shown, facts, observed, holds, " ".join(dict.fromkeys(words)))


class _CityLog(NamedTuple):
    """What the verification of one city log found."""

    findings: LogFindings
    claims: list[Claim]
    attested: list[str]
    observed: "tuple[SignedCheckpoint, ...]"


def _city_log(
    files: LedgerFiles, origin: str, trust: Trust, prefix: VerifiedPrefix | None, memory: CheckpointMemory
) -> _CityLog:
    """Verify a city log, its witnesses, and the receipts beside it."""
    root = files.root if isinstance(files, LedgerFolder) else None
    sizes = [] if root is None else anchored_sizes(root, origin, above=prefix.size if prefix else 0)
    findings = read_log(files.log(log_path(origin)), trust, sizes, origin, prefix, memory=memory)
    claims = below(log_path(origin), log_claims(findings))
    if findings.opened is not None:
        newest = findings.blocks[-1].time_ms if findings.blocks else None
        claims += witness_claims(findings.opened, trust, newest)
    claims += _chain_claims(findings)
    if root is None:
        receipts = [not_checked(ANCHOR, "Over HTTP receipts cannot be listed: none was looked at.")]
    else:
        receipts = folder_claims(root, origin, sizes, findings.roots, trust)
    attested = [claim.words.rstrip(".") for claim in receipts if claim.status is Status.SHOWN]
    compared, observed = memory_claims(findings, trust, memory)
    return _CityLog(findings, [*claims, *receipts, *compared], attested, observed)


def _holds(facts: Mapping[str, object], cities: set[str], newest: Block | None) -> str:
    """Return what the verification of a ledger shows if it passes."""
    sizes = {
        origin: fact["size"] for origin, fact in facts.items() if isinstance(fact, dict) and "size" in fact
    }
    entries = sum(size for origin, size in sizes.items() if origin not in cities)
    when = f" of {time_text(newest.time_ms)}" if newest else ""
    last = f", the newest block {newest.number}{when}" if newest else ""
    return (
        f"{len(set(sizes) - cities)} logs with {entries} entries are whole, and every root of them in the blocks of "
        f"{', '.join(sorted(cities))} is theirs{last}."
    )


def _topic_claims(topic: str, origins: Iterable[str]) -> Iterator[Claim]:
    """Yield a claim if no log is of the topic, with the nearest name."""
    topics = set()
    for origin in origins:
        with suppress(OriginError):
            topics.add(Origin.parse(origin).topic or "")
    if topic in topics:
        return
    near = get_close_matches(topic, sorted(topics)[:MAX_NAMES], 1)
    hint = f": did you mean {near[0]}?" if near else f": it has logs of {len(topics)} topics."
    yield nothing("topic", f"The ledger has no log of topic {topic}{hint}")


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
    if findings.problems or findings.unreadable or findings.key_missing or findings.head is None:
        return []
    if not findings.head.size:
        return [
            nothing(
                "blocks-chained", f"{findings.head.origin} is empty: no block seals anything of this ledger."
            )
        ]
    count = len(findings.blocks)
    return [
        shown(
            "blocks-chained", f"{count} blocks of {findings.head.origin} are chained, each log only growing."
        )
    ]


def _collect(heads: Heads, findings: LogFindings) -> None:
    if findings.prefix is not None:
        for line in findings.prefix.heads.values():
            heads.setdefault(line.origin, {})[line.size] = (line.root, findings.prefix.size - 1)
    for block in findings.blocks:
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


def _keep_prefix(prefixes: dict[str, VerifiedPrefix], origin: str, findings: LogFindings) -> None:
    found = verified(findings)
    if found is not None:
        prefixes[origin] = found
