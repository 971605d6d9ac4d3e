"""The real ClickHouse engine behind the HTTP door, in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from infra.process.child import END_WITH_PARENT

_ROOT = Path(__file__).resolve().parents[2]
_READY = re.compile(r"on http://127\.0\.0\.1:(\d+)/")


def with_credentials(url: str, user: str, password: str) -> str:
    """Return `url` with user and password in it, as `--clickhouse` takes it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{parts.hostname}:{parts.port}"


@dataclass(frozen=True)
class ClickHouse:
    """A door that answers: where it is and who may come in."""

    port: int
    user: str
    password: str
    path: Path
    pid: int
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """The door's address."""
        return f"http://{self.host}:{self.port}/"

    def client(self, **told: Any) -> Any:
        """A clickhouse-connect client over HTTP."""
        import clickhouse_connect

        return clickhouse_connect.get_client(
            host=self.host, port=self.port, username=self.user, password=self.password, **told
        )


class EngineProcess:
    """A door in a process of its own, for the tests that stop, kill or start one."""

    def __init__(
        self,
        path: Path,
        *,
        port: int = 0,
        user: str = "tester",
        password: str = "a pass:word",
        prefix: tuple[str, ...] = (),
        options: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self._port, self._user, self._password, self._prefix = port, user, password, prefix
        self._options = options
        self.line = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> ClickHouse:
        """Starts it and waits until it answers; what it says on stderr otherwise is the failure."""
        secret = self.path.parent.parent / f"{self.path.parent.name}.password"  # not on the data's disk
        secret.write_text(self._password, encoding="utf-8")
        command = [*self._prefix, sys.executable, "-m", "infra.clickhouse.server", str(self.path)]
        command += ["--port", str(self._port), "--user", self._user, "--password-file", str(secret)]
        command += self._options
        self.process = subprocess.Popen(
            command,
            cwd=_ROOT,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=END_WITH_PARENT,  # noqa: PLW1509 - one C call only
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        self.line = line
        found = _READY.search(line)
        if found is None:
            self.kill()
            pytest.fail(f"the door did not open: {line.strip()}")
        return ClickHouse(int(found.group(1)), self._user, self._password, self.path, self.process.pid)

    def stop(self, timeout_s: float = 10.0) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)
