"""Boards as code: they build, they name what exists, and every panel's query returns rows on replayed data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from dashboards.build import boards, targets
from dashboards.queries import expand
from infra.cli import main
from schemas.catalog import load_catalog
from schemas.names import board_uid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_connect.driver.client import Client

    from tests.end_to_end.city import City

BOARDS = boards(load_catalog())
QUERIES = [
    pytest.param(target["rawSql"], id=f"{uid}: {title}")
    for uid, board in BOARDS.items()
    for title, target in targets(board)
]


@pytest.fixture(scope="module")
def replayed(whole_city: City) -> Iterator[Client]:
    """The tables that a run over the small recordings left."""
    with whole_city.engine() as client:
        yield client


@pytest.mark.parametrize("sql", QUERIES)
def test_every_panel_returns_rows(replayed: Client, sql: str) -> None:
    """The query of a panel, macros expanded, runs on the engine and finds something to show."""
    now = datetime.now(tz=UTC)
    text = expand(sql, datetime(2013, 1, 1, tzinfo=UTC), now + timedelta(days=1), interval_s=86400)
    assert "$" not in text
    rows = replayed.query(text).result_rows
    assert rows
    assert any(value is not None for row in rows for value in row)


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
