"""Ctrl-C in the middle of a replay: the next start goes on, and all that the city lived through is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.live import TOPIC
from tests.harness.report import broken_equations

if TYPE_CHECKING:
    from tests.harness.live import LiveCity


def test_ctrl_c_stops_in_order_and_the_next_start_goes_on(readings: LiveCity) -> None:
    """A live run is interrupted; a second run finishes it; nothing is lost or doubled, whatever else was done here."""
    live = readings
    begun, index = live.city.sealed(TOPIC), live.city.sealed("air-quality.index")
    output = live.interrupt()
    # A log that an earlier test damaged is refused until the next start, and the end says so.
    refused = list((live.city.data / "ledger").glob("*/*/*/refused.txt"))
    assert live.process.returncode == (1 if refused else 0), output
    assert output.count("PROBLEM log ") == len(refused), output
    assert "had to be killed" not in output
    assert "stopping in order" in output
    assert set(live.city.pids()) <= {"parent"}
    report = live.finish()
    assert broken_equations(report) == []
    assert report["audit"] == {"verdict": "pass", "problems": []}
    assert {*report["inputs"]} == {str(path) for path in live.recordings}, (
        "it read what another stack was given"
    )
    for topic, domain in ((TOPIC, "energy"), ("air-quality.reading", "air_quality")):
        accepted = sum(row["accepted"] for row in report["inputs"].values() if row["domain"] == domain)
        assert report["topics"][topic]["events"] == accepted
    assert report["topics"]["air-quality.reading"]["repeats"] == 0
    assert report["topics"][TOPIC]["events"] > begun
    assert report["topics"]["air-quality.index"]["events"] == index, "what was read before was derived anew"
