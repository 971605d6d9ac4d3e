"""State alone: what one get and one put of a rule cost within a batch, against peers, and against 2 µs an access.

No Kafka on any side: drafts, subjects and the end of each batch are ours as in a worker, the changelog is in
memory; Quix Streams writes each batch to its RocksDB, Faust encodes what each change would put on its changelog.
What the whole path with a durable changelog costs is the row `agents-state`; what restoring costs, `restore`.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.child import prepare, run_side
from tests.bench.counting import WEIGHTS
from tests.bench.harness import Row, Run, Side
from tests.bench.limits import LimitRow, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figures import Measured

ACCESS_US = 2.0
"""Most that one get or one put may cost, microseconds of processor time: nothing here waits."""


@contextlib.contextmanager
def stage(events: int) -> Iterator[None]:
    """Make nothing: state alone needs nothing."""
    del events
    yield


def measure(way: str, _: None, run: Run) -> Measured:
    """Run a side of ours."""
    return run_side("state", {"way": way, "total": run.events, "weight": "category"})


def measure_peer(program: str, _: None, run: Run) -> Measured:
    """Run a peer."""
    return run_side(program, {"total": run.events, "weight": "category"})


def measure_quix(_: None, run: Run) -> Measured:
    """Run Quix Streams, in the environment of its own."""
    prepare("state_quix")
    return measure_peer("state_quix", None, run)


def accesses(_: None, number: int, events: int) -> list[Quantity]:
    """Measure ours alone, with a small and a large state, and the dict to compare with."""
    del number
    found = []
    for weight in WEIGHTS:
        for way in ("ours", "bare"):
            told = run_side("state", {"way": way, "total": events, "weight": weight})
            each_us = told.cpu_us / 2
            if way == "ours":
                found.append(Quantity(f"{weight}, an access", "µs", each_us, most=ACCESS_US))
            else:
                found.append(Quantity(f"{weight}, a dict of JSON bytes", "µs", each_us))
    return found


STATE_ROW = Row(
    "state",
    "one get and one put of a subject, in batches of 5,000 over 1,000 subjects",
    Side("ours", partial(measure, "ours")),
    (
        Side("a dict of JSON bytes", partial(measure, "bare")),
        Side("Quix Streams (RocksDB)", measure_quix, share=0.2),
        Side("Faust table (memory)", partial(measure_peer, "state_faust")),
    ),
    stage,
    events=1_000_000,
    small=20_000,
)

ACCESS_ROW = LimitRow(
    "state-access",
    "half of one get with one put: a category (0.1 kB) and the full windows of an hourly station (0.4 kB)",
    stage,
    accesses,
    events=1_000_000,
    small=20_000,
    rounds=5,
)
