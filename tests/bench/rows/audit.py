"""The audit: a full one, and one of what is new, over a ledger of many records."""

from __future__ import annotations

import contextlib
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from infra.layer_configs import catalog, streams_config
from infra.settings import recall
from streams.produce.kafka import Producer
from tests.bench.harness import SideError
from tests.bench.limits import LimitRow, Quantity
from tests.bench.path.events import Load
from tests.bench.rows.at_rest import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_S = 3.0
"""Longest time of `city audit --incremental` after one new record, as a process of its own."""
SETTLE_S = 300.0
POLL_S = 1.0


def produce(stack: Stack, load: Load, events: int) -> None:
    """Produce events, and wait until as many records are archived as before and they."""
    settings = recall(stack.city.data)
    before = stack.archived()
    with Producer(streams_config(settings), catalog()) as producer:
        for topic, event in islice(load.events(), events):
            producer.produce(topic, event)
        producer.flush()
    deadline = time.monotonic() + SETTLE_S
    archived, still = before, 0
    while archived < before + events or still < 5:  # what is derived from them comes later
        time.sleep(POLL_S)
        now = stack.archived()
        still = still + 1 if now == archived else 0
        archived = now
        if time.monotonic() > deadline:
            raise SideError(f"{archived - before} of {events} records were archived within {SETTLE_S:.0f} s")


@contextlib.contextmanager
def stage(events: int) -> Iterator[tuple[Stack, Load]]:
    """Start a stack, let it replay the bundled recordings, and fill it up to a number of records."""
    with tempfile.TemporaryDirectory(prefix="city-bench-audit-") as name:
        stack, load = Stack(Path(name)), Load()
        try:
            stack.wait_replayed()
            missing = events - stack.archived()
            if missing > 0:
                produce(stack, load, missing)
            yield stack, load
        finally:
            stack.stop()


def audited(stack: Stack, *words: str) -> float:
    """Run `city audit`; return how long the command took, in seconds.

    Raises:
        SideError: The audit did not pass.
    """
    began = time.monotonic()
    run = stack.city.city("audit", *words)
    if run.returncode != 0:
        raise SideError(
            f"city audit {' '.join(words)}: exit {run.returncode}: {run.stdout[-300:]}{run.stderr[-300:]}"
        )
    return time.monotonic() - began


def measure(state: tuple[Stack, Load], number: int, events: int) -> list[Quantity]:
    """Audit everything, produce one record, audit what is new."""
    del number, events
    stack, load = state
    whole_s = audited(stack)
    records = stack.archived()
    produce(stack, load, 1)
    new_s = audited(stack, "--incremental")
    return [
        Quantity("records", "", records),
        Quantity("full audit", "s", whole_s),
        Quantity("incremental audit after one new record", "s", new_s, most=MOST_S),
    ]


AUDIT = LimitRow(
    "audit",
    "`city audit` as a command: everything, then `--incremental` after one new record",
    stage,
    measure,
    events=100_000,
    small=81_000,
    rounds=3,
)
