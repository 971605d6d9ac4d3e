"""What was measured of the path, as quantities with the limits of the issue. Pure."""

from __future__ import annotations

from statistics import linear_regression
from typing import TYPE_CHECKING

from infra.reconcile.count import latency
from tests.bench.harness import SideError
from tests.bench.limits import Quantity
from tests.bench.path.search import MOST_LAG_S
from tests.bench.path.usage import MEASURING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.bench.path.progress import Mark
    from tests.bench.path.usage import Memory

TARGET = 30_000
"""Records a second, raw and derived together."""
QUERYABLE_S, SEALED_S, ALARM_S = 1.5, 2.5, 0.5
GROWTH_PERCENT = 10.0
GROWTH_S = 1.0
"""In a minute, what is under way may grow by as much as comes in this time."""


def throughput(marks: Sequence[Mark]) -> Iterator[Quantity]:
    """Tell what went through in a run, its first tenth left out, and whether more and more was under way."""
    settled = marks[len(marks) // 10 :]
    first, last = settled[0], settled[-1]
    seconds = last.at - first.at
    coming = max(1.0, (last.produced - first.produced) / seconds)
    growth = linear_regression([each.at for each in settled], [each.behind for each in settled]).slope
    yield Quantity("sealed and queryable", "records/s", (last.done - first.done) / seconds, least=TARGET)
    yield Quantity("sent", "events/s", (last.raw - first.raw) / seconds)
    yield Quantity("lasted", "s", last.at - marks[0].at)
    yield Quantity("under way, largest", "s", max(each.behind for each in settled) / coming)
    yield Quantity("under way, end", "s", last.behind / coming, most=MOST_LAG_S)
    yield Quantity("under way, growth", "s/min", growth / coming * 60, most=GROWTH_S)


def processor(cpu_s: Mapping[str, float], records: int, lasted_s: float) -> Iterator[Quantity]:
    """Tell where the time goes, in µs of each process for each record."""
    for name, seconds in sorted(cpu_s.items(), key=lambda each: -each[1]):
        yield Quantity(f"CPU, {name}", "µs/record", seconds / records * 1e6)
    yield Quantity("CPU, all", "µs/record", sum(cpu_s.values()) / records * 1e6)
    yield Quantity("cores busy", "cores", sum(cpu_s.values()) / lasted_s)


def memory(found: Mapping[str, Memory]) -> Iterator[Quantity]:
    """Tell what each process holds; those of the city and of its load must be flat."""
    for name, each in found.items():
        limit = None if name == MEASURING else GROWTH_PERCENT
        yield Quantity(f"memory, {name}, settled", "MiB", each.start)
        yield Quantity(f"memory, {name}, end", "MiB", each.end)
        yield Quantity(f"memory, {name}, largest", "MiB", each.largest)
        yield Quantity(f"memory, {name}, a minute", "MiB/min", each.growth_per_minute)
        yield Quantity(f"memory, {name}, growth", "%", each.growth_percent, most=limit)


def percentiles(name: str, took_ms: Sequence[float], limit_s: float | None = None) -> Iterator[Quantity]:
    """Tell p50 and p99 of some latencies; the limit is that of p99.

    Raises:
        SideError: There are none.
    """
    found = latency(took_ms)
    if found["p50"] is None or found["p99"] is None:
        raise SideError(f"{name}: nothing came in the time")
    yield Quantity(f"{name}, p50", "s", found["p50"] / 1000)
    yield Quantity(f"{name}, p99", "s", found["p99"] / 1000, most=limit_s)
    yield Quantity(f"{name}, measured", "times", len(took_ms))
