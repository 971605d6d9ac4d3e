"""Starts one side in a process of its own and reads what its clock printed.

Ours, and peers that our development environment holds, run in this interpreter; a peer that needs versions
of its own is a script with inline metadata (PEP 723), which `uv run --script` gives an environment of its
own, cached by uv, with the versions that its head names.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.clock import MARK
from tests.bench.figures import Measured
from tests.bench.harness import SideError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
SIDES = Path(__file__).parent / "sides"
LIMIT_S = 900.0
_INSTALL_S = 600.0


def run_side(program: str, told: Mapping[str, Any], limit_s: float = LIMIT_S) -> Measured:
    """Run `sides/<program>.py` with `told` as its JSON argument.

    Raises:
        SideError: It failed or took too long; with the last line that it said.
    """
    return Measured(**figures_of(program, told, limit_s))


def figures_of(program: str, told: Mapping[str, Any], limit_s: float = LIMIT_S) -> dict[str, Any]:
    """Run `sides/<program>.py`, which prints its figures by `clock.tell`, and return them.

    Raises:
        SideError: It failed or took too long; with the last line that it said.
    """
    path = SIDES / f"{program}.py"
    alone = "# /// script" in path.read_text(encoding="utf-8")
    command = _alone(path) if alone else [sys.executable, "-m", f"tests.bench.sides.{program}"]
    return _told([*command, json.dumps(told)], limit_s)


def run_command(command: Sequence[str], limit_s: float = LIMIT_S) -> Measured:
    """Run a program that prints what `Clock.finish` prints.

    Raises:
        SideError: It failed or took too long; with the last line that it said.
    """
    return Measured(**_told(command, limit_s))


def _told(command: Sequence[str], limit_s: float) -> dict[str, Any]:
    """Run a program and return what it told in its last marked line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    try:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # uv's own child has to end with it
        )
    except OSError as error:
        raise SideError(f"{command[0]}: {error.strerror}") from error
    try:
        said, complained = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        complained = _end(process)
        raise SideError(f"did not end within {limit_s:g} s: {_last_line(complained)}") from error
    except BaseException:
        _end(process)
        raise
    for line in reversed(said.splitlines()):
        if line.startswith(MARK):
            found: dict[str, Any] = json.loads(line.removeprefix(MARK))
            return found
    raise SideError(f"exit status {process.returncode}: {_last_line(complained or said)}")


def prepare(program: str) -> None:
    """Have the environment of a side with inline metadata made, so that no turn waits for a download.

    Raises:
        SideError: There is no uv, or the packages cannot be had for this machine.
    """
    command = [
        *_uv(),
        "sync",
        "--quiet",
        "--python",
        sys.executable,
        "--script",
        str(SIDES / f"{program}.py"),
    ]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise SideError(f"its packages were not installed within {_INSTALL_S:g} s") from error
    if ended.returncode:
        raise SideError(f"its packages cannot be installed here: {_last_line(ended.stderr)}")


def _end(process: subprocess.Popen[str]) -> str:
    """Kill a side with all that it started; return what it complained of."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()[1]


def _alone(path: Path) -> list[str]:
    return [*_uv(), "run", "--quiet", "--no-project", "--python", sys.executable, "--script", str(path)]


def _uv() -> list[str]:
    found = shutil.which("uv")
    if found is None:
        raise SideError("needs uv on the path (pip install uv): it gives the peer an environment of its own")
    return [found]


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
