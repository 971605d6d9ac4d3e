"""What processes report in files, what is seen of suspended and dead ones, and threads that end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from infra.process.report import Reporter, clear_reports, folder, read_reports
from infra.settings import Settings
from infra.status.model import ProcessState
from infra.status.processes import HANGS_S, STARTS_S, process_facts
from tests.harness.city import REPOSITORY
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_800_000_000.0


def test_conditions_come_and_go_with_since_when(tmp_path: Path) -> None:
    """A flag from when it is set; a duration from when it began; others are no conditions."""
    report = Reporter(tmp_path, "ledger", clock=lambda: NOW)
    report.note("ledger_log_stopped", 1, {"topic": "t", "partition": "0", "reason": "Damaged"})
    report.note("sink.stalled_seconds", 6, {})
    report.note("ledger_quorum_lag_seconds", 2, {})
    report.note("ledger_city_blocks", 9, {})
    report.beat()
    found = {each.metric: each.since for each in read_reports(tmp_path)["ledger"].conditions}
    assert found == {"ledger_log_stopped": NOW, "sink.stalled_seconds": NOW - 6}
    again = Reporter(tmp_path, "ledger", clock=lambda: NOW)
    again.note("ledger_log_stopped", 1, {"topic": "t"})
    again.note("ledger_log_stopped", 0, {"topic": "t"})
    again.beat()
    assert read_reports(tmp_path)["ledger"].conditions == ()
    clear_reports(tmp_path)
    assert read_reports(tmp_path) == {}


def test_a_damaged_report_is_no_error(tmp_path: Path) -> None:
    """Its time still counts."""
    folder(tmp_path).mkdir(parents=True)
    (folder(tmp_path) / "sink.json").write_text("{")
    assert read_reports(tmp_path)["sink"].conditions == ()


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that only sleeps."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def state_of(data: Path, name: str, now: float) -> ProcessState:
    """Return what is seen of a process."""
    settings = replace(Settings(), data=data)
    return next(each.state for each in process_facts(settings, now) if each.name == name)


def test_a_child_that_is_suspended_hangs_or_dies_is_seen(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    """By its state, by the time of its report, and by its process id with its start."""
    created = psutil.Process(child.pid).create_time()
    (tmp_path / "run").mkdir()
    rows = {"parent": [os.getpid(), psutil.Process().create_time()], "sink": [child.pid, created]}
    (tmp_path / "run" / "pids.json").write_text(json.dumps(rows))
    assert state_of(tmp_path, "sink", created + 1) is ProcessState.STARTS
    assert state_of(tmp_path, "sink", created + STARTS_S + 1) is ProcessState.SILENT
    assert state_of(tmp_path, "ledger", created) is ProcessState.MISSING
    Reporter(tmp_path, "sink").beat()
    now = time.time()
    assert state_of(tmp_path, "sink", now) is ProcessState.RUNS
    assert state_of(tmp_path, "sink", now + HANGS_S + 1) is ProcessState.HANGS
    child.send_signal(signal.SIGSTOP)
    eventually(lambda: state_of(tmp_path, "sink", now) is ProcessState.STOPPED, "it is seen as suspended")
    child.kill()
    eventually(lambda: state_of(tmp_path, "sink", now) is ProcessState.ENDED, "it is seen as ended")


def test_in_containers_the_reports_alone_are_known(tmp_path: Path) -> None:
    """There is no list of processes there."""
    Reporter(tmp_path, "ledger").beat()
    assert state_of(tmp_path, "ledger", time.time()) is ProcessState.RUNS
    assert state_of(tmp_path, "ledger", time.time() + HANGS_S + 1) is ProcessState.HANGS


THREAD = """
import threading, time
from infra.process.child import end_with_threads
stop = threading.Event()
end_with_threads(stop)
def fail(): raise ValueError("lost")
threading.Thread(target=fail, name="publisher").start()
time.sleep(30)
"""


def test_a_dead_thread_ends_its_process() -> None:
    """One line says which; the stack then stops in order."""
    done = subprocess.run(
        [sys.executable, "-c", THREAD],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 70
    last = done.stderr.splitlines()[-1]
    assert last.startswith("thread publisher ended by ValueError: lost: ending the process")
