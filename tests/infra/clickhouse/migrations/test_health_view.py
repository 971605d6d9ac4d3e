"""The view behind the health board: which day or recording stands for a cycle, in each scheme."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from dashboards.build import boards, targets
from dashboards.queries import expand
from infra.clickhouse.migrations.migrate import migrate
from schemas.catalog import load_catalog
from schemas.names import board_uid
from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = [
    "event_id",
    "source",
    "occurred_at",
    "cohort",
    "cycle",
    "sex",
    "age_band",
    "scheme",
    "class",
    "persons",
    "period",
    "zone",
]


def _count(
    cohort: str, cycle: str, scheme: str, name: str, persons: int, day: int | None = None
) -> list[Any]:
    """Return a count of both sexes and all ages."""
    occurred_at = datetime(2026, 11, 1 if day is None else day, 15, tzinfo=UTC)
    period = None if day is None else f"2026-11-{day:02}"
    group = ["ALL", "ALL", scheme, name, persons]
    return [uuid.uuid4(), f"{cohort}#0", occurred_at, cohort, cycle, *group, period, period and "Asia/Seoul"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Counts of two live days and of two files of a survey."""
    rows = [
        _count("live:walk-in", "walk-in", "PERSONS", "ALL", 90, day=10),
        _count("live:walk-in", "walk-in", "WHO", "NORMAL", 85, day=10),
        _count("live:walk-in", "walk-in", "PBF", "ABOVE", 85, day=10),
        _count("live:walk-in", "walk-in", "PERSONS", "ALL", 20, day=11),
        _count("live:walk-in", "walk-in", "WHO", "NORMAL", 15, day=11),
        _count("live:walk-in", "walk-in", "WHO", "OBESE_I", 5, day=11),
        _count("replay:aa", "survey", "PERSONS", "ALL", 900),
        _count("replay:aa", "survey", "WHO", "NORMAL", 880),
        _count("replay:bb", "survey", "PERSONS", "ALL", 500),
        _count("replay:bb", "survey", "PBF", "HEALTHY", 450),
    ]
    process = EngineProcess(tmp_path_factory.mktemp("engine") / "data")
    found = process.start().client()
    migrate(found, load_catalog())
    found.insert("city.health_class_count", rows, column_names=_COLUMNS)
    yield found
    found.close()
    process.stop()


def test_the_newest_day_and_the_largest_recording_of_each_scheme_stand_for_a_cycle(client: Any) -> None:
    """A quiet day replaces a busy one; body measures and X-ray of one survey are two files."""
    found = client.query(
        "SELECT cycle, scheme, class, persons, round(share, 2), period FROM city.health_class_share "
        "ORDER BY cycle, scheme, class"
    ).result_rows
    assert found == [
        ("survey", "PBF", "HEALTHY", 450, 1.0, None),
        ("survey", "PERSONS", "ALL", 900, 1.0, None),
        ("survey", "WHO", "NORMAL", 880, 1.0, None),
        ("walk-in", "PERSONS", "ALL", 20, 1.0, "2026-11-11"),
        ("walk-in", "WHO", "NORMAL", 15, 0.75, "2026-11-11"),
        ("walk-in", "WHO", "OBESE_I", 5, 0.25, "2026-11-11"),
    ]


def test_the_board_of_a_live_city_fills_without_a_recordings_end(client: Any) -> None:
    """What is counted, of which day, and persons by day; the board's own queries."""
    found = {}
    for title, target in targets(boards(load_catalog())[board_uid("health")]):
        sql = expand(
            target["rawSql"],
            datetime(2026, 11, 1, tzinfo=UTC),
            datetime(2026, 12, 1, tzinfo=UTC),
            interval_s=86_400,
        )
        found[title] = client.query(sql).result_rows
    assert found["What is counted"] == [
        ("survey", "whole recording", "", 900),
        ("walk-in", "2026-11-11", "Asia/Seoul", 20),
    ]
    days = [(cycle, persons) for _, cycle, persons in found["Persons by day"]]
    assert sorted(days) == [("survey", 900), ("walk-in", 20), ("walk-in", 90)]
    assert found["Persons counted"] == [(920,)]
