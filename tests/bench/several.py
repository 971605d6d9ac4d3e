"""Several worker processes of one consumer group: started, waited for until each has its share, ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from tests.bench.child import ROOT
from tests.bench.harness import SideError
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATIENCE_S = 60.0
_END_S = 15.0


@contextlib.contextmanager
def several(commands: Sequence[Sequence[str]]) -> Iterator[list[psutil.Process]]:
    """Run Python modules with arguments, each in a process of its own, and end them.

    Raises:
        SideError: One ended by itself with a failure.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        yield [psutil.Process(each.pid) for each in started]
        if any(each.poll() is not None for each in started):
            raise SideError(f"a worker ended early: {[each.returncode for each in started]}")
    finally:
        for each in started:
            each.terminate()
        for each in started:
            try:
                each.wait(_END_S)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()


def await_members(kafka: str, group: str, members: int) -> None:
    """Wait until a group is stable with so many members, each with a share.

    Raises:
        SideError: It is not within a minute.
    """
    admin = AdminClient({"bootstrap.servers": kafka})
    seen = "nobody"

    def ready() -> bool:
        nonlocal seen
        try:
            told = admin.describe_consumer_groups([group], request_timeout=10)[group].result()
        except KafkaException as error:
            seen = str(error)
            return False
        shares = [len(each.assignment.topic_partitions) for each in told.members]
        seen = f"{told.state.name} with shares {shares}"
        return told.state == ConsumerGroupState.STABLE and len(shares) == members and all(shares)

    eventually(ready, lambda: f"{group}: {members} members, got {seen}", within_s=PATIENCE_S, error=SideError)


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Return the processor time of some processes so far."""
    times = [each.cpu_times() for each in processes]
    return float(sum(each.user + each.system for each in times))
