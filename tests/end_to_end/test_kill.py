"""Every process of the stack is killed at a random moment: the next `city up` goes on and nothing differs."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.stack import run_through
from tests.harness.comparison import assert_nothing_differs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.harness.city import City

VICTIMS = (
    "kafka",
    "clickhouse",
    "signer",
    "witness",
    "worker-0",
    "sink",
    "ledger",
    "web",
    "replay",
    "parent",
)
UNNOTICED = {"parent", "replay"}
"""Whose end the supervisor cannot tell, or need not."""


@pytest.mark.timeout(400)
def test_kill_9_of_several_processes_at_once_loses_and_doubles_nothing(
    make_city: Callable[..., City], small_recordings: Path, request: pytest.FixtureRequest
) -> None:
    """Three or four of the ten processes in each of three starts: same events, rows, roll-ups, verdict."""
    chance = seeded()
    order = chance.sample(VICTIMS, len(VICTIMS))
    city = make_city()
    for victims in (order[:3], order[3:6], order[6:]):
        kill(city, small_recordings, victims, chance)
    run_through(city, small_recordings)
    assert_nothing_differs(city, request.getfixturevalue("whole_city"))


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_kill_9_of_any_process_loses_and_doubles_nothing(
    make_city: Callable[..., City], small_recordings: Path, request: pytest.FixtureRequest
) -> None:
    """Ten processes, the parent too, one after the other: same events, rows, roll-ups, verdict."""
    chance = seeded()
    city = make_city()
    for victim in chance.sample(VICTIMS, len(VICTIMS)):
        kill(city, small_recordings, [victim], chance)
    run_through(city, small_recordings)
    assert_nothing_differs(city, request.getfixturevalue("whole_city"))


def seeded() -> random.Random:
    """Return a source of chance whose seed is printed."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    return random.Random(seed)


def kill(city: City, recordings: Path, victims: Sequence[str], chance: random.Random) -> None:
    """Start a run, kill the victims at a random moment, and see that the stack ends for it."""
    process = city.start("--once", "--speed", "400000", "--recordings", str(recordings))
    awaited = {"ledger", "sink", "worker-0", "web", *(victim for victim in victims if victim == "replay")}
    pids = city.wait_for(process.pid, *awaited)
    time.sleep(chance.uniform(0.2, 2.5))
    for victim in victims:
        with contextlib.suppress(ProcessLookupError):  # it went with its parent
            os.kill(process.pid if victim == "parent" else pids[victim], signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    noticed = [victim for victim in victims if victim not in UNNOTICED]
    if noticed and "parent" not in victims:
        assert process.returncode != 0, f"{victims} were killed and nobody noticed:\n{output}"
        assert any(f"{victim} " in output for victim in victims), output
