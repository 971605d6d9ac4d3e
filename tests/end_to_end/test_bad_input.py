"""Bad input is one clear line that says what to do; nothing is lost."""

from __future__ import annotations

import gzip
import socket
from typing import TYPE_CHECKING

from tests.harness.report import broken_equations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.harness.city import City


def error_line(text: str) -> str:
    """Return the line that tells the error."""
    return next(line for line in reversed(text.splitlines()) if line.startswith("city:"))


def test_a_port_in_use_is_named_with_the_way_out(make_city: Callable[..., City]) -> None:
    """Exit 2, the port, and the option that chooses another."""
    city = make_city()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", city.ports["clickhouse"]))
        taken.listen()
        run = city.up_once()
    assert run.returncode == 2
    line = error_line(run.stderr)
    assert str(city.ports["clickhouse"]) in line
    assert "--ports" in line


def test_a_folder_with_broken_files_reads_what_can_be_read(
    make_city: Callable[..., City], small_recordings: Path, tmp_path: Path
) -> None:
    """Unknown, truncated, wrongly encoded files beside a good one are listed or refused, never silent."""
    good = next(small_recordings.glob("PRSA*"))
    seoul = next(small_recordings.glob("seoul*"))
    (tmp_path / good.name).write_bytes(good.read_bytes())
    (tmp_path / "strange.csv").write_text("a,b\n1,2\n")
    (tmp_path / "truncated.csv.gz").write_bytes(good.read_bytes()[:-200])
    text = gzip.decompress(seoul.read_bytes()).decode("cp949")
    (tmp_path / "utf16.csv").write_bytes(text.encode("utf-16"))
    city = make_city()
    run = city.up_once("--recordings", str(tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr
    report = city.read_report()
    assert broken_equations(report) == []
    inputs = {path.rsplit("/", 1)[-1]: row for path, row in report["inputs"].items()}
    assert inputs["strange.csv"]["format"] is None
    assert inputs["strange.csv"]["reason"]
    assert inputs["utf16.csv"]["reason"]
    assert inputs["truncated.csv.gz"]["reason"]
    assert inputs[good.name]["read"] == 601
    assert inputs[good.name]["refused"] == 1
    assert inputs["truncated.csv.gz"]["refused"] == 1
    letters = {
        n: t["events"] for n, t in report["topics"].items() if n.endswith("dead-letter") and t["events"]
    }
    assert letters == {
        "air-quality.dead-letter": sum(row["refused"] for row in inputs.values()),
        "platform.dead-letter": sum(row["format"] is None for row in inputs.values()),
    }


def test_a_kafka_that_does_not_answer_is_one_line(make_city: Callable[..., City]) -> None:
    """`--kafka` at a closed port: exit 2, the address, nothing left behind."""
    city = make_city()
    run = city.up_once("--kafka", "127.0.0.1:9", "--no-shift-to-now")
    assert run.returncode == 2
    assert "127.0.0.1:9 does not answer" in error_line(run.stderr)
    assert "Traceback" not in run.stderr
    assert set(city.pids()) <= {"parent"}


def test_a_data_directory_in_use_is_refused(make_city: Callable[..., City]) -> None:
    """A second stack over the same directory ends with one line."""
    import fcntl

    city = make_city()
    (city.data / "run").mkdir(parents=True)
    with (city.data / "run" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = city.up_once()
    assert run.returncode == 2
    assert "in use by another running stack" in error_line(run.stderr)
