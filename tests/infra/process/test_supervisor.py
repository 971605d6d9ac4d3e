"""The supervisor: children end in order, with their parent, and leave nothing that the next one trips over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from infra.errors import DataDirectoryError, StackError
from infra.process.supervisor import Supervisor
from tests.harness.waiting import eventually

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
ORDERLY = [
    sys.executable,
    "-c",
    "from infra.process.child import stop_event; stop = stop_event(); stop.wait(60); print('done', flush=True)",
]
REPOSITORY = str(Path(__file__).parents[3])
PARENT = """
import sys, time
from pathlib import Path
from infra.process.supervisor import Supervisor
s = Supervisor(Path(sys.argv[1]))
s.take()
for name in ("a", "b"):
    s.start(name, [sys.executable, "-c", "import time; time.sleep(60)"], {})
print("up", flush=True)
time.sleep(60)
"""


def gone(pid: int) -> bool:
    """Tell whether a process has ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    """A supervisor that holds its directory."""
    made = Supervisor(tmp_path)
    made.take()
    return made


def test_children_stop_in_the_opposite_order(supervisor: Supervisor, tmp_path: Path) -> None:
    """SIGTERM, last started first; each has time to end by itself."""
    for name in ("first", "second"):
        supervisor.start(name, ORDERLY, {"PYTHONPATH": REPOSITORY})
    time.sleep(1)
    assert supervisor.stop() == []
    assert supervisor.children == []
    assert (tmp_path / "logs" / "first.log").read_text().endswith(" ---\ndone\n")
    supervisor.release()


def test_a_child_that_ended_is_told_with_its_last_words(supervisor: Supervisor) -> None:
    """The name, the exit code, the last line and the log."""
    supervisor.start("oracle", [sys.executable, "-c", "print('the end is near'); raise SystemExit(3)"], {})
    time.sleep(0.5)
    with pytest.raises(StackError, match=r"oracle ended with 3: the end is near .*oracle\.log"):
        supervisor.check()
    supervisor.release()


def test_a_stopped_child_is_ended_too(supervisor: Supervisor) -> None:
    """A child under SIGSTOP gets SIGCONT with its SIGTERM."""
    child = supervisor.start("frozen", SLEEP, {})
    os.kill(child.process.pid, signal.SIGSTOP)
    assert supervisor.stop() == []
    supervisor.release()


def test_a_second_stack_is_refused(supervisor: Supervisor, tmp_path: Path) -> None:
    """One stack per data directory, and the message says what to do."""
    with pytest.raises(DataDirectoryError, match="--data"):
        Supervisor(tmp_path).take()
    supervisor.release()
    again = Supervisor(tmp_path)
    again.take()
    again.release()


def test_children_of_a_killed_parent_end_and_the_next_stack_starts(tmp_path: Path) -> None:
    """`kill -9` of the parent: its children are gone, the directory is free again."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": REPOSITORY},
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "up\n"
    children = [child.pid for child in psutil.Process(parent.pid).children()]
    assert len(children) == 2
    parent.kill()
    parent.wait()
    successor = Supervisor(tmp_path)
    successor.take()
    eventually(lambda: all(gone(pid) for pid in children), "its children end", within_s=10)
    successor.release()


def test_a_process_under_a_former_name_of_its_role_is_ended_too(tmp_path: Path) -> None:
    """`pids.json` of an older stack names `door`: what it left running there ends, and the stack starts."""
    left = subprocess.Popen(SLEEP, start_new_session=True)
    rows = {"parent": [1, 0.0], "door": [left.pid, psutil.Process(left.pid).create_time()]}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "pids.json").write_text(json.dumps(rows))
    successor = Supervisor(tmp_path)
    successor.take()
    assert gone(left.pid)
    left.wait(5)
    successor.start("clickhouse", SLEEP, {})
    assert set(json.loads((tmp_path / "run" / "pids.json").read_text())) == {"parent", "clickhouse"}
    assert (tmp_path / "logs" / "clickhouse.log").exists()
    assert successor.stop() == []
    successor.release()


def test_a_storm_of_signals_ends_a_process_as_one_does() -> None:
    """A second SIGTERM while the first is being handled must not tie the process up."""
    code = (
        "from infra.process.child import stop_event; stop = stop_event(); print('up', flush=True)\n"
        "while not stop.wait(0.0001): pass"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    for _ in range(500):
        process.send_signal(signal.SIGTERM)
        if process.poll() is not None:
            break
    # One more that comes while the interpreter is being taken down ends it the hard way: it had stopped by then.
    assert process.wait(8) in {0, -signal.SIGTERM}


def test_the_stack_goes_on_without_a_child_that_it_does_not_need(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """It is told, and stays in the list of processes, so that a status can say that it has ended."""
    child = supervisor.start("ornament", [sys.executable, "-c", "raise SystemExit(3)"], {}, needed=False)
    supervisor.start("sleeper", SLEEP, {})
    child.process.wait()
    supervisor.check()
    assert supervisor.complete
    assert "ornament ended with 3" in child.exit_message()
    assert "the city goes on without it" in child.exit_message()
    noted = json.loads((tmp_path / "run" / "pids.json").read_text())
    assert set(noted) == {"parent", "ornament", "sleeper"}
    supervisor.stop()
    supervisor.release()
