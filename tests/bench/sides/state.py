"""Both sides of the state row: `ours` as a worker keeps state, `bare` a dict that would not survive its process."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import orjson

from streams.door import Deliveries
from streams.state import PartitionState
from streams.testing import MemoryChangelog
from tests.bench.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 5_000
SUBJECTS = 1_000
FIRST: dict[str, Any] = {"readings": 0, "over": False, "hours": [12.5] * 12}


def ours(keys: Sequence[str], clock: Clock) -> None:
    """Get and put in drafts, written at the end of each batch."""
    changelog = MemoryChangelog()
    state = PartitionState(changelog, 0, 1)
    clock.begin()
    for begin in range(0, clock.total, BATCH):
        draft = state.draft()
        end = min(begin + BATCH, clock.total)
        for offset in range(begin, end):
            kept = draft.state(("bench-state@1", keys[offset % SUBJECTS], "device:1"), offset)
            if kept is None:
                raise SystemExit(f"offset {offset} was folded before it came")
            value = kept.get() or dict(FIRST)
            value["readings"] += 1
            kept.put(value)
            kept.keep(offset)
        state.write(draft, begin, Deliveries())
        state.apply(draft, begin)
        changelog.log.clear()  # Kafka would have it now
        clock.count(end - begin)
    clock.finish()


def bare(keys: Sequence[str], clock: Clock) -> None:
    """Get and put JSON bytes in a dict."""
    kept: dict[str, bytes] = {}
    clock.begin()
    for offset in range(clock.total):
        key = keys[offset % SUBJECTS]
        found = kept.get(key)
        value = orjson.loads(found) if found else dict(FIRST)
        value["readings"] += 1
        kept[key] = orjson.dumps(value)
    clock.count(clock.total)
    clock.finish()


def main() -> None:
    """Run the side that is asked for."""
    told = json.loads(sys.argv[1])
    keys = [f"station-{number:04d}" for number in range(SUBJECTS)]
    {"ours": ours, "bare": bare}[told["way"]](keys, Clock(told["total"]))


if __name__ == "__main__":
    main()
