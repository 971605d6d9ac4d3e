"""A stack of containers that answers to the same calls as a stack of processes (`tests.harness.city`)."""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import clickhouse_connect

from infra.images.docker_cli import Docker
from infra.ports import free_port
from tests.containers.compose import Project
from tests.harness.city import City
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

REPORT = "/data/run/report.json"
RUN_S = 480.0


@dataclass
class ContainerCity(City):
    """A compose project; `up_once` starts it if need be, and lets the settle job replay, count and report."""

    images: dict[str, str] = field(default_factory=dict)
    compose: list[str] = field(default_factory=list)
    password: str = field(default_factory=lambda: secrets.token_hex(8), repr=False)

    def __post_init__(self) -> None:
        """Choose ports and a project name of its own."""
        super().__post_init__()
        self.ports["sasl"] = free_port(list(self.ports.values()))
        environment = {f"CITY_PORT_{name.upper()}": str(port) for name, port in self.ports.items()}
        environment |= {f"CITY_IMAGE_{name.upper()}": image for name, image in self.images.items()}
        environment["CITY_CLICKHOUSE_PASSWORD"] = self.password
        self.project = Project(self.compose, f"city{secrets.token_hex(4)}", environment)
        self.data.mkdir(parents=True)
        self.started = False

    def up(self) -> None:
        """Start every container."""
        done = self.project.run("up", "--detach")
        assert done.returncode == 0, done.stdout + done.stderr
        self.started = True

    def up_once(self, *words: str, timeout: float = RUN_S) -> subprocess.CompletedProcess[str]:
        """Replay recordings through the running containers, come to rest, report."""
        if not self.started:
            self.up()
        return self.project.run(*self.settle_words(*words), timeout=timeout)

    def settle_words(self, *words: str, speed: str = "max") -> list[str]:
        """Return the compose words for `city up --once WORDS`: recordings are shown to the job read-only."""
        shown: list[str] = []
        inside: list[str] = []
        for path in (Path(word) for word in words if word != "--recordings"):
            copy = self.data / f"recordings-{len(inside)}"
            if not copy.exists():
                shutil.copytree(path, copy)
            copy.chmod(0o755)
            shown += ["--volume", f"{copy}:/recordings/{copy.name}:ro"]
            inside.append(f"/recordings/{copy.name}")
        return [
            "run",
            "--rm",
            "--no-deps",
            "-T",
            *shown,
            "settle",
            *inside,
            "--speed",
            speed,
            "--report",
            REPORT,
        ]

    def read_report(self) -> dict[str, Any]:
        """Return the last report."""
        return dict(json.loads(self.inside("web", "cat", REPORT)))

    def inside(self, service: str, *words: str) -> str:
        """Run a command in a service's container and return what it printed."""
        return Docker().run("exec", self.project.container(service), *words, timeout=60)

    def kill(self, service: str) -> None:
        """`kill -9` of a service's process, from outside, and a start of the same container."""
        container = self.project.container(service)
        Docker().run("kill", "--signal", "KILL", container)
        Docker().run("start", container)

    def client(self) -> Client:
        """Connect to the stack's ClickHouse."""
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.ports["clickhouse"], username="city", password=self.password
        )

    @contextmanager
    def engine(self) -> Iterator[Client]:
        """The stored tables: ClickHouse runs as long as the stack."""

        def answering() -> Client | None:
            with suppress(Exception):
                return self.client()
            return None

        client: Any = eventually(answering, "the engine answers", within_s=60, every_s=0.3)
        yield client
        client.close()

    def pids(self) -> dict[str, int]:
        """Processes in containers are nobody's to end from here."""
        return {}

    def logs(self) -> str:
        """What the containers wrote last."""
        return self.project.run("logs", "--no-color", "--tail", "30").stdout

    def remove(self) -> None:
        """End and delete everything of this project."""
        self.project.run("down", "--volumes", "--remove-orphans", "--timeout", "3", timeout=90)
