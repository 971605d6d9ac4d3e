"""Liveness is judged by progress: lag and no commit."""

import threading
import time
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from streams.config import StreamsConfig
from streams.metrics import METRICS, Metrics
from streams.worker.liveness import Liveness, Offsets, Watch
from tests.streams.scene import Scene

WHERE = ("probe.tick", 0)


class Worker:
    """What a liveness thread looks at: offsets of one partition, and how far its agent has come."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.come_to = 0

    def look(self, now: float, offsets: Offsets) -> tuple[float, float]:
        """Return the seconds without a commit and those without any progress."""
        stalls = self.watch.look(now, {WHERE: offsets}, lambda _topic: self.come_to)
        return stalls.no_commit[WHERE], stalls.no_progress[WHERE]


def test_lag_without_a_commit_is_counted_from_the_last_progress() -> None:
    """A commit starts the clock anew."""
    worker = Worker()
    assert worker.look(100, Offsets(5, 9)) == (0, 0)
    assert worker.look(130, Offsets(5, 12)) == (30, 30)
    assert worker.look(140, Offsets(6, 12)) == (0, 0)
    assert worker.look(150, Offsets(6, 12)) == (10, 10)


def test_a_partition_without_lag_is_never_ill() -> None:
    """Nothing to do is no illness, however long; the clock starts when there is lag, and not before."""
    worker = Worker()
    worker.look(0, Offsets(9, 9))
    assert worker.look(1000, Offsets(9, 9)) == (0, 0)
    assert worker.look(1010, Offsets(9, 10)) == (0, 0)
    assert worker.look(1070, Offsets(9, 10)) == (60, 60)


def test_a_slow_worker_is_told_from_a_stuck_one() -> None:
    """No commit for minutes while the agent comes further is slow; without either it is stuck."""
    worker = Worker()
    worker.look(0, Offsets(5, 9))
    for now in range(50, 350, 50):
        worker.come_to += 1
        assert worker.look(now, Offsets(5, 9)) == (now, 0)
        stalls = worker.watch.look(now + 1, {WHERE: Offsets(5, 9)}, lambda _topic: worker.come_to)
        assert stalls.slow(WHERE) == now + 1
    stalls = worker.watch.look(361, {WHERE: Offsets(5, 9)}, lambda _topic: worker.come_to)
    assert (stalls.slow(WHERE), stalls.no_progress[WHERE]) == (0, 61)


def test_a_worker_in_a_group_where_nobody_gets_partitions_is_ill(kafka: str, tmp_path: Path) -> None:
    """A consumer that lost its group without a word has no partitions: then all of them are watched."""
    emitted: dict[str, float] = {}
    ill = threading.Event()
    lines: list[str] = []

    def on_ill(line: str) -> None:
        lines.append(line)
        ill.set()

    with Scene(kafka, tmp_path) as scene:
        scene.produce(0, 3)
        config = scene.config.__class__(
            kafka=kafka, group=scene.group, stalled_after_s=0.4, metrics_interval_s=0.1
        )
        figures = Metrics()
        figures.add("agents_records_total", 3, scene.tick)

        def emit(name: str, value: float, _labels: object) -> None:
            emitted[name] = value

        watch = Liveness(config, (scene.tick,), frozenset, figures, emit, on_ill)
        watch.start()
        assert ill.wait(20)
        watch.stop()
        watch.join()
        assert "no progress for" in lines[0]
        assert emitted == {"agents_records_total": 3}

        client = Consumer({"bootstrap.servers": kafka, "group.id": scene.group})
        client.commit(offsets=[TopicPartition(scene.tick, 0, 1)], asynchronous=False)
        client.close()
        mine = Liveness(config, (scene.tick,), lambda: frozenset({(scene.tick, 0)}), figures, emit, on_ill)
        (offsets,) = mine._offsets().values()
        assert offsets.committed == 1
        assert offsets.lag == offsets.end - 1


def test_a_spare_worker_leaves_partitions_to_the_member_that_holds_them(kafka: str, tmp_path: Path) -> None:
    """A topic that another worker stopped has lag and no commit; the spare must not end itself for it."""
    ill = threading.Event()
    with Scene(kafka, tmp_path) as scene:
        scene.produce(0, 3)
        config = scene.config.__class__(
            kafka=kafka, group=scene.group, stalled_after_s=0.4, metrics_interval_s=0.1
        )
        holder = Consumer({"bootstrap.servers": kafka, "group.id": scene.group, "enable.auto.commit": False})
        holder.subscribe([scene.tick])
        deadline = time.monotonic() + 30
        while not holder.assignment():
            assert time.monotonic() < deadline
            holder.poll(0.1)
        spare = Liveness(
            config, (scene.tick,), frozenset, Metrics(), lambda *_: None, lambda _line: ill.set()
        )
        assert spare._all_partitions()
        assert spare._offsets() == {}
        spare.start()
        assert not ill.wait(2)
        holder.close()
        assert ill.wait(20)  # nobody holds them now: the group is ill
        spare.stop()
        spare.join()


def test_a_liveness_thread_that_fails_ends_the_worker(tmp_path: Path) -> None:
    """Otherwise nobody would notice that the worker is no longer watched."""

    def assigned() -> frozenset[tuple[str, int]]:
        raise ValueError("lost")

    lines: list[str] = []
    config = StreamsConfig(kafka="127.0.0.1:1", data=tmp_path, metrics_interval_s=0.01)
    watch = Liveness(config, ("t",), assigned, Metrics(), lambda *_: None, lines.append)
    watch.start()
    watch.join(20)
    assert lines == ["agents: the liveness thread ended by ValueError: lost"]


def test_every_metric_has_one_name() -> None:
    """The catalogue has no doubles."""
    assert len(METRICS) == len(set(METRICS))
