"""The README's commands, literally, in a fresh clone: what a newcomer does."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from infra.ports import free_port
from tests.harness.city import REPOSITORY, interrupt
from tests.harness.readme import COMMANDS, command
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    """The last thing `.ci/run` does is the README's second command."""
    assert COMMANDS[:2] == ["uv run city up", "uv run pytest"]
    assert (REPOSITORY / ".ci" / "run").read_text().rstrip().splitlines()[-1] == COMMANDS[1]


@pytest.mark.nightly
@pytest.mark.timeout(280)
def test_a_newcomer_starts_the_city_proves_an_event_and_checks_the_proof(tmp_path: Path) -> None:
    """Clone, `uv run city up`, prove, verify, Ctrl-C: each command as it stands in the README."""
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", "--no-hardlinks", str(REPOSITORY), str(clone)], check=True, timeout=60
    )
    ports: list[int] = []
    for _ in range(3):
        ports.append(free_port(ports))
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("CITY_", "VIRTUAL_ENV", "PYTHONPATH"))
    }
    names = ("CITY_PORT_KAFKA", "CITY_PORT_CLICKHOUSE", "CITY_PORT_WEB")
    environment = {**inherited, **{name: str(port) for name, port in zip(names, ports, strict=True)}}
    subprocess.run(["uv", "sync", "-q"], cwd=clone, env=environment, check=True, timeout=120)

    told: dict[str, Any] = {"cwd": clone, "env": environment, "text": True}
    with (tmp_path / "up.txt").open("w") as output:
        up = subprocess.Popen(shlex.split(COMMANDS[0]), stdout=output, stderr=output, **told)
    try:
        wait_for_records(ports[2], up)
        for start in ("uv run city prove", "uv run ledger-verify"):
            words = shlex.split(command(start))
            done = subprocess.run(words, capture_output=True, timeout=60, check=False, **told)
            assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        assert "PASS" in done.stdout
    finally:
        interrupt(up)
    assert up.returncode == 0, (tmp_path / "up.txt").read_text()
    assert "stopping in order" in (tmp_path / "up.txt").read_text()


def wait_for_records(port: int, up: subprocess.Popen[str]) -> None:
    """Wait until the status page shows that readings are sealed."""

    def sealed() -> bool:
        assert up.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=3) as answer:
                text = answer.read().decode()
        except OSError:
            return False
        found = re.search(r'city_topic_sealed\{topic="air-quality.reading"\} ([0-9.]+)', text)
        return found is not None and float(found[1]) > 100

    eventually(sealed, "100 readings are sealed", within_s=120, every_s=0.5)
