"""A meter's energy by the day and month of its place's clock, over changes of the clock, storage and corrections."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from dashboards.build import boards, targets
from dashboards.queries import expand
from infra.clickhouse.migrations.migrate import migrate
from infra.clickhouse.migrations.scripts import load_rollups
from schemas.catalog import load_catalog
from schemas.names import board_uid
from streams.clickhouse_sink.rollups import refresh
from streams.domains.energy import agents
from tests.harness.engine import EngineProcess
from tests.streams.domains.energy.facts import meter_reading, run, shares_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HALF_HOUR = timedelta(minutes=30)
HOMES = (
    ("sydney", "Australia/Sydney", datetime(2012, 3, 31, 0, tzinfo=UTC)),
    ("seoul", "Asia/Seoul", datetime(2024, 12, 31, 6, tzinfo=UTC)),
    ("nowhere", None, datetime(2024, 12, 31, 6, tzinfo=UTC)),
)


class _City:
    """An engine with the city's tables, and the sink's side of one topic."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.statements = load_rollups(load_catalog())["energy.balance"]
        self.offset = 0

    def insert(self, topic: str, events: list[dict[str, Any]]) -> None:
        """Insert events and refresh the roll-ups of balances."""
        table = load_catalog().topics[topic].table
        names = [name for name in events[0] if name != "salt"]
        rows = [
            [0, self.offset + at, *(_cell(name, each[name]) for name in names)]
            for at, each in enumerate(events)
        ]
        self.client.insert(f"city.{table}", rows, column_names=["_partition", "_offset", *names])
        if topic == agents.BALANCE:
            refresh(self.statements, self._run, self.rows, 0, self.offset, self.offset + len(events) - 1)
        self.offset += len(events)

    def _run(self, sql: str, **binds: int | str) -> None:
        self.client.command(sql, parameters=binds)

    def rows(self, sql: str, **binds: int | str) -> list[Any]:
        """Return the rows of a query."""
        return list(self.client.query(sql, parameters=binds).result_rows)


def _cell(name: str, value: Any) -> Any:
    return datetime.fromtimestamp(value / 1e6, UTC) if name == "occurred_at" else value


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_City]:
    """Tables and roll-ups on an engine of their own; each test has its own tables."""
    process = EngineProcess(tmp_path_factory.mktemp("energy") / "data")
    client = process.start().client(autogenerate_session_id=False)
    migrate(client, load_catalog())
    yield _City(client)
    client.close()
    process.stop()


def _readings() -> list[dict[str, Any]]:
    """Make three days of half hours for each home; the homes have a battery."""
    found = []
    for meter, zone, begins in HOMES:
        for number in range(150):
            at = begins + number * HALF_HOUR
            own: dict[str, Any] = {
                "import_wh": number,
                "export_wh": number % 7,
                "generation_wh": 2 * number % 40,
                "charge_wh": 3,
            }
            micros = int(at.timestamp()) * 1_000_000
            found.append(
                meter_reading(micros, number + 1, meter, zone=zone, duration="PT30M", discharge_wh=9, **own)
            )
    return found


def _days(balances: list[dict[str, Any]]) -> dict[tuple[str, date], tuple[int, int, int]]:
    """Sum up intervals, import and charge by the local day, with Python's own clocks."""
    sums: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0, 0])
    for each in balances:
        day = datetime.fromtimestamp(each["occurred_at"] / 1e6, ZoneInfo(each["zone"] or "UTC")).date()
        total = sums[each["meter"], day]
        for place, amount in enumerate((1, each["import_wh"], each["charge_wh"])):
            total[place] += amount
    return {which: tuple(total) for which, total in sums.items()}  # type: ignore[misc]


def test_days_and_months_are_those_of_the_place(city: _City) -> None:
    """Sydney's day of 25 hours has 50 half hours; years part at midnight in Seoul; a correction counts."""
    readings = _readings()
    balances = [each.event for each in run(agents.READING, readings)]
    city.insert(agents.BALANCE, balances[:200])
    city.insert(agents.BALANCE, balances[200:])
    fixed = {
        **readings[120],
        "event_id": readings[120]["event_id"][:-1] + "f",
        "import_wh": 10_000,
        "quality": "EDITED",
    }
    corrected = [each.event for each in run(agents.READING, [*readings[:150], fixed])][-1:]
    assert corrected[0]["corrects"] == balances[120]["event_id"]
    city.insert(agents.BALANCE, corrected)
    city.insert(agents.BALANCE, balances[:20])
    newest = [each for each in balances if each is not balances[120]] + corrected
    daily = "SELECT meter, day, intervals, import_wh, charge_wh FROM city.energy_balance_daily"
    assert {(meter, day): tuple(rest) for meter, day, *rest in city.rows(daily)} == _days(newest)
    long_day = city.rows(
        "SELECT intervals, measured_s, zone FROM city.energy_balance_daily WHERE day = '2012-04-01'"
    )
    assert long_day == [(50, 90_000, "Australia/Sydney")]
    months = city.rows(
        "SELECT month, intervals FROM city.energy_balance_monthly WHERE meter = 'seoul' ORDER BY month"
    )
    assert months == [(date(2024, 12, 1), 18), (date(2025, 1, 1), 132)]
    held = city.rows("SELECT count(), countIf(revision > 0) FROM city.energy_balance_newest")
    assert held == [(len(balances), 1)]
    check_board(city)


def check_board(city: _City) -> None:
    """Run every panel's query of the energy board; those of balances have rows."""
    (board,) = (each for uid, each in boards(load_catalog()).items() if uid == board_uid("energy"))
    begin, end = datetime(2012, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    counts = {
        title: len(city.rows(expand(target["rawSql"], begin, end, interval_s=86400)))
        for title, target in targets(board)
    }
    for title in ("By day", "By month", "Batteries and vehicles", "Meters by consumption"):
        assert counts[title] > 0


def test_the_newest_balance_of_a_community_counts(city: _City) -> None:
    """Homes that are replayed one after the other tell each hour again; the view has it once, with all of them."""
    shares = []
    for member in ("market-day-home-1", "market-day-home-2"):
        own = [
            meter_reading(hour * 3_600_000_000, hour + 1, member, f"replay:{member}", community="market-day",
                          import_wh=5, export_wh=0, generation_wh=1, closes=hour == 5)
            for hour in range(6)
        ]  # fmt: skip
        shares += shares_of(run(agents.READING, own))
    told = [each.event for each in run(agents.COMMUNITY_SHARE, shares)]
    assert len(told) == 12
    city.insert(agents.COMMUNITY_BALANCE, told)
    found = city.rows("SELECT members, import_wh, zone FROM city.energy_community_balance_newest")
    assert found == [(2, 10, "Asia/Seoul")] * 6
