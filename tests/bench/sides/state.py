"""Two sides of the state row: `ours` as a worker keeps state, `bare` a dict that would not survive its process."""

from __future__ import annotations

import json
import sys

import orjson

from streams.produce.deliveries import DeliveryTracker
from streams.state.store import PartitionStore
from streams.testing import MemoryChangelog
from tests.bench.counting import BATCH, SUBJECTS, Counting

RULE = "bench-state@1"
STREAM = "device:1"


def ours(work: Counting) -> None:
    """Get and put in drafts, written at the end of each batch."""
    clock, changelog = work.clock, MemoryChangelog()
    state = PartitionStore(changelog, 0, 1)
    clock.begin()
    for begin in range(0, clock.total, BATCH):
        draft = state.begin()
        end = min(begin + BATCH, clock.total)
        for offset in range(begin, end):
            kept = draft.state((RULE, work.subjects[offset % SUBJECTS], STREAM), offset)
            if kept is None:
                raise SystemExit(f"offset {offset} was folded before it came")
            kept.put(work.after(kept.get()))
            kept.keep(offset)
        state.write(draft, begin, DeliveryTracker())
        state.apply(draft, begin)
        changelog.log.clear()  # Kafka would have it now
        clock.count(end - begin)
    last = {subject.key: entry.state for subject, entry in state.entries().items()}
    work.finish(lambda name: orjson.loads(last[name]))


def bare(work: Counting) -> None:
    """Get and put JSON bytes in a dict."""
    kept: dict[str, bytes] = {}
    clock = work.clock
    clock.begin()
    for offset in range(clock.total):
        name = work.subjects[offset % SUBJECTS]
        found = kept.get(name)
        kept[name] = orjson.dumps(work.after(orjson.loads(found) if found else None))
    clock.count(clock.total)
    work.finish(lambda name: orjson.loads(kept[name]))


def main() -> None:
    """Run the side that is asked for."""
    {"ours": ours, "bare": bare}[json.loads(sys.argv[1])["way"]](Counting.read())


if __name__ == "__main__":
    main()
