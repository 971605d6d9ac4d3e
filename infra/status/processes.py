"""The processes of a stack: which run, which are suspended, which hang.

`city up` lists its children in `<data>/run/pids.json`. In containers there is no such list: only the reports that
processes write themselves (`infra/process/report.py`) are known there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from infra.process.process_list import PARENT, read_processes
from infra.process.report import read_reports
from infra.status.model import OPTIONAL, ProcessFact, ProcessState

if TYPE_CHECKING:
    from infra.process.process_list import NotedProcess
    from infra.process.report import Report
    from infra.settings import Settings

HANGS_S = 7.0
"""Seconds without a round of its main loop after which a process hangs."""
STARTS_S = 60.0
"""Seconds that a process has until its first report."""
REPORTING = ("worker", "sink", "ledger")
"""Roles whose main loop reports; the others are servers, which are asked."""
_GONE = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
_SUSPENDED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


def expected(settings: Settings) -> list[str]:
    """Return the names of the processes that `city up` starts for a stack, without the replay."""
    embedded = [name for name in ("clickhouse", "kafka") if not getattr(settings, name)]
    workers = [f"worker-{number}" for number in range(settings.workers)]
    return [*embedded, "signer", "witness", *workers, "sink", "ledger", "web"]


def process_facts(settings: Settings, now: float) -> list[ProcessFact]:
    """Return the state of each process of a stack.

    Args:
        settings: The stack.
        now: POSIX seconds.
    """
    reports = read_reports(settings.data)
    try:
        noted = read_processes(settings.data)
    except (OSError, ValueError):
        noted = {}
    if not noted:
        return [_reported(report, now) for report in reports.values()]
    facts = [
        _fact(name, noted[name], reports.get(name), now)
        if name in noted
        else ProcessFact(name, ProcessState.MISSING)
        for name in [*expected(settings), *(name for name in OPTIONAL if name in noted)]
    ]
    parent = _fact(PARENT, noted[PARENT], None, now) if PARENT in noted else None
    return [parent, *facts] if parent and parent.state is ProcessState.STOPPED else facts


def _fact(name: str, noted: NotedProcess, report: Report | None, now: float) -> ProcessFact:
    try:
        state = psutil.Process(noted.pid).status() if noted.runs else psutil.STATUS_DEAD
    except psutil.NoSuchProcess:
        state = psutil.STATUS_DEAD
    except psutil.AccessDenied:
        state = psutil.STATUS_RUNNING
    beat = report.beat if report else None
    if state in _GONE:
        return ProcessFact(name, ProcessState.ENDED, beat)
    if state in _SUSPENDED:
        return ProcessFact(name, ProcessState.STOPPED, beat, pid=noted.pid)
    if not name.startswith(REPORTING):
        return ProcessFact(name, ProcessState.RUNS)
    if report is None:
        starts = now - noted.created < STARTS_S
        return ProcessFact(name, ProcessState.STARTS if starts else ProcessState.SILENT, noted.created)
    return _reported(report, now)


def _reported(report: Report, now: float) -> ProcessFact:
    hangs = now - report.beat > HANGS_S
    state = ProcessState.HANGS if hangs else ProcessState.RUNS
    return ProcessFact(report.process, state, report.beat if hangs else None, report.conditions)
