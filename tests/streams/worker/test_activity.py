"""How far an agent has come: every step within a batch counts once, and a batch that fails again and again does not."""

from __future__ import annotations

from types import SimpleNamespace

from faust.types import TP

from streams.produce.deliveries import DeliveryTracker
from streams.worker.activity import Activity, Stage
from streams.worker.batches import Batch


def batch(partition: int, first: int, last: int) -> Batch:
    """Return a batch of these offsets."""
    records = [SimpleNamespace(offset=offset) for offset in range(first, last + 1)]
    return Batch(TP("t", partition), records)


def test_every_step_of_a_batch_is_progress() -> None:
    """State that is read, records that are derived, outputs and states that Kafka confirms, the end."""
    read = 0
    activity = Activity(lambda: read)
    hand = batch(0, 10, 20)
    outputs, states = DeliveryTracker(), DeliveryTracker()
    seen = [activity.progress()]

    def moved() -> bool:
        seen.append(activity.progress())
        return seen[-1] != seen[-2]

    activity.reach(hand, Stage.OPEN, 10)
    assert moved()
    read += 1000
    assert moved()
    assert not moved()
    for offset in (10, 15):
        activity.reach(hand, Stage.DERIVE, offset)
        assert moved()
    activity.reach(hand, Stage.DELIVER, 20, outputs)
    assert moved()
    outputs.settle("out")
    assert moved()
    outputs.settle("out", "refused")
    assert not moved()
    activity.reach(hand, Stage.WRITE_STATE, 20, states)
    assert moved()
    states.settle("state")
    assert moved()
    activity.reach(hand, Stage.DONE, 20)
    assert moved()
    assert not moved()


def test_a_batch_that_fails_again_and_again_is_no_progress() -> None:
    """It comes again and again as far as before; only what is further counts."""
    activity = Activity()
    hand = batch(0, 10, 20)

    def attempt(furthest: int) -> None:
        for offset in range(10, furthest + 1):
            activity.reach(hand, Stage.DERIVE, offset)

    attempt(15)
    before = activity.progress()
    for _ in range(5):
        attempt(15)
        assert activity.progress() == before
    attempt(16)
    assert activity.progress() != before


def test_partitions_of_a_topic_count_together() -> None:
    """One agent takes them in turns, so a batch of one is progress for the one whose batch waits."""
    activity = Activity()
    activity.reach(batch(1, 500, 600), Stage.DERIVE, 550)
    before = activity.progress()
    activity.reach(batch(0, 0, 9), Stage.DERIVE, 3)
    assert activity.progress() != before
