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
MOMENT = datetime.now(tz=UTC)
"""When the boards are looked at: fixed, or an hour that begins during the tests would age every station."""
NOW = MOMENT.replace(minute=0, second=0, microsecond=0)
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
    "daily": ("P1D", [NOW - timedelta(days=3)], [160]),
    "강남구": ("P1D", [NOW - timedelta(days=3)], [155]),
    "daily, dead": ("P1D", [NOW - timedelta(days=6)], [390]),
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Tables with the indices of some stations, on an engine of their own."""
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

    yield client
    client.close()
    process.stop()


@pytest.fixture(scope="module")
def ask(client: Client) -> Callable[..., list[tuple[Any, ...]]]:
    """A panel's rows by its title, over the last thirty days."""

    def answer(title: str, until: datetime | None = None) -> list[tuple[Any, ...]]:
        end = until or MOMENT
        return list(client.query(expand(SQL[title], end - timedelta(days=30), end)).result_rows)

    return answer


def test_a_dead_station_is_not_now(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """Only the newest interval counts, and only if it ended at most three intervals ago."""
    assert ask("Highest US AQI now") == [(120,)]
    assert ask("Stations now: count") == [(5,)]
    assert ask("Unhealthy or worse now") == [(0,)]
    assert {row[0]: row[1:3] for row in ask("Stations now")} == {
        "at the limit": ("now", 120),
        "fresh": ("now", 90),
        "without a value now": ("now", None),
        "dead since yesterday": ("silent", None),
    }
    assert {row[0]: row[1:3] for row in ask("Stations now: daily means")} == {
        "daily": ("now", 160),
        "강남구": ("now", 155),
        "daily, dead": ("silent", None),
    }


def test_now_is_the_end_of_the_time_range(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """Who looks at yesterday sees yesterday's stations; a range that ends tomorrow does not make all of them silent."""
    assert ask("Highest US AQI now", NOW - timedelta(hours=24)) == [(400,)]
    (found,) = ask("Highest US AQI now", NOW + timedelta(days=2))
    next_hour = datetime.now(tz=UTC) >= NOW + timedelta(
        hours=1
    )  # the engine's clock went on since the import
    assert found == ((90,) if next_hour else (120,))


def test_age_counts_from_the_end_of_the_interval(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """Hours and days have ages of their own; an hour that ended just now is new."""
    [(hours,)], [(days,)] = ask("Data age"), ask("Age of daily means")
    since = (datetime.now(tz=UTC) - NOW).total_seconds()
    assert hours == pytest.approx(since, abs=5)
    assert days == pytest.approx(since + 2 * 86400, abs=5)


@pytest.mark.parametrize("scale", ["US AQI", "CAI"])
def test_an_index_of_daily_means_is_called_so(ask: Callable[..., list[tuple[Any, ...]]], scale: str) -> None:
    """It stands in tables and charts of its own."""
    column = 2 if scale == "US AQI" else 4
    assert [row[column] for row in ask("Stations now") if row[0] in ("fresh", "daily")] == [90]
    assert [row[column] for row in ask("Stations now: daily means") if row[0] in ("fresh", "daily")] == [160]
    name = scale.lower().replace(" ", "_") + "_of_daily_means"
    assert f"AS {name}" in SQL["Stations now: daily means"]
    assert {row[2] for row in ask(f"{scale} of daily means by city: highest station")} == {160, 390}
    hours = {row[2] for row in ask(f"{scale} by city: highest station")}
    assert hours <= {80, 90, 120, 300, 400}
    assert hours


def test_the_numbers_of_daily_means_stand_apart(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """160 of daily means is neither the highest US AQI of hours nor one of its unhealthy stations."""
    assert ask("Highest US AQI now") == [(120,)]
    assert ask("Daily means: highest US AQI") == [(160,)]
    assert ask("Unhealthy or worse now") == [(0,)]
    assert ask("Daily means: unhealthy or worse") == [(2,)]


SEOUL_MAP = "Seoul now: worst station of each district"


def test_a_map_of_daily_means_says_so_and_mixes_none_with_hours(
    ask: Callable[..., list[tuple[Any, ...]]], client: Client
) -> None:
    """Daily means alone are named at each dot; as soon as a district has hours, the map is of hours."""
    [only] = ask(SEOUL_MAP)
    assert (only[0], only[3], only[4]) == ("Gangnam-gu (daily mean)", 155, "daily means")
    row = [uuid.uuid4(), "device:one", NOW - timedelta(hours=1), "중구", "Seoul", "PT1H", 40, 40, "nowcast"]
    client.insert("city.air_quality_index", [row], column_names=COLUMNS)
    try:
        assert [(each[0], each[3], each[4]) for each in ask(SEOUL_MAP)] == [("Jung-gu", 40, "hours")]
    finally:
        client.command(
            "ALTER TABLE city.air_quality_index DELETE WHERE station = '중구' SETTINGS mutations_sync = 1"
        )


def test_a_seoul_day_is_shown_on_its_own_date(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """In the table of days, and in the count of days over the guideline."""
    until = SEOUL_DAY + timedelta(days=3)
    [day] = ask("Days: PM2.5 and PM10, with coverage", until)
    assert (day[0], day[1], day[2], day[-1]) == (date(2021, 3, 1), "Asia/Seoul", "강남구", 1)
    [over] = ask("Station-days over the WHO guideline (PM2.5 > 15 µg/m³)", until)
    assert (over[0].date(), over[1:]) == (date(2021, 3, 1), (1, 1))
