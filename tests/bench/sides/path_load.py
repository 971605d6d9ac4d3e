"""The load of the row `path`: events through the platform's own door, at the rate and for the time that it is told.

Reads orders from its standard input, a JSON object on a line each (`{"rate": 1000, "seconds": 15}`); whatever comes
next ends the order before. After each it prints what it has sent since it started, all of it confirmed by Kafka.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.catalog import load_catalog
from streams.config import StreamsConfig
from streams.produce.kafka import Producer
from tests.bench.path.events import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

TICK_S = 0.01


def orders() -> queue.SimpleQueue[dict[str, float] | None]:
    """Return the queue of orders; None comes last."""
    found: queue.SimpleQueue[dict[str, float] | None] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            found.put(json.loads(line))
        found.put(None)

    threading.Thread(target=read, daemon=True).start()
    return found


def send(
    door: Producer,
    events: Iterator[tuple[str, dict[str, Any]]],
    order: dict[str, float],
    more: queue.SimpleQueue[dict[str, float] | None],
) -> float:
    """Send events as they are due; return for how long, in seconds. What cannot be sent in time is sent late."""
    begun, sent, lasted = time.monotonic(), 0, 0.0
    while more.empty() and lasted < order["seconds"]:
        due = int(order["rate"] * lasted)
        for topic, event in islice(events, due - sent):
            door.produce(topic, event)
        sent = due
        time.sleep(TICK_S)
        lasted = time.monotonic() - begun
    door.flush()
    return time.monotonic() - begun


def main() -> None:
    """Follow orders until there are no more."""
    told = json.loads(sys.argv[1])
    load, given = Load(), orders()
    events = load.events()
    config = StreamsConfig(kafka=told["kafka"], data=Path(told["folder"]))
    with Producer(config, load_catalog()) as door:
        while (order := given.get()) is not None:
            lasted = send(door, events, order, given)
            answer = {"readings": load.readings, "signals": load.signals, "crashes": load.crashes}
            sys.stdout.write(json.dumps({**answer, "seconds": lasted}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
