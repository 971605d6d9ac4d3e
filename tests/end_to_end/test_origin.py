"""A car's own key through the whole platform: registered, signing, refused, missed, proved; the counts agree."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from streams.recordings import bundled
from tests.end_to_end.city import REPOSITORY, broken_equations, interrupt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.city import City

CAR = "urn:city:car:av-07"
TOPIC = "vehicle.dssad-event"
SETTLED_S = 6.0


def said(city: City, *words: str, stdin: str | None = None) -> str:
    """Run a `city` command that must succeed; return what it printed."""
    done = city.city(*words, stdin=stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def line(occurrence: str, sequence: int) -> str:
    """Write a DSSAD record of the car."""
    event: dict[str, Any] = {"vehicle": "av-07", "occurrence": occurrence, "sequence": sequence}
    return json.dumps({**event, "utc_offset": "+09:00", "software_version": "R157 1"}) + "\n"


def wait_until(what: Callable[[], bool], within_s: float = 60) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def letters(city: City) -> list[dict[str, Any]]:
    """Return the dead letters of vehicles."""
    return list(json.loads(said(city, "dead-letters", "list", "--domain", "vehicle", "--json")))


def verify(city: City, bundle: Path, did: str) -> tuple[int, str]:
    """Run `ledger-verify` with a key of the source that the auditor brings."""
    policy = city.data / "ledger" / "policy.txt"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ledger_sink.verifier.cli",
            bundle,
            "--policy",
            policy,
            "--source-key",
            did,
            "--no-remember",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_car_signs_its_own_records(make_city: Callable[..., City], tmp_path: Path) -> None:
    """Signed ones are used and named in the verdict, others dead-lettered, a hole listed; equations and audit hold."""
    recording = min(bundled(), key=lambda path: path.stat().st_size)
    city = make_city()
    process = city.start("--recordings", str(recording), "--speed", "max")
    city.wait_for(process.pid, "worker-0", "sink")
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
    wait_until(lambda: city.city("keys", "sources").returncode == 0)
    said(city, "keys", "register", "--source", CAR, "--did", own, *ground)
    time.sleep(SETTLED_S)
    produce = ("produce", TOPIC, "-", "--source", CAR)
    sign = (*produce, "--sign-with", str(files[0]))
    said(city, *sign, "--number-from", "1", stdin=line("ACTIVATION", 1) + line("TRANSITION_DEMAND", 2))
    said(city, *sign, "--number-from", "5", stdin=line("MINIMUM_RISK_MANOEUVRE", 5))
    said(city, *produce, stdin=line("COLLISION_DETECTED", 6))
    said(city, *produce, "--sign-with", str(files[1]), stdin=line("DEACTIVATION", 7))
    wait_until(lambda: len(letters(city)) == 2)
    refused = {each["reason"].split(",")[0]: each for each in letters(city)}
    assert set(refused) == {f"{CAR} must sign its events", f"signed by {other}"}
    assert {each["stage"] for each in refused.values()} == {"origin"}
    wait_until(lambda: "2 missing" in said(city, "keys", "sources"))
    said(city, "keys", "register", "--source", CAR, "--did", other, *ground)
    time.sleep(SETTLED_S)
    said(city, "dead-letters", "replay", refused[f"signed by {other}"]["event_id"])
    with city.client() as client:
        names = "arrayMap(h -> h.1, headers)"
        query = f"SELECT {names} FROM city.records WHERE topic = '{TOPIC}' AND has({names}, 'replayed-dead-letter')"
        wait_until(lambda: client.query(query).result_rows == [(["signature", "replayed-dead-letter"],)])
        signed = client.query(
            f"SELECT event_id FROM city.vehicle_dssad_event WHERE occurrence = 'ACTIVATION' AND source = '{CAR}'"
        )
    bundle = tmp_path / "car.evidence"
    said(city, "prove", "--event", str(signed.result_rows[0][0]), "--output", str(bundle), "--wait", "60")
    code, words = verify(city, bundle, own)
    assert code == 0, words
    assert f"Signed by {own}, as its number 1; you trust that key as the source's." in words
    code, words = verify(city, bundle, other)
    assert code == 1, words
    assert "which is no key that you trust" in words
    interrupt(process)
    again = city.up_once("--recordings", str(recording))
    assert again.returncode == 0, again.stdout + again.stderr
    report = city.read_report()
    assert broken_equations(report) == []
    assert report["audit"] == {"verdict": "pass", "problems": []}
    counts = {name: report["topics"][name]["records"] for name in report["topics"]}
    assert (counts["platform.source-key"], counts["platform.sequence-gap"]) == (2, 1)
    assert (report["topics"][TOPIC]["events"], report["topics"][TOPIC]["repeats"]) == (5, 1)
