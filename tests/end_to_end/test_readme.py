"""The README's commands, literally, in a fresh clone: what a newcomer does."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from infra.ports import free_port
from tests.end_to_end.city import REPOSITORY, interrupt

if TYPE_CHECKING:
    from pathlib import Path

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    """The last thing `.ci/run` does is the README's second command."""
    assert COMMANDS[:2] == ["uv run city up", "uv run pytest"]
    assert (REPOSITORY / ".ci" / "run").read_text().rstrip().splitlines()[-1] == COMMANDS[1]


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

    starts = ("uv run city prove", "uv run ledger-verify")
    prove, verify = (next(command for command in COMMANDS if command.startswith(start)) for start in starts)
    told: dict[str, Any] = {"cwd": clone, "env": environment, "text": True}
    with (tmp_path / "up.txt").open("w") as output:
        up = subprocess.Popen(shlex.split(COMMANDS[0]), stdout=output, stderr=output, **told)
    try:
        wait_for_records(ports[2], up)
        for command in (prove, verify):
            words = shlex.split(command)
            done = subprocess.run(words, capture_output=True, timeout=60, check=False, **told)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert "PASS" in done.stdout
    finally:
        interrupt(up)
    assert up.returncode == 0, (tmp_path / "up.txt").read_text()
    assert "stopping in order" in (tmp_path / "up.txt").read_text()


def wait_for_records(port: int, up: subprocess.Popen[str], timeout: float = 120) -> None:
    """Wait until the status page shows that readings are sealed."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and up.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=3) as answer:
                text = answer.read().decode()
            sealed = re.search(r'city_topic_sealed\{topic="air-quality.reading"\} ([0-9.]+)', text)
            if sealed and float(sealed[1]) > 100:
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError("no readings were sealed in time")
