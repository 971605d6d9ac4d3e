"""How large a batch becomes: as many records as wait, up to rows, bytes and age, whichever comes first."""

from __future__ import annotations

from confluent_kafka import Message

from streams.clickhouse_sink.batch import OffsetRange
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.partition import Backoff, Offsets, PartitionState, Times

CONFIG = SinkConfig(max_rows=100, max_bytes=1000, max_age_s=0.5)


def partition_with(*sizes: int, open_claim: OffsetRange | None = None) -> PartitionState:
    """A partition with waiting records of these sizes, the oldest of them come at second 10."""
    state = PartitionState("topic", 0, Offsets.begin(0, open_claim), Times())
    for offset, size in enumerate(sizes):
        state.waiting.add(
            Message(topic="topic", partition=0, offset=offset, value=bytes(size)), 10.0 + offset
        )
    return state


def test_a_few_records_wait_until_the_oldest_is_old_enough() -> None:
    """Not full and not due: nobody waits longer than the longest age, nobody is hurried."""
    state = partition_with(1, 1)
    assert not state.due(10.4, CONFIG)
    assert state.due(10.5, CONFIG)
    assert str(state.next_task(CONFIG, 10.5).batch.claim) == "0-1"


def test_records_wait_longer_while_batches_take_long_to_be_written() -> None:
    """Twice as long as the last batch took, but within bounds: an hour without ClickHouse is not waited for twice."""
    for took, limit_s in ((0.1, 0.5), (0.4, 0.8), (3600.0, 2.0)):
        state = partition_with(1)
        state.next_task(CONFIG, 10.5)
        state.stored(10.5 + took)
        state.waiting.add(Message(topic="topic", partition=0, offset=1, value=b"1"), 5000.0)
        assert not state.due(5000.0 + limit_s - 0.01, CONFIG)
        assert state.due(5000.0 + limit_s + 0.01, CONFIG)


def test_many_records_go_at_once_in_batches_of_the_most_rows() -> None:
    """A batch has the most rows and not one more; the rest waits on, counted anew."""
    state = partition_with(*[2] * 150)
    assert state.due(10.0, CONFIG)
    assert len(state.next_task(CONFIG, 10.0).batch) == 100
    assert (len(state.waiting), state.waiting.size) == (50, 100)


def test_large_records_go_in_batches_of_the_most_bytes() -> None:
    """A batch ends before the record that would be too much; a record larger than all of it goes alone."""
    state = partition_with(400, 600, 1, 5000)
    assert state.due(10.0, CONFIG)
    assert len(state.next_task(CONFIG, 10.0).batch) == 2
    state.stored(10.0)
    assert len(state.next_task(CONFIG, 10.0).batch) == 1
    state.stored(10.0)
    assert str(state.next_task(CONFIG, 10.0).batch.claim) == "3-3"


def test_an_open_claim_is_redone_as_it_was_whatever_the_limits() -> None:
    """It waits for all of its records, and then goes at once with exactly those."""
    claim = OffsetRange(0, 3)
    assert not partition_with(600, 600, 600, open_claim=claim).due(99.0, CONFIG)
    state = partition_with(600, 600, 600, 600, 600, open_claim=claim)
    assert state.due(10.01, CONFIG)
    task = state.next_task(CONFIG, 10.01)
    assert (task.batch.claim, len(task.batch), task.unsure) == (claim, 4, True)


def test_each_failure_in_a_row_doubles_the_wait_and_success_ends_it() -> None:
    """Up to the longest wait; the reason stands as long as the task fails."""
    config = SinkConfig(backoff_s=1.0, max_backoff_s=5.0)
    backoff = Backoff()
    waits = []
    for _ in range(4):
        backoff.failed(100.0, "down", config)
        waits.append(backoff.retry_at - 100.0)
    assert waits == [1.0, 2.0, 4.0, 5.0]
    assert backoff.trouble == "down"
    backoff.succeeded()
    assert (backoff.failures, backoff.trouble) == (0, "")


def test_only_what_is_stored_is_confirmed() -> None:
    """A claim moves nothing; the offset moves once its batch is stored and the commit is taken."""
    state = partition_with(1, 1)
    state.next_task(CONFIG, 10.5)
    state.confirm()
    assert state.offsets.confirmed == 0
    state.stored(12.0)
    assert state.offsets.unconfirmed
    state.confirm()
    assert state.offsets.confirmed == 2
    assert not state.offsets.unconfirmed


def test_what_holds_no_record_is_passed_once_nothing_waits_before_it() -> None:
    """Control records at the end of a partition: the position passes them, and never what waits or is written."""
    state = partition_with(1, 1)
    state.reach_end(5, 11.0)
    assert state.at_end
    assert state.step_over() is None
    assert state.offsets.position == 0
    assert state.lag(high=99) == 5
    state.next_task(CONFIG, 11.0)
    assert state.at_end
    state.step_over()
    assert state.offsets.position == 0
    state.stored(12.0)
    state.step_over()
    assert state.offsets.position == 5
    assert state.offsets.unconfirmed
    state.confirm()
    assert state.lag(high=99) == 0  # what an open transaction holds back
    state.waiting.add(Message(topic="topic", partition=0, offset=7, value=b"1"), 13.0)
    assert not state.at_end
    assert state.lag(high=99) == 94
    assert str(state.next_task(CONFIG, 13.0).batch.claim) == "5-7"


def test_an_open_claim_whose_last_record_is_gone_is_replayed_once_the_end_is_reached() -> None:
    """Compaction or deletion took its last record: what is left of the claim is replayed under its name."""
    claim = OffsetRange(0, 3)
    state = partition_with(1, 1, open_claim=claim)
    assert not state.due(10.5, CONFIG)
    state.reach_end(3, 10.5)
    assert not state.due(10.6, CONFIG)
    state.reach_end(4, 10.5)
    assert state.due(10.6, CONFIG)
    assert state.step_over() is None
    task = state.next_task(CONFIG, 10.6)
    assert (task.batch.claim, task.batch.offsets, task.unsure) == (claim, [0, 1], True)


def test_an_open_claim_none_of_whose_records_is_left_is_dropped() -> None:
    """Nothing of it can be replayed; the next claim begins behind it."""
    claim = OffsetRange(0, 3)
    state = partition_with(open_claim=claim)
    assert state.step_over() is None
    state.reach_end(4, 10.0)
    assert state.step_over() == claim
    assert state.offsets.position == 4
    later = partition_with(open_claim=claim)
    later.waiting.add(Message(topic="topic", partition=0, offset=6, value=b"1"), 10.0)
    assert later.step_over() == claim
    assert str(later.next_task(CONFIG, 10.6).batch.claim) == "0-6"
