"""The operator with a bad file: docs/dead-letters.md by its literal commands, the counts, and a stopped stack."""

from __future__ import annotations

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
STATION = "Mending"
FILE = (
    "No,year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,O3,TEMP,PRES,DEWP,RAIN,wd,WSPM,station\n"
    f"1,2013,3,1,0,4,4,4,7,300,77,-0.7,1023,-18.8,0,NNW,4.4,{STATION}\n"
    f"2,2013,13,1,1,8,8,4,7,300,77,-1.1,1023.2,-18.2,0,N,4.7,{STATION}\n"
    f"3,2013,3,1,2,7,7,5,10,300,73,-1.1,1023.5,-18.2,0,NNW,5.6,{STATION}\n"
)


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
    """Return readings and different hours of the file's station."""
    client = live.city.client()
    try:
        (found,) = client.query(
            "SELECT count(), uniqExact(occurred_at) FROM city.air_quality_reading FINAL WHERE station = {s:String}",
            parameters={"s": STATION},
        ).result_rows
    finally:
        client.close()
    return int(found[0]), int(found[1])


def test_an_operator_mends_a_bad_file(live: LiveCity, tmp_path: Path) -> None:
    """Seen, shown, mended; good rows count once, a repeat changes nothing; of a stopped stack every command says so."""
    shell = Shell(live, tmp_path)
    (tmp_path / "PRSA.csv").write_text(FILE)
    name, said = ID, []
    for line in COMMANDS:
        done = shell.run(line.replace(ID, name))
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        said.append(done.stdout)
        if "replay" in line:
            wait = lambda: "PRSA.csv" in shell.run(COMMANDS[1]).stdout  # noqa: E731 - two words
            eventually(wait, "the dead letter has its row", within_s=60, every_s=0.5)
        if "list --file" in line and name == ID:
            name = done.stdout.split()[0][:8]
    assert '"refused": 1' in said[0]
    assert "PRSA.csv" in said[1]
    assert "mended: 1 events" in said[5]
    eventually(lambda: rows(live) == (3, 3), "three readings of three hours", within_s=60, every_s=0.5)
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
    assert re.fullmatch(r"city: row\.csv: .*put the header of PRSA\.csv.*nothing was sent\n", bare.stderr)
    live.recordings.append(tmp_path / "PRSA.csv")

    def at_rest(report: dict[str, Any]) -> None:
        (row,) = (row for path, row in report["inputs"].items() if path.endswith("PRSA.csv"))
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
