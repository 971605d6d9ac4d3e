"""Producer: events → checked, Avro-encoded, delivered; our door against confluent-kafka's own produce loop.

Both encode with the platform's codec and tell librdkafka the same; the door also seals personal fields (none
here), heads, sizes and counts every delivery.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.child import run_side
from tests.bench.harness import Row, Run, Side, SideError
from tests.bench.kafka_stage import Broker, a_broker
from tests.bench.work import READING, readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figures import Measured


@contextlib.contextmanager
def stage(events: int) -> Iterator[Broker]:
    """Start a broker with the topic."""
    del events
    with a_broker() as broker:
        yield broker


def measure(way: str, broker: Broker, run: Run) -> Measured:
    """Run a side and check that all of its records stand on the topic.

    Raises:
        SideError: It failed, or delivered anything else.
    """
    before = broker.ends(READING)
    told = {"way": way, "kafka": broker.kafka, "total": run.events, "servers": [broker.pid]}
    measured = run_side("producer", {**told, "folder": str(broker.folder / run.group)})
    found = sorted(broker.read(READING, before))
    if found != sorted(readings(run.events)):
        raise SideError(f"delivered {len(found)} records that are not the {run.events} expected")
    return measured


PRODUCER_ROW = Row(
    "producer",
    "check, Avro encode, produce, wait for delivery",
    Side("ours", partial(measure, "ours")),
    (Side("confluent-kafka's produce loop", partial(measure, "loop"), target=0.7),),
    stage,
    events=300_000,
    small=5_000,
)
