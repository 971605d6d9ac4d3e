"""Restoring state: what a worker that takes over does before its first batch, from a changelog in Kafka.

The changelog holds one entry for each subject, with the state that the air-quality rule keeps of a station that
reports by the hour, written by another owner; two partitions are restored one after the other, in a new process.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from tests.bench.child import figures_of
from tests.bench.harness import SideError
from tests.bench.kafka_stage import a_broker
from tests.bench.limits import LimitRow, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

RESTORE_US = 10.0
"""Most that restoring may take for each key, microseconds: 10 s for a million."""


@contextlib.contextmanager
def stage(events: int) -> Iterator[dict[str, Any]]:
    """Start a broker and fill the changelog."""
    with a_broker() as broker:
        told = {"kafka": broker.kafka, "folder": str(broker.folder / "worker"), "subjects": events}
        figures_of("restore", {**told, "way": "fill"})
        yield told


def measure(told: dict[str, Any], number: int, events: int) -> list[Quantity]:
    """Restore everything in a process of its own.

    Raises:
        SideError: It failed, or something else was restored.
    """
    del number
    found = figures_of("restore", {**told, "way": "restore"})
    if found["subjects"] != events:
        raise SideError(f"restored {found['subjects']} of {events} subjects")
    return [
        Quantity("a key", "µs", found["seconds"] / events * 1e6, most=RESTORE_US),
        Quantity("a key, processor time", "µs", found["cpu_s"] / events * 1e6),
        Quantity("all", "s", found["seconds"]),
        Quantity("memory grown by", "MiB", found["grown_mib"]),
        Quantity("memory at its peak", "MiB", found["peak_mib"]),
    ]


RESTORE_ROW = LimitRow(
    "restore",
    "keyed state from its changelog in Kafka: a million subjects of 0.4 kB, 10 s",
    stage,
    measure,
    events=1_000_000,
    small=10_000,
    rounds=3,
)
