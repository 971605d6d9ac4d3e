"""Ours for `growth-ledger`: what an event costs a log, and how long the log takes to open, at three sizes.

The first two logs are sealed whole, event by event, through sequencer, tile log and file store. The third is made
at its size from its right edge (`make_at`): appending and opening read and write that edge alone, so they
do there what they do in a log that was written whole; the files left of the edge are not on disk.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import psutil

from ledger_sink.format.layout import STATE, entries_path
from ledger_sink.format.merkle import leaf_hashes
from ledger_sink.format.tiles import TILE_HEIGHT, TILE_WIDTH, TileBuilder, encode_entries
from ledger_sink.log.name import LogName
from ledger_sink.log.state import LogState
from ledger_sink.record import Record
from ledger_sink.sealing.publisher import Publisher
from ledger_sink.sealing.sink import MOST_RECORDS
from ledger_sink.store import FileStore
from tests.bench.clock import tell
from tests.bench.records import BEGIN_MS, STATIONS, TOPIC, VALUE_BYTES
from tests.ledger_sink.worlds import CITY, TOPIC_ID, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger_sink.sealing.sequencer import Sequencer
    from ledger_sink.store import Store

COMMIT = 50_000
"""Events of a commit: what a log that takes 50,000 a second has after its second."""
SLICES = 20
"""Commits of a window: the events before a size, over which their cost is taken."""
OPENINGS = 15
LEAF = bytes(50)


def make_at(store: Store, name: LogName, size: int) -> bytes:
    """Make a log of `size` equal leaves from its right edge alone: partial tiles, last bundle, state.

    Every hash written is the true root of the leaves below it: a perfect tree over equal leaves is hashed from
    two equal halves. The full tiles left of the edge are not written; nothing that appends or opens reads them.

    Returns:
        The root.
    """
    (node,) = leaf_hashes([LEAF])
    edge, hashes = [], size
    while hashes:
        edge.append(node * (hashes % TILE_WIDTH))
        for _ in range(TILE_HEIGHT):
            node = sha256(b"\x01" + node + node).digest()
        hashes //= TILE_WIDTH
    builder = TileBuilder(size, edge)
    files = {f"{name.folder}/{tile.path}": tile.data for tile in builder.partials()}
    if size % TILE_WIDTH:
        path = entries_path(size // TILE_WIDTH, size % TILE_WIDTH)
        files[f"{name.folder}/{path}"] = encode_entries([LEAF] * (size % TILE_WIDTH))
    store.write(files)
    state = LogState(name.origin, TOPIC_ID, size, builder.root(), size)
    store.write({f"{name.folder}/{STATE}": state.encode()})
    return state.root


def batches(first: int, end: int) -> Iterator[list[Record]]:
    """Yield records as the sink polls them; few are in memory at a time."""
    random = Random(first)
    for begin in range(first, end, MOST_RECORDS):
        yield [
            Record(
                offset,
                1,
                BEGIN_MS + offset,
                f"station-{offset % STATIONS:02d}".encode(),
                random.randbytes(VALUE_BYTES),
                (("simulated", b"true"), ("cause", f"{TOPIC}/0/{offset}".encode())),
            )
            for offset in range(begin, min(begin + MOST_RECORDS, end))
        ]


@dataclass
class Growing:
    """One log, and what its events cost so far."""

    world: World
    sequencer: Sequencer
    publisher: Publisher
    cpu_s: float = 0.0

    @classmethod
    def at(cls, folder: Path, begin: int = 0) -> Growing:
        """Open a new log, or one made at a size, with its checkpoint published."""
        store = FileStore(folder)
        world = World(store)
        if begin:
            make_at(store, LogName(CITY, TOPIC, 0), begin)
        sequencer = world.open(0, high=10**12, topic=TOPIC)
        sequencer.commit()
        signer = world.signer
        publisher = Publisher(store, signer.sign, world.vkeys)
        publisher.publish({sequencer.name: sequencer.state})
        return cls(world, sequencer, publisher)

    def grow(self, events: int, commit: int = COMMIT) -> None:
        """Seal events; only sealing and publishing is on the clock, not the making of records."""
        end = self.sequencer.next_offset + events
        for first in range(self.sequencer.next_offset, end, commit):
            made = list(batches(first, min(first + commit, end)))
            begun = time.process_time()
            for batch in made:
                self.sequencer.append(batch)
            self.sequencer.commit()
            self.publisher.publish({self.sequencer.name: self.sequencer.state})
            self.cpu_s += time.process_time() - begun

    def opening_ms(self) -> float:
        """Close the log and open it again, some times; return the median of what that takes."""
        took = []
        for _ in range(OPENINGS):
            self.sequencer.close()
            begun = time.perf_counter()
            self.sequencer = self.world.open(0, high=10**12, topic=TOPIC)
            took.append((time.perf_counter() - begun) * 1e3)
        return statistics.median(took)


def resident_mib() -> float:
    """Return the resident memory of this process, garbage collected."""
    gc.collect()
    return float(psutil.Process().memory_info().rss) / (1 << 20)


def main() -> None:
    """Fill two logs, make the third, then let all three grow in turn to their sizes."""
    told = json.loads(sys.argv[1])
    top, folder = int(told["events"]), Path(told["folder"])
    window = top // 10
    commit = window // SLICES
    small = Growing.at(folder / "small")
    small.grow(commit)  # one commit, so that imports and pools are there
    large = Growing.at(folder / "large")
    large.grow(window)
    resident = [resident_mib()]
    large.grow(top - 2 * window)
    resident.append(resident_mib())
    huge = Growing.at(folder / "huge", 10 * top - window)
    logs = (small, large, huge)
    small.cpu_s = large.cpu_s = 0.0
    for number in range(SLICES):
        for log in (*logs[number % 3 :], *logs[: number % 3]):
            log.grow(commit)
    for log, size in zip(logs, (window + commit, top, 10 * top), strict=True):
        if abs(log.sequencer.state.size - size) > 1:  # the leaf that starts a log
            raise SystemExit(f"sealed {log.sequencer.state.size} leaves of {size}")
    tell(
        {
            "cost_us": [log.cpu_s / (commit * SLICES) * 1e6 for log in logs],
            "open_ms": [log.opening_ms() for log in logs],
            "resident_mib": resident,
        }
    )


if __name__ == "__main__":
    main()
