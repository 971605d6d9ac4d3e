"""Ledger: records → leaves → tiles → durable, one log; against the limit of pure Python and Tessera POSIX.

Ours spells each record canonically, hashes it, makes the leaf, tiles, group commits with fsync, and signs and
publishes a checkpoint each second, in the same thread. Tessera is given the finished 50-byte leaves, does no
hashing of records, has the same interval of publication, the batch size that a trial finds best, and its clock
stops when the last entry is integrated. The limit is hashing alone: record, leaf and nodes, nothing stored.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ledger_sink.format.leaf import record_leaves
from tests.bench.child import run_command, run_side
from tests.bench.harness import Row, Run, Side, SideError
from tests.bench.records import PARTITION, TOPIC, sealed_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figures import Measured

GO = Path(__file__).resolve().parents[1] / "tessera"
BATCHES = (256, 1024, 4096, 16384)
_BUILD_S = 480.0


@dataclass
class LedgerStage:
    """A folder on disk, and what Tessera needs in it.

    Attributes:
        folder: Where the logs are written; a file system with a real fsync, one hopes.
        batch: Tessera's best batch size; 0 until tried.
    """

    folder: Path
    batch: int = 0
    _logs: int = 0

    def log(self) -> Path:
        """Return a folder for one more log.

        None is removed before the last is written: for some seconds ext4 goes round the inodes of files that were, so
        that whoever creates files next pays for it.
        """
        self._logs += 1
        return self.folder / f"log-{self._logs}"


@contextlib.contextmanager
def stage(events: int) -> Iterator[LedgerStage]:
    """Make a folder."""
    del events
    with tempfile.TemporaryDirectory(prefix="city-bench-ledger-") as folder:
        yield LedgerStage(Path(folder))


def measure(way: str, on: LedgerStage, run: Run) -> Measured:
    """Run ours or the limit."""
    return run_side("ledger", {"way": way, "total": run.events, "folder": str(on.log())})


def measure_tessera(on: LedgerStage, run: Run) -> Measured:
    """Run Tessera at its best batch size, which is tried before its first turn.

    Raises:
        SideError: There is no Go, or its modules cannot be had, or it failed.
    """
    program = _program(on)
    leaves = on.folder / f"leaves-{run.events}"
    if not leaves.exists():
        leaves.write_bytes(b"".join(record_leaves(TOPIC, PARTITION, sealed_records(run.events))))
    if not on.batch:
        part = max(1, run.events // 5)
        tried = {batch: _tessera(on, program, leaves, part, batch).speed for batch in BATCHES}
        on.batch = max(tried, key=lambda batch: tried[batch])
    return _tessera(on, program, leaves, run.events, on.batch)


def _tessera(on: LedgerStage, program: Path, leaves: Path, total: int, batch: int) -> Measured:
    told = {"leaves": str(leaves), "folder": str(on.log()), "total": total, "batch": batch}
    return run_command([str(program), json.dumps(told)])


def _program(on: LedgerStage) -> Path:
    """Build the Go program, once for each stage."""
    program, go = on.folder / "tessera", shutil.which("go")
    if program.exists():
        return program
    if go is None:
        raise SideError("needs Go on the path, which builds the peer")
    built = subprocess.run(
        [go, "build", "-o", str(program), "."],
        cwd=GO,
        capture_output=True,
        text=True,
        timeout=_BUILD_S,
        check=False,
    )
    if built.returncode:
        raise SideError(f"Go cannot build the peer here: {built.stderr.strip().splitlines()[-1][:200]}")
    return program


LEDGER_ROW = Row(
    "ledger",
    "record, leaf, tiles, fsync, checkpoint each second",
    Side("ours", partial(measure, "ours")),
    (
        Side("Tessera POSIX", measure_tessera, target=5.0, share=0.25),
        Side("pure-Python hashing alone", partial(measure, "limit"), target_cpu=0.5),
    ),
    stage,
    events=400_000,
    small=10_000,
)
