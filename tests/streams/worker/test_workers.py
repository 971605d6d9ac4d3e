"""Real workers over a real broker: killed, stopped, joined, told to end. Nothing lost, nothing counted twice."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.identity.event_ids import Rule, derived_id
from tests.streams.scene import SUBJECTS, Scene, echo_ids

PAUSE_S = 0.05


@pytest.fixture
def scene(kafka: str, tmp_path: Path) -> Iterator[Scene]:
    """Fresh topics and a group of its own."""
    with Scene(kafka, tmp_path) as made:
        yield made


def test_a_worker_derives_each_record_once_and_ends_on_sigterm(scene: Scene) -> None:
    """Whole batches, exact: every output once, with its cause; SIGTERM within 10 s, status 0."""
    scene.produce(0, 100)
    worker = scene.start()
    scene.wait(scene.drained)
    echoes = scene.read(scene.echo)
    assert len(echoes) == len(scene.read(scene.total)) == 100 * len(SUBJECTS)
    scene.produce(60, 100)  # a producer that was killed sends some again: no new facts
    scene.wait(scene.drained)
    scene.expect(100)
    causes = {headers["cause"] for _, _, headers, _ in echoes}
    assert len(causes) == len(echoes)
    assert all(each.startswith(f"{scene.tick}/".encode()) for each in causes)
    assert worker.stop() == 0


def test_sigterm_in_the_middle_of_a_batch_loses_nothing(scene: Scene) -> None:
    """The batch is cancelled, not acked; the next worker takes it whole."""
    scene.produce(0, 60)
    for _ in range(2):
        worker = scene.start(batch_pause_for_tests_s=PAUSE_S)
        before = scene.committed()
        scene.wait(lambda before=before: scene.committed() > before)  # type: ignore[misc]
        assert worker.stop() == 0
        assert scene.lag() > 0
    scene.start()
    scene.wait(scene.drained)
    scene.expect(60)


def kill_at_random_points(scene: Scene, kills: int, **options: float) -> None:
    """Kill workers inside batches, each after it has committed something, until all is drained."""
    chance = random.Random(4711)
    for _ in range(kills):
        worker = scene.start(batch_pause_for_tests_s=PAUSE_S, **options)
        before = scene.committed()
        scene.wait(lambda before=before: scene.committed() > before)  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 6 * PAUSE_S))
        worker.kill()
    scene.start(**options)
    scene.wait(scene.drained)


def test_kill_9_at_random_points_loses_nothing(scene: Scene) -> None:
    """Distinct outputs and states are those of an undisturbed run; repeats are byte-identical."""
    scene.produce(0, 200)
    kill_at_random_points(scene, 2)
    scene.expect(200)
    repeats = len(scene.read(scene.echo)) - 200 * len(SUBJECTS)
    assert repeats > 0, "no kill hit the inside of a batch: the test had no power"


def test_the_kill_test_sees_a_commit_that_comes_too_early(scene: Scene) -> None:
    """Control: the same kills lose events when batches are called done before they are."""
    produced = 0
    while produced < 800 and len(scene.echoes()) == produced * len(SUBJECTS):
        scene.produce(produced, produced + 200)
        produced += 200
        kill_at_random_points(scene, 1, early=1)
    assert len(scene.echoes()) < produced * len(SUBJECTS), (
        "no kill hit a batch between its commit and its end"
    )


def test_a_stopped_worker_that_goes_on_changes_nothing(scene: Scene) -> None:
    """SIGSTOP past the session's end, a second takes over, SIGCONT: same outputs, same states."""
    scene.produce(0, 60)
    first = scene.start(batch_pause_for_tests_s=PAUSE_S)
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


def test_workers_may_join_and_leave_under_load(scene: Scene) -> None:
    """One, two, one: partitions move with their state."""
    scene.produce(0, 120)
    scene.start(batch_pause_for_tests_s=PAUSE_S)
    scene.wait(lambda: scene.committed() > 0)
    second = scene.start(batch_pause_for_tests_s=PAUSE_S)
    scene.wait(lambda: scene.members() == 2)
    scene.produce(120, 160)
    assert second.stop() == 0
    scene.wait(scene.drained)
    scene.expect(160)


@pytest.mark.parametrize("trouble", [{"fail": 3}, {"fail": 3, "escape": 2}], ids=["caught", "escaping"])
def test_a_batch_that_fails_comes_again_before_those_behind_it(
    scene: Scene, trouble: dict[str, float]
) -> None:
    """An exception between outputs and state, even one that ends the Faust agent: nothing lost, order kept."""
    scene.produce(0, 60)
    worker = scene.start(**trouble)
    scene.wait(scene.drained)
    scene.expect(60)
    assert "told to" in worker.said
    assert len(scene.read(scene.echo)) > 60 * len(SUBJECTS), "no batch came again: the test had no power"


def test_a_delivery_that_fails_stops_the_commit(scene: Scene) -> None:
    """Kafka refuses one output topic: nothing is committed and no state written until it takes it again."""
    scene.limit(scene.total, 10)
    scene.produce(0, 20)
    worker = scene.start()
    scene.wait(lambda: worker.said.count("not delivered") >= 2)
    assert scene.committed() == 0
    assert scene.states() == {}
    scene.limit(scene.total, 1_000_000)
    scene.wait(scene.drained)
    scene.expect(20)


def test_a_per_record_topic_beside_works_as_ever(scene: Scene) -> None:
    """An ordinary Faust agent in the same app gets each record of its own topic."""
    secrets = {event["event_id"] for event in scene.produce_secrets(50)}
    scene.produce(0, 20)
    scene.start(beside=1)
    wanted = secrets | echo_ids(20)
    scene.wait(lambda: scene.drained() and scene.echoes() == wanted)


def test_a_worker_that_makes_no_progress_ends_itself(scene: Scene) -> None:
    """Lag and no progress for the configured time: one line, status 70, whatever the event loop says."""
    scene.produce(0, 10)
    worker = scene.start(batch_pause_for_tests_s=600, stalled_after_s=4)
    assert worker.process.wait(30) == 70
    assert "lag" in worker.said
    assert "no progress for" in worker.said
    assert scene.tick in worker.said


def test_a_worker_without_kafka_says_one_line(tmp_path: Path) -> None:
    """The address, how long it waited, and what to do."""
    scene = Scene("127.0.0.1:1", tmp_path)
    worker = scene.start(connect_timeout_s=1)
    assert worker.process.wait(30) == 70
    (line,) = worker.said.strip().splitlines()
    assert "Kafka at 127.0.0.1:1 did not answer within 1 s" in line
    assert "city up" in line


@pytest.mark.timeout(90)
def test_a_rule_that_refuses_everything_stops_its_topic_and_loses_nothing(scene: Scene) -> None:
    """A few dead letters, no commit, other topics go on; the mended rule derives every record exactly once."""
    scene.produce(0, 100)
    answers = answer_ids(scene.produce_secrets(20))
    worker = scene.start(broken=1, answers=1, refusal_limit=10, stalled_after_s=3)
    scene.wait(lambda: f"agents_topic_stopped 1 {scene.tick}" in worker.said)
    scene.wait(lambda: scene.echoes() == answers)
    stopped = [line for line in worker.said.splitlines() if "stopped: rule" in line]
    assert len(stopped) == 1
    assert stopped[0].startswith(
        f"agents: {scene.tick}: stopped: rule probe-echo@1 refused 10 of the last 10 records of"
    )
    assert "LookupError: the rule is broken" in stopped[0]
    assert "mend the rule" in stopped[0]

    time.sleep(4)  # longer than the time without a commit after which a worker ends itself
    answers |= answer_ids(scene.produce_secrets(20))
    scene.wait(lambda: scene.echoes() == answers)
    assert worker.process.poll() is None
    assert scene.committed() == 0
    assert {event["stage"] for _, event, _, _ in scene.read(scene.dead)} == {"agent"}
    assert len(scene.read(scene.dead)) == 10
    assert worker.stop() == 0

    scene.start(answers=1, refusal_limit=10)
    scene.wait(scene.drained)
    scene.expect(100, answers)
    assert len(scene.read(scene.echo)) == 100 * len(SUBJECTS) + len(answers)
    assert len(scene.read(scene.dead)) == 10


@pytest.mark.timeout(90)
def test_a_spare_worker_outlives_a_topic_that_the_others_stopped(scene: Scene) -> None:
    """Two partitions, three workers: the one without a partition does not watch those that the others hold."""
    workers = [scene.start(broken=1, refusal_limit=10, stalled_after_s=3) for _ in range(3)]

    def joined() -> int:
        group = scene.admin.describe_consumer_groups([scene.group])[scene.group].result()
        return len(group.members)

    scene.wait(lambda: joined() == 3 and scene.members() == 2)
    scene.produce(0, 20)
    stop = f"agents_topic_stopped 1 {scene.tick}"
    scene.wait(lambda: sum(stop in each.said for each in workers) == 2)
    time.sleep(5)  # longer than the time without a commit after which a worker ends itself
    assert [each.process.poll() for each in workers] == [None] * 3, [each.said for each in workers]
    assert scene.lag() == 20 * len(SUBJECTS)


def answer_ids(secrets: list[dict[str, Any]]) -> set[str]:
    """Return the ids of the echoes that answer these events."""
    return {derived_id([each["event_id"]], Rule("probe-answer", 1)) for each in secrets}
