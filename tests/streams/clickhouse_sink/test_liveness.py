"""What the sink says about itself, and when it ends itself."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from schemas.catalog import load_catalog
from streams.clickhouse_sink.errors import SinkStopError
from streams.clickhouse_sink.failures import Failures
from streams.clickhouse_sink.metrics import METRICS, Latencies
from streams.clickhouse_sink.partition import Offsets, PartitionState, Times
from streams.clickhouse_sink.sink import ClickHouseSink, SinkConfig, run
from streams.errors import KafkaDownError
from tests.streams.clickhouse_sink.events import framed

if TYPE_CHECKING:
    from streams.clickhouse_sink.batch import InsertBatch
    from tests.streams.clickhouse_sink.stage import Stage


def test_figures_go_out_on_a_timer_and_hold_the_latency(stage: Stage) -> None:
    """Lag, totals and the quantiles of the time from record to row; never one per record."""
    topic, random = stage.topic("reading"), Random(1)
    with stage.sink(metrics_interval_s=0.5):
        stage.produce(topic, [framed(topic.schema, random) for _ in range(400)])
        stage.drain()
        time.sleep(1.2)
    names = {name for name, _, _ in stage.metrics}
    assert names == set(METRICS)
    assert len(stage.metrics) < 100
    latencies = [
        (labels["quantile"], value) for name, value, labels in stage.metrics if name == "sink.latency_ms"
    ]
    assert {quantile for quantile, _ in latencies} == {"0.5", "0.99"}
    assert all(0 <= value < 60_000 for _, value in latencies)
    assert ("sink.lag_records", 0.0, {"topic": topic.name}) in stage.metrics[-20:]
    assert [value for name, value, _ in stage.metrics if name == "sink.records_total"][-1] == 400


def test_quantiles_weigh_batches_by_their_records() -> None:
    """A hundred thousand fast records outweigh one slow one; the window begins anew with each look."""
    latencies = Latencies()
    latencies.add([1_000] * 100_000, 1_010)
    latencies.add([0], 1_010)
    assert latencies.take() == {0.5: 10, 0.99: 10}
    assert latencies.take() == {}


def test_a_trouble_is_logged_when_it_begins_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """Once each, however often it is noted; troubles about other things have their own lines."""
    troubles = Failures()
    troubles.over("commit")
    for text in ("no answer", "still no answer"):
        troubles.note("ClickHouse", text)
    troubles.note("commit", "refused")
    for _ in range(2):
        troubles.over("ClickHouse")
    troubles.note("ClickHouse", "down again")
    assert caplog.messages == ["no answer", "refused", "ClickHouse: recovered", "down again"]


def test_lag_without_progress_ends_the_sink(stage: Stage) -> None:
    """Records wait, nothing is committed, nobody is known to be in the way: the sink is ill and says so."""
    topic = stage.topic("reading")
    stage.produce(topic, [framed(topic.schema, Random(2))])

    def stuck(batch: InsertBatch) -> InsertBatch:
        time.sleep(6)
        return batch

    config = replace(stage.config, stalled_after_s=2.0, metrics_interval_s=0.5)
    with pytest.raises(SinkStopError, match=r"1 records wait and nothing was committed for 2 s"):
        run(config, stage.catalog, threading.Event(), transform_for_tests=stuck)


def test_without_kafka_there_is_one_clear_line() -> None:
    """A Kafka that does not answer at the start is named, with what to do."""
    config = SinkConfig(kafka="127.0.0.1:1", connect_timeout_s=1.0)
    with pytest.raises(KafkaDownError, match=r"Kafka at 127.0.0.1:1 did not answer within 1 s.*city up"):
        run(config, load_catalog(), threading.Event())


def test_a_password_is_not_printed() -> None:
    """The settings can be logged."""
    assert "geheim" not in repr(SinkConfig(password="geheim"))


@pytest.mark.parametrize(
    ("stable", "lag"),
    [(10, 0), (None, 0), (11, 20)],
    ids=["an open transaction holds the rest back", "Kafka does not answer", "the consumer is stuck"],
)
def test_an_end_that_stays_while_the_topic_grows_is_verified(stable: int | None, lag: int) -> None:
    """What an open transaction holds back is no lag. What could be read, and is not, is lag: the sink ends for it."""
    asked: list[str] = []

    def stable_end(state: PartitionState) -> int | None:
        asked.append(state.topic)
        return stable

    sink: Any = SimpleNamespace(
        _config=SinkConfig(stalled_after_s=60.0),
        _group=SimpleNamespace(trouble="", end=lambda _state: 30, stable_end=stable_end),
    )
    state = PartitionState("topic", 0, Offsets.begin(10), Times())
    state.reach_end(10, 100.0)
    for now in (100.0, 130.0, 130.1, 131.0):
        ClickHouseSink._verify_end(sink, state, now)
    assert asked == ["topic"]
    assert state.lag(30) == lag
