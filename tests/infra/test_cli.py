"""The command line: every documented command is there and helps; every `city` word in the documents exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from infra.cli import main
from infra.deployed import main as deployed

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


@pytest.mark.parametrize("speed", ["0", "-1", "-0.0", "inf", "-inf", "nan", "1e999", "fast", "Live", ""])
@pytest.mark.parametrize("command", ["up", "replay"])
def test_other_speeds_than_live_max_or_a_number_above_0_are_one_line(
    tmp_path: Path, command: str, speed: str
) -> None:
    """Both commands refuse in the same words, before anything starts."""
    result = CliRunner().invoke(
        main, [command, "--data", str(tmp_path / "city"), "--speed", speed, str(tmp_path)]
    )
    assert result.exit_code == 2
    assert result.stderr == f"city: --speed: expected live, max or a finite number above 0, got {speed!r}\n"
    assert not (tmp_path / "city").exists()


@pytest.mark.parametrize("speed", ["live", "max", "0.5", "400000"])
@pytest.mark.parametrize(
    ("command", "next_error"), [("up", "no such file or folder"), ("replay", "no stack has run here")]
)
def test_speeds_that_a_replay_knows_are_taken(
    tmp_path: Path, command: str, next_error: str, speed: str
) -> None:
    """What is wrong beside the speed is what the command then names."""
    path = tmp_path if command == "replay" else tmp_path / "missing"
    result = CliRunner().invoke(
        main, [command, "--data", str(tmp_path / "city"), "--speed", speed, str(path)]
    )
    assert result.exit_code == 2
    assert next_error in result.stderr


@pytest.mark.parametrize("speed", ["0", "inf", "nan", "fast", ""])
def test_processes_that_replay_refuse_the_same_speeds(capfd: pytest.CaptureFixture[str], speed: str) -> None:
    """The deployed job has the parser of the commands; it ends with exit code 2 and no traceback."""
    with pytest.raises(SystemExit) as ended:
        deployed(["settle", "--speed", speed])
    assert ended.value.code == 2
    said = capfd.readouterr().err
    assert f"argument --speed: expected live, max or a finite number above 0, got {speed!r}" in said
    assert "Traceback" not in said
