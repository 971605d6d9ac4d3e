"""Runs `infra/compose.yaml` under a project name of its own, with whichever compose the machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.containers.daemon import install

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).parents[2] / "infra" / "compose.yaml"


def find_compose() -> list[str]:
    """Return the words that run compose: Docker's plug-in, else the program, installed if need be.

    Raises:
        NoDaemonError: there is none and none can be installed.
    """
    program = shutil.which("docker")
    if program:
        asked = subprocess.run([program, "compose", "version"], capture_output=True, timeout=20, check=False)
        if asked.returncode == 0:
            return [program, "compose"]
    install("docker-compose", "docker-compose")
    return ["docker-compose"]


class Project:
    """One compose project."""

    def __init__(self, compose: list[str], name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._words = [*compose, "--file", str(FILE), "--project-name", name]
        self._environment = {**os.environ, **environment}

    def run(self, *words: str, timeout: float = 240.0) -> subprocess.CompletedProcess[str]:
        """Run one compose command to its end."""
        return subprocess.run(
            [*self._words, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start one compose command and return at once."""
        return subprocess.Popen(
            [*self._words, *words],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def container(self, service: str) -> str:
        """Return the id of a service's container."""
        return self.run("ps", "--quiet", service).stdout.strip()
