"""A city of a million sealed records: for the size of evidence, and the time that checking it takes.

All records that are to be proved stand in one tree, whatever their topics: it is the lengths that count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.format import (
    Block,
    Checkpoint,
    Evidence,
    TlogProof,
    leaf,
    merkle,
    partition_origin,
    sign_checkpoint,
    tiles,
)
from ledger_sink.format.keys import log_key
from tests.ledger_sink.simulated_city import (
    CITY,
    MASTER_SEED,
    OWN_WITNESS,
    TIME_MS,
    WITNESS,
    SimulatedCity,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAVES = 1_000_000
BLOCKS = 100_000
"""One every ten seconds for twelve days: city proofs of 17 hashes."""
BLOCK_LINES = 8
"""As many as the city chain writes."""

Proved = tuple[str, leaf.RecordFields]
"""A topic and a record of its partition 0."""


class LargeCity(SimulatedCity):
    """Given records among a million leaves, each in the last line of a full block."""

    def __init__(self, proved: Sequence[Proved]) -> None:
        super().__init__(witnesses=(WITNESS, OWN_WITNESS))
        self.leaves = [leaf.record_leaves(topic, 0, [record])[0] for topic, record in proved]
        hashes = [merkle.leaf_hash(b"a record like any other")] * LEAVES
        hashes[LEAVES // 3 : LEAVES // 3 + len(proved)] = merkle.leaf_hashes(self.leaves)
        builder = tiles.TileBuilder()
        found = builder.append(hashes) + builder.partials()
        self._stored = {(tile.level, tile.index): tile.data for tile in found}
        self._proved = list(proved)
        self._heads = [
            Checkpoint(partition_origin(CITY, topic, 0), LEAVES, builder.root()) for topic, _ in proved
        ]
        self._blocks = [self._block(number, head) for number, head in enumerate(self._heads, start=BLOCKS)]
        self.log.append([b"a block like any other"] * BLOCKS + [block.encode() for block in self._blocks])
        self._checkpoint = self.cosigned()

    def _block(self, number: int, head: Checkpoint) -> Block:
        stem = head.origin.removesuffix("0/1")
        others = [Checkpoint(f"{stem}{i}/1", head.size, head.root) for i in range(1, BLOCK_LINES)]
        return Block(self.log.origin, number, bytes(range(32)), TIME_MS, (head, *others))

    def large_evidence(self, place: int, schema: bytes | None = None) -> Evidence:
        """Bundle one of the records by its place in the list."""
        index, head = LEAVES // 3 + place, self._heads[place]
        path = tiles.inclusion_proof(index, LEAVES, lambda level, number, _: self._stored[level, number])
        topic, record = self._proved[place]
        return Evidence(
            leaf.canons(topic, 0, [record])[0],
            self.leaves[place],
            TlogProof(index, path, sign_checkpoint(head, log_key(MASTER_SEED, head.origin))).encode(),
            self._blocks[place].encode(),
            self.log.proof(BLOCKS + place, self._checkpoint).encode(),
            schema,
        )
