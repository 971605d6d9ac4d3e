"""The arithmetic and the events of the row `path`, without a stack."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from schemas.catalog import load_catalog
from schemas.codec import encode
from streams.config import StreamsConfig
from streams.testing import run_handlers
from streams.worker.discovery import discover
from tests.bench.harness import SideError
from tests.bench.path.events import (
    ACCIDENT,
    INDEX,
    READING,
    ROUND,
    SIGNAL,
    SIGNAL_EVERY,
    VEHICLES,
    Load,
    born_ms,
)
from tests.bench.path.looking import Looking
from tests.bench.path.progress import Mark
from tests.bench.path.seals import Seals, SealWatch
from tests.bench.path.search import MOST_LAG_S, Probe, judged, next_rate
from tests.bench.path.told import memory, percentiles, throughput
from tests.bench.path.usage import MEASURING, Usage, settled
from tests.bench.rows.path import PATH_ROW, Plan
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def handlers(topic: str) -> Sequence[Any]:
    """The platform's rules of a topic."""
    return discover(StreamsConfig(), load_catalog())[topic]


def made(count: int, topic: str) -> tuple[Load, list[dict[str, Any]]]:
    """A load after so many events, and those of a topic."""
    load = Load()
    return load, [event for name, event in islice(load.events(), count) if name == topic]


def marks(*behind: int, rate: float = 1000.0, sent: float = 1.0) -> list[Mark]:
    """Looks a second apart at a stack that has so many records under way."""
    return [
        Mark(float(n), int(n * rate * sent), int(n * rate), 0, int(n * rate) - each, int(n * rate) - each)
        for n, each in enumerate(behind)
    ]


def probe(rate: float, *, sustained: bool, raw: float = 0.0) -> Probe:
    """What a rate came to."""
    return Probe(rate, 2 * raw, raw, 1.0, 1.0, sustained)


def test_every_event_fits_its_schema_and_tells_when_it_was_made() -> None:
    """The id of an event is the moment of its making; no two are the same."""
    catalog, load, before = load_catalog(), Load(), time.time() * 1000
    found = list(islice(load.events(), 5000))
    for topic, event in found:
        assert encode(catalog.topics[topic].schema, event)
        assert before - 1 <= born_ms(event["event_id"]) <= time.time() * 1000
    assert len({event["event_id"] for _, event in found}) == len(found)
    assert (load.readings, load.signals) == (4000, 1000)


def test_an_index_is_derived_of_every_reading() -> None:
    """That is what the row's progress and check rely on; categories change now and then."""
    load, events = made(5_000, READING)
    sent = run_handlers(load_catalog(), handlers(READING), events, topic=READING)
    topics = [each.topic for each in sent]
    assert topics.count(INDEX) == load.readings
    assert 0 < len(topics) - topics.count(INDEX) < 0.3 * load.readings


def test_an_accident_is_derived_of_every_crash_and_names_its_signal() -> None:
    """Over half a round of all vehicles: as many accidents as crashes, some hard brakings and trips beside."""
    load, events = made(ROUND // 2 * VEHICLES * SIGNAL_EVERY, SIGNAL)
    sent = run_handlers(load_catalog(), handlers(SIGNAL), events, topic=SIGNAL)
    topics = [each.topic for each in sent]
    assert topics.count(ACCIDENT) == load.crashes > VEHICLES // 3
    assert set(topics) == {ACCIDENT, "vehicle.hard-braking", "vehicle.trip"}


def test_a_rate_is_sustained_when_what_is_under_way_stays() -> None:
    """Two seconds of the rate, up and down with each checkpoint, are no growth."""
    found = judged(1000, marks(0, 1500, 2000, 1500, 2000, 1500, 2000, 1500, 2000))
    assert found.sustained
    assert found.most_lag_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (marks(0, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000), "it grows"),
        (marks(*[int(1000 * MOST_LAG_S) + 500] * 9), "it is too much"),
        (marks(*[500] * 9, sent=0.5), "the load does not keep up"),
    ],
)
def test_a_rate_is_not_sustained(seen: list[Mark], why: str) -> None:
    """Growth, a lag of many seconds, or a load slower than it was told."""
    assert not judged(1000, seen).sustained, why


def test_too_few_looks_judge_nothing() -> None:
    """A probe of a second says nothing."""
    with pytest.raises(ValueError, match="3 looks"):
        judged(1000, marks(0, 0, 0))


def test_the_search_closes_in_on_what_a_stack_can_do() -> None:
    """From far too much or far too little: within a tenth of 7,300 events a second in ten probes."""
    for begin in (16_667.0, 1000.0):
        tried: list[Probe] = []
        while (rate := next_rate(tried, begin)) is not None:
            tried.append(probe(rate, sustained=rate <= 7300, raw=6000.0))
        best = max(each.rate for each in tried if each.sustained)
        assert 0.9 * 7300 <= best <= 7300
        assert len(tried) <= 10


def test_the_search_goes_down_at_least_a_little_and_at_most_to_a_quarter() -> None:
    """A probe in which nothing came through at once does not end the search near zero."""
    assert next_rate([probe(8000, sustained=False, raw=0)], 8000) == pytest.approx(8000 / 4 * 0.92)
    assert next_rate([probe(8000, sustained=False, raw=8000)], 8000) == pytest.approx(8000 * 0.92)


def test_memory_is_compared_from_a_fifth_of_the_time_to_its_end() -> None:
    """What a process takes while it settles is no growth; what it takes later is."""
    flat = settled([(float(n), 50.0 + min(n, 50)) for n in range(301)])
    assert flat.growth_percent == pytest.approx(0.0, abs=1.0)
    grown = settled([(float(n), 100.0 + n / 3) for n in range(301)])
    assert grown.growth_per_minute == pytest.approx(20.0)
    assert grown.growth_percent > 10
    assert grown.largest == 200.0
    told = {each.name: each for each in memory({"sink": grown})}
    assert not told["memory, sink, growth"].met(grown.growth_percent)


def test_usage_tells_of_this_process() -> None:
    """Processor time and memory of the time in between."""
    with Usage({}) as usage:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
    assert usage.cpu_s[MEASURING] >= 0.1
    assert usage.lasted_s >= 0.1
    assert usage.memory()[MEASURING].largest > 1


def test_a_run_is_told_by_what_went_through() -> None:
    """A stack that falls behind by half is not credited with what was sent."""
    told = {each.name: each for each in throughput(marks(*[n * 500 for n in range(60)]))}
    assert told["sealed and queryable"].value == pytest.approx(500)
    assert told["under way, growth"].value == pytest.approx(30.0)
    assert not told["under way, growth"].met(told["under way, growth"].value)
    assert not told["sealed and queryable"].met(500)


def test_no_latencies_are_no_result() -> None:
    """An alarm that never comes is not a quick one."""
    with pytest.raises(SideError, match="crash: nothing came"):
        list(percentiles("crash", []))
    p50, p99, times = percentiles("crash", [float(ms) for ms in range(1, 101)], 0.05)
    assert (p50.value, p99.value, times.value) == (0.05, 0.099, 100)
    assert p50.limited is False
    assert p99.met(p99.value) is False


def test_seals_are_read_from_published_files(tmp_path: Path) -> None:
    """A log's size counts once a city checkpoint with two signatures covers its block; control leaves do not."""
    folder, log = tmp_path / "city" / "1", tmp_path / "some.topic" / "0" / "1"
    (log / "control").mkdir(parents=True)
    (log / "control" / "0.json").write_text("{}")
    publish(folder, 1, [11], signatures=1)
    seals = Seals(tmp_path)
    assert seals.look() == {}
    publish(folder, 1, [11])
    assert seals.look() == {("some.topic", 0): 10}
    publish(folder, 3, [11, 21, 31])
    assert seals.look() == {("some.topic", 0): 30}


def test_a_record_is_sealed_when_it_was_first_seen_so(tmp_path: Path) -> None:
    """Offset 9 is in a log of ten records, offset 10 is not yet."""
    publish(tmp_path / "city" / "1", 1, [10])
    with SealWatch(tmp_path) as watch:
        eventually(lambda: watch.sealed_ms(("some.topic", 0), 9), "offset 9 is seen", every_s=0.05)
    at = watch.sealed_ms(("some.topic", 0), 9)
    assert at is not None
    assert abs(at - time.time() * 1000) < 10_000
    assert watch.sealed_ms(("some.topic", 0), 10) is None
    assert watch.sealed_ms(("other.topic", 0), 0) is None


def test_the_full_run_lasts_five_minutes_and_the_small_one_seconds() -> None:
    """The events of the row are those of the target rate."""
    assert Plan.of(PATH_ROW.events).run_s == 300
    assert Plan.of(PATH_ROW.small).run_s == 10
    assert PATH_ROW.rounds == 1


def publish(folder: Path, size: int, sizes: list[int], signatures: int = 2) -> None:
    """Write a city log of blocks that each name one log, as its files are laid out."""
    blocks = [
        f"city-block/v1\ncity.example/city/1\n{n}\nAA==\n2026-01-01T00:00:00.000Z\n"
        f"city.example/some.topic/0/1 {each} AA==\n"
        for n, each in enumerate(sizes)
    ]
    bundle = folder / "tile" / "entries" / "000.p"
    bundle.mkdir(parents=True, exist_ok=True)
    data = b"".join(len(each).to_bytes(2, "big") + each.encode() for each in blocks)
    (bundle / str(size)).write_bytes(data)
    signed = "".join(f"— someone{n} AAAA\n" for n in range(signatures))
    (folder / "checkpoint").write_text(f"city.example/city/1\n{size}\nAA==\n\n{signed}", encoding="utf-8")


def test_what_a_look_meets_is_raised_where_the_figures_are_wanted() -> None:
    """A watch that died has not seen nothing."""

    class Blind(Looking):
        def begin(self) -> None:
            pass

        def end(self) -> None:
            pass

        def look(self) -> None:
            raise SideError("it is dark")

    with pytest.raises(SideError, match="it is dark"), Blind(0.0):
        time.sleep(0.1)
