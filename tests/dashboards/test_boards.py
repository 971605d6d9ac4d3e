"""Boards as code: they build, they name what exists, and every panel's query returns rows on replayed data."""

from __future__ import annotations

import base64
import fcntl
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dashboards import panels
from dashboards.build import boards, targets
from dashboards.queries import expand, table_of
from dashboards.roll_ups import roll_ups, summary_of
from infra.cli import main
from infra.connections import connect
from schemas.catalog import load_catalog
from schemas.names import board_uid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_connect.driver.client import Client
    from clickhouse_connect.driver.query import QueryResult

    from tests.harness.city import City

BOARDS = boards(load_catalog())
BEFORE = datetime(2001, 1, 1, tzinfo=UTC), datetime(2001, 1, 2, tzinfo=UTC)
"""A time range before any event."""
QUERIES = [
    pytest.param(target["rawSql"], id=f"{uid}: {title}")
    for uid, board in BOARDS.items()
    for title, target in targets(board)
]


MAPS = [
    pytest.param(panel, id=f"{uid}: {panel['title']}")
    for uid, board in BOARDS.items()
    for panel in board["panels"]
    if panel["type"] == "geomap"
]


def expanded(sql: str, until: datetime | None = None) -> str:
    """Return a panel's query over all that was replayed, or over what was before a moment."""
    end = until or datetime.now(tz=UTC) + timedelta(days=1)
    return expand(sql, datetime(2013, 1, 1, tzinfo=UTC), end, interval_s=86400)


def answers(client: Client, sql: str) -> list[QueryResult]:
    """Return a panel's results: over all; or, where it shows what is now, at the end of each recording."""
    if "$__toTime" not in sql:
        return [client.query(expanded(sql))]
    return [client.query(expanded(sql, at)) for at in ends_of_recordings(client, sql)]


def ends_of_recordings(client: Client, sql: str) -> list[datetime]:
    """Return when each recording of ships ended, or the air's of each city, to the next second."""
    table, each = "air_quality_index", "city"
    if "platform_metric" in sql:
        newest = client.query("SELECT max(occurred_at) FROM city.platform_metric")
        return [newest.first_row[0].replace(tzinfo=UTC, microsecond=0) + timedelta(seconds=1)]
    if "cargo_vessel" in sql:
        table, each = "cargo_vessel_position", "splitByChar('#', source)[1]"
    newest = client.query(f"SELECT max(occurred_at) AS at FROM city.{table} GROUP BY {each} ORDER BY at")
    return [at.replace(tzinfo=UTC, microsecond=0) + timedelta(seconds=1) for (at,) in newest.result_rows]


@pytest.fixture(scope="module")
def replayed(whole_city: City) -> Iterator[Client]:
    """The tables that a run over the small recordings left, read as the user of the boards, who may do no more."""
    with whole_city.engine(), closing(connect(whole_city.settings(), boards=True)) as client:
        yield client


STATS = [
    pytest.param(panel, id=f"{uid}: {panel['title']}")
    for uid, board in BOARDS.items()
    for panel in board["panels"]
    if panel["type"] == "stat"
]


@pytest.mark.parametrize("panel", STATS)
def test_nothing_reported_is_never_green(replayed: Client, panel: dict[str, Any]) -> None:
    """Before the city began, what the platform reports of itself is null, and null is red and said in words."""
    (target,) = panel["targets"]
    (null,) = [each for each in panel["fieldConfig"]["defaults"]["mappings"] if each["type"] == "special"]
    assert null["options"]["match"] == "null+nan"
    assert null["options"]["result"]["text"]
    assert null["options"]["result"].get("color") != "green"
    if "platform_metric" in target["rawSql"]:
        assert null["options"]["result"]["color"] == "red"
        result = replayed.query(expand(target["rawSql"], *BEFORE))
        assert [value for row in result.result_rows for value in row if value is not None] == []


@pytest.mark.parametrize("sql", QUERIES)
def test_every_panel_returns_rows(replayed: Client, sql: str) -> None:
    """The query of a panel, macros expanded, runs on the engine and finds something to show."""
    assert "$" not in expanded(sql)
    rows = [row for answer in answers(replayed, sql) for row in answer.result_rows]
    assert rows
    assert any(value is not None for row in rows for value in row)


@pytest.mark.parametrize("name", roll_ups())
def test_a_roll_up_tells_the_same_facts_as_its_table(replayed: Client, name: str) -> None:
    """How many, how many simulated, and when the last happened: a board may read either."""
    topic = load_catalog().topics[name]
    counted = f"SELECT count(), countIf(simulated), max(occurred_at) FROM {table_of(topic)}"
    told = f"SELECT n, s, at FROM ({summary_of(topic)})"
    assert replayed.query(told).result_rows == replayed.query(counted).result_rows


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_variable_has_choices(replayed: Client, board: dict[str, Any]) -> None:
    """The query behind a template variable returns values."""
    for variable in board.get("templating", {}).get("list", []):
        assert replayed.query(variable["query"]["rawSql"]).result_rows, variable["name"]


def test_every_domain_with_topics_of_its_own_has_a_board() -> None:
    """The general boards, and one per domain beside the platform's own."""
    domains = {name for name in load_catalog().domains if name != "platform"}
    general = {board_uid(name) for name in ("overview", "pipeline", "ledger")}
    assert set(BOARDS) == general | {board_uid(name) for name in domains}


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_board_shows_data_age_or_time_and_links_to_its_siblings(board: dict[str, Any]) -> None:
    """Each board has a title, a tag by which the others find it, and panels that do not overlap."""
    assert board["title"]
    assert board["tags"] == ["city"]
    assert board["links"][0]["keepTime"] is True
    assert len(board["panels"]) >= 5
    places = [
        (x, y)
        for panel in board["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert all(x < panels.WIDE for x, _ in places)


@given(spans=st.lists(st.sampled_from([3, 4, 8, 12, 24]), min_size=1, max_size=20))
def test_panels_of_any_width_lie_side_by_side_within_the_board(spans: list[int]) -> None:
    """In order, none beyond the right edge, none upon another."""
    board = panels.board("x", "X", [panels.note("note", "text", span=span) for span in spans])
    places = [(panel.grid_pos.x, panel.grid_pos.y, panel.grid_pos.w) for panel in board.panels or []]  # type: ignore[union-attr]
    assert [width for _, _, width in places] == spans
    assert all(left + width <= panels.WIDE for left, _, width in places)
    for (left, top, width), (next_left, next_top, _) in pairwise(places):
        assert (next_top, next_left) in {(top, left + width), (top + 3, 0)}


@pytest.mark.parametrize("name", [*(d for d in load_catalog().domains if d != "platform"), "overview"])
def test_every_domain_tells_how_old_its_data_is_and_how_much_of_it_is_simulated(name: str) -> None:
    """Both badges are on the board, before any table, chart or map."""
    kinds = {panel["title"]: panel["type"] for panel in BOARDS[board_uid(name)]["panels"]}
    assert kinds[panels.SIMULATED] == "stat"
    assert [kinds[title] for title in panels.AGE if title in kinds] == ["stat"]


@pytest.mark.parametrize("panel", MAPS)
def test_a_map_shows_places_of_its_region(replayed: Client, panel: dict[str, Any]) -> None:
    """Each row has a latitude and a longitude in the window of the outline, and the number that colours it."""
    rows = [
        row for answer in answers(replayed, panel["targets"][0]["rawSql"]) for row in answer.named_results()
    ]
    source = panel["options"]["basemap"]["config"]["src"]
    west, south, east, north = json.loads(base64.b64decode(source.partition(",")[2]))["bbox"]
    wanted = ("latitude", "longitude", panel["options"]["layers"][0]["config"]["style"]["color"]["field"])
    for row in rows:
        latitude, longitude, value = (row[name] for name in wanted)
        assert south <= latitude <= north
        assert west <= longitude <= east
        assert isinstance(value, int | float)


def test_maps_show_as_many_places_as_there_are(replayed: Client) -> None:
    """Ships, their tracks before Busan, stations and what vehicles did: counted here from the plain tables."""
    shown = {
        panel["title"]: max(each.row_count for each in answers(replayed, panel["targets"][0]["rawSql"]))
        for board in BOARDS.values()
        for panel in board["panels"]
        if panel["type"] == "geomap"
    }
    reports = replayed.query(
        "SELECT mmsi, source, occurred_at, latitude, longitude, flags, event_id, station "
        "FROM city.cargo_vessel_position"
    ).named_results()
    told = {
        each["event_id"]: each
        for each in reports
        if each["latitude"] is not None and each["station"] in (None, "VESSEL", "AUXILIARY_CRAFT")
    }
    timed = [
        (e["occurred_at"].replace(tzinfo=UTC), (e["mmsi"], e["source"].split("#")[0]))
        for e in told.values()
        if "NO_TIME" not in e["flags"]
    ]
    ends = ends_of_recordings(replayed, "cargo_vessel_position")
    heard = [{ship for at, ship in timed if timedelta() <= end - at <= timedelta(minutes=9)} for end in ends]
    assert shown["Vessels now"] == max(len(ships) for ships in heard) > 0
    assert shown["Port of Busan: ways in and out"] == sum(
        34.4 <= e["latitude"] <= 36 and 128 <= e["longitude"] <= 130 for e in told.values()
    )
    stations = {row[0] for row in replayed.query("SELECT station FROM city.air_quality_index").result_rows}
    assert shown["Beijing now: stations"] == len({name for name in stations if name.isascii()})
    districts = {name for name in stations if name.endswith("구")}
    assert shown["Seoul now: worst station of each district"] == len(districts) + ("행주" in stations)
    happened = sum(
        len(
            replayed.query(
                f"SELECT DISTINCT event_id FROM city.{table} WHERE latitude IS NOT NULL"
            ).result_rows
        )
        for table in ("vehicle_hard_braking", "vehicle_accident")
    )
    assert 0 < happened < shown["Where vehicles drove, braked and crashed"]


@pytest.fixture
def held(whole_city: City) -> Iterator[None]:
    """Hold the lock of the city's data directory, as `city up` does: its engine runs, and nothing else."""
    with (whole_city.data / "run" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.usefixtures("held")
def test_show_draws_every_board_from_the_running_stack(
    replayed: Client, whole_city: City, tmp_path: Path
) -> None:
    """`city dashboards show`: each board as a picture of its own, and one as text, with the badge of simulated data."""
    assert replayed.query("SELECT 1").row_count == 1
    words = ["dashboards", "show", "--data", str(whole_city.data), "--since", "2013-01-01"]
    drawn = CliRunner().invoke(main, [*words, "--all", "--output", str(tmp_path)])
    assert drawn.exit_code == 0, drawn.output
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(BOARDS)
    shown = CliRunner().invoke(main, [*words, "air-quality"])
    assert shown.exit_code == 0, shown.output
    for part in ("SIMULATED 100 %", "data ", "Stations now", "강남구", "silent", "━ "):
        assert part in shown.output
    driven = CliRunner().invoke(main, [*words, "vehicle"])
    assert driven.exit_code == 0, driven.output
    assert "●" in driven.output
    unknown = CliRunner().invoke(main, [*words, "weather"])
    assert unknown.exit_code == 2
    assert "air-quality" in unknown.output


def test_build_writes_the_same_json_each_time(tmp_path: Path) -> None:
    """`city dashboards build` writes one file per board; twice the same bytes."""
    for folder in ("one", "two"):
        result = CliRunner().invoke(main, ["dashboards", "build", "--output", str(tmp_path / folder)])
        assert result.exit_code == 0, result.output
    written = sorted((tmp_path / "one").iterdir())
    assert [path.stem for path in written] == sorted(BOARDS)
    for path in written:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        assert json.loads(path.read_text())["uid"] == path.stem


def test_an_unknown_macro_is_refused() -> None:
    """A query with a macro that the expansion does not know is an error, not a silent text."""
    with pytest.raises(ValueError, match="unknown macro"):
        expand("SELECT $__nonsense(a)", datetime.now(tz=UTC), datetime.now(tz=UTC))
