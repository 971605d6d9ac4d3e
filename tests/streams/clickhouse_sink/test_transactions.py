"""A sink whose topic is written in transactions: it stores committed records alone, and goes on."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.harness.transactions import Raw, TransactionalProducer, four_ends
from tests.harness.waiting import eventually
from tests.streams.clickhouse_sink.events import framed

if TYPE_CHECKING:
    from tests.streams.clickhouse_sink.stage import Stage


def test_committed_records_alone_are_stored_and_the_commit_passes_control_records(stage: Stage) -> None:
    """Every end of a transaction. While one is open, what it holds back waits, and is no lag."""
    topic, random = stage.topic("reading"), Random(3)

    def records(count: int) -> list[Raw]:
        return [Raw(topic.name, framed(topic.schema, random), partition=0) for _ in range(count)]

    def behind() -> None:
        stage.produce(topic, [framed(topic.schema, random) for _ in range(5)])
        stage.drain()
        before = len(stage.metrics)
        eventually(
            lambda: [
                v
                for n, v, w in stage.metrics[before:]
                if (n, w) == ("sink.lag_records", {"topic": topic.name})
            ],
            "the sink reports its lag",
        )
        lags = [
            v for n, v, w in stage.metrics[before:] if n == "sink.lag_records" and w["topic"] == topic.name
        ]
        assert lags[-1] == 0

    with stage.sink(metrics_interval_s=0.2):
        lost = four_ends(stage.kafka, topic.name, records(8), lambda: records(2), behind, 6)
        stage.drain()
    assert stage.check(topic) == {"records": 13, "events": 13, "undecodable": 0}
    stored = {(topic.name, *place) for place in stage.rows("SELECT partition, offset FROM records")}
    assert not stored & set(lost)


def test_a_new_owner_goes_on_behind_control_records(stage: Stage) -> None:
    """A topic that holds nothing but aborted records is passed once; the next sink begins behind them."""
    topic, random = stage.topic("reading"), Random(4)
    record = [Raw(topic.name, framed(topic.schema, random), partition=0)]
    producer = TransactionalProducer(stage.kafka)
    producer.abort(record)
    for committed, end in ((0, 2), (1, 4)):
        with stage.sink():
            stage.drain()
        assert stage.commits()[topic.name, 0] == (end, "")
        assert stage.check(topic)["records"] == committed
        producer.commit(record)
