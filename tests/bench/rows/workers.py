"""One, two and four workers of each kind: the same ids, rows and roots come out, and none waits for another.

Agents and ClickHouse sinks are members of one consumer group over four partitions; they are up and have their
shares before the records are written, and the time runs from the first record written to the last one stored.
The ledger has one process for any number of logs (its locks see to that), so its row is about logs: four of them,
sealed by one, two and four processes into one folder. Each number of workers has a broker and tables of its own.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.child import figures_of
from tests.bench.harness import SideError
from tests.bench.kafka_stage import Broker, a_broker
from tests.bench.limits import LimitRow, Quantity
from tests.bench.several import await_members, cpu_s, several
from tests.bench.work import READING, WHOLE, readings
from tests.harness.engine import EngineProcess
from tests.harness.waiting import eventually
from tests.streams.clickhouse_sink.stage import make_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.streams.clickhouse_sink.stage import Stage

NUMBERS = (1, 2, 4)
PARTITIONS = 4
PATIENCE_S = 300.0
Took = tuple[float, float, Any]
"""Seconds, processor seconds of all workers, and what came out."""


@contextlib.contextmanager
def folder(events: int) -> Iterator[Path]:
    """Make a folder, on disk."""
    del events
    with tempfile.TemporaryDirectory(prefix="city-bench-workers-") as name:
        yield Path(name)


def measure(
    what: str, run: Callable[[Path, int, int], Took], place: Path, number: int, events: int
) -> list[Quantity]:
    """Run each number of workers, and hold what came out against what one worker made.

    Raises:
        SideError: A worker failed, or more of them made something else.
    """
    took: dict[int, Took] = {}
    for workers in NUMBERS:
        inside = place / f"{number}-{workers}"
        inside.mkdir()
        took[workers] = run(inside, workers, events)
        if took[workers][2] != took[1][2]:
            raise SideError(f"{workers} workers made other {what} than one: {took[workers][2]}, {took[1][2]}")
    return [
        *(Quantity(f"{n} at work", "events/s", events / took[n][0]) for n in NUMBERS),
        *(Quantity(f"CPU per event, {n} at work", "µs", took[n][1] / events * 1e6) for n in NUMBERS),
        *(Quantity(f"speed, {n} / 1", "×", took[1][0] / took[n][0]) for n in NUMBERS[1:]),
    ]


def _timed(
    broker: Broker,
    commands: Sequence[Sequence[str]],
    group: str,
    topic: str,
    made: list[tuple[bytes, bytes]],
    done: Callable[[], int],
) -> tuple[float, float]:
    """Give records to workers that share a topic; return seconds and processor seconds until as many are done."""
    with several(commands) as processes:
        await_members(broker.kafka, group, len(commands))
        before, begun = cpu_s(processes), time.monotonic()
        broker.fill(topic, made)
        eventually(
            lambda: done() >= len(made),
            lambda: f"{group}: {len(made)} done, got {done()}",
            within_s=PATIENCE_S,
            error=SideError,
        )
        took = time.monotonic() - begun, cpu_s(processes) - before
        broker.await_commit(group, topic, PATIENCE_S)
    return took


def agents(inside: Path, workers: int, events: int) -> Took:
    """Derive from readings; every derived event must be there exactly once, with its id."""
    made = list(readings(events))
    with a_broker(PARTITIONS) as broker:
        told = {
            "kafka": broker.kafka,
            "group": "bench-workers",
            "source": READING,
            "work": WHOLE.name,
            "total": events,
            "servers": [],
            "folder": str(inside),
        }
        commands = [("tests.bench.sides.workers_agent", json.dumps(told))] * workers
        seconds, cpu = _timed(
            broker, commands, "bench-workers", READING, made, lambda: sum(broker.ends(WHOLE.output))
        )
        found = list(broker.read(WHOLE.output, [0] * PARTITIONS))
    if len(found) != events or set(found) != WHOLE.outputs(made):
        raise SideError(
            f"{workers} workers derived {len(found)} events, {len(set(found))} different, of {events}"
        )
    return seconds, cpu, "the ids that the rule prescribes"


def sink(inside: Path, workers: int, events: int) -> Took:
    """Store readings; archive and typed table must hold each once, the same for any number of sinks."""
    (inside / "clickhouse").mkdir()
    door = EngineProcess(inside / "clickhouse" / "data")
    with a_broker(PARTITIONS) as broker:
        opened = door.start()
        try:
            stage = make_stage(broker.kafka, opened, partitions=PARTITIONS)
            return _stored(broker, stage, workers, list(readings(events)))
        finally:
            door.stop()


def _stored(broker: Broker, stage: Stage, workers: int, made: list[tuple[bytes, bytes]]) -> Took:
    topic = stage.topic("reading")
    config = json.dumps({**asdict(stage.config), "password": stage.config.password})

    def stored() -> int:
        return int(stage.rows(f"SELECT count() FROM {topic.table}")[0][0])

    commands = [("tests.streams.clickhouse_sink.process", stage.name, config)] * workers
    seconds, cpu = _timed(broker, commands, stage.config.group, topic.name, made, stored)
    once = stage.rows(
        f"SELECT (SELECT count() FROM records), count(), uniqExact(event_id), "
        f"(SELECT sum(cityHash64(key, value)) FROM records), "
        f"sum(cityHash64(* EXCEPT (_partition, _offset, _received_at))) FROM {topic.table}"
    )[0]
    if set(once[:3]) != {len(made)}:
        raise SideError(
            f"{workers} sinks stored {once[:3]} archived, typed and distinct events of {len(made)}"
        )
    return seconds, cpu, once


def ledger(inside: Path, workers: int, events: int) -> Took:
    """Seal four logs of a quarter of the events each."""
    shares = [list(range(number, PARTITIONS, workers)) for number in range(workers)]

    def seal(share: list[int]) -> dict[str, Any]:
        told = {"events": events // PARTITIONS, "folder": str(inside), "partitions": share}
        return figures_of("workers_ledger", told, PATIENCE_S)

    with ThreadPoolExecutor(workers) as pool:
        told = list(pool.map(seal, shares))
    roots = {number: root for each in told for number, root in each["roots"].items()}
    seconds = max(each["ended"] for each in told) - min(each["begun"] for each in told)
    return seconds, sum(each["cpu_s"] for each in told), dict(sorted(roots.items()))


AGENTS = LimitRow(
    "workers-agents",
    "one, two and four agent workers in a group: the same derived events",
    folder,
    partial(measure, "ids", agents),
    events=200_000,
    small=4_000,
)
SINK = LimitRow(
    "workers-sink",
    "one, two and four ClickHouse sinks in a group: the same rows",
    folder,
    partial(measure, "rows", sink),
    events=400_000,
    small=5_000,
)
LEDGER = LimitRow(
    "workers-ledger",
    "four logs sealed by one, two and four processes: the same roots",
    folder,
    partial(measure, "roots", ledger),
    events=1_000_000,
    small=20_000,
)
