"""The audit of everything: ledger, Kafka, archive, tables, roll-ups, definitions, and its verdict in words."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from infra.evidence.archive import ClickHouseArchive
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

    @property
    def exit_code(self) -> int:
        """Return the exit code: 0 all holds, 1 something does not, 3 something could not be read."""
        return EXIT_CODES[self.verdict]

    def compared(self) -> str:
        """Return what was compared, in one line."""
        counts = list(self.ledger.counts.values())
        typed = self.typed
        share = f"{100 * typed.compared / typed.rows:.0f} %" if typed.rows else "0 %"
        return (
            f"{sum(c.sealed for c in counts):,} leaves, {sum(c.records for c in counts):,} records in Kafka, "
            f"{sum(c.archived for c in counts):,} rows of the archive, {typed.compared:,} typed rows in "
            f"{typed.tables} tables ({share} of their rows one by one"
            f"{', the others by a digest' if self.incremental else ''}), {typed.rollup_rows:,} rows of roll-ups"
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
        tables = beside.submit(_tables, settings, catalog, settled, known, progress)  # both wait for others
        ledger = run(
            ledger_config(settings, catalog),
            archive=archive,
            settled=settled,
            grace_s=0.0 if settled else IN_FLIGHT_S,
            baseline=baseline,
            progress=progress,
        )
        typed, definitions = tables.result()
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
    )


def _tables(
    settings: Settings,
    catalog: Catalog,
    settled: bool,
    remembered: Any,
    progress: Callable[[str], None],
) -> tuple[TypedResult, DefinitionsResult]:
    """Compare typed rows, roll-ups and definitions, over a connection of its own."""
    with closing(ClickHouseArchive(settings)) as archive:
        try:
            client = archive.client
        except ArchiveError as error:
            return TypedResult(unreadable=[f"{error}: typed rows are not compared"]), DefinitionsResult()
        typed = TypedAudit(client, settings, catalog, settled=settled, progress=progress).check(remembered)
        progress("definitions")
        return typed, check(client, catalog, (remembered or {}).get("definitions", ""))
