"""The status counts a table again only when its parts have changed; what it shows is the same as if it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from infra.settings import Settings
from infra.status import stores
from infra.status.stores import ClickHouseCounter
from schemas.catalog import load_catalog

TOPIC, TABLE = "air-quality.reading", "air_quality_reading"


@dataclass
class Client:
    """A ClickHouse client with one table; it keeps the counting queries."""

    rows: int = 3
    parts: str = "1"
    age_s: float = 5.0
    future: int = 0
    counted: list[str] = field(default_factory=list)

    def query(self, sql: str) -> Any:
        """Answer the list of tables, or a counting query."""
        if "system.parts" in sql:
            return SimpleNamespace(result_rows=[(TABLE, self.rows, self.parts), ("records", 9, "9")])
        self.counted.append(sql)
        row = (TOPIC, self.rows, self.rows, self.age_s, self.age_s, self.future, 0)
        return SimpleNamespace(result_rows=[row])


class Clock:
    """A clock that the test moves."""

    now = 100.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the counter."""
    clock = Clock()
    monkeypatch.setattr(stores, "time", clock)
    return clock


def counter(client: Client) -> ClickHouseCounter:
    """Return a counter over a client."""
    made = ClickHouseCounter(Settings(), load_catalog())
    made._client = cast("Any", client)
    return made


def test_a_table_whose_parts_stay_is_counted_once_and_its_age_grows(clock: Clock) -> None:
    """At rest a look costs one query of the parts."""
    client = Client()
    counts = counter(client)
    assert counts.count().tables[TOPIC].age_s == 5.0
    clock.now += 7
    table = counts.count().tables[TOPIC]
    assert (table.rows, table.age_s, len(client.counted)) == (3, 12.0, 1)


@pytest.mark.parametrize("change", [{"parts": "2"}, {"parts": "2", "rows": 2}])
def test_a_table_whose_parts_change_is_counted_again(clock: Clock, change: dict[str, Any]) -> None:
    """An insert, a merge, a mutation or a deletion gives parts of other names."""
    del clock
    client = Client()
    counts = counter(client)
    counts.count()
    for name, value in change.items():
        setattr(client, name, value)
    assert counts.count().tables[TOPIC].rows == client.rows
    assert len(client.counted) == 2


def test_an_event_of_the_future_is_counted_again_until_its_time_has_come(clock: Clock) -> None:
    """Its table does not change when its time comes; its age does."""
    del clock
    client = Client(future=1)
    counts = counter(client)
    counts.count()
    counts.count()
    assert len(client.counted) == 2


def test_a_table_that_is_gone_is_missing_and_not_remembered(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old counts are never shown for a table that was dropped."""
    del clock
    client = Client()
    counts = counter(client)
    counts.count()
    monkeypatch.setattr(client, "query", lambda _: SimpleNamespace(result_rows=[("records", 9, "9")]))
    found = counts.count()
    assert TOPIC not in found.tables
    assert f"city.{TABLE}" in found.missing
