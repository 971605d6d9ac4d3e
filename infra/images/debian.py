"""The Debian base of every image: pulled where images can be pulled, else made by debootstrap.

`debian_image` returns the name of an image that the daemon has. A made one already holds Python, so that nothing has
to be installed while an image is built.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from infra.images.errors import BaseImageError, BuildFailedError

if TYPE_CHECKING:
    from infra.images.docker_cli import Docker

RELEASE = "bookworm"
PULLED = f"debian:{RELEASE}-slim"
MADE = f"city-telemetry/debian:{RELEASE}"
PULL_S = 120.0
MAKE_S = 300.0


def debian_image(docker: Docker) -> str:
    """Return the name of a Debian image; pull or make it if the daemon has none.

    Raises:
        BaseImageError: It can neither be pulled nor made.
    """
    for tag in (PULLED, MADE):
        if docker.has(tag):
            return tag
    try:
        docker.run("pull", "--quiet", PULLED, timeout=PULL_S)
    except BuildFailedError as error:
        return _make(docker, str(error))
    return PULLED


def _make(docker: Docker, why: str) -> str:
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise BaseImageError(
            f"{PULLED} cannot be pulled ({why}) and only root with `debootstrap` can make one here: "
            "run as root with debootstrap installed, or where images can be pulled"
        )
    with tempfile.TemporaryDirectory(prefix="city-debian-") as folder:
        root = Path(folder) / "rootfs"
        command = ["debootstrap", "--variant=minbase", "--include=python3", RELEASE, str(root)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=MAKE_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise BaseImageError(f"debootstrap took longer than {MAKE_S:g} s") from error
        if done.returncode != 0:
            lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
            raise BaseImageError(f"debootstrap failed: {lines[-1]}")
        _import(docker, root, Path(folder) / "rootfs.tar")
    return MADE


def _import(docker: Docker, root: Path, archive: Path) -> None:
    for unneeded in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / unneeded, ignore_errors=True)
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True, timeout=MAKE_S)
    docker.run("import", str(archive), MADE, timeout=MAKE_S)
