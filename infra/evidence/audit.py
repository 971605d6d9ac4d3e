"""The audit of everything: ledger, Kafka, archive, tables, roll-ups, definitions, and its verdict in words."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from infra.clickhouse import damaged_parts
from infra.evidence.archive import ClickHouseArchive, named_errors
from infra.kafka.log_files import strays
from infra.layer_configs import ledger_config
from infra.tables.definitions import DefinitionsResult, check
from infra.tables.typed_audit import TypedAudit, TypedResult
from ledger_sink.audit.stores import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.settings import Settings
    from ledger_sink.audit.run import AuditResult
    from schemas.catalog import Catalog

IN_FLIGHT_S: Final = 3.0
"""The archive of a running stack may be this many seconds behind its checkpoints."""

EXIT_CODES: Final = {"pass": 0, "fail": 1, "unreadable": 3}


@dataclass(frozen=True)
class WholeAudit:
    """The result of an audit of everything."""

    verdict: Literal["pass", "fail", "unreadable"]
    problems: list[str]
    """What does not hold."""
    unreadable: list[str]
    """What could not be read."""
    not_checked: list[str]
    explained: list[str]
    """Differences that a dead letter accounts for."""
    rests_on: list[str]
    """What the verdict rests on, where that is little."""
    ledger: AuditResult
    typed: TypedResult = field(default_factory=TypedResult)
    definitions: int = 0
    """Tables and views whose definitions were compared."""
    incremental: bool = False
    set_aside: list[str] = field(default_factory=list)
    """Damaged parts of tables that ClickHouse does not use; what they held is compared like everything else."""

    @property
    def exit_code(self) -> int:
        """Return the exit code: 0 all holds, 1 something does not, 3 something could not be read."""
        return EXIT_CODES[self.verdict]

    def compared(self) -> str:
        """Return what was compared, in one line."""
        counts = list(self.ledger.counts.values())
        typed = self.typed
        share = f"{100 * min(1, typed.compared / typed.rows):.0f} %" if typed.rows else "0 %"
        repeats = f", {typed.repeats:,} records that repeat an event" if typed.repeats else ""
        return (
            f"{sum(c.sealed for c in counts):,} leaves, {sum(c.records for c in counts):,} records in Kafka, "
            f"{sum(c.archived for c in counts):,} rows of the archive, {typed.compared:,} typed rows in "
            f"{typed.tables} tables ({share} of their rows one by one"
            f"{', the others by a digest' if self.incremental else ''}){repeats}, "
            f"{typed.rollup_rows:,} rows of roll-ups"
            f"{' and the digests of the others' if self.incremental else ''}, {self.definitions} definitions"
        )

    def verdict_line(self) -> str:
        """Return the verdict in one line."""
        word = {"pass": "PASS", "fail": "FAIL", "unreadable": "NOT READ"}[self.verdict]
        outcome = {
            "pass": "everything that was compared agrees",
            "fail": f"{len(self.problems):,} problems"
            + (f", {len(self.unreadable)} stores not read" if self.unreadable else ""),
            "unreadable": f"{len(self.unreadable)} stores could not be read; what could be read agrees",
        }[self.verdict]
        return f"audit: {word}: {outcome}; compared {self.compared()}, in {self.ledger.seconds:.1f} s"


def run_audit(
    settings: Settings,
    catalog: Catalog,
    *,
    settled: bool,
    incremental: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> WholeAudit:
    """Audit everything. If the audit passes, save its end as the next baseline.

    Args:
        settings: The stack.
        catalog: Its catalogue.
        settled: True for a stack at rest: everything must be sealed and archived. False leaves out what is in flight.
        incremental: Begin at the baseline of the last audit that passed, if there is one.
        progress: Called with a line on what is read next.

    Raises:
        DamagedStateError: An incremental audit, and the baseline is damaged: run a full one.
    """
    from ledger_sink.audit.baseline import read_baseline, write_baseline  # noqa: PLC0415
    from ledger_sink.audit.run import run  # noqa: PLC0415 - only this command needs it

    began = time.monotonic()
    remembered = settings.data / "audit" / "ledger.json"
    baseline = read_baseline(remembered) if incremental else None
    known = baseline.tables if baseline else None
    with ThreadPoolExecutor(1) as beside, closing(ClickHouseArchive(settings)) as archive:
        set_aside, unsound = ([], []) if settings.clickhouse else _parts(archive, baseline is None, progress)
        tables = beside.submit(
            _tables, settings, catalog, settled, known, unsound, progress
        )  # both wait for others
        ledger = run(
            ledger_config(settings, catalog),
            archive=None if unsound else archive,
            settled=settled,
            grace_s=0.0 if settled else IN_FLIGHT_S,
            baseline=baseline,
            progress=progress,
        )
        typed, definitions = tables.result()
    if not settings.kafka:
        typed.problems += _strays(settings)
    problems = [*ledger.problems, *typed.problems, *definitions.problems]
    unreadable = list(dict.fromkeys([*ledger.unreadable, *typed.unreadable, *definitions.unreadable]))
    verdict: Literal["pass", "fail", "unreadable"] = (
        "fail" if problems else "unreadable" if unreadable else "pass"
    )
    if verdict == "pass":
        ledger.baseline.tables.update(typed.remembered, definitions=definitions.fingerprint)
        write_baseline(remembered, ledger.baseline)
    notes = (
        [] if not incremental or baseline is not None else ["no earlier audit passed here: this one was full"]
    )
    return WholeAudit(
        verdict,
        problems,
        unreadable,
        [*ledger.not_checked, *typed.not_checked, *notes],
        typed.explained,
        ledger.trust_lines,
        replace(ledger, seconds=time.monotonic() - began),
        typed,
        definitions.count,
        incremental=baseline is not None,
        set_aside=set_aside,
    )


def _parts(
    archive: ClickHouseArchive, every_file: bool, progress: Callable[[str], None]
) -> tuple[list[str], list[str]]:
    """Return a line for each table with parts set aside, and one for each damaged part in use.

    A store that does not answer has none: the comparison of its rows says so.
    """
    aside: list[str] = []
    with suppress(ArchiveError), named_errors():
        aside = damaged_parts.set_aside(archive.client)
        if every_file:
            progress("files of all tables")
            return aside, damaged_parts.unsound(archive.client)
    return aside, []


def _strays(settings: Settings) -> list[str]:
    """Return one line for each partition that the embedded Kafka has set aside."""
    try:
        return list(strays(settings.data / "kafka" / "log"))
    except OSError as error:
        return [f"{error.filename}: cannot be read: {error.strerror}"]


def _tables(
    settings: Settings,
    catalog: Catalog,
    settled: bool,
    remembered: Any,
    unsound: list[str],
    progress: Callable[[str], None],
) -> tuple[TypedResult, DefinitionsResult]:
    """Compare typed rows, roll-ups and definitions, over a connection of its own; nothing where parts are damaged.

    The engine would look for the flipped bit of a damaged part for minutes, at each query.
    """
    if unsound:
        line = "ClickHouse: tables are not compared before its damaged parts are away"
        return TypedResult(unsound, [line]), DefinitionsResult()
    with closing(ClickHouseArchive(settings)) as archive:
        try:
            client = archive.client
        except ArchiveError as error:
            return TypedResult(unreadable=[f"{error}: typed rows are not compared"]), DefinitionsResult()
        typed = TypedAudit(client, settings, catalog, settled=settled, progress=progress).check(remembered)
        progress("definitions")
        return typed, check(client, catalog, (remembered or {}).get("definitions", ""))
