"""The README's `prove` and `ledger-verify`, word for word, in a city that lives."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.harness.readme import command

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.live import LiveCity

PROGRAMS = {"city": "infra.cli", "ledger-verify": "ledger_sink.verifier.cli"}


def test_an_event_is_proved_and_its_proof_verified_as_the_readme_says(
    readings: LiveCity, tmp_path: Path
) -> None:
    """Both commands end with 0, and the verdict is PASS."""
    for start in ("city prove", "ledger-verify"):
        program, *words = shlex.split(command(f"uv run {start}"))[2:]
        done = subprocess.run(
            [sys.executable, "-m", PROGRAMS[program], *words],
            cwd=readings.city.data.parent,
            env={**readings.city.env(), "HOME": str(tmp_path)},  # where the verifier remembers what it saw
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{start}: {done.stdout}{done.stderr}"
    assert "PASS" in done.stdout
