"""A look that does not come to an end: the next one goes on where it ended."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams import backlog
from streams.backlog import Backlog

STEP = 100
"""Offsets that the consumer passes in a poll."""


class SlowConsumer:
    """A consumer of partitions with aborted records up to `first`, and a record there, or the end.

    It stands for librdkafka's, which tests with a broker use (`tests/streams/worker/test_transactions.py`): there a run
    of many seconds would be too long. As there, the position moves at the end of a transaction only.
    """

    def __init__(self, first: int, transaction: int, *, ends: bool) -> None:
        self.first, self.transaction, self.ends = first, transaction, ends
        self.assigned: list[tuple[int, int]] = []
        self._at = self._position = 0

    def assign(self, partitions: list[Any]) -> None:
        """Begin anew."""
        self.assigned.append((partitions[0].partition, partitions[0].offset))
        self._at = partitions[0].offset
        self._position = -1001

    def unassign(self) -> None:
        """Forget where it is."""
        self._at = -1

    def poll(self, _: float) -> Any:
        """Pass some records."""
        assert self._at >= 0
        self._at = min(self._at + STEP, self.first)
        if self._at >= self.transaction:
            self._position = self._at - self._at % self.transaction
        if self._at < self.first:
            return None
        error = KafkaError(KafkaError._PARTITION_EOF) if self.ends else None
        return SimpleNamespace(error=lambda: error, offset=lambda: self.first)

    def position(self, _: list[Any]) -> list[Any]:
        """Return the end of the last transaction."""
        return [SimpleNamespace(offset=self._position)]


def looks(monkeypatch: pytest.MonkeyPatch, consumer: SlowConsumer, partitions: int) -> tuple[int, list[int]]:
    """Ask for partitions in turn, one poll each, until all answer; return the number of refusals and the answers."""
    monkeypatch.setattr(backlog, "ANSWER_S", 0.0)
    asked = Backlog("nowhere")
    monkeypatch.setattr(asked, "_connected", lambda: consumer)
    answers: dict[int, int] = {}
    for number in range(1_000):
        if len(answers) == partitions:
            return number - partitions, [answers[each] for each in range(partitions)]
        partition = number % partitions
        if partition in answers:
            continue
        with contextlib.suppress(KafkaException):
            answers[partition] = asked.first_readable(("t", partition), 0, 5_000)
    raise AssertionError(consumer.assigned)


@pytest.mark.parametrize("ends", [False, True])
def test_one_partition_is_looked_through_in_several_looks(
    monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    """Even within one transaction: the consumer stays where it is."""
    consumer = SlowConsumer(1_000, 10_000, ends=ends)
    assert looks(monkeypatch, consumer, 1) == (9, [1_000])
    assert consumer.assigned == [(0, 0)]


def test_partitions_in_turn_go_on_behind_their_last_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at another partition begins anew, at the position that the last one had."""
    consumer = SlowConsumer(400, STEP, ends=False)
    assert looks(monkeypatch, consumer, 2)[1] == [400, 400]
    assert consumer.assigned == [(n, at) for at in range(0, 400, STEP) for n in (0, 1)]


def test_a_look_that_reached_the_end_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the consumer has not told the end yet."""
    monkeypatch.setattr(backlog, "ANSWER_S", 0.0)
    asked = Backlog("nowhere")
    monkeypatch.setattr(asked, "_connected", lambda: SlowConsumer(1_000, STEP, ends=False))
    assert asked.first_readable(("t", 0), 0, STEP) == STEP
