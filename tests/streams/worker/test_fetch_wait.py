"""The worker's consumer lets the broker gather records while they come, and asks rarely while none do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from aiokafka.consumer.fetcher import Fetcher

from streams.worker import batch_consumer
from streams.worker.batch_consumer import BUSY, IDLE, IDLE_AFTER_S, BatchConsumer, BatchConsumerThread

if TYPE_CHECKING:
    from streams.worker.batch_consumer import FetchWait


class Waits:
    """A consumer's thread that keeps the last wait."""

    last: FetchWait | None = None

    def wait_as(self, wait: FetchWait) -> None:
        """Keep the wait."""
        self.last = wait


def test_a_fetch_waits_long_only_after_a_second_without_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle begins after `IDLE_AFTER_S` and ends with the first record."""
    now = 50.0
    monkeypatch.setattr(batch_consumer, "time", SimpleNamespace(monotonic=lambda: now))
    consumer = BatchConsumer.__new__(BatchConsumer)
    consumer._record_at, consumer._thread = now, Waits()
    seen = []
    for after_s, came in ((0.1, True), (IDLE_AFTER_S - 0.1, False), (0.2, False), (9.0, False), (0.1, True)):
        now += after_s
        consumer._adapt_wait(came)
        seen.append(consumer._thread.last)
    assert seen == [BUSY, BUSY, IDLE, IDLE, BUSY]


@pytest.mark.parametrize("wait", [BUSY, IDLE])
def test_the_wait_reaches_the_fetcher_that_makes_the_requests(wait: FetchWait) -> None:
    """The fetcher reads both names when it makes a request; a new aiokafka may not."""
    fetcher = Fetcher.__new__(Fetcher)
    thread = BatchConsumerThread.__new__(BatchConsumerThread)
    thread._consumer = SimpleNamespace(_fetcher=fetcher)
    thread.wait_as(wait)
    assert (fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms) == wait
    assert {"_fetch_min_bytes", "_fetch_max_wait_ms"} <= {
        name
        for code in Fetcher.__dict__.values()
        if hasattr(code, "__code__")
        for name in code.__code__.co_names
    }


def test_without_a_consumer_there_is_nothing_to_set() -> None:
    """Between two consumers the thread has none."""
    thread = BatchConsumerThread.__new__(BatchConsumerThread)
    thread._consumer = None
    thread.wait_as(IDLE)
