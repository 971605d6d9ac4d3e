"""Import contracts: every module has its floor, and one without makes the check fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "streams", "ledger_sink", "dashboards", "infra")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the packages and their contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=lambda _, names: {n for n in names if n == "__pycache__"},
        )
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a folder."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_module_has_its_floor(copy: Path) -> None:
    """The contracts hold for the tree as it is."""
    found = lint(copy)
    assert found.returncode == 0, found.stdout


def test_a_module_without_a_floor_is_found(copy: Path) -> None:
    """In each package, a new module that no layer names breaks the package's contract."""
    for package in PACKAGES:
        (copy / package / "homeless.py").write_text('"""A module without a floor."""\n')
    found = lint(copy)
    assert found.returncode == 1
    for package in PACKAGES:
        assert f"- {package}.homeless" in found.stdout


def test_an_import_upwards_is_found(copy: Path) -> None:
    """A lower floor that imports a higher one is named with its line."""
    (copy / "streams" / "record.py").write_text("from streams.worker import app\n\n__all__ = ['app']\n")
    found = lint(copy)
    assert found.returncode == 1
    assert "streams.record -> streams.worker" in found.stdout
