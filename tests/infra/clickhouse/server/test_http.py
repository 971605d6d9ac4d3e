"""The door's HTTP: who may come in, what a request means, how an error looks."""

from __future__ import annotations

import http.client
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.infra.clickhouse.server.asking import ask, basic

if TYPE_CHECKING:
    from tests.harness.engine import ClickHouse


def test_ping_needs_no_password(clickhouse: ClickHouse) -> None:
    """Health checks come without a secret."""
    assert ask(clickhouse, method="GET", path="/ping", headers={}).data == b"Ok.\n"
    assert ask(clickhouse, method="GET", path="/replicas_status", headers={}).status == 200


def test_the_three_ways_to_say_who_one_is(clickhouse: ClickHouse) -> None:
    """HTTP Basic, ClickHouse's headers, URL parameters."""
    user, password = clickhouse.user, clickhouse.password
    assert ask(clickhouse, b"SELECT 1").data == b"1\n"
    keys = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}
    assert ask(clickhouse, b"SELECT 1", headers=keys).data == b"1\n"
    assert ask(clickhouse, b"SELECT 1", headers={}, user=user, password=password).data == b"1\n"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic !"}, {"X-ClickHouse-User": "tester"}])
def test_without_the_password_nothing_is_answered(clickhouse: ClickHouse, headers: dict[str, str]) -> None:
    """Status 403 and code 516, whatever is missing."""
    answer = ask(clickhouse, b"SELECT 1", headers=headers)
    assert (answer.status, answer.code) == (403, "516")
    assert "AUTHENTICATION_FAILED" in answer.text


def test_wrong_user_and_wrong_password_look_the_same(clickhouse: ClickHouse) -> None:
    """Nobody learns which of the two was right."""
    wrong = ask(clickhouse, b"SELECT 1", headers=basic(clickhouse, "guess"))
    other = ask(clickhouse, b"SELECT 1", headers={}, user="nobody", password=clickhouse.password)
    assert (wrong.status, wrong.code) == (other.status, other.code) == (403, "516")
    assert clickhouse.password not in wrong.text + other.text


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        (b"SELEC 1", 400, "62"),
        (b"SELECT * FROM nowhere", 404, "60"),
        (b"SELECT nope", 404, "47"),
        (b"SELECT 1 FORMAT Nope", 404, "73"),
        (b"SELECT 1; SELECT 2", 400, "62"),
        (b"INSERT INTO nowhere VALUES (1)", 404, "60"),
        (b"SELECT {x:UInt8}", 400, "456"),
        (b"SELECT throwIf(1)", 500, "395"),
        (b"SELECT 1 SETTINGS max_execution_time = 100000", 500, "452"),
        (b"", 400, "62"),
    ],
)
def test_errors_have_status_code_and_text(clickhouse: ClickHouse, sql: bytes, status: int, code: str) -> None:
    """As ClickHouse's own interface tells them."""
    answer = ask(clickhouse, sql)
    assert (answer.status, answer.code) == (status, code)
    assert f"Code: {code}. DB::Exception" in answer.text


def test_an_error_after_the_first_block_cuts_the_answer(clickhouse: ClickHouse) -> None:
    """A client cannot take half a result for the whole; the text stands at its end."""
    with pytest.raises(http.client.IncompleteRead) as cut:
        ask(clickhouse, b"SELECT throwIf(number = 3000000) FROM numbers(5000000)")
    assert b"Code: 395" in cut.value.partial[-2000:]


def test_query_and_body_are_joined(clickhouse: ClickHouse) -> None:
    """`query=` first, then the body; a `;` at the end does no harm."""
    assert ask(clickhouse, b"+ 1", query="SELECT 1").data == b"2\n"
    assert ask(clickhouse, b"SELECT 1;").data == b"1\n"
    assert ask(clickhouse, method="GET", query="SELECT 'é'").text == "é\n"


def test_get_may_only_read(clickhouse: ClickHouse) -> None:
    """A link changes nothing."""
    answer = ask(clickhouse, method="GET", query="CREATE DATABASE by_get")
    assert answer.code == "164"
    assert ask(clickhouse, method="GET", query="SELECT 1", max_threads="1").data == b"1\n"


def test_settings_in_the_url_reach_the_engine(clickhouse: ClickHouse) -> None:
    """For this statement only; unknown ones are refused, limits are limits."""
    asked = b"SELECT getSetting('max_threads')"
    assert ask(clickhouse, asked, max_threads="1").data == b"1\n"
    assert ask(clickhouse, b"SELECT 1", nonsense="1").code == "115"
    assert (
        ask(clickhouse, b"SELECT getSetting('max_execution_time')", max_execution_time="0").data == b"300\n"
    )
    assert ask(clickhouse, b"SELECT sleepEachRow(1) FROM numbers(3)", max_execution_time="0.5").code == "159"


def test_database_parameters_and_formats(clickhouse: ClickHouse) -> None:
    """`database=`, `param_x=`, `default_format=` and FORMAT, each with its content type."""
    assert ask(clickhouse, b"SELECT currentDatabase()", database="system").data == b"system\n"
    assert ask(clickhouse, b"SELECT 1", database="nowhere").code == "81"
    told = ask(clickhouse, b"SELECT {a:Array(String)} AS a FORMAT JSONEachRow", param_a="['x','y']")
    assert told.data == b'{"a":["x","y"]}\n'
    assert told.headers["content-type"].startswith("application/x-ndjson")
    assert ask(clickhouse, b"SELECT 1 AS a", default_format="CSVWithNames").data == b'"a"\n1\n'


def test_totals_are_not_lost(clickhouse: ClickHouse) -> None:
    """A result with more than rows is sent as a whole."""
    sql = b"SELECT number % 2 AS a, count() FROM numbers(4) GROUP BY a WITH TOTALS ORDER BY a"
    assert ask(clickhouse, sql).data == b"0\t2\n1\t2\n\n0\t4\n"


def test_clickhouses_own_compression_is_refused_clearly(clickhouse: ClickHouse) -> None:
    """Not answered in plain, which the client would take for garbage."""
    answer = ask(clickhouse, b"SELECT 1", compress="1")
    assert (answer.status, answer.code) == (501, "48")
    assert "Content-Encoding" in answer.text


def test_a_token_makes_a_repeated_insert_harmless(clickhouse: ClickHouse) -> None:
    """Under the same token nothing is added, under another it is; the same block without a token is a repeat too."""
    table = f"tokens_{uuid.uuid4().hex}"
    window = b"SETTINGS non_replicated_deduplication_window = 100"
    ask(clickhouse, f"CREATE TABLE {table} (a UInt64) ENGINE = MergeTree ORDER BY a ".encode() + window)
    query = f"INSERT INTO {table} FORMAT TSV"
    counts = []
    for token, body in (("t1", b"1\n2\n"), ("t1", b"1\n2\n"), ("t2", b"1\n2\n"), ("", b"5\n"), ("", b"5\n")):
        assert ask(clickhouse, body, query=query, insert_deduplication_token=token).status == 200
        counts.append(int(ask(clickhouse, f"SELECT count() FROM {table}".encode()).data))
    assert counts == [2, 2, 4, 5, 5]
    via = f"INSERT INTO {table} SELECT a FROM input('a UInt64') WHERE throwIf(a = 9) = 0 FORMAT TSV"
    for _ in range(2):
        assert ask(clickhouse, b"7\n8\n", query=via, insert_deduplication_token="t3").status == 200
    assert ask(clickhouse, b"9\n", query=via, insert_deduplication_token="t4").code == "395"
    assert ask(clickhouse, f"SELECT count() FROM {table}".encode()).data == b"7\n"


def test_an_insert_that_fails_while_writing_says_so(clickhouse: ClickHouse) -> None:
    """A violated constraint or a default that throws is an error, and nothing is stored."""
    table = f"strict_{uuid.uuid4().hex}"
    columns = "a UInt64, b UInt64 DEFAULT a + throwIf(a = 8), CONSTRAINT small CHECK a < 10"
    ask(clickhouse, f"CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY a".encode())
    for data in (b"1\n50\n", b"1\n8\n", b"1\nx\n"):
        assert ask(clickhouse, data, query=f"INSERT INTO {table} (a) FORMAT TSV").status >= 400
    assert ask(clickhouse, f"SELECT count() FROM {table}".encode()).data == b"0\n"
    assert ask(clickhouse, b"3\n", query=f"INSERT INTO {table} (a) FORMAT TSV").written_rows == 1


def test_one_insert_is_one_part(clickhouse: ClickHouse) -> None:
    """However many rows: so it is stored whole or not at all."""
    table = f"one_{uuid.uuid4().hex}"
    ask(clickhouse, f"CREATE TABLE {table} (a UInt64) ENGINE = MergeTree ORDER BY a".encode())
    data = b"".join(b"%d\n" % number for number in range(1_500_000))
    assert ask(clickhouse, data, query=f"INSERT INTO {table} FORMAT TSV").written_rows == 1_500_000
    parts = f"SELECT count(), sum(rows) FROM system.parts WHERE active AND table = '{table}'"
    assert ask(clickhouse, parts.encode()).data == b"1\t1500000\n"
    ask(clickhouse, f"DROP TABLE {table}".encode())
