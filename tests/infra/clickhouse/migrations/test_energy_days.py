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

    def rows(self, sql: str, **binds: Any) -> list[Any]:
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
    homes = [meter for meter, _, _ in HOMES]
    daily = (
        "SELECT meter, day, intervals, import_wh, charge_wh FROM city.energy_balance_daily "
        "WHERE meter IN {homes:Array(String)}"
    )
    found = city.rows(daily, homes=homes)
    assert {(meter, day): tuple(rest) for meter, day, *rest in found} == _days(newest)
    long_day = city.rows(
        "SELECT intervals, measured_s, zone FROM city.energy_balance_daily WHERE day = '2012-04-01'"
    )
    assert long_day == [(50, 90_000, "Australia/Sydney")]
    months = city.rows(
        "SELECT month, intervals FROM city.energy_balance_monthly WHERE meter = 'seoul' ORDER BY month"
    )
    assert months == [(date(2024, 12, 1), 18), (date(2025, 1, 1), 132)]
    held = city.rows(
        "SELECT count(), countIf(revision > 0) FROM city.energy_balance_newest "
        "WHERE meter IN {homes:Array(String)}",
        homes=homes,
    )
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


def _told(meter: str, source: str, hours: Any, wh: int, **fields: Any) -> list[dict[str, Any]]:
    """Make hours of a meter in Seoul, as one source tells them."""
    begins = int(datetime(2026, 1, 4, 15, tzinfo=UTC).timestamp()) * 1_000_000
    source += f"-{meter}" if source.startswith("replay:") else ""  # a file of its own, with ids of its own
    own = {"zone": "Asia/Seoul", "import_wh": wh, "export_wh": 0, **fields}
    return [meter_reading(begins + hour * 3_600_000_000, hour + 1, meter, source, **own) for hour in hours]


def _balances(*recordings: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [
        [each.event for each in run(agents.READING, own) if each.topic == agents.BALANCE]
        for own in recordings
    ]


def _held(city: _City, meter: str) -> tuple[list[Any], list[Any]]:
    """Return the days of a meter, and the sums of what counts."""
    days = city.rows(
        "SELECT toString(day), intervals, measured_s, import_wh FROM city.energy_balance_daily "
        "WHERE meter = {meter:String} AND intervals > 0 ORDER BY day, simulated",
        meter=meter,
    )
    counted = city.rows(
        "SELECT count(), sum(import_wh) FROM city.energy_balance_newest WHERE meter = {meter:String}",
        meter=meter,
    )
    return days, counted


@pytest.mark.parametrize("turned", [False, True])
def test_a_day_that_two_recordings_tell_counts_once(city: _City, *, turned: bool) -> None:
    """An excerpt and the whole file, in either order and also at once; what one of them lacks comes from the other."""
    meter = f"twice-{turned}"
    whole, excerpt = _balances(
        _told(meter, "replay:aaaa", range(20), 100), _told(meter, "replay:bbbb", range(6, 24), 100)
    )
    parts = [excerpt, whole] if turned else [whole, excerpt]
    for part in parts:
        city.insert(agents.BALANCE, part)
    expected = ([("2026-01-05", 24, 86_400, 2400)], [(24, 2400)])
    assert _held(city, meter) == expected
    city.insert(agents.BALANCE, parts[0] + parts[1])
    assert _held(city, meter) == expected


def test_the_choice_between_streams_follows_from_the_events(city: _City) -> None:
    """The meter's own source, else the higher revision, else the first by name; live and simulated stay apart."""
    hours = range(24)
    named = _told("choice-a", "replay:bbbb", [3], 7)
    fixed = [{**named[0], "event_id": named[0]["event_id"][:-1] + "f", "import_wh": 9}]
    later = _told("choice-a", "replay:bbbb", hours, 7)
    for part in _balances([*later, *fixed], _told("choice-a", "replay:aaaa", hours, 5)):
        city.insert(agents.BALANCE, part)
    assert _held(city, "choice-a") == ([("2026-01-05", 24, 86_400, 23 * 5 + 9)], [(24, 23 * 5 + 9)])
    for part in _balances(
        _told("choice-b", "device:another", hours, 5),
        _told("choice-b", "device:choice-b", hours, 7),
        _told("choice-b", "replay:aaaa", hours, 1),
    ):
        city.insert(agents.BALANCE, part)
    days, counted = _held(city, "choice-b")
    assert days == [("2026-01-05", 24, 86_400, 24 * 7), ("2026-01-05", 24, 86_400, 24)]
    assert counted == [(48, 24 * 8)]


def test_intervals_of_another_length_count_where_nothing_else_tells_the_time(city: _City) -> None:
    """Hours of one stream and half hours of another, which goes on longer; one knows its zone, the other does not."""
    half = [
        {**each, "occurred_at": each["occurred_at"] - each_at * 1_800_000_000}
        for each_at, each in enumerate(
            _told("lengths", "replay:bbbb", range(48), 50, duration="PT30M", zone=None)
        )
    ]
    for part in _balances(half, _told("lengths", "replay:aaaa", range(20), 100)):
        city.insert(agents.BALANCE, part)
    days, counted = _held(city, "lengths")
    assert counted == [(20 + 8, 20 * 100 + 8 * 50)]
    assert sum(each[2] for each in days) == 86_400
    assert sum(each[3] for each in days) == 2400


def test_of_two_corrections_of_one_reading_one_counts(city: _City) -> None:
    """From one stream, however far apart; and from two, the second of which is taken up first."""
    hours = _told("fixed", "device:fixed", range(200), 10)
    named = {"corrects": hours[10]["event_id"]}
    one, two = (
        {**each, "event_id": hours[10]["event_id"][:-2] + tail, "salt": bytes(16)}
        for each, tail in (
            (_told("fixed", "device:fixed", [10], 99, **named)[0], "f0"),
            (_told("fixed", "device:fixed", [10], 55, **named)[0], "f1"),
        )
    )
    (found,) = _balances([*hours[:90], one, *hours[90:], two])
    city.insert(agents.BALANCE, found[:100])
    city.insert(agents.BALANCE, found[100:])
    _, counted = _held(city, "fixed")
    assert counted == [(200, 199 * 10 + 55)]
    others = [
        _told("fixed", source, [12], wh, corrects=hours[12]["event_id"])
        for source, wh in (("operator:b", 30), ("operator:a", 20))
    ]
    for part in _balances(*others):
        city.insert(agents.BALANCE, part)
    _, counted = _held(city, "fixed")
    assert counted == [(200, 198 * 10 + 55 + 20)]


def test_another_meters_correction_removes_nothing(city: _City) -> None:
    """What it names belongs to somebody else."""
    hours = _told("mine", "device:mine", range(24), 10)
    foreign = _told("yours", "device:yours", [3], 1, corrects=hours[3]["event_id"])
    for part in _balances(hours, foreign):
        city.insert(agents.BALANCE, part)
    city.insert(agents.BALANCE, _balances(hours)[0][:1])
    assert _held(city, "mine") == ([("2026-01-05", 24, 86_400, 240)], [(24, 240)])


def test_energy_in_a_skipped_half_hour_counts_once_for_each(city: _City) -> None:
    """Two half hours of no length at one instant are two, and a second recording adds none."""
    skipped = [
        [
            _told("jump", source, [at], wh, duration="PT0S")[0]
            | {"occurred_at": _told("jump", source, [5], 1)[0]["occurred_at"]}
            for at, wh in ((5, 3), (6, 4))
        ]
        for source in ("replay:aaaa", "replay:bbbb")
    ]
    for part in _balances(*skipped):
        city.insert(agents.BALANCE, part)
    _, counted = _held(city, "jump")
    assert counted == [(2, 7)]


def test_an_hour_of_a_reset_register_is_in_no_count(city: _City) -> None:
    """The day has 22 measured hours: the first reading has none, and of one hour nothing is known."""
    own = [
        {**each, "import_wh": 100 * at - (3000 if at >= 9 else 0) + 5000}
        for at, each in enumerate(
            _told("reset", "device:reset", range(24), 0, accumulation="CUMULATIVE", export_wh=None)
        )
    ]
    (found,) = _balances(own)
    city.insert(agents.BALANCE, found)
    days, _ = _held(city, "reset")
    assert days == [("2026-01-05", 22, 22 * 3600, 2200)]


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
