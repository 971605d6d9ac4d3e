"""`city up --once`: the bundled recordings through the whole platform, counted, audited, proved."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from typing import TYPE_CHECKING

import pytest

from streams.replay.recordings import bundled, formats
from tests.fixtures.stack import lay_bundled, run_twice
from tests.harness.report import broken_equations
from tests.recordings import whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.harness.city import City


def rows_of(path: Path) -> int:
    """Count a recording's data rows with the csv module alone."""
    raw = gzip.decompress(path.read_bytes())
    text = raw.decode("utf-8") if raw.isascii() else raw.decode("cp949")
    return sum(1 for row in csv.reader(text.splitlines()) if row) - 1


def test_first_rows_of_all_recordings_come_through_whole_and_a_second_run_changes_nothing(
    whole_city: City, first_rows: Path
) -> None:
    """Exit 0, every equation holds, `read` is what csv counts in the tables; run again: same totals."""
    assert_both_runs_are_whole(whole_city, first_rows)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_bundled_recordings_come_through_whole_and_a_second_run_changes_nothing(
    make_city: Callable[..., City], tmp_path: Path
) -> None:
    """The same over every row of all that is bundled."""
    city = make_city()
    folder = tmp_path / "bundled"
    folder.mkdir()
    run_twice(city, lay_bundled(folder))
    assert_both_runs_are_whole(city, folder)


def assert_both_runs_are_whole(city: City, recordings: Path) -> None:
    """Judge the first report of a city by the recordings, and the second by the first."""
    report = json.loads(city.first_report.read_text())
    assert broken_equations(report) == []
    assert report["audit"] == {"verdict": "pass", "problems": []}
    air = {path.name for path in bundled("air_quality")}
    expected = {name: rows_of(recordings / name) for name in air}
    read = {path.rsplit("/", 1)[-1]: row["read"] for path, row in report["inputs"].items()}
    assert {name: read[name] for name in expected} == expected
    assert {path.name for path in recordings.iterdir() if path.is_file()} <= read.keys()
    assert all(row["read"] == row["accepted"] + row["refused"] for row in report["inputs"].values())
    topics = report["topics"]
    accepted = sum(row["accepted"] for row in report["inputs"].values() if row["domain"] == "air_quality")
    assert topics["air-quality.reading"]["events"] == accepted
    assert topics["air-quality.index"]["events"] > 0
    assert topics["air-quality.category-change"]["events"] > 0
    assert report["latency_ms"]["to_seal"]["p50"] is not None
    assert report["city_log"]["size"] == report["city_log"]["blocks"] > 0

    second = city.read_report()
    assert broken_equations(second) == []
    assert second["inputs"] == report["inputs"]
    for name, topic in topics.items():
        if topic["domain"] != "platform":
            assert second["topics"][name] == topic, name


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_all_recordings_of_every_domain_come_through_whole(make_city: Callable[..., City]) -> None:
    """All of every domain's recordings in one run, as they are: exit 0 and every equation holds."""
    domains = sorted({form.domain for form in formats().values() if form.domain})
    folders = [folder for name in domains for folder in whole(name)]
    city = make_city()
    run = city.up_once("--recordings", *map(str, folders), timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    report = city.read_report()
    assert broken_equations(report) == []
    read = {path: row["read"] for path, row in report["inputs"].items()}
    tables = whole("air_quality", "*.gz")
    assert {str(path): read[str(path)] for path in tables} == {str(path): rows_of(path) for path in tables}
    taken = {row["domain"] for row in report["inputs"].values() if row["accepted"]}
    assert taken == set(domains)
    print(json.dumps({k: report[k] for k in ("seconds", "events_per_second", "latency_ms")}))


def test_a_sink_that_drops_one_record_and_doubles_one_turns_the_report_red(
    make_city: Callable[..., City], small_recordings: Path
) -> None:
    """The counts are taken by other code than the sink's: they show both faults."""
    city = make_city(CITY_COMMAND_SINK=f"{sys.executable} -m tests.faults.broken_sink")
    run = city.up_once("--recordings", str(small_recordings))
    assert run.returncode == 1, run.stdout + run.stderr
    problems = city.read_report()["audit"]["problems"]
    dropped, doubled = (
        "/0 offset 3: archive: expected what leaf",
        "/0 offset 4: archive: expected one, got another",
    )
    assert any(dropped in problem for problem in problems), problems
    assert any(doubled in problem for problem in problems), problems
    assert any("rows 2399 ≠ events 2400" in problem for problem in problems), problems
