"""A car's own key through the whole platform: registered, signing, refused, missed, proved; the counts agree."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

from tests.harness.city import verify
from tests.harness.report import broken_equations
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.live import LiveCity

CAR = "urn:city:car:av-07"
TOPIC = "vehicle.dssad-event"
SETTLED_S = 6.0


def line(occurrence: str, sequence: int) -> str:
    """Write a DSSAD record of the car."""
    event: dict[str, Any] = {"vehicle": "av-07", "occurrence": occurrence, "sequence": sequence}
    return json.dumps({**event, "utc_offset": "+09:00", "software_version": "R157 1"}) + "\n"


def letters(live: LiveCity) -> list[dict[str, Any]]:
    """Return the dead letters of the car."""
    found = json.loads(live.run("dead-letters", "list", "--domain", "vehicle", "--json"))
    return [each for each in found if CAR in each["reason"] or each["stage"] == "origin"]


def test_a_car_signs_its_own_records(live: LiveCity, tmp_path: Path) -> None:
    """Signed ones are used and named in the verdict, others dead-lettered, a hole listed; equations and audit hold."""
    city = live.city
    files = [tmp_path / name for name in ("car.pem", "other.pem")]
    own, other = (
        subprocess.run(
            [*city.command("keys", "new-source"), file],
            env=city.env(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for file in files
    )
    ground = ("--ground", "a test")
    live.run("keys", "register", "--source", CAR, "--did", own, *ground)
    time.sleep(SETTLED_S)
    produce = ("produce", TOPIC, "-", "--source", CAR)
    sign = (*produce, "--sign-with", str(files[0]))
    live.run(*sign, "--number-from", "1", stdin=line("ACTIVATION", 1) + line("TRANSITION_DEMAND", 2))
    live.run(*sign, "--number-from", "5", stdin=line("MINIMUM_RISK_MANOEUVRE", 5))
    live.run(*produce, stdin=line("COLLISION_DETECTED", 6))
    live.run(*produce, "--sign-with", str(files[1]), stdin=line("DEACTIVATION", 7))
    eventually(lambda: len(letters(live)) == 2, "two dead letters", within_s=60, every_s=0.5)
    refused = {each["reason"].split(",")[0]: each for each in letters(live)}
    assert set(refused) == {f"{CAR} must sign its events", f"signed by {other}"}
    assert {each["stage"] for each in refused.values()} == {"origin"}
    eventually(lambda: "2 missing" in live.run("keys", "sources"), "two numbers are missing", every_s=0.5)
    live.run("keys", "register", "--source", CAR, "--did", other, *ground)
    time.sleep(SETTLED_S)
    live.run("dead-letters", "replay", refused[f"signed by {other}"]["event_id"])
    live.run("dead-letters", "discard", refused[f"{CAR} must sign its events"]["event_id"], "--why", "a test")
    with city.client() as client:
        names = "arrayMap(h -> h.1, headers)"
        query = f"SELECT {names} FROM city.records WHERE topic = '{TOPIC}' AND has({names}, 'replayed-dead-letter')"
        replayed = [(["signature", "replayed-dead-letter"],)]
        eventually(lambda: client.query(query).result_rows == replayed, "the letter is replayed")
        signed = client.query(
            f"SELECT event_id FROM city.vehicle_dssad_event WHERE occurrence = 'ACTIVATION' AND source = '{CAR}'"
        )
    bundle = tmp_path / "car.evidence"
    live.run("prove", "--event", str(signed.result_rows[0][0]), "--output", str(bundle), "--wait", "60")
    policy = city.data / "ledger" / "policy.txt"
    trusting = verify(bundle, "--policy", policy, "--source-key", own)
    assert trusting.returncode == 0, trusting.stdout
    assert f"Signed by {own}, as its number 1; you trust that key as the source's." in trusting.stdout
    doubting = verify(bundle, "--policy", policy, "--source-key", other)
    assert doubting.returncode == 1, doubting.stdout
    assert "which is no key that you trust" in doubting.stdout
    live.at_the_end(counts_agree)


def counts_agree(report: dict[str, Any]) -> None:
    """Two registrations, one hole; five events of the car, one of them twice; the audit passes."""
    assert broken_equations(report) == []
    assert report["audit"] == {"verdict": "pass", "problems": []}
    counts = {name: report["topics"][name]["records"] for name in report["topics"]}
    assert (counts["platform.source-key"], counts["platform.sequence-gap"]) == (2, 1)
    assert (report["topics"][TOPIC]["events"], report["topics"][TOPIC]["repeats"]) == (5, 1)
