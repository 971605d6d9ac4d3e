"""The audit: recomputes the whole ledger and names every discrepancy (docs/ledger.md#completeness).

- Files: tiles, entries, control files and checkpoint of every log; the chain of blocks and every root in it;
  cosignatures under the policy. The auditors' own verifier checks these.
- Records: every leaf against the archive, and against Kafka while it retains the record. Kafka's end offsets, leaves
  and rows must agree.

It only reads, and runs beside the platform. It runs none of the code that appends, signs or publishes. It shares with
that code the format and the readers: the store, tiles, state files, the list of epochs and the Kafka source.

What cannot be read is named, and the rest is audited. A store that does not answer is `unreadable`; a file or row that
is missing, damaged or wrong is a problem.

A full audit reads everything. An incremental one trusts the last audit that passed and reads only what came after it,
so its work grows with what is new. It does not read old files and records again, and the result lists that. Of old
rows of the archive it compares the number and a digest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ledger_sink.audit.baseline import AuditBaseline
from ledger_sink.audit.counts import Counts
from ledger_sink.audit.ledger_files import LedgerFilesAudit
from ledger_sink.audit.records import RecordsAudit
from ledger_sink.errors import KafkaUnavailableError
from ledger_sink.format.layout import POLICY
from ledger_sink.kafka_source import KafkaSource
from schemas.names import AUDIT_GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ledger_sink.audit.stores import Archive, Source
    from ledger_sink.config import LedgerConfig

__all__ = ["AuditResult", "Counts", "run"]

NO_WAIT = {"fetch.min.bytes": 1, "fetch.wait.max.ms": 50}
"""Settings of the audit's consumer: it reads many short ranges, and waits for none to grow."""


@dataclass(frozen=True)
class AuditResult:
    """Verdict, problems and counts of an audit."""

    verdict: Literal["pass", "fail", "unreadable"]
    """`unreadable`: nothing is wrong in what could be read, and something could not."""
    problems: list[str]
    """Each names a file, or topic/partition and offset, with the expected and the found value."""
    counts: Mapping[str, Counts] = field(default_factory=dict)
    """By topic."""
    not_checked: list[str] = field(default_factory=list)
    """What the verdict does not include."""
    seconds: float = 0.0
    """Duration of the audit."""
    baseline: AuditBaseline = field(default_factory=AuditBaseline)
    """Where an incremental audit can go on; empty unless this audit passed with an archive."""
    unreadable: list[str] = field(default_factory=list)
    """Stores that could not be read, one line each."""
    trust_lines: list[str] = field(default_factory=list)
    """What the verdict rests on, where that is little (a weak policy)."""


def run(
    config: LedgerConfig,
    *,
    archive: Archive | None,
    source: Source | None = None,
    policy: Path | None = None,
    settled: bool = True,
    grace_s: float = 0.0,
    baseline: AuditBaseline | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> AuditResult:
    """Audit a whole ledger.

    Args:
        config: data directory, city name and sealed topics.
        archive: reader of the archive; None leaves the archive out, and the result lists that.
        source: Kafka; None creates a consumer from the config.
        policy: the auditor's own policy file; None takes the city's, which proves less.
        settled: everything in Kafka must be sealed, archived and cosigned by now. False leaves out what came after
            the newest checkpoints.
        grace_s: longest time for the archive to catch up with those checkpoints first, in seconds.
        baseline: result of the last audit that passed, for an incremental audit; None makes a full one.
        progress: called with a line on what is read next.
    """
    began = time.monotonic()
    since = baseline or AuditBaseline()
    files = LedgerFilesAudit(config, since, settled=settled)
    progress("files of the ledger")
    files.check(policy or config.ledger / POLICY)
    records = RecordsAudit(config, files, archive, since, settled=settled, progress=progress)
    opened: list[KafkaSource] = []

    def open_source() -> Source:
        if source is not None:
            return source
        try:
            opened.append(KafkaSource(config, group=AUDIT_GROUP, options=NO_WAIT))
        except Exception as error:  # librdkafka refuses a setting
            raise KafkaUnavailableError(str(error)) from error
        return opened[0]

    try:
        records.check(open_source, grace_s)
    finally:
        for own in opened:
            own.close()
    problems = [*files.problems, *records.problems]
    verdict: Literal["pass", "fail", "unreadable"] = (
        "fail" if problems else "unreadable" if records.unreadable else "pass"
    )
    whole = verdict == "pass" and archive is not None
    return AuditResult(
        verdict,
        problems,
        records.counts,
        [*files.not_checked, *records.not_checked],
        time.monotonic() - began,
        AuditBaseline(files.prefixes, records.rows) if whole else AuditBaseline(),
        records.unreadable,
        files.trust_lines,
    )
