"""What a worker does that takes over: it restores the state of every partition from the changelog.

`fill` writes that changelog before, as a worker's batches do, with one entry for each subject.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import psutil

from schemas.catalog import load_catalog
from streams.config import StreamsConfig
from streams.produce.deliveries import DeliveryTracker
from streams.produce.kafka import Producer
from streams.state.changelog import KafkaChangelog
from streams.state.entries import Stored
from streams.state.store import PartitionStore
from tests.bench.clock import tell
from tests.bench.counting import BATCH, windows
from tests.bench.kafka_stage import PARTITIONS
from tests.bench.work import READING

RULE = "air-quality-index@2"
_MIB = 1 << 20


def fill(changelog: KafkaChangelog, door: Producer, subjects: int) -> None:
    """Write the entries, batch by batch, to one partition after the other in turn."""
    for batch, begin in enumerate(range(0, subjects, BATCH)):
        entries = [
            Stored(
                (RULE, f"station-{number:07d}", f"device:station-{number:07d}"),
                changelog.owner,
                (number, orjson.dumps(windows(number))),
            )
            for number in range(begin, min(begin + BATCH, subjects))
        ]
        deliveries = DeliveryTracker()
        changelog.write(batch % PARTITIONS, entries, deliveries)
        door.wait(deliveries)
    tell({"subjects": subjects})


def restore(changelog: KafkaChangelog, subjects: int) -> None:
    """Restore every partition as a worker does before its first batch, and look at what was restored."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as `streams.worker.faust_app` sets it
    before = psutil.Process().memory_info().rss
    begun, cpu = time.perf_counter(), time.process_time()
    states = [PartitionStore(changelog, number, 1) for number in range(PARTITIONS)]
    for each in states:
        each.restore()
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    after = psutil.Process().memory_info().rss
    for number in range(0, subjects, max(1, subjects // 1000)):
        subject = (RULE, f"station-{number:07d}", f"device:station-{number:07d}")
        entry = states[number // BATCH % PARTITIONS].entry(subject)
        if entry != (number, orjson.dumps(windows(number))):
            raise SystemExit(f"{subject}: restored {entry}")
    tell(
        {
            "subjects": sum(each.subjects() for each in states),
            "seconds": seconds,
            "cpu_s": cpu_s,
            "grown_mib": (after - before) / _MIB,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MIB,
        }
    )


def main() -> None:
    """Do what is asked for."""
    told: dict[str, Any] = json.loads(sys.argv[1])
    config = StreamsConfig(kafka=told["kafka"], data=Path(told["folder"]))
    with Producer(config, load_catalog()) as door:
        changelog = KafkaChangelog(config, door, READING, told["way"])
        if told["way"] == "fill":
            fill(changelog, door, told["subjects"])
        else:
            restore(changelog, told["subjects"])


if __name__ == "__main__":
    main()
