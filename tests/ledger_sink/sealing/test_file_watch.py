"""A full tile or bundle that is changed under a running ledger is found by its time, and only then read."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from infra.process.report import Reporter, read_reports
from infra.status.health import Facts, problems
from infra.status.model import ProcessFact, ProcessState
from ledger_sink.sealing.file_watch import FileWatch
from ledger_sink.store import FileStore
from tests.ledger_sink.worlds import World, records

if TYPE_CHECKING:
    from pathlib import Path

LOG = "air.reading/0/1"


class Watched:
    """A ledger with one log of 600 leaves, and what the watch told of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.world = World(FileStore(root))
        self.sequencer = self.world.open()
        self.grow(0, 599)
        self.told: list[tuple[float, str]] = []
        self.reads: list[str] = []
        self.watch = FileWatch(_Counting(root, self.reads), self._emit)

    def grow(self, first: int, count: int) -> None:
        """Seal more records."""
        self.sequencer.append(records(first, count))
        self.sequencer.commit()

    def _emit(self, metric: str, value: float, labels: object) -> None:
        assert metric == "ledger_file_changed"
        assert isinstance(labels, dict)
        self.told.append((value, labels["file"]))

    def look(self) -> list[tuple[float, str]]:
        """Look once; what is told."""
        self.told.clear()
        self.reads.clear()
        self.watch()
        return list(self.told)


class _Counting(FileStore):
    """A store that tells what was read."""

    def __init__(self, root: Path, reads: list[str]) -> None:
        super().__init__(root)
        self._reads = reads

    def read(self, name: str) -> bytes:
        self._reads.append(name)
        return super().read(name)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A watch that has looked once, a while ago."""
    made = Watched(tmp_path)
    for path in tmp_path.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    assert made.look() == []
    return made


def flip(path: Path) -> bytes:
    """Change one bit in the middle; the bytes that were there."""
    before = path.read_bytes()
    at = len(before) // 2
    path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
    return before


@pytest.mark.parametrize("name", ["tile/entries/000", "tile/entries/001", "tile/0/000", "tile/0/001"])
def test_a_flipped_bit_in_a_full_file_is_named_until_the_file_is_back(watched: Watched, name: str) -> None:
    """Once, with the file; and once that it is right again."""
    before = flip(watched.root / LOG / name)
    assert watched.look() == [(1, f"{LOG}/{name}")]
    assert watched.look() == []
    (watched.root / LOG / name).write_bytes(before)
    assert watched.look() == [(0, f"{LOG}/{name}")]


@pytest.mark.parametrize("damage", ["gone", "empty", "fifo"])
def test_a_file_that_is_gone_empty_or_a_fifo_is_named(watched: Watched, damage: str) -> None:
    """Whatever stands in its place."""
    path = watched.root / LOG / "tile/entries/000"
    path.unlink()
    if damage == "empty":
        path.touch()
    elif damage == "fifo":
        os.mkfifo(path)
    assert watched.look() == [(1, f"{LOG}/tile/entries/000")]


def test_nothing_is_read_at_rest_and_growth_is_no_change(watched: Watched) -> None:
    """A look costs one question for each file; new full files are as they should be, also copied ones."""
    assert watched.look() == []
    assert watched.reads == [f"{LOG}/state.json"]
    watched.grow(599, 300)
    assert watched.look() == []
    assert watched.reads == [f"{LOG}/state.json"]
    os.utime(watched.root / LOG / "tile/entries/000", (time.time(), time.time()))
    assert watched.look() == []  # newer, and read, and right


def test_the_status_shows_it_red(tmp_path: Path) -> None:
    """As a problem of the ledger with the file and what to do."""
    reporter = Reporter(tmp_path, "ledger")
    reporter.note("ledger_file_changed", 1, {"file": f"{LOG}/tile/entries/000"})
    reporter.beat()
    conditions = read_reports(tmp_path)["ledger"].conditions
    process = ProcessFact("ledger", ProcessState.RUNS, None, conditions)
    (problem,) = problems(Facts(time.time(), processes=[process]))
    assert (problem.severity, problem.reason) == ("red", "changed")
    assert f"ledger/{LOG}/tile/entries/000 is not as it was" in problem.what
