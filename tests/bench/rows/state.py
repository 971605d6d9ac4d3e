"""State alone: what one get and one put of a rule cost within a batch, against a dict of JSON bytes.

No Kafka: drafts, subjects and the end of each batch are ours as in a worker, the changelog is in memory. What
the whole path with a durable changelog costs is the row `agents-state`.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.child import run_side
from tests.bench.harness import Row, Run, Side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figures import Measured


@contextlib.contextmanager
def stage(events: int) -> Iterator[None]:
    """Make nothing: state alone needs nothing."""
    del events
    yield


def measure(way: str, _: None, run: Run) -> Measured:
    """Run a side."""
    return run_side("state", {"way": way, "total": run.events})


STATE_ROW = Row(
    "state",
    "one get and one put of a subject, in batches of 5,000 over 1,000 subjects",
    Side("ours", partial(measure, "ours")),
    (Side("a dict of JSON bytes", partial(measure, "bare")),),
    stage,
    events=1_000_000,
    small=20_000,
)
