"""Real workers over a real broker: killed, stopped, joined, told to end. Nothing lost, nothing counted twice."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.streams.probe import ECHO, TICK, TOTAL
from tests.streams.scene import SUBJECTS, Scene

PAUSE_S = 0.15


@pytest.fixture
def scene(kafka: str, tmp_path: Path) -> Iterator[Scene]:
    """Fresh topics and a group of its own."""
    with Scene(kafka, tmp_path) as made:
        yield made


@pytest.mark.timeout(60)
def test_a_worker_derives_each_record_once_and_ends_on_sigterm(scene: Scene) -> None:
    """Whole batches, exact: every output once, with its cause; SIGTERM within 10 s, status 0."""
    scene.produce(0, 100)
    worker = scene.start()
    scene.wait(scene.drained)
    scene.expect(100)
    echoes = scene.read(ECHO)
    assert len(echoes) == len(scene.read(TOTAL)) == 100 * len(SUBJECTS)
    causes = {headers["cause"] for _, _, headers, _ in echoes}
    assert len(causes) == len(echoes)
    assert all(each.startswith(b"probe.tick/") for each in causes)
    begun = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - begun < 10


@pytest.mark.timeout(60)
def test_sigterm_in_the_middle_of_a_batch_loses_nothing(scene: Scene) -> None:
    """The batch is cancelled, not acked; the next worker takes it whole."""
    scene.produce(0, 60)
    for _ in range(2):
        worker = scene.start(batch_pause_s=PAUSE_S)
        before = scene.committed()
        scene.wait(lambda before=before: scene.committed() > before)  # type: ignore[misc]
        assert worker.stop() == 0
        assert scene.lag() > 0
    scene.start()
    scene.wait(scene.drained)
    scene.expect(60)


def kill_at_random_points(scene: Scene, kills: int, **options: float) -> None:
    """Kill workers inside batches, each after it has committed something, until all is drained."""
    chance = random.Random(4711)  # noqa: S311 - a choice of moments, not a secret
    for _ in range(kills):
        worker = scene.start(batch_pause_s=PAUSE_S, **options)
        before = scene.committed()
        scene.wait(lambda before=before: scene.committed() > before)  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 3 * PAUSE_S))
        worker.kill()
    scene.start(**options)
    scene.wait(scene.drained)


@pytest.mark.timeout(90)
def test_kill_9_at_random_points_loses_nothing(scene: Scene) -> None:
    """Three kills inside batches: distinct outputs and states are those of an undisturbed run, repeats byte-identical."""
    scene.produce(0, 200)
    kill_at_random_points(scene, 3)
    scene.expect(200)
    repeats = len(scene.read(ECHO)) - 200 * len(SUBJECTS)
    assert repeats > 0, "no kill hit the inside of a batch: the test had no power"


@pytest.mark.timeout(90)
def test_the_kill_test_sees_a_commit_that_comes_too_early(scene: Scene) -> None:
    """Control: the same kills lose events when batches are called done before they are."""
    scene.produce(0, 200)
    kill_at_random_points(scene, 2, early=1)
    assert len(scene.echoes()) < 200 * len(SUBJECTS)


@pytest.mark.timeout(60)
def test_a_stopped_worker_that_goes_on_changes_nothing(scene: Scene) -> None:
    """SIGSTOP past the session's end, a second takes over, SIGCONT: same outputs, same states."""
    scene.produce(0, 60)
    first = scene.start(batch_pause_s=PAUSE_S)
    scene.wait(lambda: scene.committed() > 0)
    first.signal(signal.SIGSTOP)
    stopped_at = scene.committed()
    scene.start()
    scene.wait(lambda: scene.committed() > stopped_at, within_s=30)
    scene.produce(60, 90)
    scene.wait(scene.drained)
    first.signal(signal.SIGCONT)
    scene.produce(90, 120)
    time.sleep(1)
    scene.wait(scene.drained)
    scene.expect(120)


@pytest.mark.timeout(60)
def test_workers_may_join_and_leave_under_load(scene: Scene) -> None:
    """One, two, one: partitions move with their state."""
    scene.produce(0, 120)
    scene.start(batch_pause_s=PAUSE_S / 3)
    scene.wait(lambda: scene.committed() > 0)
    second = scene.start(batch_pause_s=PAUSE_S / 3)
    time.sleep(5)
    scene.produce(120, 160)
    assert second.stop() == 0
    scene.wait(scene.drained)
    scene.expect(160)


@pytest.mark.timeout(60)
def test_a_worker_that_makes_no_progress_ends_itself(scene: Scene) -> None:
    """Lag and no commit for the configured time: one line, status 70, whatever the event loop says."""
    scene.produce(0, 10)
    worker = scene.start(batch_pause_s=600, stalled_after_s=4)
    assert worker.process.wait(30) == 70
    assert "lag" in worker.said
    assert "no commit for" in worker.said
    assert TICK in worker.said


@pytest.mark.timeout(60)
def test_a_worker_without_kafka_says_one_line(tmp_path: Path) -> None:
    """The address, how long it waited, and what to do."""
    scene = Scene("127.0.0.1:1", tmp_path)
    worker = scene.start(connect_timeout_s=1)
    assert worker.process.wait(30) == 70
    (line,) = worker.said.strip().splitlines()
    assert "Kafka at 127.0.0.1:1 did not answer within 1 s" in line
    assert "city up" in line
