"""How a command ends: Ctrl-C is one line and 130, a closed pipe is silent, any error is one line."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from infra.commands.common import one_line_errors
from infra.commands.one_line import INTERRUPTED, PIPE_CLOSED, reported
from tests.harness.city import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def raising(error: BaseException) -> None:
    """Raise an error."""
    raise error


def test_ctrl_c_is_one_line_and_130(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, and the exit code that a shell gives it."""
    assert reported(lambda: raising(KeyboardInterrupt())) == INTERRUPTED == 130
    assert capsys.readouterr() == ("", "city: interrupted\n")


@pytest.mark.parametrize("words", [("schemas", "list"), ("--help",), ("subscribe", "--list", "--json")])
def test_a_closed_pipe_is_silent(words: tuple[str, ...]) -> None:
    """`city … | head`: whoever reads has what he wanted."""
    assert PIPE_CLOSED == 141
    with subprocess.Popen(
        [sys.executable, "-m", "infra.cli", *words],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == PIPE_CLOSED


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.csv"), 2, "a.csv: No such file or directory"),
        (RuntimeError("one\ntwo"), 1, "unexpected RuntimeError"),
    ],
)
def test_any_error_is_one_line(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, line: str
) -> None:
    """What is wrong and where; no traceback."""
    assert reported(lambda: raising(error)) == code
    said = capsys.readouterr().err
    assert said.startswith(f"city: {line}")
    assert said.count("\n") == 1


def test_a_full_disk_of_the_data_directory_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not the folder in which the command was typed, which has room."""

    def free(path: Path) -> Any:
        return type("Usage", (), {"free": 0 if tmp_path in (path, *path.parents) else 1 << 40})

    monkeypatch.setattr(shutil, "disk_usage", free)

    @one_line_errors
    def command(data: Path) -> None:
        assert data.name == ".city"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(SystemExit):
        command(data=tmp_path / ".city")
    assert capsys.readouterr().err.startswith(f"city: {tmp_path / '.city'}: no room left")
