"""A backup that is made while the city replays, restored elsewhere: the city goes on there, and nothing differs."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.harness.city import City, interrupt
from tests.harness.comparison import assert_nothing_differs
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_city_restored_from_a_backup_under_load_goes_on_and_nothing_differs(
    make_city: Callable[..., City], small_recordings: Path, request: pytest.FixtureRequest
) -> None:
    """Three backups while agents, sinks and ledger are busy; the one in the middle becomes a city of its own."""
    city = make_city()
    process = city.start("--speed", "400000", "--recordings", str(small_recordings))
    city.wait_for(process.pid, "worker-0", "sink", "ledger", "replay")
    city.wait_sealed("air-quality.reading")
    backups = [city.data.with_name(f"backup-{number}") for number in range(3)]
    for backup in backups:
        made = city.city("backup", str(backup))
        assert made.returncode == 0, made.stdout + made.stderr
        assert "the city paused for" in made.stdout
    assert process.poll() is None
    interrupt(process)

    other = make_city("other")
    restored = other.city("restore", str(backups[1]))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    run = other.up_once("--recordings", str(small_recordings))
    assert run.returncode == 0, run.stdout + run.stderr
    assert_nothing_differs(other, request.getfixturevalue("whole_city"))


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_a_backup_that_is_killed_in_its_pause_leaves_the_city_running(
    make_city: Callable[..., City], small_recordings: Path
) -> None:
    """The guard lets the city go on: a record that is produced afterwards is sealed, and the next backup succeeds."""
    import subprocess

    import psutil

    city = make_city()
    process = city.start("--speed", "1", "--recordings", str(small_recordings))
    pids = city.wait_for(process.pid, "worker-0", "sink", "ledger", "web")
    city.wait_sealed("platform.recording", 0)
    for _ in range(3):
        words = city.command("backup", str(city.data.with_name("killed")), "--data", str(city.data))
        with subprocess.Popen(
            words, env=city.env(), cwd=city.data.parent, stderr=subprocess.DEVNULL
        ) as backup:
            eventually(
                lambda: (
                    psutil.Process(pids["ledger"]).status() == psutil.STATUS_STOPPED
                    or backup.poll() is not None
                ),
                "the ledger is stopped",
                within_s=30,
                every_s=0.001,
            )
            os.kill(backup.pid, signal.SIGKILL)
        eventually(
            lambda: psutil.Process(pids["ledger"]).status() != psutil.STATUS_STOPPED,
            "it goes on",
            within_s=10,
        )
    last = city.data.with_name("last")
    made = city.city("backup", str(last))
    assert made.returncode == 0, made.stdout + made.stderr
    assert not list((city.data / "run").glob("backup-view-*"))
    assert process.poll() is None
    interrupt(process)
