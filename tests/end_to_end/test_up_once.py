"""`city up --once`: the bundled recordings through the whole platform, counted, audited, proved."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from streams.replay.recordings import bundled, formats
from tests.fixtures.stack import lay_bundled, run_through
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


def test_first_rows_of_all_recordings_come_through_whole(whole_city: City, first_rows: Path) -> None:
    """Exit 0, every equation holds, `read` is what csv counts in the tables."""
    assert_whole(whole_city.read_report(), first_rows)


def test_a_folder_with_broken_files_reads_what_can_be_read(whole_city: City) -> None:
    """Unknown, truncated, wrongly encoded files beside good ones are listed or refused, never silent."""
    report = whole_city.read_report()
    inputs = {path.rsplit("/", 1)[-1]: row for path, row in report["inputs"].items()}
    assert inputs["strange.csv"]["format"] is None
    assert inputs["strange.csv"]["reason"]
    assert inputs["utf32.csv"]["reason"]
    assert inputs["truncated.csv.gz"]["reason"]
    assert inputs["truncated.csv.gz"]["refused"] == 1
    for name in (path.name for path in bundled("air_quality")):
        assert (inputs[name]["read"], inputs[name]["refused"]) == (601, 1)
    letters = {name: topic["events"] for name, topic in report["topics"].items() if "dead-letter" in name}
    for domain in ("air_quality", "energy"):
        refused = sum(row["refused"] for row in inputs.values() if row["domain"] == domain)
        assert letters[f"{domain.replace('_', '-')}.dead-letter"] == refused
    assert letters["platform.dead-letter"] == sum(row["format"] is None for row in inputs.values())


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_bundled_recordings_come_through_whole_and_a_second_run_changes_nothing(
    make_city: Callable[..., City], tmp_path: Path
) -> None:
    """Every row of all that is bundled; run again: same inputs, same totals."""
    city = make_city()
    folder = tmp_path / "bundled"
    folder.mkdir()
    lay_bundled(folder)
    run_through(city, folder)
    first = city.read_report()
    assert_whole(first, folder)
    run_through(city, folder)
    second = city.read_report()
    assert broken_equations(second) == []
    assert second["inputs"] == first["inputs"]
    for name, topic in first["topics"].items():
        if topic["domain"] != "platform":
            assert second["topics"][name] == topic, name


def assert_whole(report: dict[str, Any], recordings: Path) -> None:
    """Judge the report of a run by the recordings."""
    assert broken_equations(report) == []
    assert report["audit"] == {"verdict": "pass", "problems": []}
    assert all(row["bytes"] for row in report["inputs"].values() if row["format"] and not row["reason"])
    expected = {path.name: rows_of(recordings / path.name) for path in bundled("air_quality")}
    inputs = {path.rsplit("/", 1)[-1]: row for path, row in report["inputs"].items()}
    assert {name: inputs[name]["read"] for name in expected} == expected
    assert {path.name for path in recordings.iterdir() if path.is_file()} <= inputs.keys()
    topics = report["topics"]
    accepted = sum(row["accepted"] for row in inputs.values() if row["domain"] == "air_quality")
    assert topics["air-quality.reading"]["events"] == accepted
    assert topics["air-quality.index"]["events"] > 0
    assert topics["air-quality.category-change"]["events"] > 0
    assert report["latency_ms"]["to_seal"]["p50"] is not None
    assert report["city_log"]["size"] == report["city_log"]["blocks"] > 0


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
