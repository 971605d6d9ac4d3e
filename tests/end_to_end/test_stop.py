"""Processes of the stack are stopped for longer than their sessions last, and go on: nothing differs."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.harness.comparison import assert_nothing_differs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.harness.city import City

PAUSED = ("worker-0", "sink", "ledger")


@pytest.mark.timeout(600)
def test_a_stopped_and_continued_agent_sink_and_ledger_change_nothing(
    make_city: Callable[..., City], small_recordings: Path, request: pytest.FixtureRequest
) -> None:
    """SIGSTOP past the session timeout, then SIGCONT: same events, rows, roll-ups, verdict."""
    city = make_city(CITY_SESSION_TIMEOUT_S="6", CITY_STALLED_AFTER_S="120")
    process = city.start(
        "--once", "--speed", "400000", "--report", str(city.report), "--recordings", str(small_recordings)
    )
    pids = city.wait_for(process.pid, "replay", *PAUSED)
    time.sleep(1.0)
    for name in PAUSED:
        os.kill(pids[name], signal.SIGSTOP)
    time.sleep(9.0)
    for name in PAUSED:
        os.kill(pids[name], signal.SIGCONT)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    assert_nothing_differs(city, request.getfixturevalue("whole_city"))
