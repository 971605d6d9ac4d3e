"""A ledger that stands still ends a run that must come to rest; what an earlier run left does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.errors import StackError
from infra.stack.standstill import LASTS_S, StandstillWatch, standstill
from ledger_sink.log.reasons import REFUSED

if TYPE_CHECKING:
    from pathlib import Path


def refuse(ledger: Path) -> Path:
    """Write the reason of a refused log."""
    path = ledger / "air-quality.index" / "0" / "1" / REFUSED
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text("its checkpoint is damaged\n")
    return path


def look_for(watch: StandstillWatch, now: list[float], seconds: float) -> None:
    """Look once a second."""
    for _ in range(int(seconds)):
        now[0] += 1.0
        watch.check()


def test_a_reason_that_lasts_ends_the_run(tmp_path: Path) -> None:
    """It names the log and the reason."""
    now = [0.0]
    watch = StandstillWatch(tmp_path, lambda: now[0])
    look_for(watch, now, 3)
    refuse(tmp_path)
    with pytest.raises(StackError, match="is refused by the city log: its checkpoint is damaged"):
        look_for(watch, now, 3 * LASTS_S)


def test_what_an_earlier_run_left_does_not_count_until_it_is_written_again(tmp_path: Path) -> None:
    """A start may wait for Kafka much longer than the reason may last."""
    now = [0.0]
    path = refuse(tmp_path)
    watch = StandstillWatch(tmp_path, lambda: now[0])
    look_for(watch, now, 10 * LASTS_S)
    assert standstill(tmp_path) != []
    refuse(tmp_path)
    assert path.exists()
    with pytest.raises(StackError):
        look_for(watch, now, 3 * LASTS_S)
