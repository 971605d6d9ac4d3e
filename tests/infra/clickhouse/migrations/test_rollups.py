"""Roll-ups count events, not records: repeats, redone claims and late runs change nothing."""

from __future__ import annotations

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.clickhouse.migrations.migrate import migrate
from infra.clickhouse.migrations.scripts import load_rollups
from schemas.catalog import load_catalog
from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COLUMNS = ["_partition", "_offset", "event_id", "source", "occurred_at", "station", "city", "averaging"]
_COLUMNS += ["gas_unit", "pm10", "pm2_5", "no2"]
_START = datetime(2026, 2, 27, 22, tzinfo=UTC)


class _Table:
    """The sink's side: inserts under tokens, refreshes after them."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.statements = load_rollups(load_catalog())["air-quality.reading"]

    def insert(self, events: list[dict[str, Any]], first: int, token: str) -> None:
        rows = [[0, first + at, *(event[name] for name in _COLUMNS[2:])] for at, event in enumerate(events)]
        settings = {"insert_deduplication_token": token}
        self.client.insert("city.air_quality_reading", rows, column_names=_COLUMNS, settings=settings)

    def refresh(self, first: int, last: int) -> None:
        for statement in self.statements:
            self.client.command(statement, parameters={"partition": 0, "first": first, "last": last})

    def hourly(self) -> list[tuple[Any, ...]]:
        return list(
            self.client.query(
                "SELECT station, toUnixTimestamp(bucket), events, pm10_count, pm10_mean, pm10_max, pm2_5_count "
                "FROM city.air_quality_reading_hourly ORDER BY station, bucket"
            ).result_rows
        )

    def total(self, table: str) -> int:
        return int(self.client.query(f"SELECT sum(events) FROM city.{table}").result_rows[0][0])


@pytest.fixture
def table(tmp_path: Path) -> Iterator[_Table]:
    """Tables and roll-ups on an engine of their own."""
    process = EngineProcess(tmp_path / "data")
    door = process.start()
    client = door.client(autogenerate_session_id=False)
    migrate(client, load_catalog())
    yield _Table(client)
    client.close()
    process.stop()


def _events(count: int) -> list[dict[str, Any]]:
    chance = random.Random(7)
    return [
        {
            "event_id": uuid.UUID(int=chance.getrandbits(128)),
            "source": f"replay:0011223344556677#{number}",
            "occurred_at": _START + timedelta(minutes=20 * (number // 3)),
            "station": f"station {number % 3}",
            "city": "Seoul",
            "averaging": "PT1H",
            "gas_unit": "PPM",
            "pm10": None if number % 5 == 0 else chance.choice([0.1, 0.2, 33.3, 1e300]),
            "pm2_5": chance.uniform(0, 50),
            "no2": None,
        }
        for number in range(count)
    ]


def _expected(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The same by plain Python."""
    found: dict[tuple[str, int], dict[uuid.UUID, dict[str, Any]]] = {}
    for event in events:
        hour = int(event["occurred_at"].timestamp()) // 3600 * 3600
        found.setdefault((event["station"], hour), {})[event["event_id"]] = event
    rows = []
    for (station, hour), facts in sorted(found.items()):
        values = [fact["pm10"] for fact in facts.values() if fact["pm10"] is not None]
        summed = [round(value * 1e6) for value in values if value < 1e30]
        mean = sum(summed) / 1e6 / len(summed) if summed else None
        rows.append((station, hour, len(facts), len(values), mean, max(values, default=None), len(facts)))
    return rows


def _approximately(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(pytest.approx(cell) if isinstance(cell, float) else cell for cell in row) for row in rows]


def test_rollups_equal_a_plain_count(table: _Table) -> None:
    """Claim after claim; hourly and daily agree with the events."""
    events = _events(300)
    for first in range(0, 300, 70):
        batch = events[first : first + 70]
        table.insert(batch, first, f"t:0:{first}")
        table.refresh(first, first + len(batch) - 1)
    assert table.hourly() == _approximately(_expected(events))
    assert table.total("air_quality_reading_hourly") == table.total("air_quality_reading_daily") == 300


def test_repeats_and_redone_claims_change_nothing(table: _Table) -> None:
    """Events that come again in later records, a claim that is redone, refreshes run twice and out of order."""
    events = _events(120)
    table.insert(events[:60], 0, "t:0:0-59")
    table.insert(events[:60], 0, "t:0:0-59")
    table.insert(events[30:90], 60, "t:0:60-119")  # 30 of them are repeats
    table.refresh(60, 119)
    table.refresh(0, 59)
    table.insert(events, 120, "t:0:120-239")  # all of them once more
    table.refresh(120, 239)
    once = table.hourly()
    assert once == _approximately(_expected(events))
    for first, last in ((0, 59), (120, 239), (60, 119), (0, 239)):
        table.refresh(first, last)
    assert table.hourly() == once
    table.client.command("OPTIMIZE TABLE city.air_quality_reading FINAL")
    table.client.command("OPTIMIZE TABLE city.air_quality_reading_hourly_state FINAL")
    table.refresh(0, 239)
    assert table.hourly() == once
    assert table.client.query("SELECT count() FROM city.air_quality_reading FINAL").result_rows == [(120,)]


def test_a_run_that_saw_less_cannot_win(table: _Table) -> None:
    """A stale row that arrives last, as from a sink that was stopped and continued, stays behind the fuller one."""
    events = _events(90)
    table.insert(events[:30], 0, "t:0:0")
    table.refresh(0, 29)
    table.client.command("CREATE TABLE default.stale AS city.air_quality_reading_hourly_state")
    table.client.command("INSERT INTO default.stale SELECT * FROM city.air_quality_reading_hourly")
    table.insert(events[30:], 30, "t:0:30")
    table.refresh(30, 89)
    table.client.command("INSERT INTO city.air_quality_reading_hourly_state SELECT * FROM default.stale")
    assert table.hourly() == _approximately(_expected(events))


def test_two_sinks_at_once_agree(table: _Table) -> None:
    """Refreshes that overlap end at the same rows."""
    events = _events(240)
    clients = ThreadPoolExecutor(4)

    def work(first: int) -> None:
        table.insert(events[first : first + 20], first, f"t:0:{first}")
        table.refresh(first, first + 19)

    list(clients.map(work, range(0, 240, 20)))
    assert table.hourly() == _approximately(_expected(events))


def test_a_mean_is_the_same_to_the_last_bit_in_any_order(table: _Table) -> None:
    """Sums are of decimals, so the order of insertion does not show."""
    events = [event | {"station": "one", "occurred_at": _START} for event in _events(200)]
    table.insert(events, 0, "a")
    table.refresh(0, 199)
    once = table.hourly()
    mixed = [event | {"station": "two"} for event in random.Random(3).sample(events, 200)]
    for at in range(0, 200, 10):
        table.insert(mixed[at : at + 10], 200 + at, f"b{at}")
    table.refresh(200, 399)
    [one, two] = table.hourly()
    assert one[1:] == two[1:] == once[0][1:]
