"""The subject that the command line names, and its verdict."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger_sink.bounded_http.limits import Budget
from ledger_sink.format.errors import OriginError
from ledger_sink.format.keys import Origin
from ledger_sink.format.layout import log_path
from ledger_sink.verifier.archive import ArchiveRows
from ledger_sink.verifier.bundle_check import check_bundle
from ledger_sink.verifier.city_check import RECORDS_NOT_COMPARED, check_city
from ledger_sink.verifier.consistency_check import check_consistency
from ledger_sink.verifier.errors import UnreadableError
from ledger_sink.verifier.evidence import MAX_BUNDLE_BYTES
from ledger_sink.verifier.folder import LedgerFiles, LedgerFolder, LogFiles, LogFolder
from ledger_sink.verifier.log_check import check_log
from ledger_sink.verifier.memory import CheckpointMemory
from ledger_sink.verifier.receipts import load_receipt_trust
from ledger_sink.verifier.record_file import RecordFile
from ledger_sink.verifier.records_check import RecordSource, check_records
from ledger_sink.verifier.remote import LedgerUrl, LogUrl, fetch, is_url
from ledger_sink.verifier.topic import TopicRecords
from ledger_sink.verifier.trust import MAX_TRUST_BYTES, load_trust, read_file
from ledger_sink.verifier.verdict import Verdict


def verdict_of(options: Namespace, memory: CheckpointMemory) -> Verdict:
    """Verify the subject that the options name.

    Args:
        options: the parsed command line.
        memory: the checkpoints that the auditor observed before.

    Raises:
        VerifierError: if something named cannot be read, or nothing is trusted.
    """
    budget = Budget(options.timeout, options.max_bytes)
    receipts = load_receipt_trust(options.tsa_root, options.evm, options.anchor_copy)
    trust = replace(
        load_trust(options.policy, options.keys, options.key, options.source_key), receipts=receipts
    )
    if options.bundle is not None:
        data = read_file(options.bundle, MAX_BUNDLE_BYTES)
        return check_bundle(str(options.bundle), data, trust, memory)
    if options.consistency is not None:
        old, new = options.consistency
        tiles = log_files(options.log or new.removesuffix("/").rpartition("/")[0] or ".", budget)
        return check_consistency(
            f"{old} → {new}", _read(old, budget), _read(new, budget), tiles, trust, memory
        )
    with _records(options, budget) as source:
        if options.city is None:
            files = log_files(options.log, budget)
            verdict = check_log(options.log, files, trust, memory)
            return _with_records(verdict, {"log": verdict.facts}, lambda _: files, source, None)
        ledger = ledger_files(options.city, budget)
        verdict = check_city(options.city, ledger, trust, memory=memory, topic=options.topic)
        logs = {name: fact for name, fact in verdict.facts.items() if isinstance(fact, Mapping)}
        return _with_records(verdict, logs, lambda name: ledger.log(log_path(name)), source, options.topic)


def log_files(name: str, budget: Budget | None = None) -> LogFiles:
    """Return the files of the log at a path or URL.

    Raises:
        UnreadableError: if there is no such folder.
    """
    if is_url(name):
        return LogUrl(name, budget)
    if not Path(name).is_dir():
        raise UnreadableError(f"{name}: expected the folder of a log")
    return LogFolder(Path(name))


def ledger_files(name: str, budget: Budget | None = None) -> LedgerFiles:
    """Return the files of the ledger at a path or URL.

    Raises:
        UnreadableError: if there is no such folder.
    """
    return LedgerUrl(name, budget) if is_url(name) else LedgerFolder(Path(name))


def _read(name: str, budget: Budget) -> bytes:
    if not is_url(name):
        return read_file(Path(name))
    try:
        return fetch(name, MAX_TRUST_BYTES, budget=budget)
    except UnreadableError as problem:
        raise UnreadableError(f"{name}: {problem}") from None


@contextmanager
def _records(options: Namespace, budget: Budget) -> Iterator[RecordSource | None]:
    """Open the source of records that the options name; yield `None` if they name none."""
    if options.records is not None:
        yield RecordFile(options.records)
    elif options.archive is not None:
        password = None
        if options.password_file is not None:
            password = read_file(options.password_file).decode("utf-8", "replace").rstrip("\r\n")
        yield ArchiveRows(options.archive, password, budget)
    elif options.kafka is not None:
        pairs = [option.partition("=")[::2] for option in options.kafka_option]
        source = TopicRecords(options.kafka, dict(pairs))
        try:
            yield source
        finally:
            source.close()
    else:
        yield None


def _with_records(
    verdict: Verdict,
    logs: Mapping[str, Any],
    files: Callable[[str], LogFiles],
    source: RecordSource | None,
    topic: str | None,
) -> Verdict:
    """Add the claims of comparing records with the verified logs, unless the verdict already fails."""
    if source is None or not verdict.passed:
        return verdict
    sizes = {fact["origin"]: fact["size"] for fact in logs.values() if _is_partition(fact)}
    claims = check_records(sizes, files, source, topic)
    elsewhere = f"that records anywhere but in {source.name} are the ones sealed here"
    rest = () if topic is None else (f"anything about records of other topics than {topic}",)
    not_shown = [words for words in verdict.not_shown if words != RECORDS_NOT_COMPARED]
    holds = f"{verdict.holds} The compared records in {source.name} are those that its leaves commit to."
    return replace(
        verdict, claims=(*verdict.claims, *claims), not_shown=(*not_shown, elsewhere, *rest), holds=holds
    )


def _is_partition(fact: Mapping[str, Any]) -> bool:
    try:
        return not Origin.parse(str(fact.get("origin"))).is_city
    except OriginError:
        return False
