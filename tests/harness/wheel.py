"""The wheel of this repository, and environments that hold it and nothing of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MINUTES_S = 240
SOURCES = ("schemas", "streams", "ledger_sink", "dashboards", "infra", "pyproject.toml", "README.md")


def run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in bounded time."""
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=MINUTES_S, check=False
    )


def build_wheel(base: Path) -> Path:
    """Build the wheel as docs/packaging.md says, from a copy, so that nothing is left in the work tree."""
    source = base / "source"
    source.mkdir()
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    done = run(_uv(), "build", "--wheel", "--out-dir", str(base / "wheel"), str(source), cwd=base)
    assert done.returncode == 0, done.stderr
    (wheel,) = (base / "wheel").glob("*.whl")
    return wheel


def environment(base: Path, wheel: Path, extra: str = "") -> Path:
    """Make an empty environment and install the wheel into it; return the folder of its programs."""
    place = base / "environment"
    for command in (
        (_uv(), "venv", "--no-project", "--python", sys.executable, str(place)),
        (_uv(), "pip", "install", "--python", str(place), f"{wheel}{f'[{extra}]' if extra else ''}"),
    ):
        done = run(*command, cwd=base)
        assert done.returncode == 0, done.stderr
    return place / "bin"


def clean_env(home: Path) -> dict[str, str]:
    """Return an environment without the repository on the path, and with a home of its own."""
    kept = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV") and k[:5] != "CITY_"
    }
    return {**kept, "HOME": str(home)}


def _uv() -> str:
    uv = shutil.which("uv")
    assert uv is not None, "uv is what the README's commands need: pip install uv"
    return uv
