"""The live city copied while it runs: a moment's pause, a whole copy, a ledger in it that verifies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.recovery.restore import restore
from tests.harness.city import verify

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.live import LiveCity


def test_a_running_city_is_copied_and_its_copy_verifies(readings: LiveCity, tmp_path: Path) -> None:
    """Backup, check, restore; the ledger of the copy passes as an auditor reads it, and the city still runs."""
    backup, copy = tmp_path / "backup", tmp_path / "copy"
    assert "the city paused for" in readings.run("backup", str(backup))
    assert readings.process.poll() is None
    assert "is as it was made" in readings.run("restore", str(backup), "--check")
    restore(backup, copy)
    verdict = verify("--city", copy / "ledger", "--policy", copy / "ledger" / "policy.txt")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert not list((readings.city.data / "run").glob("backup-view-*"))
