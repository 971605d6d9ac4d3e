"""A container daemon for the tests: the one that answers, else a private one that ends with them.

A private daemon needs root; where its program is missing it is installed from Debian's packages. Its images are
kept in the user's cache folder, so the next run builds nothing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

from infra.images.docker_cli import Docker
from infra.images.errors import ImageError

START_S = 40.0
STOP_S = 30.0
INSTALL_S = 240.0


class NoDaemonError(Exception):
    """No daemon answers and none can be started here; the message says why."""


def answering() -> Docker | None:
    """Return the daemon that the environment names, if it answers."""
    docker = Docker()
    try:
        docker.require()
    except ImageError:
        return None
    return docker


def install(program: str, *packages: str) -> None:
    """Install Debian packages if a program of theirs is missing.

    Raises:
        NoDaemonError: it is missing and cannot be installed.
    """
    if shutil.which(program):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoDaemonError(f"no `{program}` here, and only root on Debian could install it")
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NoDaemonError(f"installing {packages[0]} took longer than {INSTALL_S:g} s") from error
    if not shutil.which(program):
        raise NoDaemonError(
            f"`{program}` could not be installed: {(done.stderr or done.stdout).strip()[-200:]}"
        )


class PrivateDaemon:
    """A dockerd of the tests' own, with its socket, images and pid file in one folder."""

    def __init__(self) -> None:
        self._lock: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._temporary = False
        self.folder = Path()

    def start(self) -> Docker:
        """Start it and wait until it answers.

        Raises:
            NoDaemonError: it cannot be started here.
        """
        if os.geteuid() != 0:
            raise NoDaemonError("no daemon answers, and only root can start one")
        install("dockerd", "docker.io", "iptables")
        install("debootstrap", "debootstrap")
        self._choose_folder()
        # A network of its own: another daemon's bridge must not be taken over.
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["dockerd", "--host", self.host, *self._places()],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        docker = Docker(self.host)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                docker.require()
            except ImageError:
                time.sleep(0.2)
            else:
                return docker
        self.stop()
        last = (self.folder / "log").read_text(errors="replace").strip().splitlines()[-1:]
        raise NoDaemonError(f"dockerd did not come up: {' '.join(last)[-300:]}")

    @property
    def host(self) -> str:
        """The daemon's address."""
        return f"unix://{self.folder / 'docker.sock'}"

    def stop(self) -> None:
        """End it by its process id; a temporary folder goes with it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._lock is not None:
            self._lock.close()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _places(self) -> list[str]:
        names = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
        return [word for option, name in names.items() for word in (option, str(self.folder / name))]

    def _choose_folder(self) -> None:
        """Take the kept folder, or a temporary one while another run has it."""
        self.folder = Path.home() / ".cache" / "city-telemetry" / "docker"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.folder, self._temporary = Path(tempfile.mkdtemp(prefix="city-docker-")), True
