"""The air-quality board on tables that were filled by hand: what is now, how old it is, what an index is called."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dashboards.build import boards
from dashboards.queries import expand
from infra.clickhouse.migrations.migrate import migrate
from schemas.catalog import load_catalog
from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_connect.driver.client import Client

CATALOG = load_catalog()
SQL = {
    panel["title"]: panel["targets"][0]["rawSql"]
    for panel in boards(CATALOG)["city-air-quality"]["panels"]
    if panel.get("targets")
}
NOW = datetime.now(tz=UTC).replace(minute=0, second=0, microsecond=0)
COLUMNS = ["event_id", "source", "occurred_at", "station", "city", "averaging", "us_aqi", "cai", "basis"]
SEOUL_DAY = datetime(2021, 2, 28, 15, tzinfo=UTC)
"""When 2021-03-01 begins in Seoul."""
DAY_COLUMNS = ["city", "station", "zone", "bucket", "day", "seconds", "averaging", "gas_unit", "events"]
DAY_COLUMNS += ["pm2_5_count", "pm2_5_mean"]
STATIONS: dict[str, tuple[str, list[datetime], list[int | None]]] = {
    # station: averaging, beginnings of its intervals, indices
    "fresh": ("PT1H", [NOW - timedelta(hours=2), NOW - timedelta(hours=1)], [80, 90]),
    "at the limit": ("PT1H", [NOW - timedelta(hours=3)], [120]),
    "dead since yesterday": ("PT1H", [NOW - timedelta(hours=26)], [400]),
    "without a value now": ("PT1H", [NOW - timedelta(hours=2), NOW - timedelta(hours=1)], [300, None]),
    "daily": ("P1D", [NOW - timedelta(days=3)], [70]),
    "daily, dead": ("P1D", [NOW - timedelta(days=6)], [390]),
}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """A panel's rows by its title, over the last thirty days."""
    process = EngineProcess(tmp_path_factory.mktemp("board") / "data")
    client: Client = process.start().client(autogenerate_session_id=False)
    migrate(client, CATALOG)
    rows = [
        [uuid.uuid4(), "device:one", at, station, "Seoul", averaging, value, value, basis]
        for station, (averaging, moments, values) in STATIONS.items()
        for at, value in zip(moments, values, strict=True)
        for basis in ["daily-mean" if averaging == "P1D" else "nowcast"]
    ]
    client.insert("city.air_quality_index", rows, column_names=COLUMNS)
    day = [
        "Seoul",
        "강남구",
        "Asia/Seoul",
        SEOUL_DAY,
        SEOUL_DAY.date() + timedelta(days=1),
        86400,
        "P1D",
        "PPM",
        1,
    ]
    client.insert("city.air_quality_reading_daily_state", [[*day, 1, 30.0]], column_names=DAY_COLUMNS)

    def answer(title: str, until: datetime | None = None) -> list[tuple[Any, ...]]:
        end = until or datetime.now(tz=UTC)
        return list(client.query(expand(SQL[title], end - timedelta(days=30), end)).result_rows)

    yield answer
    client.close()
    process.stop()


def test_a_dead_station_is_not_now(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """Only the newest interval counts, and only if it ended at most three intervals ago."""
    assert ask("Highest US AQI now") == [(120,)]
    assert ask("Stations now: count") == [(4,)]
    assert ask("Unhealthy or worse now") == [(0,)]
    states = {row[0]: (row[1], row[2]) for row in ask("Stations now")}
    assert states == {
        "at the limit": ("now", 120),
        "fresh": ("now", 90),
        "daily": ("now", 70),
        "without a value now": ("now", None),
        "dead since yesterday": ("silent", None),
        "daily, dead": ("silent", None),
    }


def test_now_is_the_end_of_the_time_range(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """Who looks at yesterday sees yesterday's stations; a range that ends tomorrow does not make all of them silent."""
    assert ask("Highest US AQI now", NOW - timedelta(hours=24)) == [(400,)]
    assert ask("Highest US AQI now", NOW + timedelta(days=2)) == [(120,)]


def test_age_counts_from_the_end_of_the_interval(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """Hours and days have ages of their own; an hour that ended just now is new."""
    [(hours,)], [(days,)] = ask("Data age"), ask("Age of daily means")
    since = (datetime.now(tz=UTC) - NOW).total_seconds()
    assert hours == pytest.approx(since, abs=5)
    assert days == pytest.approx(since + 2 * 86400, abs=5)


def test_an_index_of_daily_means_is_called_so(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """It stands in a column and a chart of its own."""
    indices = {row[0]: row[4:6] for row in ask("Stations now")}
    assert indices["fresh"] == (90, None)
    assert indices["daily"] == (None, 70)
    assert {row[2] for row in ask("CAI of daily means by city: highest station")} == {70, 390}
    assert 70 not in {row[2] for row in ask("CAI by city: highest station")}


def test_a_seoul_day_is_shown_on_its_own_date(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """In the table of days, and in the count of days over the guideline."""
    until = SEOUL_DAY + timedelta(days=3)
    [day] = ask("Days: PM2.5 and PM10, with coverage", until)
    assert (day[0], day[1], day[2], day[-1]) == (date(2021, 3, 1), "Asia/Seoul", "강남구", 1)
    [over] = ask("Station-days over the WHO guideline (PM2.5 > 15 µg/m³)", until)
    assert (over[0].date(), over[1:]) == (date(2021, 3, 1), (1, 1))
