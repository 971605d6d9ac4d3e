"""SIGKILL at random moments: thirty here, as many as you like by `python -m tests.ledger_sink.kill_loop`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.ledger_sink import kill_loop

if TYPE_CHECKING:
    from pathlib import Path


def test_thirty_kills_fork_nothing_and_lose_nothing(tmp_path: Path) -> None:
    """Every checkpoint ever published or signed stays true and the final roots are those of an uncrashed run."""
    seed = random.SystemRandom().randrange(1 << 30)
    report = kill_loop.run(30, tmp_path, seed, deadline_s=50)
    assert report.kills > 5, f"seed {seed}: {report}"
    assert report.checkpoints > 5, f"seed {seed}: {report}"
