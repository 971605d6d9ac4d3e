"""A process is told from another by a mark that does not move when the clock is set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from infra.process.identity import is_same, start_mark
from infra.recovery.errors import BackupError
from infra.recovery.freeze import frozen, stack_processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STEP_S = 5.0
"""What a clock that is set moves a start time by."""


@pytest.fixture
def child() -> Iterator[int]:
    """A process that waits."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.kill()
    process.wait()


def noted(data: Path, pid: int, mark: str) -> None:
    """Note a process as a stack does, by a clock that has been set since."""
    (data / "run").mkdir(exist_ok=True)
    created = psutil.Process(pid).create_time() - STEP_S
    rows = {"parent": [os.getpid(), 0.0, ""], "sink": [pid, created, mark]}
    (data / "run" / "pids.json").write_text(json.dumps(rows))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such mark")
def test_a_clock_that_is_set_changes_no_mark(child: int) -> None:
    """The start in seconds would say that it is another process."""
    created = psutil.Process(child).create_time() - STEP_S
    assert is_same(child, created, start_mark(child))
    assert not is_same(child, created)


def test_another_start_and_another_boot_are_another_process(child: int) -> None:
    """Each part of the mark counts; without one, the start in seconds does."""
    created = psutil.Process(child).create_time()
    boot, _, ticks = start_mark(child).partition("/")
    if ticks:
        assert not is_same(child, created, f"{boot}/{int(ticks) + 1}")
        assert not is_same(child, created, f"another/{ticks}")
    assert is_same(child, created)


def test_a_process_that_is_gone_is_no_process() -> None:
    """With a mark and without."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    mark = start_mark(process.pid)
    process.wait()
    assert not is_same(process.pid, 0.0, mark)
    assert not is_same(process.pid, 0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such mark")
def test_a_backup_stops_every_process_after_the_clock_was_set(child: int, tmp_path: Path) -> None:
    """And lets it go on."""
    noted(tmp_path, child, start_mark(child))
    processes = stack_processes(tmp_path)
    assert [each.pid for each in processes] == [child]
    with frozen(processes):
        assert psutil.Process(child).status() == psutil.STATUS_STOPPED
    assert psutil.Process(child).status() != psutil.STATUS_STOPPED


def test_a_backup_that_finds_no_process_to_stop_is_refused(child: int, tmp_path: Path) -> None:
    """It would copy stores that go on, and call them those of one instant."""
    noted(tmp_path, child, "another/1")
    with pytest.raises(BackupError, match="none of its processes is found"):
        stack_processes(tmp_path)
