"""The whole path: one stack and its load on one machine; throughput, memory and latency against limits.

The load sends readings and vehicle signals through the platform's door. A search finds the highest rate at
which what is under way does not grow; a run at nearly that rate gives throughput, processor time and memory; a
run at half of it gives latencies. At the end every record must be archived, in its table and sealed exactly
once. What is behind and how long things take is asked of Kafka, of the engine, of the ledger's published files
and of a subscriber, not of the code that is judged.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.harness import SideError
from tests.bench.limits import LimitRow, Quantity
from tests.bench.path import told
from tests.bench.path.alarms import AlarmWatch
from tests.bench.path.check import check
from tests.bench.path.city import City, a_city
from tests.bench.path.events import READING
from tests.bench.path.progress import Mark, Progress
from tests.bench.path.rows import RowWatch
from tests.bench.path.seals import SealWatch
from tests.bench.path.search import MOST_LAG_S, Probe, judged, next_rate
from tests.bench.path.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_S = 0.5
WARM_RATE = 2_000.0
RECORDS_OF_AN_EVENT = 1.8
"""Of five events four are readings, of each of which an index is derived."""
KEPT = 0.95
"""Part of the search's rate at which the run goes: a probe sees little of what merging tables takes."""
HOPELESS = 4.0
"""A run breaks off when so many times what a probe may have is under way."""
_SOON = 10
"""Looks before which nothing breaks off."""


@dataclass(frozen=True)
class Plan:
    """How long each part takes, in seconds, and at how many events a second the search begins."""

    run_s: float
    search_s: float
    probe_s: float
    latency_s: float
    begin: float

    @classmethod
    def of(cls, records: int) -> Plan:
        """Make it for a number of records at the target rate: those of five minutes are the full size."""
        run_s = records / told.TARGET
        if run_s < 60:
            return cls(run_s, 6.0, 5.0, 8.0, 2_000.0)
        return cls(run_s, 90.0, 15.0, 45.0, told.TARGET / RECORDS_OF_AN_EVENT)


@contextlib.contextmanager
def stage(_records: int) -> Iterator[City]:
    """Start a stack and warm it up."""
    with a_city() as city, Progress(city) as progress:
        drive(city, progress, WARM_RATE, 3.0)
        progress.drained()
        yield city


def drive(city: City, progress: Progress, rate: float, seconds: float, hopeless: float = 1.0) -> list[Mark]:
    """Send at a rate for a time, or until far too much is under way; return what was seen meanwhile."""
    marks = [progress.mark()]
    city.driver.start(rate, seconds)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        city.check()
        time.sleep(LOOK_S)
        marks.append(progress.mark())
        through = max((marks[-1].done - marks[0].done) / (marks[-1].at - marks[0].at), rate / 2)
        if len(marks) > _SOON and marks[-1].behind > hopeless * 1.5 * MOST_LAG_S * through:
            city.driver.stop()
            return marks
    city.driver.ended()
    return marks


def searched(city: City, progress: Progress, plan: Plan) -> tuple[float, float]:
    """Find the highest rate that is sustained, in events a second, and that at which to run.

    If none is sustained within the time, the first is 0 and the other the one that would be tried next: the run
    shows what it is worth.
    """
    tried: list[Probe] = []
    end = time.monotonic() + plan.search_s
    while (rate := next_rate(tried, plan.begin)) is not None and time.monotonic() < end:
        tried.append(judged(rate, drive(city, progress, rate, plan.probe_s)))
        progress.drained()
    best = max((each.rate for each in tried if each.sustained), default=0.0)
    return best, KEPT * best or rate or plan.begin


def sustained(city: City, progress: Progress, plan: Plan, rate: float) -> Iterator[Quantity]:
    """Run at a rate; tell throughput, processor time and memory."""
    with Usage(city.pids()) as usage:
        marks = drive(city, progress, rate, plan.run_s, HOPELESS)
    progress.drained()
    yield from told.throughput(marks)
    yield from told.processor(usage.cpu_s, marks[-1].done - marks[0].done, usage.lasted_s)
    yield from told.memory(usage.memory())


def latencies(city: City, progress: Progress, plan: Plan, rate: float) -> Iterator[Quantity]:
    """Run at a rate; tell how long until rows can be queried, are sealed, and a subscriber knows of crashes."""
    with AlarmWatch(city) as alarms, SealWatch(city.ledger) as seals, RowWatch(city) as rows:
        since_ms = time.time() * 1000
        marks = drive(city, progress, rate, plan.latency_s, HOPELESS)
        progress.drained()
        time.sleep(LOOK_S)
    for topic in sorted({each.topic for each in rows.seen}, reverse=True):
        seen = [each for each in rows.seen if each.topic == topic and each.born_ms >= since_ms]
        sealed = [(seals.sealed_ms((topic, each.partition), each.offset), each.born_ms) for each in seen]
        if any(at is None for at, _ in sealed):
            raise SideError(f"{topic}: a row was not sealed when all was said to be")
        limited, whose = topic == READING, "" if topic == READING else "derived, "
        took = [each.seen_ms - each.born_ms for each in seen]
        yield from told.percentiles(f"{whose}queryable", took, told.QUERYABLE_S if limited else None)
        took = [at - born_ms for at, born_ms in sealed if at is not None]
        yield from told.percentiles(f"{whose}sealed", took, told.SEALED_S if limited else None)
    took = [ms for born_ms, ms in alarms.took_ms if born_ms >= since_ms]
    yield from told.percentiles("crash to subscriber", took, told.ALARM_S)
    seconds = marks[-1].at - marks[0].at
    yield Quantity("load of the latencies", "records/s", (marks[-1].produced - marks[0].produced) / seconds)


def measure(city: City, _number: int, records: int) -> list[Quantity]:
    """Search, run, run at half, count.

    Raises:
        SideError: Nothing came through in the time, or a record is missing or doubled.
    """
    plan = Plan.of(records)
    with Progress(city) as progress:
        best, rate = searched(city, progress, plan)
        found = [Quantity("sustained in the search", "events/s", best)]
        found += sustained(city, progress, plan, rate)
        half = min(rate, told.TARGET / RECORDS_OF_AN_EVENT) / 2
        found += latencies(city, progress, plan, half)
        check(city, city.driver.sent, progress.ends())
    return found


PATH_ROW = LimitRow(
    "path",
    "produce to sealed and queryable, the whole stack and its load on this machine",
    stage,
    measure,
    events=300 * told.TARGET,
    small=10 * told.TARGET,
)
