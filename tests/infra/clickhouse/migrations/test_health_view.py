"""The view behind the health board: which day or recording stands for a cycle, in each scheme."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infra.clickhouse.migrations.migrate import migrate
from schemas.catalog import load_catalog
from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from pathlib import Path

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


def test_the_newest_day_and_the_largest_recording_of_each_scheme_stand_for_a_cycle(tmp_path: Path) -> None:
    """A quiet day replaces a busy one; body measures and X-ray of one survey are two files."""
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
    process = EngineProcess(tmp_path / "data")
    client = process.start().client()
    try:
        migrate(client, load_catalog())
        client.insert("city.health_class_count", rows, column_names=_COLUMNS)
        found = client.query(
            "SELECT cycle, scheme, class, persons, round(share, 2), period FROM city.health_class_share "
            "ORDER BY cycle, scheme, class"
        ).result_rows
    finally:
        client.close()
        process.stop()
    assert found == [
        ("survey", "PBF", "HEALTHY", 450, 1.0, None),
        ("survey", "PERSONS", "ALL", 900, 1.0, None),
        ("survey", "WHO", "NORMAL", 880, 1.0, None),
        ("walk-in", "PERSONS", "ALL", 20, 1.0, "2026-11-11"),
        ("walk-in", "WHO", "NORMAL", 15, 0.75, "2026-11-11"),
        ("walk-in", "WHO", "OBESE_I", 5, 0.25, "2026-11-11"),
    ]
