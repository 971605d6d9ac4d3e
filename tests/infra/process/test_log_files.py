"""Logs of processes stay small, whatever writes them, and their last lines are there."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING, Any

from infra.process import log_files
from infra.process.log_files import MAX_BYTES, OLDER, last_lines, older, rotate
from infra.process.supervisor import Supervisor
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FIFTY_MB = """
import os
line = b"x" * 99 + b"\\n"
for n in range(500):
    os.write(1 + n % 2, line * 1000)  # by the descriptors, as native code does
os.write(2, b"oracle: the last line\\n")
"""
ENDLESS = """
import os, time
while True:
    os.write(2, (b"x" * 99 + b"\\n") * 10_000)
    time.sleep(0.01)
"""


def size_of(folder: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.iterdir())


def test_a_process_that_writes_50_mb_stays_within_the_bound_and_its_last_line_is_told(tmp_path: Path) -> None:
    """Three files of 8 MB at most; the reason of the end is found, though the file was cut."""
    supervisor = Supervisor(tmp_path)
    supervisor.take()
    child = supervisor.start("oracle", [sys.executable, "-c", FIFTY_MB], {})
    child.process.wait(60)
    eventually(lambda: size_of(tmp_path / "logs") <= 3 * (MAX_BYTES + 100_000), "the log is cut")
    assert "oracle ended with 0: oracle: the last line" in child.exit_message()
    supervisor.release()


def test_a_process_that_writes_on_and_on_is_never_stopped_by_it(tmp_path: Path) -> None:
    """Several cuts while it writes: it goes on, there are two older files, each begins with a whole line."""
    supervisor = Supervisor(tmp_path)
    supervisor.take()
    child = supervisor.start("oracle", [sys.executable, "-c", ENDLESS], {})
    eventually(lambda: older(child.log, OLDER).exists(), "two cuts")
    assert child.alive
    supervisor.stop()
    supervisor.release()
    assert sorted(path.name for path in child.log.parent.iterdir()) == [
        "oracle.log", "oracle.log.1", "oracle.log.2",
    ]  # fmt: skip
    assert set(older(child.log, 1).read_bytes().splitlines()[1]) == {ord("x")}
    assert size_of(child.log.parent) <= 3 * (MAX_BYTES + 100_000)


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    """And one that is not there, too."""
    log = tmp_path / "a.log"
    assert not rotate(log)
    log.write_bytes(b"line\n" * 10)
    assert not rotate(log, max_bytes=50)
    assert rotate(log, max_bytes=49)
    assert (log.read_bytes(), older(log, 1).read_bytes().count(b"line\n")) == (b"", 9)


def test_on_a_full_disk_the_end_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be copied: the file is cut all the same, and its last lines stay in it."""

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    log = tmp_path / "a.log"
    log.write_bytes(b"".join(b"line %07d\n" % n for n in range(100_000)))
    monkeypatch.setattr(log_files, "_copy_end", full)
    assert rotate(log, max_bytes=1000)
    assert last_lines(log)[-1] == "line 0099999"
    assert log.stat().st_size == 64 * 1024


def test_last_lines_go_back_into_the_older_file(tmp_path: Path) -> None:
    """A process that ends right after a cut has its reason in the older file."""
    log = tmp_path / "a.log"
    log.write_bytes(b"")
    older(log, 1).write_bytes(b"the reason\n")
    assert last_lines(log) == ["the reason"]
    assert last_lines(tmp_path / "none.log") == []


def test_a_killed_process_is_never_explained_by_a_line_of_an_earlier_run(tmp_path: Path) -> None:
    """Neither where the log goes on in the same file, nor where it was cut since the start."""
    supervisor = Supervisor(tmp_path)
    supervisor.take()
    first = supervisor.start("oracle", [sys.executable, "-c", "print('ERROR the disk is on fire')"], {})
    first.process.wait(60)
    assert "oracle ended with 0: ERROR the disk is on fire" in first.exit_message()
    second = supervisor.start("oracle", [sys.executable, "-c", "import time; time.sleep(60)"], {})
    second.process.kill()
    second.process.wait(60)
    assert "oracle was ended by signal 9 (SIGKILL): no output (log: " in second.exit_message()
    assert rotate(second.log, max_bytes=second.log.stat().st_size - 1)
    assert "ERROR the disk is on fire" not in second.exit_message()
    supervisor.stop()
    supervisor.release()


def test_lines_begin_behind_the_last_mark_and_none_are_lost_without_one(tmp_path: Path) -> None:
    """The mark may lie in the older file, or so far back that all lines are this run's."""
    log = tmp_path / "a.log"
    older(log, 1).write_bytes(b"old\nmark\nold, too\nmark\n")
    log.write_bytes(b"new\n")
    assert last_lines(log, after="mark") == ["new"]
    assert last_lines(log, after="another mark") == ["old", "mark", "old, too", "mark", "new"]


def test_an_end_is_told_by_its_own_words_and_a_kill_by_no_error_of_before(tmp_path: Path) -> None:
    """An error that a process logged and outlived is not why it ended."""
    supervisor = Supervisor(tmp_path)
    supervisor.take()
    said = "print('ERROR a file was changed', flush=True); print('oracle: a FIFO', flush=True)"
    child = supervisor.start("oracle", [sys.executable, "-c", said], {})
    child.process.wait(60)
    assert "oracle ended with 0: oracle: a FIFO (log: " in child.exit_message()
    said = "import time; print('ERROR once', flush=True); print('goes on', flush=True); time.sleep(60)"
    child = supervisor.start("oracle", [sys.executable, "-c", said], {})
    eventually(lambda: "goes on" in child.log.read_text(), "it goes on")
    child.process.kill()
    child.process.wait(60)
    assert "oracle was ended by signal 9 (SIGKILL): goes on (log: " in child.exit_message()
    supervisor.stop()
    supervisor.release()
