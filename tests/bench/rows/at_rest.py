"""At rest: what a whole `city up` costs once its replay has ended: processor time, disk, logs."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from infra.process.child import END_WITH_PARENT
from tests.bench.harness import SideError
from tests.bench.limits import LimitRow, Quantity
from tests.harness.city import City

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_CORE_PERCENT = 5.0
MOST_DISK_MB_A_MINUTE = 1.0
SETTLE_S = 120.0
"""Seconds after the replay before the measure: Java still compiles, ClickHouse still merges."""
START_S = 300.0
STOP_S = 30.0
ENDED = "replayed; everything stays up"
ROLE = "infra.processes"


class Stack:
    """A `city up` without a terminal, and what its processes and files have used.

    Args:
        folder: Where its data directory is.
    """

    def __init__(self, folder: Path) -> None:
        self.city = City(folder / ".city")
        self._output = folder / "output"
        ports = ",".join(f"{name}={self.city.ports[name]}" for name in ("kafka", "clickhouse", "web", "sasl"))
        words = ("up", "--speed", "max", "--ports", ports, "--data", str(self.city.data))
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                self.city.command(*words),
                env=self.city.env(),
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=END_WITH_PARENT,  # noqa: PLW1509 - as in the supervisor
            )

    def wait_replayed(self) -> None:
        """Wait until the replay has ended.

        Raises:
            SideError: The stack ended, or the replay lasts too long.
        """
        deadline = time.monotonic() + START_S
        while ENDED not in (text := self._output.read_text(errors="replace")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SideError(f"the replay did not end: {text[-500:]}")
            time.sleep(1.0)

    def by_role(self, measure: Callable[[psutil.Process], float]) -> dict[str, float]:
        """Return a measure of each process, summed by its role."""
        found: dict[str, float] = {}
        root = psutil.Process(self.process.pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                value = measure(process)
                name = role(process.cmdline(), is_root=process.pid == root.pid)
                found[name] = found.get(name, 0.0) + value
        return found

    def cpu_s(self) -> dict[str, float]:
        """Return the processor seconds of each process so far, by its role."""
        return self.by_role(lambda process: sum(process.cpu_times()[:2]))

    def bytes(self, part: str = ".") -> int:
        """Return how much disk a folder of the data directory takes, in bytes."""
        taken = 0
        for path in (self.city.data / part).rglob("*"):
            with contextlib.suppress(OSError):
                taken += path.lstat().st_blocks * 512
        return taken

    def resident_mib(self) -> dict[str, float]:
        """Return the resident memory of each process, by its role."""
        return self.by_role(lambda process: process.memory_info().rss / (1 << 20))

    def archived(self) -> int:
        """Return the number of records in the archive; each is in Kafka and in the ledger as well."""
        with self.city.client() as client:
            return int(client.query("SELECT count() FROM city.records").result_rows[0][0])

    def stop(self) -> None:
        """End the stack in order."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def role(command: list[str], *, is_root: bool) -> str:
    """Return what a process of the stack is, by its command line."""
    if is_root:
        return "city up"
    if ROLE in command:
        return command[command.index(ROLE) + 1]
    return "kafka" if "kafka.Kafka" in command else Path(command[0]).name if command else "ended"


@contextlib.contextmanager
def stage(seconds: int) -> Iterator[Stack]:
    """Start a stack with the bundled recordings and wait until they are replayed and everything has settled."""
    with tempfile.TemporaryDirectory(prefix="city-bench-rest-") as name:
        stack = Stack(Path(name))
        try:
            stack.wait_replayed()
            time.sleep(min(SETTLE_S, seconds))
            yield stack
        finally:
            stack.stop()


def measure(stack: Stack, number: int, seconds: int) -> list[Quantity]:
    """Let the stack rest for some seconds; return what each process and the disk took meanwhile.

    Raises:
        SideError: A process ended.
    """
    del number
    cpu, disk, logs, began = stack.cpu_s(), stack.bytes(), stack.bytes("logs"), time.monotonic()
    time.sleep(seconds)
    lasted_s = time.monotonic() - began
    after = stack.cpu_s()
    if stack.process.poll() is not None or not cpu.keys() <= after.keys():
        raise SideError(f"ended meanwhile: {sorted(cpu.keys() - after.keys()) or 'the stack'}")
    shares = {name: (used - cpu.get(name, 0.0)) / lasted_s * 100 for name, used in after.items()}
    minutes = lasted_s / 60
    millions = stack.archived() / 1e6
    memory = stack.resident_mib()
    return [
        Quantity("processor, all processes", "% of a core", sum(shares.values()), most=MOST_CORE_PERCENT),
        *(Quantity(f"processor, {name}", "% of a core", share) for name, share in sorted(shares.items())),
        Quantity("disk", "MB a minute", (stack.bytes() - disk) / minutes / 1e6, most=MOST_DISK_MB_A_MINUTE),
        Quantity("memory, all processes", "MiB", sum(memory.values())),
        *(Quantity(f"memory, {name}", "MiB", mib) for name, mib in sorted(memory.items())),
        *(
            Quantity(f"disk, {store}", "MB a million records", stack.bytes(store) / millions / 1e6)
            for store in ("kafka", "clickhouse", "ledger")
        ),
        Quantity("logs", "MB a minute", (stack.bytes("logs") - logs) / minutes / 1e6, most=0.1),
    ]


REST = LimitRow(
    "at-rest",
    "a whole `city up` for ten minutes after its replay: processor time, growth of the data directory, logs",
    stage,
    measure,
    events=600,  # seconds
    small=20,
)
