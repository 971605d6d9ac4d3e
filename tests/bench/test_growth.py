"""What the growth rows build on: a log made from its right edge is the log that appending would have made."""

from __future__ import annotations

import pytest

from ledger_sink.sequencer import LogName
from ledger_sink.store import MemoryStore
from ledger_sink.tile_log import TileLog
from tests.bench.records import TOPIC
from tests.bench.rows.growth_ledger import size_words
from tests.bench.sides.growth_ledger import LEAF, batches, make_at
from tests.ledger_sink.worlds import CITY, World


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_536, 70_001])
def test_a_log_made_from_its_edge_goes_on_as_the_appended_one(size: int) -> None:
    """The same root at its size and after more leaves; the sequencer opens it as any other."""
    name, store = LogName(CITY, TOPIC, 0), MemoryStore()
    appended = TileLog(MemoryStore(), "log")
    appended.append([LEAF] * size)
    assert make_at(store, name, size) == appended.root()
    opened = TileLog(store, name.folder, size, appended.root())
    for log in (opened, appended):
        log.append([b"more"] * 700)
    assert opened.root() == appended.root()
    sequencer = World(store).open(0, topic=TOPIC)
    for batch in batches(size, size + 300):
        assert sequencer.append(batch) == len(batch)
    assert sequencer.commit().size == size + 300


def test_sizes_are_told_in_words() -> None:
    """Names of quantities tell the size that was measured, in small runs too."""
    assert [size_words(each) for each in (100_000_000, 1_500_000, 30_000, 7)] == [
        "100 M",
        "1.5 M",
        "30 k",
        "7",
    ]
