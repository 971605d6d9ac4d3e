"""The user of the boards reads the tables of one database, within limits, and can change nothing."""

from __future__ import annotations

import http.client
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.harness.engine import ClickHouse, EngineProcess
from tests.infra.clickhouse.server.asking import ask
from tests.infra.clickhouse.server.hostile_sql import REACHES, READS

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHANGES = [
    "DROP TABLE city.facts",
    "TRUNCATE TABLE city.facts",
    "ALTER TABLE city.facts UPDATE a = 2 WHERE 1",
    "ALTER TABLE city.facts DELETE WHERE 1",
    "DELETE FROM city.facts WHERE 1",
    "UPDATE city.facts SET a = 2 WHERE 1",
    "INSERT INTO city.facts VALUES (2)",
    "INSERT INTO city.facts SELECT 2",
    "INSERT INTO city.facts FORMAT TSV\n2",
    "RENAME TABLE city.facts TO city.other",
    "EXCHANGE TABLES city.facts AND city.facts",
    "CREATE TABLE city.more (a UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE more (a UInt8)",
    "CREATE DATABASE more",
    "DETACH TABLE city.facts",
    "OPTIMIZE TABLE city.facts",
    "SYSTEM STOP MERGES",
    "KILL QUERY WHERE 1",
    "SET readonly = 0",
    "SET ROLE platform",
    "SET ROLE ALL",
    "USE default",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 1000",
    "SELECT 1 SETTINGS max_result_rows = 0",
    "SELECT * FROM hidden.facts",
    "SELECT * FROM merge('hidden', 'facts')",
    "SELECT * FROM system.users",
    "SELECT sleep(3)",
    "EXPLAIN AST DROP TABLE city.facts SETTINGS readonly = 0",
]


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A server with a user `board` besides the platform's, and tables in two databases."""
    folder = tmp_path_factory.mktemp("boards")
    (folder / "board.password").write_text("board secret")
    process = EngineProcess(
        folder / "engine", options=("--board-password-file", str(folder / "board.password"))
    )
    door = process.start()
    for name in ("city", "hidden"):
        ask(door, f"CREATE DATABASE {name}".encode())
        ask(door, f"CREATE TABLE {name}.facts (a UInt8) ENGINE = MergeTree ORDER BY a".encode())
        ask(door, f"INSERT INTO {name}.facts VALUES (1)".encode())
    yield door
    process.stop()


@pytest.fixture
def board(owner: ClickHouse) -> ClickHouse:
    """The same server as its user `board` sees it."""
    return replace(owner, user="board", password="board secret")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM city.facts", "1\n"),
        ("WITH 1 AS b SELECT a + b -- it's\n FROM city.facts", "2\n"),
        ("SELECT 'tab\\t\\\\', '\n'", None),
        ("SHOW TABLES FROM city", "facts\n"),
        ("EXISTS TABLE city.facts", "1\n"),
        ("DESCRIBE TABLE city.facts", None),
        ("SELECT name FROM system.columns WHERE database = 'city'", "a\n"),
        ("EXPLAIN SELECT a FROM city.facts", None),
        ("SELECT version(), timezone()", None),
    ],
)
def test_it_reads(board: ClickHouse, sql: str, expected: str | None) -> None:
    """What a board and its query editor ask."""
    answer = ask(board, sql.encode(), database="city")
    assert answer.status == 200, answer.text
    assert expected in (None, answer.text)


@pytest.mark.parametrize("sql", [*_CHANGES, *(sql for sql in (*READS, *REACHES) if "{" in sql)])
def test_it_changes_and_reaches_nothing(board: ClickHouse, owner: ClickHouse, sql: str) -> None:
    """Each statement is refused, with the body, by POST and GET, and the tables stay as they are."""
    for name, value in (("secret", "/etc/hostname"), ("out", "/nonexistent/out"), ("port", "1")):
        sql = sql.replace("{" + name + "}", value)
    for method in ("POST", "GET"):
        answer = ask(board, method=method, query=sql, param_p="/etc/hostname")
        assert answer.status >= 400, answer.text
    assert ask(owner, b"SELECT a FROM city.facts").data == b"1\n"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT arrayMap({f:Identifier}, ['%s'])",
        "SELECT arrayMap({ f : identifier }, ['%s'])",
        "WITH (p -> arrayMap({f:Identifier}, [p])) AS read SELECT read('%s')",
        "SHOW TABLES FROM city WHERE arrayMap({f:Identifier}, ['%s'])[1] = name",
        "EXPLAIN SELECT arrayMap({f:Identifier}, ['%s'])",
        "DESCRIBE (SELECT arrayMap({f:Identifier}, ['%s']))",
    ],
)
@pytest.mark.parametrize("name", ["file", "`file`", "fi\\x6ce"])
def test_a_parameter_names_no_function(board: ClickHouse, owner: ClickHouse, sql: str, name: str) -> None:
    """A function that a parameter names would read the engine's own files, such as the parts of other databases."""
    path = owner.path / "user_files" / "canary.txt"
    path.write_text("canary")
    answer = ask(board, (sql % path).encode(), param_f=name)
    assert answer.status >= 400, answer.text
    assert "canary" not in answer.text.replace("canary.txt", "")


@pytest.mark.parametrize("part", ["CASE WHEN 1 THEN {} END", "({})", "[{}]", "negate({})", "(SELECT {})"])
def test_a_statement_that_nests_too_deeply_is_the_clients_error(board: ClickHouse, part: str) -> None:
    """Whichever limit it meets: ours, the parser's, the tree's."""
    sql = "1"
    for _ in range(600):
        sql = part.format(sql)
    answer = ask(board, f"SELECT {sql}".encode())
    assert answer.status in {200, 400}, answer.text[:200]
    assert answer.code in {None, "62", "167", "306", "162"}, answer.text[:200]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (b"SELECT number FROM numbers(300000) FORMAT JSON", "396"),
        (b"SELECT uniqExact(number) FROM numbers(100000000)", "241"),
    ],
)
def test_rows_and_memory_are_bounded(board: ClickHouse, sql: bytes, code: str) -> None:
    """A statement beyond the limits is an error of its own; a request cannot raise them."""
    for asked in ({}, {"max_result_rows": "0", "max_memory_usage": "0"}, {"max_result_rows": "9999999"}):
        answer = ask(board, sql, "POST", None, "/", **asked)
        assert answer.code == code or code in answer.text


def test_a_stream_of_too_many_rows_never_ends_properly(board: ClickHouse) -> None:
    """It is cut, or refused where the limit is reached before the first block: never a complete result."""
    try:
        answer = ask(board, b"SELECT number FROM numbers(300000)")
    except http.client.IncompleteRead:
        return
    assert answer.code == "396", answer.status


def test_time_is_bounded(board: ClickHouse) -> None:
    """A request may ask for less time, and gets no more."""
    slow = b"SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"
    assert ask(board, slow, max_execution_time="0.5").code == "159"
    shown = ask(
        board, b"SELECT getSetting('max_execution_time'), getSetting('readonly')", max_execution_time="900"
    )
    assert shown.data == b"30\t1\n"


def test_neither_settings_sessions_nor_tables_come_along(board: ClickHouse) -> None:
    """A setting that is not free is refused; a session keeps nothing."""
    assert ask(board, b"SELECT 1", allow_ddl="1").code == "164"
    assert ask(board, b"SELECT 1", session_id="s", role="platform").data == b"1\n"
    assert ask(board, b"DROP TABLE city.facts", session_id="s").status >= 400


def test_a_wrong_password_and_another_user_are_refused_alike(board: ClickHouse) -> None:
    """One text for both."""
    wrong = ask(replace(board, password="a pass:word"), b"SELECT 1")
    absent = ask(replace(board, user="nobody"), b"SELECT 1")
    assert (wrong.code, absent.code) == ("516", "516")
    assert wrong.text.replace("board", "nobody") == absent.text
