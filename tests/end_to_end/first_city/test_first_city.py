"""A bundle, a ledger and a data directory that commit 8897fea wrote still verify and open."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.harness.city import City, verify
from tests.harness.report import broken_equations

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_CITY = Path(__file__).parent
SCENARIO = "streams/domains/vehicle/scenarios/automated_car_crash.jsonl"
RECORDS = {
    "vehicle.signal": 180,
    "vehicle.dssad-event": 8,
    "vehicle.accident": 1,
    "vehicle.hard-braking": 1,
    "vehicle.trip": 1,
    "platform.recording": 1,
}
"""Records of each sealed topic, as the first release counted them."""


def unpack(folder: Path) -> Path:
    """Unpack the data directory; return where it lies."""
    with tarfile.open(FIRST_CITY / "data.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a fresh copy of the data directory."""
    return unpack(tmp_path / "data")


def test_its_bundle_verifies(data: Path) -> None:
    """The evidence of the accident passes under the policy of its city."""
    found = verify(FIRST_CITY / "accident.evidence", "--policy", data / "ledger" / "policy.txt")
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.startswith("holds:")
    assert "vehicle.accident/0 offset 0" in found.stdout


def test_its_damaged_bundle_fails(data: Path, tmp_path: Path) -> None:
    """One flipped bit of the same file is found, so the test above can fail."""
    damaged = bytearray((FIRST_CITY / "accident.evidence").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.evidence").write_bytes(damaged)
    found = verify(tmp_path / "damaged.evidence", "--policy", data / "ledger" / "policy.txt")
    assert found.returncode == 1, found.stdout + found.stderr


def test_its_ledger_verifies(data: Path) -> None:
    """Every log of the ledger passes under the policy of its city."""
    found = verify("--city", data / "ledger", "--policy", data / "ledger" / "policy.txt")
    assert found.returncode == 0, found.stdout + found.stderr


def test_its_data_directory_opens(make_city: Callable[..., City]) -> None:
    """A stack starts over it, sends nothing again, counts what was counted before, and the audit passes."""
    city = make_city()
    unpack(city.data)
    run = city.up_once("--recordings", str(Path(__file__).parents[3] / SCENARIO))
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(city.report.read_text())
    assert broken_equations(report) == []
    assert report["audit"] == {"verdict": "pass", "problems": []}
    assert {name: report["topics"][name]["records"] for name in RECORDS} == RECORDS
