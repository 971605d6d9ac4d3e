"""What a process that holds many records tells Python's garbage collector."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from streams.gc_tuning import tune_gc

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def restored() -> Iterator[None]:
    """The collector as it was, afterwards."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("restored")
def test_held_records_are_not_walked_again_and_again() -> None:
    """While 40,000 objects come and are held, as before an insert, no round is made; cycles are still found."""
    tune_gc()
    assert gc.get_freeze_count() > 0
    rounds = sum(each["collections"] for each in gc.get_stats())
    held = [[number] for number in range(40_000)]
    assert sum(each["collections"] for each in gc.get_stats()) == rounds
    assert gc.isenabled()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1
    assert len(held) == 40_000
