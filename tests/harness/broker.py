"""Starts and stops one embedded broker as a child process.

Promise: the broker dies with the thread that started it (on Linux, by the kernel's signal), and `stop` ends
it by its pid: start it in the main thread.
`city up` has a supervisor of its own and uses `EmbeddedKafka` directly.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from infra.kafka.embedded import EmbeddedKafka

_PR_SET_PDEATHSIG = 1


class RunningKafka:
    """A broker's process; a context manager that starts it and stops it."""

    def __init__(self, broker: EmbeddedKafka) -> None:
        self.broker = broker
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the broker runs."""
        return self._process.pid if self._process else None

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout: float = 60.0) -> None:
        """Prepare the broker, start it and wait until it answers, at most `timeout` seconds."""
        self.broker.prepare()
        self._process = subprocess.Popen(
            self.broker.command(),
            env=self.broker.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A Ctrl-C meant for the parent must not end the broker before its clients.
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one C call only
        )
        try:
            self.broker.wait_ready(timeout, self.alive)
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout: float = 10.0) -> None:
        """Ask the broker to end, and kill it when it has not after `timeout` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self.broker.release()

    def kill(self) -> None:
        """End the broker at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.broker.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
