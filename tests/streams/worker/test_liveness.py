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


def test_lag_without_a_commit_is_counted_from_the_last_progress() -> None:
    """A commit starts the clock anew."""
    watch = Watch()
    assert watch.look(100, {WHERE: Offsets(5, 9)}) == {WHERE: 0}
    assert watch.look(130, {WHERE: Offsets(5, 12)}) == {WHERE: 30}
    assert watch.look(140, {WHERE: Offsets(6, 12)}) == {WHERE: 0}
    assert watch.look(150, {WHERE: Offsets(6, 12)}) == {WHERE: 10}


def test_a_partition_without_lag_is_never_ill() -> None:
    """Nothing to do is no illness, however long; the clock starts when there is lag."""
    watch = Watch()
    watch.look(0, {WHERE: Offsets(9, 9)})
    assert watch.look(1000, {WHERE: Offsets(9, 9)}) == {WHERE: 0}
    assert watch.look(1010, {WHERE: Offsets(9, 10)}) == {WHERE: 10}
    assert watch.look(1070, {WHERE: Offsets(9, 10)}) == {WHERE: 70}


def test_a_partition_that_went_elsewhere_is_forgotten() -> None:
    """When it comes back its clock starts anew."""
    watch = Watch()
    watch.look(0, {WHERE: Offsets(0, 9)})
    watch.look(50, {})
    assert watch.look(100, {WHERE: Offsets(0, 9)}) == {WHERE: 0}


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
        assert "no commit for" in lines[0]
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
