"""Every room of the platform says on one screen what it owns, and shows one command that runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from infra.cli import main

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "streams", "ledger_sink", "dashboards", "infra")
ROOMS = sorted(
    init.parent.relative_to(ROOT).as_posix()
    for package in ("streams", "ledger_sink", "infra")
    for init in (ROOT / package).glob("*/__init__.py")
)
SCREEN = 45
"""Lines of one screen."""


def problems(readme: str) -> list[str]:
    """Name what a room's README lacks: a heading, the length of a screen, one block with one command that is there."""
    found = []
    if not readme.startswith("# "):
        found.append("the first line is no heading")
    if len(readme.splitlines()) > SCREEN:
        found.append(f"longer than {SCREEN} lines")
    commands = [
        line for block in re.findall(r"```sh\n(.*?)```", readme, re.DOTALL) for line in block.splitlines()
    ]
    if len(commands) != 1:
        return [*found, f"expected one command, got {len(commands)}"]
    return [*found, *unknown(shlex.split(commands[0]))]


def unknown(words: list[str]) -> list[str]:
    """Name what a command calls that is not there."""
    match words:
        case ["uv", "run", "pytest", *rest]:
            paths = [word for word in rest if word.startswith("tests/")]
            gone = [path for path in paths if not (ROOT / path).exists()]
            return [f"{path} is not there" for path in gone] if paths else ["no path of tests"]
        case ["uv", "run", "city", name, *_]:
            return [] if name in main.commands else [f"city has no command {name}"]
        case ["uv", "run", "python", "-m", module, *_]:
            path = ROOT / module.replace(".", "/")
            return [] if path.with_suffix(".py").exists() or path.is_dir() else [f"no module {module}"]
        case ["uv", "run", ("ledger-verify" | "ledger-witness"), *_]:
            return []
        case ["uv", "run", "python", "-c", code]:
            compile(code, "README", "exec")
            return []
    return [f"unknown command {shlex.join(words)}"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_a_readme_of_one_screen_with_a_command(room: str) -> None:
    """Promise, path, one command; the bytes of the ledger have FORMAT.md beside it."""
    readme = ROOT / room / "README.md"
    assert readme.exists(), f"{room} has no README.md"
    assert problems(readme.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("readme", "problem"),
    [
        ("x\n```sh\nuv run pytest tests/infra\n```\n", "the first line is no heading"),
        ("# x\n" + "\n" * SCREEN + "```sh\nuv run pytest tests/infra\n```\n", f"longer than {SCREEN} lines"),
        ("# x\n", "expected one command, got 0"),
        ("# x\n```sh\nuv run city upp\n```\n", "city has no command upp"),
        ("# x\n```sh\nuv run pytest tests/nowhere\n```\n", "tests/nowhere is not there"),
        ("# x\n```sh\nuv run python -m infra.nowhere\n```\n", "no module infra.nowhere"),
    ],
)
def test_what_a_readme_lacks_is_found(readme: str, problem: str) -> None:
    """Each check can fail."""
    assert problems(readme) == [problem]
