"""The city of the demo, and real commands run against it as a reader would type them.

The city has a data directory and free ports of its own and embedded stores, whatever the environment names.
Everything that was started is ended in order, however the walkthrough ends.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from infra.errors import StackError
from infra.ports import free_port
from infra.process.child import spawn
from infra.settings import Ports, from_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

COMMAND_S = 90.0
"""Longest time of one command."""
STOP_S = 45.0
SHOWN_PORTS = ("kafka", "clickhouse", "web")
"""Ports that the shown command names."""
POLL_S = 0.2


@dataclass(frozen=True)
class CommandResult:
    """Exit code, stdout and stderr of a command that has ended."""

    code: int
    out: str
    error: str

    def last_line(self) -> str:
        """Return the last line of stderr, or of stdout if stderr is empty."""
        lines = [line for line in (self.error or self.out).splitlines() if line.strip()]
        return lines[-1].strip() if lines else "it said nothing"


class DemoCity:
    """A data directory, free ports, and the processes that the walkthrough started.

    Args:
        say: Takes each command as it would be typed, before it runs.
        keep: Whether to leave the directory behind.
    """

    def __init__(self, say: Callable[[str], None], *, keep: bool) -> None:
        self._say = say
        self._keep = keep
        self.data = Path(tempfile.mkdtemp(prefix="city-demo-"))
        taken: list[int] = []
        for _ in Ports.names():
            taken.append(free_port(taken))
        self.settings = replace(
            from_environment(),
            data=self.data / "city",
            ports=Ports(**dict(zip(Ports.names(), taken, strict=True))),
            kafka="",
            sasl="",
            clickhouse="",
        )
        self._city: subprocess.Popen[bytes] | None = None
        self._waiting: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def log(self) -> Path:
        """Return the file of the city's own output."""
        return self.data / "city-up.log"

    def start(self, *words: str) -> None:
        """Start `city up WORDS` in the background."""
        ports = ",".join(f"{name}={getattr(self.settings.ports, name)}" for name in SHOWN_PORTS)
        self._say(_typed("city", "up", "--data", str(self.settings.data), "--ports", ports, *words))
        command = ["up", "--data", str(self.settings.data), *words]
        self._city = spawn([*_CITY, *command], self.settings.environment(), self.log)

    def wait(self, what: str, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until a condition of the running city holds.

        Args:
            what: The condition, for the error's message.
            ready: Returns whether it holds.
            timeout_s: Longest wait.

        Raises:
            StackError: The city ended, or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self._city is not None and self._city.poll() is not None:
                raise StackError(f"the city ended with {self._city.returncode}: {self._last_line()}")
            if time.monotonic() > deadline:
                raise StackError(f"{what}: not within {timeout_s:.0f} s; {self._last_line()}")
            time.sleep(POLL_S)

    def run(self, *words: str) -> CommandResult:
        """Run `city WORDS` over the demo's directory to its end and return its result."""
        return self._run([*_CITY, *self._with_data(words)], _typed("city", *self._with_data(words)))

    def start_command(self, *words: str) -> Callable[[], CommandResult]:
        """Start `city WORDS` and return a function that waits for its end."""
        command = self._with_data(words)
        self._say(_typed("city", *command))
        process = subprocess.Popen(
            [*_CITY, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._waiting.append(process)

        def end() -> CommandResult:
            out, error = process.communicate(timeout=COMMAND_S)
            return CommandResult(process.returncode, out.decode(), error.decode())

        return end

    def verify(self, *words: str) -> CommandResult:
        """Run `ledger-verify WORDS` and return its result."""
        return self._run(
            [sys.executable, "-m", "ledger_sink.verifier.cli", *words], _typed("ledger-verify", *words)
        )

    def shell(self, line: str) -> CommandResult:
        """Run one line of shell and return its result."""
        return self._run(["sh", "-c", line], line)

    def close(self) -> None:
        """End all processes in order and remove the directory unless it is kept."""
        for process in self._waiting:
            _end(process, signal.SIGTERM, 10)
        if self._city is not None:
            _end(self._city, signal.SIGINT, STOP_S)
        if not self._keep:
            shutil.rmtree(self.data, ignore_errors=True)

    def stay(self) -> None:
        """Wait until Ctrl-C, or until the city ends by itself."""
        with suppress(KeyboardInterrupt):
            while self._city is not None and self._city.poll() is None:
                time.sleep(POLL_S)

    def stop(self) -> int:
        """Send Ctrl-C to the city and return its exit code."""
        if self._city is None:
            return 0
        _end(self._city, signal.SIGINT, STOP_S)
        return self._city.returncode

    def _run(self, command: Sequence[str], typed: str) -> CommandResult:
        self._say(typed)
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_S,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise StackError(f"no end within {COMMAND_S:.0f} s: {typed}") from error
        return CommandResult(done.returncode, done.stdout, done.stderr)

    def _with_data(self, words: Sequence[str]) -> list[str]:
        return [words[0], "--data", str(self.settings.data), *words[1:]]

    def _last_line(self) -> str:
        try:
            lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        except OSError:
            lines = []
        return f"its last line: {lines[-1].strip() if lines else 'none'}"


_CITY = [sys.executable, "-m", "infra.cli"]


def _typed(program: str, *words: str) -> str:
    return f"uv run {program} {shlex.join(words)}"


def _end(process: subprocess.Popen[bytes], how: signal.Signals, within_s: float) -> None:
    if process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
