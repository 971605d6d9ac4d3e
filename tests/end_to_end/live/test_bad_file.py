"""The operator with a bad file: docs/dead-letters.md by its literal commands, the counts, and a stopped stack."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.harness.city import REPOSITORY
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from tests.harness.live import LiveCity

PAGE = (REPOSITORY / "docs" / "dead-letters.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
COMMANDS = BLOCK.splitlines()
ID = "0f3b1f0e"
"""The id that stands in the page."""
FILE = (
    "MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,CallSign,VesselType,Status,Length,Width,Draft,Cargo,"
    "TransceiverClass\n"
    "338148899,2022-01-03T00:00:00,33.60716,-117.91483,0.0,280.0,511,MENDING,,,37,,14,,,,B\n"
    "338148899,2022-13-03T00:01:10,33.60716,-117.91483,0.0,280.0,511,MENDING,,,37,,14,,,,B\n"
    "338148899,2022-01-03T00:02:20,33.60716,-117.91483,0.0,280.0,511,MENDING,,,37,,14,,,,B\n"
)
SOURCE = f"replay:{hashlib.sha256(FILE.encode()).hexdigest()[:16]}#"


@dataclass
class Shell:
    """An operator's shell, in a folder of its own."""

    live: LiveCity
    folder: Path

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line as it stands."""
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env={**self.live.city.env(), "CITY_DATA": str(self.live.city.data), "PATH": programs},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def rows(live: LiveCity) -> tuple[int, int]:
    """Return the rows of the file, and their different times."""
    client = live.city.client()
    try:
        (found,) = client.query(
            "SELECT count(), uniqExact(occurred_at) FROM city.cargo_vessel_position FINAL "
            "WHERE startsWith(source, {source:String})",
            parameters={"source": SOURCE},
        ).result_rows
    finally:
        client.close()
    return int(found[0]), int(found[1])


def test_an_operator_mends_a_bad_file(live: LiveCity, tmp_path: Path) -> None:
    """Seen, shown, mended; good rows count once, a repeat changes nothing; of a stopped stack every command says so."""
    shell = Shell(live, tmp_path)
    (tmp_path / "AIS.csv").write_text(FILE)
    name, said = ID, []
    for line in COMMANDS:
        done = shell.run(line.replace(ID, name))
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        said.append(done.stdout)
        if "replay" in line:
            wait = lambda: "AIS.csv" in shell.run(COMMANDS[1]).stdout  # noqa: E731 - two words
            eventually(wait, "the dead letter has its row", within_s=60, every_s=0.5)
        if "list --file" in line and name == ID:
            name = done.stdout.split()[0][:8]
    assert '"refused": 1' in said[0]
    assert "AIS.csv" in said[1]
    assert "mended: 1 events" in said[5]
    eventually(lambda: rows(live) == (3, 3), "three positions of three times", within_s=60, every_s=0.5)
    eventually(
        lambda: shell.run(COMMANDS[6]).stdout == "no dead letters\n",
        "no letter is left",
        within_s=60,
        every_s=0.5,
    )
    for line in (COMMANDS[0], COMMANDS[5]):  # a second time changes nothing
        assert shell.run(line.replace(ID, name)).returncode == 0
    bare = shell.run(f"city dead-letters mend {name} row.csv")
    assert bare.returncode == 2, bare.stderr
    assert re.fullmatch(r"city: row\.csv: .*put the header of AIS\.csv.*nothing was sent\n", bare.stderr)
    live.recordings.append(tmp_path / "AIS.csv")
    live.brought["cargo.vessel-position"] += 4  # two rows, the mended one, and its repeat

    def at_rest(report: dict[str, Any]) -> None:
        (row,) = (row for path, row in report["inputs"].items() if path.endswith("AIS.csv"))
        assert (row["read"], row["accepted"], row["refused"]) == (3, 2, 1)
        assert report["dead_letters"]["by_stage"]["read"] >= 1
        assert report["audit"]["verdict"] == "pass"
        for line in COMMANDS:
            if line.startswith("city"):
                stopped = shell.run(line.replace(ID, name).partition(" >")[0])
                assert stopped.returncode == 2, (line, stopped.stderr)
                assert stopped.stdout == ""
                assert re.fullmatch(
                    r"city: .*is not running; start it with `city up --data .*\n", stopped.stderr
                )

    live.at_the_end(at_rest)
