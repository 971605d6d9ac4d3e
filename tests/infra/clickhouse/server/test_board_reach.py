"""What the statements of a board may call and read: every function and every system table of this engine is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dashboards.build import boards, targets
from dashboards.queries import expand
from infra.clickhouse.server.board_functions import is_allowed
from schemas.catalog import load_catalog
from tests.harness.engine import ClickHouse, EngineProcess
from tests.infra.clickhouse.server.asking import Answer, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = "x" * 4097
READ = {"columns", "databases", "functions", "numbers", "one", "parts", "settings", "tables"}
HIDDEN = {
    "databases": {"data_path", "metadata_path", "engine_full", "uuid"},
    "parts": {"disk_name", "path", "uuid"},
    "tables": {"as_select", "create_table_query", "data_paths", "engine_full", "metadata_path"}
    | {"storage_policy", "uuid"},
}


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A server with a user `board` and one table."""
    folder = tmp_path_factory.mktemp("reach")
    (folder / "board.password").write_text("board secret")
    options = ("--board-password-file", str(folder / "board.password"))
    process = EngineProcess(folder / "engine", options=options)
    door = process.start()
    ask(door, b"CREATE DATABASE city")
    ask(door, b"CREATE TABLE city.facts (a UInt8) ENGINE = MergeTree ORDER BY a")
    yield door
    process.stop()


@pytest.fixture(scope="module")
def board(owner: ClickHouse) -> ClickHouse:
    """The same server as its user `board` sees it."""
    return replace(owner, user="board", password="board secret")


def _lines(owner: ClickHouse, sql: str) -> list[str]:
    return ask(owner, sql.encode()).text.split()


def _refused(answer: Answer, name: str) -> bool:
    return answer.code == "497" and f"`{name}`" in answer.text and answer.text.count("\n") == 1


def test_the_boards_run(board: ClickHouse) -> None:
    """No query of a board of the catalogue is refused; that its table is not there is no refusal."""
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    asked = 0
    for each in boards(load_catalog()).values():
        for title, target in targets(each):
            answer = ask(board, expand(target["rawSql"], begin, end).encode())
            assert answer.code in (None, "60", "115"), (title, answer.text)
            asked += 1
    assert asked > 50


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW DATABASES",
        "SHOW TABLES",
        'SHOW TABLES FROM "city"',
        'DESC TABLE "city"."facts"',
        "SELECT name, type, table FROM system.columns WHERE database IN ('city')",
        "SELECT name, is_aggregate, alias_to, description, syntax, categories FROM system.functions LIMIT 10000",
        "SELECT name, value, readonly AS readonly FROM system.settings LIMIT 10000",
        "SELECT displayName(), version(), revision(), timezone()",
        "SELECT DISTINCT arrayJoin(mapKeys(map('k', a))) AS keys FROM city.facts LIMIT 1000",
        "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active GROUP BY table",
        "SELECT sumIf(a, a > 1), quantile(0.9)(a), median(a), uniq(a), argMax(a, a), groupArray(10)(a) FROM city.facts",
        "SELECT CAST('1' AS UInt8), '1'::Int8, trim(' a '), TRIM(BOTH 'x' FROM 'xa'), extract('a=1', '[0-9]')",
        "SELECT avg(a) OVER (PARTITION BY a ORDER BY a ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) FROM city.facts",
        "SELECT arrayMap(x -> (x, upper(x)), ['a']), arraySort([2, 1]), arraySum([1, 2]), has([1], 1)",
        "SELECT toStartOfInterval(now(), INTERVAL 1 HOUR), dateDiff('second', now(), now()), toYYYYMM(today())",
        "SELECT CASE WHEN 1 THEN 'a' ELSE 'b' END, coalesce(NULL, 1), 'a' || 'b', 'a' LIKE '%a', 1 BETWEEN 0 AND 2",
    ],
)
def test_ordinary_statements_run(board: ClickHouse, sql: str) -> None:
    """What Grafana's plug-in, the Python client, the Go driver and people who write boards ask."""
    assert ask(board, sql.encode(), database="city").status == 200


def test_every_function_of_the_engine_is_allowed_by_name_or_refused(
    owner: ClickHouse, board: ClickHouse
) -> None:
    """A call of any other is one line that names it, whatever its arguments."""
    names = _lines(owner, "SELECT name FROM system.functions WHERE name NOT LIKE '\\\\_\\\\_%'")
    refused = [name for name in names if not is_allowed(name)]
    assert {"editDistance", "repeat", "range", "arrayWithConstant", "leftPad", "sleepEachRow", "file"} < set(
        refused
    )
    assert len(refused) > 1000
    statement = "SELECT 1 WHERE 0 AND {}(1)"
    assert [
        name
        for name in refused[::9]
        if not _refused(ask(board, statement.format(f"`{name}`").encode()), name)
    ] == []


@pytest.mark.parametrize(
    ("sql", "part"),
    [
        ("SELECT sum(editDistance(materialize('a'), 'b')) FROM numbers(8)", "editDistance"),
        ("SELECT levenshteinDistance('a', 'b')", "levenshteinDistance"),
        ("SELECT LEVENSHTEINDISTANCE('a', 'b')", "LEVENSHTEINDISTANCE"),
        ("SELECT 1 FROM numbers(1) HAVING repeat('a', 9) = ''", "repeat"),
        ("SELECT count() FROM numbers(9) ORDER BY max(repeat('a', 9))", "repeat"),
        ("WITH (SELECT repeat('a', 9)) AS a SELECT a", "repeat"),
        ("EXPLAIN SELECT repeat('a', 9)", "repeat"),
        ("SHOW TABLES FROM city WHERE name = repeat('a', 9)", "repeat"),
        ("SELECT arrayMap(repeat, ['a'], [9])", "arrayMap"),
        ("WITH (x -> x) AS f SELECT f(1)", "f"),
        ("SELECT * APPLY(groupArray) FROM city.facts", "groupArray"),
        ("SELECT * APPLY(x -> x + 1) FROM city.facts", "->"),
        ("SELECT arrayReduce('sum', [1])", "arrayReduce"),
        ("SELECT groupArray(a) FROM city.facts", "groupArray"),
        ("SELECT groupUniqArrayIf(1001)(a, 1) FROM city.facts", "groupUniqArrayIf"),
        ("SELECT sumResample(0, 1000000, 1)(a, a) FROM city.facts", "sumResample"),
        ("SELECT CAST('a' AS FixedString(1000000))", "FixedString"),
        ("SELECT 'a'::Nullable(FixedString(1000000))", "FixedString"),
        ("SELECT position('a', toString(number)) FROM numbers(9)", "position"),
        ("SELECT match('a', {p:String})", "match"),
        ("SELECT arrayMap(x -> has([1, 2], x), [1])", "has"),
        ("SELECT quantileExact(a) OVER (ORDER BY a) FROM city.facts", "quantileExact"),
        ("SELECT entropyIf(a, 1) OVER w FROM city.facts WINDOW w AS (ORDER BY a)", "entropyIf"),
        ("SELECT * FROM generateRandom('a UInt8')", "generateRandom"),
        ("SELECT * FROM view(SELECT 1)", "view"),
    ],
)
def test_no_spelling_calls_another_function(board: ClickHouse, sql: str, part: str) -> None:
    """Nor a function whose pattern, type or number of elements comes with the rows."""
    answer = ask(board, sql.encode(), param_p="a")
    assert _refused(answer, part), answer.text


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT '{LONG}'",
        f"SELECT {list(range(1001))}",
        f"SELECT [{', '.join(['number'] * 1001)}] FROM numbers(1)",
        f"SELECT match('a', '{'a' * 257}')",
        "SELECT match('a', '(a{33}){33}')",
        f"SELECT hasAny([1], {list(range(101))})",
        f"SELECT quantiles({', '.join(['0.5'] * 33)})(a) FROM city.facts",
        "SELECT extractAll('a', '((a{9}){9}){9}')",
        "SELECT " + " + ".join(["abs(1)"] * 1001),
        "WITH 'a' AS a0, " + ", ".join(f"concat(a{i}, a{i}) AS a{i + 1}" for i in range(9)) + " SELECT a9",
        "SELECT max(a) OVER (ORDER BY a ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM city.facts",
        "SELECT max(a) OVER w FROM city.facts WINDOW w AS (ORDER BY a RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)",
        "SELECT {p:String}",
    ],
)
def test_what_a_statement_makes_is_bounded(board: ClickHouse, sql: str) -> None:
    """Literals, parameters, patterns, arrays, joined texts, moving windows, the number of calls."""
    answer = ask(board, sql.encode(), param_p=LONG)
    assert (answer.code, "at most" in answer.text) == ("497", True), answer.text


def test_blocks_are_small_and_threads_few(board: ClickHouse) -> None:
    """A request cannot raise them."""
    asked = b"SELECT getSetting('max_block_size'), getSetting('max_threads'), getSetting('max_joined_block_size_rows')"
    assert ask(board, asked, max_block_size="1000000", max_threads="64").data == b"2048\t2\t2048\n"


def test_only_these_system_tables_answer(owner: ClickHouse, board: ClickHouse) -> None:
    """All tables of `system` and of `information_schema` that the engine has, by each way to name them."""
    names = _lines(owner, "SELECT name FROM system.tables WHERE database = 'system'")
    assert len(names) > 100
    answered = {
        name for name in names if ask(board, f"SELECT 1 FROM system.`{name}` LIMIT 1".encode()).status == 200
    }
    assert answered == READ
    assert ask(board, b"SELECT 1 FROM processes", database="system").code == "497"
    for schema in ("information_schema", "INFORMATION_SCHEMA"):
        assert ask(board, f"SELECT 1 FROM {schema}.tables".encode()).code == "497"
        assert ask(board, b"SELECT 1 FROM tables", database=schema).code == "497"
    for sql in (
        "SELECT 'a' IN system.processes",
        "SELECT (SELECT query FROM system.processes)",
        "SELECT 1 FROM city.facts JOIN `system`.processes USING a",
        "SHOW TABLES FROM city WHERE name IN (SELECT query FROM system.processes)",
        "EXPLAIN SELECT query FROM system.processes",
        "SELECT * FROM merge('system', 'processes')",
        "SHOW MERGES",
        "SHOW CLUSTERS",
    ):
        assert ask(board, sql.encode()).code == "497", sql


def test_no_path_and_no_statement_of_others_is_shown(owner: ClickHouse, board: ClickHouse) -> None:
    """Each column of the tables that answer is tried, and no other way of reading all columns is open."""
    for table in sorted(READ):
        columns = _lines(
            owner, f"SELECT name FROM system.columns WHERE database = 'system' AND table = '{table}'"
        )
        hidden = {
            name
            for name in columns
            if ask(board, f"SELECT t.`{name}` FROM system.{table} AS t LIMIT 1".encode()).code == "497"
        }
        assert hidden == HIDDEN.get(table, set()), table
        shown = " ".join(set(columns) - hidden)
        assert "path" not in shown, table
        assert "disk_name" not in shown, table
    for sql in (
        "SELECT * FROM system.parts",
        "SELECT p.* FROM system.parts AS p",
        "SELECT COLUMNS('pa') FROM system.parts",
        "SELECT * FROM (SELECT * FROM system.parts)",
        "SELECT a FROM system.parts AS p(a)",
        "SELECT count() FROM system.parts WHERE path LIKE '/%'",
    ):
        assert ask(board, sql.encode()).code == "497", sql
