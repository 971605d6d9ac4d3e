"""Ctrl-C in the middle of a replay: the next start goes on, and all that the city lived through is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.live import TOPIC
from tests.harness.report import broken_equations

if TYPE_CHECKING:
    from tests.harness.live import LiveCity


def test_ctrl_c_stops_in_order_and_the_next_start_goes_on(live: LiveCity) -> None:
    """A live run is interrupted; a second run finishes it; nothing is lost or doubled, whatever else was done here."""
    begun = live.city.sealed(TOPIC)
    output = live.interrupt()
    assert live.process.returncode == 0, output
    assert "had to be killed" not in output
    assert "stopping in order" in output
    assert set(live.city.pids()) <= {"parent"}
    report = live.finish()
    assert broken_equations(report) == []
    assert report["audit"] == {"verdict": "pass", "problems": []}
    accepted = sum(row["accepted"] for row in report["inputs"].values() if row["domain"] == "energy")
    assert report["topics"][TOPIC]["events"] == accepted > begun
