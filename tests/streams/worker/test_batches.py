"""Bookkeeping of one partition: which batch is delivered, what may be committed."""

from types import SimpleNamespace

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import StreamsError
from streams.worker.batches import Batch, FetchDecision, PartitionProgress, Span

WHERE = TP("probe.tick", 0)


def batch(first: int, last: int) -> Batch:
    """Make a batch of the records from `first` to `last`."""
    return Batch(WHERE, [SimpleNamespace(offset=offset) for offset in range(first, last + 1)])


def delivered(progress: PartitionProgress, first: int, last: int) -> Batch:
    """Deliver a batch that the progress takes."""
    made = batch(first, last)
    assert progress.decide(made) is FetchDecision.DELIVER
    progress.deliver(made)
    return made


def test_only_what_is_done_with_all_before_it_is_committable() -> None:
    """A batch that is done waits for the one before it."""
    progress = PartitionProgress()
    first, second = delivered(progress, 0, 9), delivered(progress, 10, 19)
    second.done = True
    assert progress.committable() is None
    assert progress.unfinished() == 2
    first.done = True
    assert progress.committable() == 20
    assert progress.unfinished() == 0


def test_after_a_restart_what_was_under_way_counts_for_nothing() -> None:
    """A batch that ends after a seek or a rebalance commits nothing and is stale."""
    progress = PartitionProgress()
    late = delivered(progress, 0, 9)
    progress.restart(0)
    late.done = True
    assert not progress.is_current(late)
    assert progress.committable() is None
    again = delivered(progress, 0, 4)
    again.done = True
    assert progress.committable() == 5


def test_a_fetch_that_was_under_way_during_a_seek_is_sought_again() -> None:
    """Delivering it would skip what the seek went back for."""
    progress = PartitionProgress()
    progress.restart(10)
    assert progress.decide(batch(30, 39)) is FetchDecision.SEEK


def test_a_gap_that_comes_again_is_kafkas_own() -> None:
    """Retention and compaction leave gaps; one seek tells them apart."""
    progress = PartitionProgress()
    progress.restart(10)
    assert progress.decide(batch(30, 39)) is FetchDecision.SEEK
    progress.restart(10)
    assert progress.decide(batch(30, 39)) is FetchDecision.DELIVER


def spanning(first: int, last: int, begin: int, end: int) -> Batch:
    """Make a batch of the records from `first` to `last`, whose fetch passed the offsets `begin` to `end` - 1."""
    return Batch(
        WHERE, [SimpleNamespace(offset=offset) for offset in range(first, last + 1)], Span(begin, end)
    )


def test_offsets_without_a_record_within_a_fetch_cost_no_seek() -> None:
    """Control records before the first and behind the last record: the next batch begins behind them."""
    progress = PartitionProgress()
    progress.restart(10)
    made = spanning(12, 19, 10, 23)
    assert progress.decide(made) is FetchDecision.DELIVER
    progress.deliver(made)
    assert progress.expected == 23
    assert progress.committable() is None
    made.done = True
    assert progress.committable() == 23


def test_a_gap_before_a_fetch_is_sought_again_though_the_fetch_passed_offsets_without_a_record() -> None:
    """What lies between the offset that comes next and the fetch's begin was dropped somewhere."""
    progress = PartitionProgress()
    progress.restart(10)
    assert progress.decide(spanning(12, 19, 11, 20)) is FetchDecision.SEEK


def test_offsets_without_a_record_are_committable_once_all_before_them_is_done() -> None:
    """At once where nothing runs, else with the last batch before them; never after a drop before them."""
    progress = PartitionProgress()
    progress.step_over(Span(0, 5))  # not assigned yet
    assert progress.committable() is None
    progress.restart(0)
    progress.step_over(Span(0, 5))
    assert progress.committable() == 5
    running = delivered(progress, 5, 9)
    progress.step_over(Span(10, 12))
    progress.step_over(Span(12, 13))
    assert progress.committable() == 5
    running.done = True
    assert progress.committable() == 13
    progress.step_over(Span(20, 30))
    assert (progress.expected, progress.committable()) == (13, 13)


def test_an_overlap_is_cut() -> None:
    """Records that were delivered are not delivered again in the same stretch."""
    progress = PartitionProgress()
    delivered(progress, 0, 9)
    assert progress.decide(batch(3, 7)) is FetchDecision.DROP
    overlapping = batch(5, 14)
    assert progress.decide(overlapping) is FetchDecision.DELIVER
    assert (overlapping.first, overlapping.last) == (10, 14)


def test_an_empty_batch_is_refused() -> None:
    """It would have no offsets."""
    with pytest.raises(StreamsError, match="at least one record"):
        Batch(WHERE, [])


def test_a_batch_that_fails_takes_unfinished_ones_before_it_along() -> None:
    """Going back to the failed one alone would let a commit pass the one before it."""
    progress = PartitionProgress()
    progress.restart(0)
    delivered(progress, 0, 2)
    failed = delivered(progress, 3, 5)
    assert progress.resume_from(failed) == 0


@given(st.lists(st.sampled_from(["deliver", "finish", "seek"]), max_size=60), st.randoms())
def test_no_order_of_events_commits_past_an_unfinished_record(steps: list[str], random: object) -> None:
    """Whatever is delivered, finished in any order, or given back: below the commit everything is done."""
    assert hasattr(random, "choice")
    progress, next_offset, finished = PartitionProgress(), 0, set[int]()
    running: list[Batch] = []
    progress.restart(0)
    for step in steps:
        if step == "deliver":
            running.append(delivered(progress, next_offset, next_offset + 2))
            next_offset += 3
        elif step == "finish" and running:
            ended = random.choice(running)
            running.remove(ended)
            ended.done = True
            finished.update(range(ended.first, ended.last + 1))
        elif step == "seek" and running:
            failed = random.choice(running)
            if progress.is_current(failed):
                running.remove(failed)
                next_offset = progress.resume_from(failed)
                progress.restart(next_offset)
        committable = progress.committable()
        assert committable is None or finished >= set(range(committable))
