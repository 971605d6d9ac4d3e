"""The first block that holds a leaf: bisection against reading every block."""

from __future__ import annotations

import random

import pytest

from ledger_sink.format.block import Block
from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.log.tile_log import TileLog
from ledger_sink.prove.receipts import _Blocks
from ledger_sink.store import MemoryStore

CITY = "test.example"
ORIGINS = [f"{CITY}/air.reading/{partition}/1" for partition in range(3)]


@pytest.mark.parametrize("seed", range(6))
def test_the_first_block_above_an_index_is_found(seed: int) -> None:
    """Busy logs, quiet ones, one that begins late: the same block as a naive reader finds, or none."""
    dice = random.Random(seed)
    sizes = dict.fromkeys(ORIGINS, 0)
    chances = dict(zip(ORIGINS, (0.9, 0.02, 0.3 if seed % 2 else 0.0), strict=True))
    blocks = []
    previous = bytes(32)
    for number in range(dice.randrange(1, 900)):
        heads = []
        for origin in ORIGINS:
            if dice.random() < chances[origin] and (origin != ORIGINS[2] or number > 300):
                sizes[origin] += dice.randrange(1, 5)
                heads.append(Checkpoint(origin, sizes[origin], dice.randbytes(32)))
        heads = heads or [Checkpoint(f"{CITY}/zzz/0/1", number + 1, bytes(32))]
        block = Block(f"{CITY}/city/1", number, previous, number, tuple(heads))
        previous = block.hash
        blocks.append(block)
    store = MemoryStore()
    log = TileLog(store, "city/1")
    log.append([block.encode() for block in blocks])
    store.write(log.unwritten())
    for origin in ORIGINS:
        found = _Blocks(log.source, origin, len(blocks))
        for index in {0, 1, sizes[origin] // 2, max(0, sizes[origin] - 1), sizes[origin], sizes[origin] + 9}:
            naive = next((b.number for b in blocks if (h := b.head(origin)) and h.size > index), None)
            assert found.first_above(index, len(blocks) - 1) == naive
