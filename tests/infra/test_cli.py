"""The command line: every documented command is there and helps; every `city` word in the documents exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from infra.cli import main

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *REPOSITORY.glob("*/README.md"),
    *REPOSITORY.glob("docs/**/[a-z0]*.md"),
]
NOT_A_COMMAND = {"telemetry", "log", "chain", "checkpoint"}


def all_commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every command's words."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += all_commands(command, (*path, name))
    return found


@pytest.mark.parametrize("words", all_commands(main), ids=" ".join)
def test_every_command_helps(words: tuple[str, ...]) -> None:
    """`--help` says in a sentence what it does."""
    result = CliRunner().invoke(main, [*words, "--help"])
    assert result.exit_code == 0
    assert "usage:" in result.output.lower()
    assert len(result.output.split("\n\n")[1].strip()) > 10


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_command_in_the_documents_exists(document: Path) -> None:
    """A `city …` in code style names a command that is there."""
    commands = set(main.commands)
    for found in re.finditer(r"`(?:uv run )?city ([a-z][a-z-]*)", document.read_text(encoding="utf-8")):
        assert found[1] in commands | NOT_A_COMMAND, found[0]


def test_an_error_is_one_line_on_stderr_with_exit_code_2(tmp_path: Path) -> None:
    """No traceback: what was wrong and what to do."""
    result = CliRunner().invoke(main, ["status", "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert result.stderr.startswith("city: ")
    assert result.stderr.count("\n") == 1
