"""The `docker` program: the one place that runs it."""

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
    """A Docker daemon.

    Attributes:
        host: Its address (`unix:///…/docker.sock`); None: the one of the environment.
    """

    host: str | None = None

    def run(self, *words: str, timeout: float = ANSWER_S) -> str:
        """Run one docker command and return its stdout.

        Args:
            *words: The command and its arguments.
            timeout: Seconds.

        Raises:
            DockerMissingError: There is no docker program.
            BuildFailedError: The command failed; the message has its last line.
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
            lines = (done.stderr + done.stdout).strip().splitlines() or ["no output"]
            raise BuildFailedError(f"docker {words[0]} failed: {lines[-1]}")
        return done.stdout

    def require(self) -> None:
        """Check that the daemon answers.

        Raises:
            DockerMissingError: There is no docker program, or no daemon answers.
        """
        try:
            self.run("version", "--format", "{{.Server.Version}}")
        except BuildFailedError as error:
            raise DockerMissingError(f"no Docker daemon answers ({error}): start one") from error

    def has(self, tag: str) -> bool:
        """Return whether the daemon has an image of this name."""
        return bool(self.run("image", "ls", "--quiet", tag).strip())

    def build(self, tags: list[str], dockerfile: Path, context: Path, arguments: Mapping[str, str]) -> None:
        """Build one image from a folder.

        Args:
            tags: Names of the image.
            dockerfile: Its Dockerfile.
            context: The folder.
            arguments: Build arguments, name → value.

        Raises:
            BuildFailedError: A step failed.
        """
        names = [word for tag in tags for word in ("--tag", tag)]
        values = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        self.run("build", *names, *values, "--file", str(dockerfile), str(context), timeout=BUILD_S)
