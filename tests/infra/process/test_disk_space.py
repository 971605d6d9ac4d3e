"""A disk that is almost full is named before something fails, and a write without room names its place."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from infra.process import disk_space
from infra.process.disk_space import DiskWatch, almost_full, no_room

if TYPE_CHECKING:
    from pathlib import Path


def test_room_is_measured_where_the_path_will_lie(tmp_path: Path) -> None:
    """Also for a folder that is not there yet; the line has the path, what is left and what to do."""
    path = tmp_path / "not" / "yet"
    assert almost_full(path, 1) is None
    line = almost_full(path, 1 << 60)
    assert line is not None
    assert f"MB left at {path}" in line or f"MB left at {tmp_path}" in line
    assert "free some room" in line


def test_a_watch_says_it_once_until_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full, full, room, full: two lines."""
    now, free = [0.0], [0]
    said: list[str] = []
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: type("Usage", (), {"free": free[0]}))
    watch = DiskWatch(tmp_path, 100, lambda: now[0])
    for room in (0, 0, 1000, 0):
        free[0] = room
        watch.look(said.append)
        watch.look(said.append)  # not due
        now[0] += disk_space.LOOK_S
    assert len(said) == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_write_without_room_is_one_line_with_its_place(tmp_path: Path, number: int) -> None:
    """The file's, or the folder where the writer keeps its files."""
    named = no_room(OSError(number, os.strerror(number), "/some/file"), tmp_path)
    assert named is not None
    assert named.startswith("/some/file: no room left")
    unnamed = no_room(OSError(number, os.strerror(number)), tmp_path)
    assert unnamed is not None
    assert unnamed.startswith(f"{tmp_path}: no room left")
    assert no_room(OSError(errno.EACCES, "denied"), tmp_path) is None


def test_the_fullest_of_the_writers_places_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a write to an open file names no file; a disk that has room is not the one."""
    data, here = tmp_path / "data", tmp_path / "here"
    free = {data: 0, here: 1 << 40}
    for folder in free:
        folder.mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": free[path]}))
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for places in ((data, here), (here, data)):
        assert (no_room(full, *places) or "").startswith(f"{data}: no room left")
