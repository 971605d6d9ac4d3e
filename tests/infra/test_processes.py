"""One process of the stack: it is named by its role, or by a former name of it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infra.ports import free_port
from infra.settings import FORMER_ROLES, Ports, Settings
from infra.stack.roles import ROLES
from infra.stack.stores import answers
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


def start(settings: Settings, *words: str) -> subprocess.Popen[str]:
    """Start a process of the stack."""
    return subprocess.Popen(
        [sys.executable, "-m", "infra.processes", *words],
        env={**settings.environment()},
        stderr=subprocess.PIPE,
        text=True,
    )


def settings_of(data: Path, port: int) -> Settings:
    """Return the settings of a stack whose ClickHouse listens on a port."""
    return replace(Settings(), data=data, ports=Ports(clickhouse=port))


@pytest.mark.parametrize("role", ["clickhouse", "door"])
def test_clickhouse_answers_under_the_role_and_its_former_name(tmp_path: Path, role: str) -> None:
    """It opens the same data directory, and SIGTERM ends it with exit code 0."""
    settings = settings_of(tmp_path, free_port())
    process = start(settings, role)
    try:
        url = f"{settings.clickhouse_url}/ping"
        eventually(lambda: answers(url, timeout_s=2), f"{role} answers", within_s=60, every_s=0.2)
        assert (tmp_path / "clickhouse").is_dir()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
    assert process.returncode == 0


def test_a_message_names_the_role_by_its_present_name(tmp_path: Path) -> None:
    """ClickHouse's port is taken: exit code 2 and one line."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(settings_of(tmp_path, taken.getsockname()[1]), "door")
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    assert stderr.startswith("clickhouse: ")


@pytest.mark.parametrize("words", [(), ("moon",), ("--help",)])
def test_a_role_that_is_none_is_refused_with_those_there_are(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Exit code 2; a former name is understood and not offered."""
    process = start(settings_of(tmp_path, free_port()), *words)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    assert stderr == f"usage: python -m infra.processes {{{'|'.join(ROLES)}}}\n"
    assert not set(FORMER_ROLES) & set(ROLES)
    assert set(FORMER_ROLES.values()) <= set(ROLES)
