"""A stall begins when something waits and nothing moves: neither pauses nor the time before an arrival count."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.consumer_group import FETCH_WAIT_S
from streams.clickhouse_sink.partition import MAX_WAIT_FACTOR
from streams.clickhouse_sink.sink import COALESCE_S, IDLE_POLL_S
from streams.config import StreamsConfig
from streams.stalls import LOOK_S, NOTABLE_S, Notice, Seen, StallWatch
from streams.worker.batch_consumer import IDLE

if TYPE_CHECKING:
    from collections.abc import Iterator


class City:
    """One partition: records come, are committed, and wait. It knows since when the oldest one has truly waited."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = 0.0
        self.committed = 0
        self.arrivals: list[float] = []
        self.moved_at = 0.0

    @property
    def waited_s(self) -> float:
        """Seconds since the later of the last commit and the arrival of the oldest waiting record."""
        if self.committed == len(self.arrivals):
            return 0.0
        return self.now - max(self.moved_at, self.arrivals[self.committed])

    def looks(self, number: int) -> Iterator[Seen]:
        """Yield what each look finds, LOOK_S apart, while records come and are committed, or not for a while."""
        for _ in range(number):
            stands = self.random.random() < 0.5
            pause = self.random.random() < 0.3
            for _ in range(self.random.randrange(1, 25)):
                for at in sorted(self.random.uniform(0, LOOK_S) for _ in range(self.random.randrange(3))):
                    if not pause:
                        self.arrivals.append(self.now + at)
                if not stands and self.committed < len(self.arrivals):
                    self.committed = self.random.randrange(self.committed + 1, len(self.arrivals) + 1)
                    self.moved_at = self.now + LOOK_S
                self.now += LOOK_S
                yield Seen(self.committed < len(self.arrivals), self.committed)


@pytest.mark.parametrize("seed", range(40))
def test_the_measure_is_never_longer_than_the_wait_and_at_most_a_look_shorter(seed: int) -> None:
    """Random arrivals, commits and pauses: no stall without one, and each one found within a look."""
    city, watch = City(Random(seed)), StallWatch[str]()
    for seen in city.looks(60):
        measured = watch.look(city.now, {"it": seen})["it"]
        assert measured <= city.waited_s + 1e-6
        assert measured >= city.waited_s - LOOK_S - 1e-6


def test_the_first_record_after_a_pause_is_no_stall() -> None:
    """An hour without a record, then one: its wait counts from the look that found it."""
    watch = StallWatch[str]()
    assert watch.look(0, {"it": Seen(waits=False)}) == {"it": 0}
    assert watch.look(3600, {"it": Seen(waits=True)}) == {"it": 0}
    assert watch.look(3611, {"it": Seen(waits=True)}) == {"it": 11}
    assert watch.look(3612, {"it": Seen(waits=True, progress=1)}) == {"it": 0}


def test_what_went_elsewhere_is_forgotten() -> None:
    """When it comes back, it has not waited yet."""
    watch = StallWatch[str]()
    watch.look(0, {"it": Seen(waits=True)})
    assert watch.look(50, {}) == {}
    assert watch.look(100, {"it": Seen(waits=True)}) == {"it": 0}


def test_a_stall_is_said_when_it_becomes_notable_and_when_it_is_over() -> None:
    """Once each; not with every look."""
    notice = Notice[str]()
    found = [notice.changed({"it": seconds}) for seconds in (0, NOTABLE_S - 1, NOTABLE_S, 20, 30, 0, 0)]
    assert found == [False, False, True, False, False, True, False]


def test_no_wait_of_an_idle_process_is_long_enough_to_look_like_a_stall() -> None:
    """Fetch, batch, insert and commit of a record after a pause, each waiting its longest, on a machine at rest."""
    sink, worker = SinkConfig(), StreamsConfig()
    sink_s = FETCH_WAIT_S + IDLE_POLL_S + MAX_WAIT_FACTOR * sink.max_age_s + COALESCE_S
    worker_s = IDLE.max_ms / 1000 + worker.commit_interval_s
    assert max(sink_s, worker_s) < NOTABLE_S
