"""The `docker` program, asked in one place: which daemon, what it said, what it has."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.images.errors import BuildFailedError, DockerMissingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ANSWER_S = 20.0
BUILD_S = 600.0


@dataclass(frozen=True)
class Docker:
    """A Docker daemon: the one of the environment, or the one at `host` (`unix:///…/docker.sock`)."""

    host: str | None = None

    def run(self, *words: str, timeout: float = ANSWER_S) -> str:
        """Run one docker command and return what it printed.

        Raises:
            DockerMissingError: there is no docker program.
            BuildFailedError: it failed; the message has its last line.
        """
        program = shutil.which("docker")
        if program is None:
            raise DockerMissingError("no `docker` program on PATH: install Docker")
        at = ["--host", self.host] if self.host else []
        try:
            done = subprocess.run(
                [program, *at, *words], capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise BuildFailedError(f"docker {words[0]} took longer than {timeout:g} s") from error
        if done.returncode != 0:
            said = (done.stderr + done.stdout).strip().splitlines() or ["it said nothing"]
            raise BuildFailedError(f"docker {words[0]} failed: {said[-1]}")
        return done.stdout

    def require(self) -> None:
        """Ask the daemon for a sign of life.

        Raises:
            DockerMissingError: no docker program, or no daemon that answers.
        """
        try:
            self.run("version", "--format", "{{.Server.Version}}")
        except BuildFailedError as error:
            raise DockerMissingError(f"no Docker daemon answers ({error}): start one") from error

    def has(self, tag: str) -> bool:
        """Whether the daemon has an image of this name."""
        return bool(self.run("image", "ls", "--quiet", tag).strip())

    def build(self, tags: list[str], dockerfile: Path, context: Path, arguments: Mapping[str, str]) -> None:
        """Build one image from a folder.

        Raises:
            BuildFailedError: a step failed.
        """
        names = [word for tag in tags for word in ("--tag", tag)]
        values = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        self.run("build", *names, *values, "--file", str(dockerfile), str(context), timeout=BUILD_S)
