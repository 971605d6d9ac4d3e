"""Roll-ups count events, not records: repeats, redone claims and late runs change nothing."""

from __future__ import annotations

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from infra.clickhouse.migrations.migrate import migrate
from infra.clickhouse.migrations.scripts import load_rollups
from schemas.catalog import load_catalog
from streams.clickhouse_sink.rollups import refresh
from streams.zones import day_bounds, local_day, local_time
from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COLUMNS = ["_partition", "_offset", "event_id", "source", "occurred_at", "station", "city", "averaging"]
_COLUMNS += ["gas_unit", "pm10", "pm2_5", "no2", "zone", "flags"]
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
        refresh(self.statements, self._run, self._query, 0, first, last)

    def _run(self, sql: str, **binds: int | str) -> None:
        self.client.command(sql, parameters=binds)

    def _query(self, sql: str, **binds: int | str) -> list[Any]:
        return list(self.client.query(sql, parameters=binds).result_rows)

    def hourly(self) -> list[tuple[Any, ...]]:
        return list(
            self.client.query(
                "SELECT station, toUnixTimestamp(bucket), events, pm10_count, pm10_mean, pm10_max, pm2_5_count "
                "FROM city.air_quality_reading_hourly ORDER BY station, bucket"
            ).result_rows
        )

    def total(self, table: str) -> int:
        return int(self.client.query(f"SELECT sum(events) FROM city.{table}").result_rows[0][0])


def _table(folder: Path) -> Iterator[_Table]:
    process = EngineProcess(folder / "data")
    door = process.start()
    client = door.client(autogenerate_session_id=False)
    migrate(client, load_catalog())
    yield _Table(client)
    client.close()
    process.stop()


@pytest.fixture
def table(tmp_path: Path) -> Iterator[_Table]:
    """Tables and roll-ups on an engine of their own."""
    yield from _table(tmp_path)


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
            "zone": "Asia/Seoul",
            "flags": [],
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


HOUR_US = 3_600_000_000


def _hours(zone: str | None, city: str, days: list[date], clock: str | None = None) -> list[dict[str, Any]]:
    """Return a reading for every hour of some local days of a station named after its zone."""
    chance = random.Random(f"{zone}{city}")
    place = ZoneInfo(clock or zone or "UTC")
    return [
        {
            "event_id": uuid.UUID(int=chance.getrandbits(128)),
            "source": f"device:{city}",
            "occurred_at": datetime.fromtimestamp(at / 1e6, UTC),
            "station": f"station of {zone}",
            "city": city,
            "averaging": "PT1H",
            "gas_unit": "PPM",
            "pm10": None,
            "pm2_5": 40.0 + chance.randint(0, 70),
            "no2": None,
            "zone": zone,
            "flags": ["OUT_OF_RANGE:pm10"],
        }
        for day in days
        for at in range(*day_bounds(day, place), HOUR_US)
    ]


def _daily(table: _Table) -> list[tuple[Any, ...]]:
    return list(
        table.client.query(
            "SELECT zone, city, day, seconds / 3600, events, toUnixTimestamp(bucket) "
            "FROM city.air_quality_reading_daily ORDER BY zone, city, day"
        ).result_rows
    )


_SPRING, _AUTUMN = date(2024, 3, 10), date(2024, 11, 3)
_PLACES: list[tuple[str | None, str, list[date], str, list[float]]] = [
    # zone as the readings have it, city, days, the zone whose clock counts, hours of each day
    (
        "America/New_York",
        "New York",
        [_SPRING, _SPRING + timedelta(days=1), _AUTUMN],
        "America/New_York",
        [23, 24, 25],
    ),
    ("Asia/Seoul", "Seoul", [date(2021, 3, 1)], "Asia/Seoul", [24]),
    ("Asia/Kolkata", "Delhi", [date(2024, 1, 1)], "Asia/Kolkata", [24]),
    ("Asia/Kathmandu", "Kathmandu", [date(2024, 1, 1)], "Asia/Kathmandu", [24]),
    ("Australia/Lord_Howe", "Lord Howe", [date(2024, 4, 7)], "Australia/Lord_Howe", [24.5]),
    ("America/Asuncion", "Asunción", [date(2024, 3, 23)], "America/Asuncion", [25]),  # 24:00 becomes 23:00
    (None, "Beijing", [date(2013, 3, 1)], "Asia/Shanghai", [24]),
    (None, "Seoul", [date(2021, 3, 2)], "Asia/Seoul", [24]),
    (None, "Atlantis", [date(2021, 3, 1)], "UTC", [24]),
    ("Mars/Olympus", "Olympus", [date(2021, 3, 1)], "UTC", [24]),
]
_SKIPPED_MIDNIGHTS = (
    ("America/Santiago", date(2022, 9, 11)),
    ("Africa/Cairo", date(2024, 4, 26)),
    ("Asia/Beirut", date(2024, 3, 31)),
    ("America/Havana", date(2024, 3, 10)),
    ("Atlantic/Azores", date(2024, 3, 31)),
    ("Asia/Tehran", date(2022, 3, 22)),
)
"""Zones, and days that begin at 01:00."""
_PLACES += [(zone, zone, [day - timedelta(days=1), day], zone, [24, 23]) for zone, day in _SKIPPED_MIDNIGHTS]


_BEIJING = [date(2013, 3, 1) + timedelta(days=number) for number in range(60)]


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[_Table, list[dict[str, Any]]]]:
    """Days of several clocks, inserted in any order, and their readings."""
    events = _hours("Asia/Shanghai", "Beijing of today", _BEIJING)
    for zone, city, days, clock, _ in _PLACES:
        events += _hours(zone, city, days, clock)
    random.Random(5).shuffle(events)
    for made in _table(tmp_path_factory.mktemp("clocks")):
        for first in range(0, len(events), 500):
            batch = events[first : first + 500]
            made.insert(batch, first, f"t:0:{first}")
            made.refresh(first, first + len(batch) - 1)
        yield made, events


def test_a_day_is_that_of_the_stations_clock(clocks: tuple[_Table, list[dict[str, Any]]]) -> None:
    """Days of 23, 24, 24½ and 25 hours, zones of half and quarter hours, zones that are missing or do not exist."""
    table, events = clocks
    expected = []
    for _, city, days, clock, lengths in _PLACES:
        for day, hours in zip(days, lengths, strict=True):
            begin, end = day_bounds(day, ZoneInfo(clock))
            expected.append((clock, city, day, hours, -((begin - end) // HOUR_US), begin // 1_000_000))
    assert [row for row in _daily(table) if row[1] != "Beijing of today"] == sorted(expected)
    assert (
        table.total("air_quality_reading_hourly") == table.total("air_quality_reading_daily") == len(events)
    )


def test_hours_of_the_day_are_those_of_the_stations_clock(
    clocks: tuple[_Table, list[dict[str, Any]]],
) -> None:
    """A half-hour zone has hours of its own; an hour that comes twice is two rows."""
    table, events = clocks
    cities = ("Delhi", "New York", "Kathmandu")
    sql = f"SELECT city, toUnixTimestamp(bucket), day, hour FROM city.air_quality_reading_hourly WHERE city IN {cities}"
    expected = []
    for event in events:
        if event["city"] in cities:
            at, zone = round(event["occurred_at"].timestamp()) * 1_000_000, ZoneInfo(event["zone"])
            expected.append((event["city"], at // 1_000_000, local_day(at, zone), local_time(at, zone).hour))
    assert sorted(table.client.query(sql).result_rows) == sorted(expected)


_HALF_HOURS = [
    # zone, the day of a change by half an hour or within an hour
    ("Australia/Lord_Howe", date(2023, 10, 1)),
    ("Australia/Lord_Howe", date(2024, 4, 7)),
    ("America/Caracas", date(2016, 5, 1)),
    ("Pacific/Chatham", date(2023, 9, 24)),
    ("Pacific/Chatham", date(2024, 4, 7)),
    ("Pacific/Norfolk", date(2015, 10, 4)),
    ("Asia/Pyongyang", date(2018, 5, 5)),
]


def test_hours_of_a_day_on_which_a_clock_changes_by_half_an_hour(table: _Table) -> None:
    """An hour begins with its first minute, or at the change of the clock; each has its number of the local day."""
    events, expected = [], set()
    for number, (zone, day) in enumerate(_HALF_HOURS):
        place, begins, before = ZoneInfo(zone), 0, None
        begin, end = day_bounds(day, place)
        for at in range(begin, end, HOUR_US // 12):
            local = local_time(at, place)
            key = (local.hour, local.utcoffset())
            begins, before = (at, key) if key != before else (begins, before)
            expected.add((f"{number}", begins // 1_000_000, day, local.hour))
            if local.minute % 15 == 5:
                [event] = _hours(zone, zone, [day])[:1]
                name, instant = uuid.UUID(int=number << 64 | at), datetime.fromtimestamp(at / 1e6, UTC)
                events.append({**event, "station": f"{number}", "event_id": name, "occurred_at": instant})
    table.insert(events, 0, "a")
    table.refresh(0, len(events) - 1)
    sql = "SELECT station, toUnixTimestamp(bucket), day, hour FROM city.air_quality_reading_hourly"
    found = table.client.query(sql).result_rows
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert table.total("air_quality_reading_hourly") == len(events)


def test_beijing_days_at_75_are_those_of_an_independent_count(
    clocks: tuple[_Table, list[dict[str, Any]]],
) -> None:
    """Days above 75 µg/m³ of PM2.5 are Beijing's own days; by UTC some of them change side."""
    table, events = clocks

    def above(zone: str) -> set[date]:
        days: dict[date, list[float]] = {}
        for event in events:
            if event["city"] == "Beijing of today":
                day = local_day(round(event["occurred_at"].timestamp()) * 1_000_000, ZoneInfo(zone))
                days.setdefault(day, []).append(event["pm2_5"])
        return {day for day, values in days.items() if sum(values) / len(values) > 75}

    sql = "SELECT day FROM city.air_quality_reading_daily WHERE pm2_5_mean > 75 AND city = 'Beijing of today'"
    found = {row[0] for row in table.client.query(sql).result_rows}
    assert found == above("Asia/Shanghai") != above("UTC")


def test_a_value_that_its_source_doubts_is_in_no_mean(table: _Table) -> None:
    """The reading counts, and its other values do."""
    first, second = _hours("Asia/Seoul", "Seoul", [date(2021, 3, 1)])[:2]
    sound = {**first, "pm10": 20.0, "pm2_5": 10.0}
    doubted = {**second, "pm10": 900.0, "pm2_5": 30.0, "flags": ["SOURCE_FLAG:pm10:점검및교정"]}
    table.insert([sound, doubted], 0, "a")
    table.refresh(0, 1)
    sql = "SELECT events, pm10_count, pm10_mean, pm10_max, pm2_5_mean FROM city.air_quality_reading_daily"
    assert table.client.query(sql).result_rows == [(2, 1, 20.0, 20.0, 20.0)]


def test_a_migration_fills_the_new_roll_ups_from_the_readings(table: _Table) -> None:
    """A city that has readings by UTC days gets local days at its next start, and only then is the file noted."""
    events = _hours(None, "Beijing", [date(2013, 3, 1)], "Asia/Shanghai")
    table.insert(events, 0, "a")
    for name in ("hourly", "daily"):
        table.client.command(f"TRUNCATE TABLE city.air_quality_reading_{name}_state")
    table.client.command(
        "ALTER TABLE city.migrations DELETE WHERE domain = 'air_quality' AND script >= '0003' "
        "SETTINGS mutations_sync = 1"
    )
    assert "roll-ups of air_quality_reading" in migrate(table.client, load_catalog())
    assert [row[2:5] for row in _daily(table)] == [(date(2013, 3, 1), 24, 24)]
    assert migrate(table.client, load_catalog()) == ()
