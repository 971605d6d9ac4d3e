"""What the sink stores is what the topics hold, once each."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.streams.clickhouse_sink.events import framed

if TYPE_CHECKING:
    from tests.streams.clickhouse_sink.stage import Stage


def test_every_topic_is_stored_exactly(stage: Stage) -> None:
    """Each record of each topic has its archive row, byte for byte, and each event its row."""
    random = Random(1)
    for topic in stage.catalog.topics.values():
        for partition in range(2):
            values = [framed(topic.schema, random) for _ in range(300)]
            stage.produce(topic, [*values, *values[:7]], partition)
    with stage.sink():
        stage.drain()
    for topic in stage.catalog.topics.values():
        assert stage.check(topic) == {"records": 614, "events": 600, "undecodable": 0}


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_inserts_store_the_same(stage: Stage, compression: str) -> None:
    """A body that is sent compressed is stored like one that is not, whatever its batch's size."""
    random = Random(2)
    topic = stage.topic("reading")
    for partition in range(2):
        stage.produce(topic, [framed(topic.schema, random) for _ in range(500)], partition)
    with stage.sink(compression=compression, max_rows=130):
        stage.drain()
    assert stage.check(topic) == {"records": 1000, "events": 1000, "undecodable": 0}
