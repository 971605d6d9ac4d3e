"""Killed, stopped, fenced, side by side, without ClickHouse: the rows are as if nothing had happened."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.errors import SinkStopError
from streams.clickhouse_sink.sink import run
from tests.harness.engine import EngineProcess
from tests.harness.waiting import eventually, patient
from tests.streams.clickhouse_sink.events import framed
from tests.streams.clickhouse_sink.stage import Stage, a_stage, make_stage

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.model import Topic
    from tests.harness.engine import ClickHouse

STATIONS = ("Jongno-gu", "종로구", "Aotizhongxin")


def readings(topic: Topic, random: Random, count: int) -> list[bytes | None]:
    """Make readings of a few stations."""
    return [framed(topic.schema, random, station=random.choice(STATIONS)) for _ in range(count)]


def with_rollup(stage: Stage) -> Topic:
    """Give the stage a roll-up that counts the events of each station, as the platform's own do."""
    topic = stage.topic("reading")
    table = f"{stage.config.database}.{topic.table}"
    client = stage.clickhouse.client(database=stage.config.database)
    client.command(
        "CREATE TABLE counted (station String, events UInt64) ENGINE = ReplacingMergeTree(events) ORDER BY station"
    )
    client.close()
    sql = (
        f"INSERT INTO {stage.config.database}.counted SELECT station, count() FROM {table} FINAL WHERE station IN "
        f"(SELECT station FROM {table} WHERE _partition = {{partition:UInt32}} "
        "AND _offset BETWEEN {first:UInt64} AND {last:UInt64}) GROUP BY station"
    )
    stage.config = replace(stage.config, rollups={topic.name: (sql,)})
    return topic


def check_rollup(stage: Stage, topic: Topic) -> None:
    """Assert that the roll-up has counted every event once."""
    counted = stage.rows("SELECT station, events FROM counted FINAL ORDER BY station")
    assert counted == stage.rows(
        f"SELECT station, count() FROM {topic.table} FINAL GROUP BY station ORDER BY station"
    )


MOMENTS = ("before-archive", "after-archive", "before-rows", "after-rows", "after-rollup", "after-letters")


def test_killed_at_any_step_the_open_claim_is_redone(kafka: str, clickhouse: ClickHouse) -> None:
    """Killed at each step, the next sink redoes exactly the claimed records, and each is there once."""
    with contextlib.ExitStack() as ending, ThreadPoolExecutor(3) as threads:
        stages = [ending.enter_context(a_stage(kafka, clickhouse)) for _ in MOMENTS]
        list(threads.map(kill_and_redo, stages, MOMENTS))


def kill_and_redo(stage: Stage, moment: str) -> None:
    """Kill a sink in its second batch, whose claim is also the confirmation of the first; let another go on."""
    topic = with_rollup(stage)
    values = readings(topic, Random(moment), 200)
    values[150] = (values[150] or b"") + b"\0"
    stage.produce(topic, values[:120])
    with stage.process(f"KILL:{moment}:2") as process:
        eventually(lambda: stage.rows(f"SELECT count() FROM {topic.table}")[0][0] == 120, within_s=40)
        stage.produce(topic, values[120:])
        assert process.wait(30) == -signal.SIGKILL
    first, claim = stage.commits()[topic.name, 0]
    assert claim.startswith(f"{first}-"), moment
    with stage.sink():
        stage.drain(60)
    assert stage.check(topic) == {"records": 200, "events": 199, "undecodable": 1}
    assert set(stage.dead_letters("reading")) == {(0, 150)}
    check_rollup(stage, topic)


def moved_on(stage: Stage) -> None:
    """Wait until the group has committed something."""
    before = stage.commits()
    eventually(lambda: stage.commits() not in ({}, before), within_s=20)


def test_killed_at_random_points_nothing_is_lost_or_doubled(stage: Stage) -> None:
    """Two sinks side by side, killed in turn while records come: archive, rows and roll-ups are exact."""
    topic, random = with_rollup(stage), Random()
    seed = random.randrange(10**6)
    random.seed(seed)
    done = threading.Event()

    def produce() -> None:
        number = 0
        while not done.wait(0.05):
            number += 1
            values = readings(topic, random, 40)
            if number % 5 == 0:
                values[7] = (values[7] or b"")[:-1]
            stage.produce(topic, [*values, values[3]], number % 2)

    writer = threading.Thread(target=produce)
    writer.start()
    try:
        for _ in range(4):
            with stage.process(max_age_s=0.05), stage.process(max_age_s=0.05) as other:
                moved_on(stage)
                time.sleep(1.5 * random.random())
                other.kill()  # both are killed on leaving, this one a little earlier
                time.sleep(random.random())
    finally:
        done.set()
        writer.join()
    with stage.sink():
        stage.drain(60)
    counts = stage.check(topic)
    assert counts["undecodable"] == len(stage.dead_letters("reading")) > 0, seed
    assert counts["records"] > counts["events"] + counts["undecodable"]
    check_rollup(stage, topic)


@pytest.mark.parametrize("moment", ["before-archive", "before-rows"])
def test_a_stopped_sink_that_continues_changes_nothing(stage: Stage, moment: str) -> None:
    """Stopped past its session with an insert on its lips, overtaken, continued: no row is doubled, none lost.

    The archive remembers one token only, so nothing but the lease keeps the late insert out.
    """
    topic = with_rollup(stage)
    client = stage.clickhouse.client(database=stage.config.database)
    client.command("ALTER TABLE records MODIFY SETTING non_replicated_deduplication_window = 1")
    client.close()
    random = Random(moment)
    stage.produce(topic, readings(topic, random, 100))
    with stage.process(f"STOP:{moment}", lease_s=4.0, insert_timeout_s=3.0) as stopped:
        eventually(lambda: stage.commits().get((topic.name, 0)) == (0, "0-99"), stage.commits, within_s=30)
        with stage.sink():
            stage.drain()  # the session times out, then this one redoes the claim
            for _ in range(3):
                stage.produce(topic, readings(topic, random, 100))
                stage.drain()
            stopped.send_signal(signal.SIGCONT)
            stage.produce(topic, readings(topic, random, 100), 1)
            time.sleep(2)
            stage.produce(topic, readings(topic, random, 100))
            stage.drain()
            assert stopped.poll() is None
        stage.produce(topic, readings(topic, random, 100))
        stage.drain()  # the one that was stopped has joined again, alone
    assert stage.check(topic) == {"records": 700, "events": 700, "undecodable": 0}
    check_rollup(stage, topic)


def test_two_sinks_share_the_partitions(stage: Stage) -> None:
    """A second sink joins and leaves in order while records come; nothing is lost or doubled."""
    topic, random = stage.topic("reading"), Random(5)
    with stage.sink():
        for number in range(30):
            stage.produce(topic, readings(topic, random, 50), number % 2)
            if number == 10:
                other = stage.sink()
                other.__enter__()
            if number == 20:
                other.__exit__(None, None, None)
            time.sleep(0.1)
        stage.drain()
    assert stage.check(topic) == {"records": 1500, "events": 1500, "undecodable": 0}


def test_without_clickhouse_the_sink_waits_and_says_so_once(
    kafka: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """ClickHouse is killed in the middle and opened again: one line each, then all rows are there."""
    process = EngineProcess(tmp_path / "clickhouse")
    opened = process.start()
    stage = make_stage(kafka, opened)
    topic, random = stage.topic("reading"), Random(6)
    with stage.sink(max_age_s=0.05):
        for number in range(20):
            stage.produce(topic, readings(topic, random, 50), number % 2)
        process.kill()
        for number in range(20):
            stage.produce(topic, readings(topic, random, 50), number % 2)
        time.sleep(3)
        said = [record.message for record in caplog.records if "ClickHouse" in record.message]
        assert len(said) == 1
        assert "does not answer" in said[0]
        assert "records wait in Kafka" in said[0]
        again = EngineProcess(tmp_path / "clickhouse", port=opened.port)
        again.start()
        stage.drain()
    assert stage.check(topic) == {"records": 2000, "events": 2000, "undecodable": 0}
    again.stop()


def test_rewound_offsets_double_nothing(stage: Stage) -> None:
    """An operator sets the group back to the beginning, other batches come out: the archive stays exact."""
    topic, random = stage.topic("reading"), Random(7)
    stage.produce(topic, readings(topic, random, 100))
    with stage.sink(max_rows=30):
        stage.drain()
    stage.produce(topic, readings(topic, random, 20))
    with stage.sink(group=f"{stage.config.group}-anew", max_rows=70):
        eventually(lambda: stage.rows("SELECT count() FROM records")[0][0] == 120, within_s=30)
    with stage.sink():
        stage.drain()
    assert stage.check(topic) == {"records": 120, "events": 120, "undecodable": 0}


def test_a_topic_made_anew_is_refused(stage: Stage) -> None:
    """Where the group has come further than the topic ends, the sink stops with one line and touches nothing."""
    from confluent_kafka import Consumer, TopicPartition

    topic = stage.topic("reading")
    consumer = Consumer({"bootstrap.servers": stage.kafka, "group.id": stage.config.group})
    consumer.commit(offsets=[TopicPartition(topic.name, 0, 500)], asynchronous=False)
    consumer.close()
    with pytest.raises(SinkStopError, match=r"has come to offset 500, but the topic ends at 0"):
        run(stage.config, stage.catalog, threading.Event())


def test_a_stop_takes_less_than_ten_seconds_with_clickhouse_away(stage: Stage) -> None:
    """SIGTERM ends a sink in time although the engine does not answer."""
    topic = stage.topic("reading")
    stage.produce(topic, readings(topic, Random(8), 10))
    with stage.process(url="http://127.0.0.1:1") as process:
        eventually(lambda: stage.commits().get((topic.name, 0)) == (0, "0-9"), within_s=30)
        process.terminate()
        assert process.wait(patient(10)) == 0
    with stage.sink():
        stage.drain()
    assert stage.check(topic)["events"] == 10


def test_a_wrong_address_is_one_clear_line() -> None:
    """What is no URL is refused before anything starts."""
    from schemas.catalog import load_catalog

    with pytest.raises(SinkStopError, match=r"expected http://host:port, got 'localhost:8123'"):
        run(SinkConfig(url="localhost:8123"), load_catalog(), threading.Event())
