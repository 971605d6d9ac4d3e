"""The stage of the demo: a city of its own, and real commands run against it as a reader would type them.

It promises: own data directory, own free ports, embedded stores, whatever the environment names; and that
everything it started is ended in order however the story ends.
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
"""A command of the story may take this long."""
STOP_S = 45.0
TOLD_PORTS = ("kafka", "clickhouse", "web")
POLL_S = 0.2


@dataclass(frozen=True)
class Done:
    """What became of a command."""

    code: int
    out: str
    error: str

    def last_words(self) -> str:
        """Return the last line it wrote, on stderr if anywhere."""
        lines = [line for line in (self.error or self.out).splitlines() if line.strip()]
        return lines[-1].strip() if lines else "it said nothing"


class Stage:
    """A directory, free ports, and the processes that the story started.

    Args:
        say: takes a command as it is typed, before it runs.
        keep: leave the directory behind.
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
        """Where the city's own words go."""
        return self.data / "city-up.log"

    def start_city(self, *words: str) -> None:
        """Start `city up WORDS` in the background."""
        told = ",".join(f"{name}={getattr(self.settings.ports, name)}" for name in TOLD_PORTS)
        self._say(_typed("city", "up", "--data", str(self.settings.data), "--ports", told, *words))
        command = ["up", "--data", str(self.settings.data), *words]
        self._city = spawn([*_CITY, *command], self.settings.environment(), self.log)

    def wait(self, what: str, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until something of the running city is so.

        Raises:
            StackError: the city ended, or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self._city is not None and self._city.poll() is not None:
                raise StackError(f"the city ended with {self._city.returncode}: {self._last_line()}")
            if time.monotonic() > deadline:
                raise StackError(f"{what}: not within {timeout_s:.0f} s; {self._last_line()}")
            time.sleep(POLL_S)

    def city(self, *words: str) -> Done:
        """Run `city WORDS` over the demo's directory to its end."""
        return self._run([*_CITY, *self._with_data(words)], _typed("city", *self._with_data(words)))

    def city_waiting(self, *words: str) -> Callable[[], Done]:
        """Start `city WORDS`; the callable returned waits for its end."""
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

        def end() -> Done:
            out, error = process.communicate(timeout=COMMAND_S)
            return Done(process.returncode, out.decode(), error.decode())

        return end

    def verify(self, *words: str) -> Done:
        """Run `ledger-verify WORDS`."""
        return self._run(
            [sys.executable, "-m", "ledger_sink.verifier.cli", *words], _typed("ledger-verify", *words)
        )

    def shell(self, line: str) -> Done:
        """Run one line of shell."""
        return self._run(["sh", "-c", line], line)

    def close(self) -> None:
        """End what runs, in order, and take the directory away unless it is kept."""
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

    def stop_city(self) -> int:
        """Press Ctrl-C on the city; return how it ended."""
        if self._city is None:
            return 0
        _end(self._city, signal.SIGINT, STOP_S)
        return self._city.returncode

    def _run(self, command: Sequence[str], typed: str) -> Done:
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
        return Done(done.returncode, done.stdout, done.stderr)

    def _with_data(self, words: Sequence[str]) -> list[str]:
        return [words[0], "--data", str(self.settings.data), *words[1:]]

    def _last_line(self) -> str:
        try:
            lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        except OSError:
            lines = []
        return f"its last words: {lines[-1].strip() if lines else 'none'}"


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
