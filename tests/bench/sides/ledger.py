"""Our side of the ledger row, and the limit: hashing in pure Python with nothing around it."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ledger_sink.format.leaf import record_leaves
from ledger_sink.sealing.sink import MOST_PENDING, MOST_RECORDS
from ledger_sink.store import FileStore
from streams.gc_tuning import tune_gc
from tests.bench.clock import Clock
from tests.bench.records import PARTITION, TOPIC, sealed_records
from tests.ledger_sink.worlds import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger_sink.record import Record

INTERVAL_S = 1.0


def ours(batches: Sequence[Sequence[Record]], clock: Clock, folder: Path) -> None:
    """Append as the sink polls; commit and publish each second, or when too much waits."""
    world = World(FileStore(folder))
    sequencer = world.open(PARTITION, high=clock.total, topic=TOPIC)
    clock.begin()
    committed_at = time.monotonic()
    for batch in batches:
        sequencer.append(batch)
        if sequencer.pending >= MOST_PENDING or time.monotonic() - committed_at >= INTERVAL_S:
            sequencer.commit()
            world.publish(sequencer)
            committed_at = time.monotonic()
        clock.count(len(batch))
    sequencer.commit()
    world.publish(sequencer)
    clock.finish()
    if sequencer.state.size != clock.total + 1:  # and the leaf that starts the log
        raise SystemExit(f"sealed {sequencer.state.size} leaves of {clock.total + 1}")


def limit(batches: Sequence[Sequence[Record]], clock: Clock) -> None:
    """Hash what has to be hashed: each record, its leaf, and the nodes above."""
    sha256 = hashlib.sha256
    clock.begin()
    for batch in batches:
        leaves = record_leaves(TOPIC, PARTITION, batch)
        level = [sha256(b"\0" + leaf).digest() for leaf in leaves]
        while len(level) > 1:
            level = [sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        clock.count(len(batch))
    clock.finish()


def main() -> None:
    """Make the records, then seal or hash them."""
    told = json.loads(sys.argv[1])
    clock = Clock(told["total"])
    records = list(sealed_records(told["total"]))
    batches = [records[at : at + MOST_RECORDS] for at in range(0, len(records), MOST_RECORDS)]
    tune_gc()  # as the ledger's process does; neither side is to walk the records made for it
    if told["way"] == "ours":
        ours(batches, clock, Path(told["folder"]))
    else:
        limit(batches, clock)


if __name__ == "__main__":
    main()
