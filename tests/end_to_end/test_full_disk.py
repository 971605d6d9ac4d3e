"""A disk without room, and stores that may not be written: named with path and advice, and healed by room.

The disks are mounts of the tests' own, for which one must be root.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.harness.city import City
from tests.harness.report import broken_equations
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk"),
]
TOPIC = "air-quality.reading"
SMALL_MB, ENOUGH_MB = 200, 700


def mount(*words: str | Path) -> None:
    """Run `mount`."""
    subprocess.run(["mount", *map(str, words)], check=True)


@contextmanager
def mounted(folder: Path, *words: str | Path) -> Iterator[Path]:
    """Mount something on a folder, and unmount it at the end."""
    folder.mkdir(exist_ok=True)
    mount(*words, folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write a file until its disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 20)):
            pass


def test_a_disk_that_is_too_small_is_named_before_anything_is_written(tmp_path: Path) -> None:
    """Exit 2, the path, how much is left and needed."""
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", f"size={SMALL_MB}m", "tmpfs") as disk:
        run = City(disk / "city").up_once()
        assert run.returncode == 2, run.stdout + run.stderr
        assert "disk almost full: " in run.stderr
        assert not list((disk / "city").glob("clickhouse/store/*"))


def test_a_disk_that_fills_up_ends_the_city_by_name_and_room_heals_it(
    tmp_path: Path, small_recordings: Path
) -> None:
    """Nothing that was confirmed is lost: the equations hold after the next start."""
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", f"size={ENOUGH_MB}m", "tmpfs") as disk:
        city = City(disk / "city")
        ballast = disk / "ballast"
        process = city.start("--recordings", str(small_recordings), "--speed", "max")
        eventually(lambda: city.sealed(TOPIC) > 0, "records are sealed", within_s=120)
        fill(ballast)
        output = process.communicate(timeout=180)[0]
        assert process.returncode in (1, 2), output  # which process finds no room first is chance
        assert "no room left" in output
        assert str(city.data) in output
        ballast.unlink()
        run = city.up_once("--recordings", str(small_recordings))
        assert run.returncode == 0, run.stdout + run.stderr
        assert broken_equations(city.read_report()) == []


@pytest.mark.parametrize("store", ["ledger", "clickhouse", "kafka", "keys"])
def test_a_store_that_may_not_be_written_is_named(
    store: str, make_city: Callable[..., City], small_recordings: Path
) -> None:
    """One line with the path; when it may be written again, the city goes on."""
    city = make_city(store)
    assert city.up_once("--recordings", str(small_recordings)).returncode == 0
    folder = city.data / store
    with mounted(folder, "--bind", folder):
        mount("-o", "remount,ro,bind", folder)
        run = city.up_once("--recordings", str(small_recordings))
    assert run.returncode in (1, 2), run.stdout + run.stderr
    assert str(folder) in run.stderr
    assert "Read-only file system" in run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert city.up_once("--recordings", str(small_recordings)).returncode == 0
