"""When the sink says that a partition stalls, and when it ends itself: a slow sink is told from one that hangs."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Message

from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.errors import SinkStopError
from streams.clickhouse_sink.partition import Offsets, PartitionState, Times
from streams.clickhouse_sink.standstill import Standstill
from streams.stalls import LOOK_S, NOTABLE_S

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG = SinkConfig(metrics_interval_s=10.0, stalled_after_s=60.0)


class FakeSink:
    """Partitions without Kafka and ClickHouse, and a clock that is set by hand."""

    def __init__(self, partitions: int = 1) -> None:
        self.now = 0.0
        self.states = [PartitionState("t", number, Offsets.begin(0), Times()) for number in range(partitions)]
        self.ends = [0] * partitions
        self.said: list[float] = []
        self.standstill = Standstill(CONFIG, self._emit, self.now)

    def _emit(self, name: str, value: float, _labels: Mapping[str, str]) -> None:
        assert name == "sink.stalled_seconds"
        self.said.append(value)

    def arrive(self, number: int) -> None:
        """Let a record come."""
        state = self.states[number]
        message = Message(topic="t", partition=number, offset=self.ends[number], value=b"1")
        state.waiting.add(message, self.now)
        self.ends[number] += 1

    def begin(self, number: int) -> None:
        """Take what waits into a batch."""
        self.states[number].next_task(CONFIG, self.now)

    def finish(self, number: int) -> None:
        """Store and confirm the batch in hand."""
        self.states[number].stored(self.now)
        self.states[number].confirm()
        self.standstill.written += 2

    def look(self, after_s: float = LOOK_S) -> float:
        """Let time pass, look, and return the longest time without progress."""
        self.now += after_s
        self.standstill.look(self.now, self.states, lambda state: self.ends[state.partition], known=False)
        return self.standstill.longest_s


def test_one_record_after_a_pause_is_no_stall() -> None:
    """The sink's own metric record comes every ten seconds, just before the look: nothing is said of it."""
    sink = FakeSink()
    for _ in range(50):
        for _ in range(4):
            assert sink.look() == 0
        sink.arrive(0)
        assert sink.look() == 0
        sink.begin(0)
        sink.finish(0)
    assert sink.said == []


def test_a_stall_is_said_when_it_is_notable_and_over_when_it_is_over() -> None:
    """Not with the next report of the metrics, which may be ten seconds later."""
    sink = FakeSink()
    sink.look(3600)
    sink.arrive(0)
    sink.begin(0)
    while sink.look() < 30:
        pass
    sink.finish(0)
    assert sink.look() == 0
    assert len(sink.said) == 2
    assert NOTABLE_S <= sink.said[0] <= NOTABLE_S + LOOK_S
    assert sink.said[1] == 0


def test_records_that_wait_for_a_free_thread_do_not_end_a_slow_sink() -> None:
    """Each batch takes 20 s and there is one thread: the last of ten partitions waits for minutes, and is no stall."""
    sink = FakeSink(10)
    for number in range(10):
        sink.arrive(number)
    for number in range(10):
        sink.begin(number)
        for _ in range(10):
            sink.look()
        sink.finish(number)
    assert sink.look() == 0


def test_a_batch_in_hand_without_a_step_ends_the_sink_though_others_go_on() -> None:
    """What hangs is found among partitions that are busy."""
    sink = FakeSink(2)
    sink.arrive(0)
    sink.begin(0)

    def others_go_on() -> None:
        while sink.now < 100:
            sink.arrive(1)
            sink.begin(1)
            sink.look()
            sink.finish(1)

    with pytest.raises(SinkStopError, match="t/0: 1 records wait and nothing was committed for 60 s"):
        others_go_on()
    assert 60 < sink.now < 70


def test_each_insert_of_a_batch_is_progress() -> None:
    """Archive, then a block for each schema, each slow."""
    sink = FakeSink()
    sink.arrive(0)
    sink.begin(0)
    task = sink.states[0].task
    assert task is not None
    for step in range(5):
        sink.look(40)
        task.done.add(str(step))
    assert sink.look() == 0


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_and_goes_only_a_true_stall_is_measured(seed: int) -> None:
    """Random arrivals, batches and pauses of one partition, against the time since the last step."""
    random, sink = Random(seed), FakeSink()
    began = 0.0
    state = sink.states[0]
    for _ in range(300):
        match random.randrange(6):
            case 0:
                began = began if state.lag(sink.ends[0]) else sink.now
                sink.arrive(0)
            case 1 if state.task is None and state.waiting:
                sink.begin(0)
                began = sink.now
            case 2 if state.task is not None:
                sink.finish(0)
                began = sink.now
        measured = sink.look(random.choice([0.5, LOOK_S, LOOK_S]))
        if state.lag(sink.ends[0]) == 0:
            assert measured == 0
        else:
            assert sink.now - began - LOOK_S - 1e-6 <= measured <= sink.now - began + 1e-6
