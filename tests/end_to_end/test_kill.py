"""Every process of the stack is killed at a random moment: the next `city up` goes on and nothing differs."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.city import City, broken_equations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VICTIMS = ("kafka", "door", "signer", "witness", "worker-0", "sink", "ledger", "web", "replay", "parent")
PAUSED = ("worker-0", "sink", "ledger")
KEPT = ("events", "rows")


def totals(report: dict[str, dict[str, dict[str, int]]]) -> dict[str, tuple[int, ...]]:
    """Return what must not depend on faults: events and rows of the domain's topics."""
    return {
        name: tuple(topic[key] for key in KEPT)
        for name, topic in report["topics"].items()
        if topic["domain"] != "platform"  # type: ignore[comparison-overlap]
    }


@pytest.mark.timeout(900)
def test_kill_9_of_any_process_loses_and_doubles_nothing(
    make_city: Callable[..., City], small_recordings: Path, undisturbed: City
) -> None:
    """Ten processes, the parent too, one after the other: same events, rows, roll-ups, verdict."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    city = make_city()
    for victim in chance.sample(VICTIMS, len(VICTIMS)):
        process = city.start("--once", "--speed", "400000", "--recordings", str(small_recordings))
        pids = city.wait_for(process.pid, "ledger", "sink", "worker-0", "web")
        if victim == "replay":
            pids = city.wait_for(process.pid, "replay")
        time.sleep(chance.uniform(0.2, 2.5))
        os.kill(process.pid if victim == "parent" else pids[victim], signal.SIGKILL)
        output, _ = process.communicate(timeout=120)
        if victim not in {"parent", "replay"}:
            assert process.returncode != 0, f"{victim} was killed and nobody noticed:\n{output}"
            assert victim.split("-")[0] in output
    run = city.up_once("--recordings", str(small_recordings))
    assert run.returncode == 0, run.stdout + run.stderr
    report = city.read_report()
    assert broken_equations(report) == []
    assert totals(report) == totals(undisturbed.read_report())
    assert city.facts() == undisturbed.kept_facts()


@pytest.mark.timeout(600)
def test_a_stopped_and_continued_agent_sink_and_ledger_change_nothing(
    make_city: Callable[..., City], small_recordings: Path, undisturbed: City
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
    report = city.read_report()
    assert broken_equations(report) == []
    assert totals(report) == totals(undisturbed.read_report())
    assert city.facts() == undisturbed.kept_facts()
