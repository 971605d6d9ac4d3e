"""A peer: the RocksDB store of Quix Streams, one transaction a batch, without the changelog that Kafka would get."""
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "quixstreams==3.28.1",
#     "psutil==7.2.2",
# ]
# ///

from __future__ import annotations

import tempfile
from pathlib import Path

from quixstreams.state.rocksdb import RocksDBStorePartition

from tests.bench.counting import BATCH, SUBJECTS, Counting


def main() -> None:
    """Get and put as a stateful function does, through the `State` that it is given for each record."""
    work = Counting.read()
    clock, prefixes = work.clock, {name: name.encode() for name in work.subjects}
    with tempfile.TemporaryDirectory(prefix="city-bench-") as folder:
        store = RocksDBStorePartition(str(Path(folder) / "state"))
        clock.begin()
        for begin in range(0, clock.total, BATCH):
            transaction = store.begin()
            end = min(begin + BATCH, clock.total)
            for offset in range(begin, end):
                state = transaction.as_state(prefix=prefixes[work.subjects[offset % SUBJECTS]])
                state.set("kept", work.after(state.get("kept")))
            transaction.prepare()
            transaction.flush()
            clock.count(end - begin)
        last = store.begin()
        work.finish(lambda name: last.as_state(prefix=prefixes[name]).get("kept"))
        store.close()


if __name__ == "__main__":
    main()
