"""Ages and "now" of the boards of energy, cargo and all domains, on tables that were filled by hand."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dashboards.build import boards
from dashboards.panels import AGE
from dashboards.queries import expand, seconds_of
from dashboards.roll_ups import intervals, roll_ups
from dashboards.style import ages_of
from infra.clickhouse.migrations.migrate import migrate
from schemas.catalog import load_catalog
from schemas.names import DATABASE
from streams.domains.energy.units import duration_us
from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_connect.driver.client import Client

CATALOG = load_catalog()
BOARDS = boards(CATALOG)
LENGTHS = {
    "PT5M": 300,
    "PT15M": 900,
    "PT30M": 1800,
    "PT1H": 3600,
    "P1D": 86_400,
    "PT1H30M": 5400,
    "P1DT2H": 93_600,
}


def sql_of(board: str, title: str) -> str:
    """Return the query of a panel."""
    (panel,) = (each for each in BOARDS[f"city-{board}"]["panels"] if each["title"] == title)
    return str(panel["targets"][0]["rawSql"])


def steps_of(board: str, title: str) -> dict[float | None, str]:
    """Return the colours of a number by their lower bounds."""
    (panel,) = (each for each in BOARDS[f"city-{board}"]["panels"] if each["title"] == title)
    return {each["value"]: each["color"] for each in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The city's tables without rows, on an engine of their own."""
    process = EngineProcess(tmp_path_factory.mktemp("ages") / "data")
    client: Client = process.start().client(autogenerate_session_id=False)
    migrate(client, CATALOG)
    yield client
    client.close()
    process.stop()


@pytest.fixture
def client(engine: Client) -> Client:
    """Tables without rows."""
    for table in (
        "energy_reading",
        "cargo_vessel_position",
        "cargo_permit",
        "air_quality_reading_daily_state",
    ):
        engine.command(f"TRUNCATE TABLE {DATABASE}.{table}")
    return engine


@pytest.fixture
def ask(client: Client) -> Callable[..., list[tuple[Any, ...]]]:
    """A panel's rows by its board and title, over the last thirty days."""

    def answer(board: str, title: str, until: datetime | None = None) -> list[tuple[Any, ...]]:
        end = until or datetime.now(tz=UTC)
        sql = expand(sql_of(board, title), end - timedelta(days=30), end)
        return list(client.query(sql).result_rows)

    return answer


def tell(client: Client, *readings: tuple[datetime, str]) -> None:
    """Insert readings of a meter: where their intervals begin, and how long they are."""
    rows = [[uuid.uuid4(), "device:meter", at, "meter", length, "DELTA"] for at, length in readings]
    columns = ["event_id", "source", "occurred_at", "meter", "duration", "accumulation"]
    client.insert(f"{DATABASE}.energy_reading", rows, column_names=columns)


def hear(client: Client, at: datetime, mmsi: str, **fields: Any) -> None:
    """Insert a position report of a ship."""
    row = {
        "event_id": uuid.uuid4(),
        "source": "device:receiver",
        "occurred_at": at,
        "mmsi": mmsi,
        "latitude": 35.0,
        "longitude": 129.0,
        **fields,
    }
    client.insert(f"{DATABASE}.cargo_vessel_position", [list(row.values())], column_names=list(row))


@pytest.mark.parametrize("length", LENGTHS)
def test_an_energy_age_counts_from_the_end_of_the_interval(
    client: Client, ask: Callable[..., list[tuple[Any, ...]]], length: str
) -> None:
    """What ended a moment ago is new, however long it is; what ended three lengths ago is red."""
    every = timedelta(seconds=LENGTHS[length])
    for late in (0.1, 1.5, 3.2):
        client.command(f"TRUNCATE TABLE {DATABASE}.energy_reading")
        tell(client, (datetime.now(tz=UTC) - (1 + late) * every, length))
        [(age,)], [(lengths,)] = ask("energy", AGE[0]), ask("energy", "Age in intervals")
        assert age == pytest.approx(late * every.total_seconds(), abs=10)
        assert lengths == pytest.approx(late, abs=0.1)


def test_the_newest_end_counts_and_its_own_length(
    client: Client, ask: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """A day that began first ends last; a skipped half hour of no length does not divide by zero."""
    now = datetime.now(tz=UTC)
    tell(client, (now - timedelta(hours=30), "P1D"), (now - timedelta(hours=8), "PT1H"))
    tell(client, (now - timedelta(hours=6, minutes=1), "PT0S"))
    assert ask("energy", AGE[0])[0][0] == pytest.approx(6 * 3600, abs=70)
    assert ask("energy", "Age in intervals") == [(0.3,)]


def test_an_empty_city_has_no_age(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    """Not the years since 1970."""
    for board, title in (("energy", AGE[0]), ("energy", "Age in intervals"), ("cargo", "Age of AIS")):
        assert ask(board, title) == [(None,)]


def test_colours_are_those_of_the_interval() -> None:
    """Orange from two intervals on, red from three."""
    assert ages_of(3600) == ((0, "green"), (7200, "orange"), (10_800, "red"))
    assert steps_of("energy", "Age in intervals") == {None: "green", 2: "orange", 3: "red"}
    assert steps_of("cargo", "Age of AIS") == {None: "green", 360: "orange", 540: "red"}
    assert "red" not in steps_of("energy", AGE[0]).values()


def test_a_ship_is_now_within_three_reporting_intervals(
    client: Client, ask: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """At anchor a ship reports every three minutes (ITU-R M.1371); one that is silent for ten is not now."""
    now = datetime.now(tz=UTC)
    for mmsi, minutes in ((1, 0.5), (2, 8.5), (3, 9.5), (4, 60), (5, 29 * 24 * 60)):
        hear(client, now - timedelta(minutes=minutes), f"44000000{mmsi}")
    hear(client, now, "002275100", station="BASE_STATION")
    hear(client, now, "440000006", flags=["NO_TIME"])
    assert [row[4] for row in ask("cargo", "Vessels now")] == ["440000001", "440000002"]
    assert ask("cargo", "Age of AIS")[0][0] == pytest.approx(30, abs=5)
    assert ask("cargo", "Vessels heard") == [(5,)]


def test_ships_of_yesterday_are_those_of_then(
    client: Client, ask: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """Who looks at an hour ago sees where ships were, also those that were heard again since."""
    now = datetime.now(tz=UTC)
    hear(client, now - timedelta(minutes=62), "440000001", latitude=34.0)
    hear(client, now - timedelta(minutes=1), "440000001")
    [then] = ask("cargo", "Vessels now", now - timedelta(hours=1))
    assert then[0] == 34.0
    [today] = ask("cargo", "Vessels now", now + timedelta(days=2))
    assert today[0] == 35.0


def overview(ask: Callable[..., list[tuple[Any, ...]]], domain: str) -> tuple[Any, Any]:
    """Return a domain's age in seconds and in intervals, as the overview shows them."""
    (row,) = (each for each in ask("overview", "Domains") if each[0] == domain)
    return row[5], row[6]


def test_the_overview_counts_from_the_end_of_intervals(
    client: Client, ask: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """From a table and from a roll-up; a ship's report has no interval."""
    now = datetime.now(tz=UTC)
    tell(client, (now - timedelta(hours=1, minutes=6), "PT1H"), (now - timedelta(hours=3), "PT15M"))
    hear(client, now - timedelta(hours=2), "440000001")
    day = now - timedelta(days=3)
    columns = [
        "city",
        "station",
        "zone",
        "bucket",
        "day",
        "seconds",
        "averaging",
        "gas_unit",
        "events",
        "last_at",
    ]
    row = ["Seoul", "중구", "Asia/Seoul", day, day.date(), 86_400, "P1D", "PPM", 1, day]
    client.insert(f"{DATABASE}.air_quality_reading_daily_state", [row], column_names=columns)
    age, lengths = overview(ask, "energy")
    assert (age, lengths) == (pytest.approx(360, abs=10), pytest.approx(0.1))
    age, lengths = overview(ask, "air_quality")
    assert (age, lengths) == (pytest.approx(2 * 86_400, abs=10), pytest.approx(2.0))
    age, lengths = overview(ask, "cargo")
    assert (age, lengths) == (pytest.approx(7200, abs=10), None)


def test_the_seconds_of_a_duration_are_those_of_the_rules(client: Client) -> None:
    """The query and the rules read durations alike."""
    for text in (*LENGTHS, "PT0S", "PT90S", "P2DT3H4M5S"):
        [(seconds,)] = client.query(f"SELECT {seconds_of(repr(text))}").result_rows
        assert seconds * 1_000_000 == duration_us(text)


def test_topics_of_intervals_have_the_column_of_their_length() -> None:
    """Also their roll-ups, which are read in their place, and no topic that is not in the catalogue."""
    assert {"energy.reading", "air-quality.reading"} <= set(intervals())
    for name, column in intervals().items():
        fields = {field["name"] for field in CATALOG.topics[name].schema.record["fields"]}
        assert column in fields, name
    assert set(roll_ups()) == {"air-quality.reading"}
