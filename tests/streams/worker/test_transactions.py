"""A worker whose topic is written in transactions: it derives from committed records alone, and goes on."""

import contextlib
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams import backlog as backlog_module
from streams.backlog import Backlog
from streams.metrics import Metrics, no_emit
from streams.partition_reader import PartitionReader
from streams.produce.kafka import Producer
from streams.worker.liveness import Liveness
from tests.harness.transactions import Raw, TransactionalProducer, four_ends, stable_and_end
from tests.harness.waiting import eventually
from tests.streams.probe import tick
from tests.streams.scene import SUBJECTS, Scene

NEVER = 1_000
"""Number of a tick that is never committed."""


def ticks(scene: Scene, first: int, last: int, partition: int = -1) -> list[Raw]:
    """Return ticks `first` … `last - 1` of every subject, in turns, as records."""
    with Producer(scene.config, scene.catalog) as door:
        prepared = [
            door.prepare(scene.tick, tick(subject, number))
            for number in range(first, last)
            for subject in SUBJECTS
        ]
    return [Raw(each.topic, each.value, each.key, each.headers, partition) for each in prepared]


def liveness(scene: Scene, *partitions: int) -> Liveness:
    """Return the watch of a worker that has these partitions."""
    assigned = frozenset((scene.tick, number) for number in partitions)
    return Liveness(scene.config, (scene.tick,), lambda: assigned, Metrics(), no_emit, print)


def test_a_worker_derives_from_committed_records_alone(kafka: str, tmp_path: Path) -> None:
    """Every end of a transaction. While one is open, what it holds back waits, and is no lag of the worker."""
    with Scene(kafka, tmp_path) as scene:
        worker, watch = scene.start(), liveness(scene, 0, 1)

        def behind() -> None:
            scene.produce(4, 6)
            scene.wait(scene.drained)
            assert watch._offsets()
            assert [offsets.lag for offsets in watch._offsets().values()] == [0, 0]

        lost = four_ends(
            kafka, scene.tick, ticks(scene, 0, 4), lambda: ticks(scene, NEVER, NEVER + 2), behind, 6
        )
        scene.wait(scene.drained)
        scene.expect(6)
        causes = {headers["cause"].decode() for _, _, headers, _ in scene.read(scene.echo)}
        assert not causes & {f"{topic}/{partition}/{offset}" for topic, partition, offset in lost}
        assert worker.process.poll() is None, worker.said
        assert worker.stop() == 0


def test_control_records_are_no_lag(kafka: str, tmp_path: Path) -> None:
    """A group whose commit is behind the last record, and before its control record, has nothing left to read."""
    with Scene(kafka, tmp_path) as scene:
        producer = TransactionalProducer(kafka)
        records = ticks(scene, 0, 1, partition=0)
        producer.commit(records)
        producer.abort(records)
        stable, _ = stable_and_end(kafka, scene.tick)
        assert stable == 2 * (len(SUBJECTS) + 1)
        watch = liveness(scene, 0)
        client = Consumer({"bootstrap.servers": kafka, "group.id": scene.group})

        def lags_at(offset: int) -> list[int]:
            client.commit(offsets=[TopicPartition(scene.tick, 0, offset)], asynchronous=False)
            return [offsets.lag for _ in range(3) for offsets in watch._offsets().values()]

        assert lags_at(len(SUBJECTS)) == [stable - len(SUBJECTS), 0, 0]
        assert lags_at(len(SUBJECTS) - 1)[-1] == stable - len(SUBJECTS) + 1
        producer.begin(records)
        TransactionalProducer(kafka).commit(records)
        assert lags_at(len(SUBJECTS))[-1] == 0  # what is held back is no lag
        producer.end()
        assert lags_at(len(SUBJECTS))[-1] == 2 * (len(SUBJECTS) + 1)
        (deleted,) = scene.admin.delete_records([TopicPartition(scene.tick, 0, stable + 3)]).values()
        deleted.result(20)
        assert lags_at(len(SUBJECTS))[-1] == 2 * (len(SUBJECTS) + 1) - 3
        client.close()


def test_what_was_found_once_is_not_looked_for_again(kafka: str, tmp_path: Path) -> None:
    """The consumer looks from where it came to; a record that was found stays the first one."""
    with Scene(kafka, tmp_path) as scene:
        producer, place = TransactionalProducer(kafka), (scene.tick, 0)
        records = ticks(scene, 0, 1, partition=0)[:2]
        producer.abort(records)
        producer.commit(records)
        backlog, looked = Backlog(kafka), list[int]()
        honest = backlog._look

        def look(partition: tuple[str, int], begin: int) -> tuple[int, bool]:
            looked.append(begin)
            return honest(partition, begin)

        backlog._look = look  # type: ignore[method-assign]
        assert [backlog.first_readable(place, offset, 6) for offset in (0, 1, 3, 0)] == [3, 3, 3, 3]
        assert backlog.first_readable(place, 0, 3) == 3
        assert backlog.first_readable(place, 5, 6) == 6
        assert backlog.first_readable(place, 5, 6) == 6
        producer.abort(records)
        assert backlog.first_readable(place, 5, 9) == 9
        assert looked == [0, 5, 6]
        backlog.close()


def test_a_look_goes_on_where_the_one_before_ended(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many aborted transactions, and one poll for each look: in the end the record behind them."""
    monkeypatch.setattr(backlog_module, "ANSWER_S", 0.0)
    with Scene(kafka, tmp_path) as scene:
        producer = TransactionalProducer(kafka)
        records = ticks(scene, 0, 1, partition=0)[:2]
        for _ in range(20):
            producer.abort(records)
        producer.commit(records)
        backlog, place, end = Backlog(kafka), (scene.tick, 0), 63

        def answers() -> bool:
            with contextlib.suppress(KafkaException):
                return backlog.first_readable(place, 0, end) == 60
            return False

        eventually(answers, "the record behind the aborted ones is found")
        backlog.close()


def test_a_partition_is_read_to_its_end_though_control_records_are_last(kafka: str, tmp_path: Path) -> None:
    """What state and key registry are read with: committed records alone, and no wait for what never comes."""
    with Scene(kafka, tmp_path) as scene:
        producer, reader = TransactionalProducer(kafka), PartitionReader(scene.config, "test")
        records = ticks(scene, 0, 1, partition=0)[:2]
        producer.commit(records)
        producer.abort(records)
        producer.begin(records)
        begin, end = reader.watermarks(scene.tick, 0)
        assert (begin, end) == (0, 6)
        assert [each.offset() for each in reader.read(scene.tick, {0: begin}, {0: end})] == [0, 1]
        assert list(reader.read(scene.tick, {0: 2}, {0: end})) == []
        reader.close()
        producer.end()
