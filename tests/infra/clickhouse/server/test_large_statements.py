"""Large and deep texts of statements: refused in bounded time and memory, within a turn, for no client that left."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.server.deny_list import refuse_unsafe_values
from infra.clickhouse.sql_lexer import tokens
from tests.harness.waiting import eventually, patient
from tests.infra.clickhouse.server.asking import ask, send_and_leave

if TYPE_CHECKING:
    from tests.harness.engine import ClickHouse

_MB = 1024 * 1024


@pytest.mark.parametrize(
    "text",
    [
        b"(" * (20 * _MB),
        b"SELECT " + b"(" * (20 * _MB),
        b"INSERT INTO t " + b"(" * (20 * _MB),
        b"INSERT INTO t VALUES " + b"(" * (20 * _MB),
        b"INSERT INTO t SELECT " + b"1," * (10 * _MB),
        b"SELECT " + b"/*" * (10 * _MB),
        b"SELECT '" + b"\\'" * (10 * _MB),
        b"SELECT " + b"'" * (20 * _MB + 1),
        b"SELECT " + b"$a$" * (7 * _MB),
        b" " * (20 * _MB),
        b"-- \n" * (5 * _MB),
        b"SELECT " + b"1+" * (200 * 1024),
        b"SELECT " + b"[" * 100_000,
        b"SELECT " + b"(" * 100_000 + b")" * 100_000,
        b"SELECT " + b"NOT " * 30_000 + b"1",
        b"SELECT " + b"-" + b" -" * 60_000 + b"1",
    ],
    ids=lambda text: f"{text[:24]!r}…{len(text):,}",
)
def test_a_large_or_deep_statement_is_refused(clickhouse: ClickHouse, text: bytes) -> None:
    """A client's error, soon, with little memory, and the next statement is answered."""
    process = psutil.Process(clickhouse.pid)
    before, started = process.memory_info().rss, time.monotonic()
    answer = ask(clickhouse, text)
    assert 400 <= answer.status <= 500, answer.status
    assert answer.status < 500 or answer.code in ("167", "306"), answer.text[:200]  # too deep for its parser
    assert time.monotonic() - started < patient(10)
    assert process.memory_info().rss - before < 200 * _MB
    assert ask(clickhouse, b"SELECT 1").data == b"1\n"


def test_the_data_of_an_insert_does_not_count(clickhouse: ClickHouse) -> None:
    """A megabyte of VALUES and of TSV are stored; a statement of 200 KiB runs, of 300 KiB does not."""
    ask(clickhouse, b"CREATE TABLE IF NOT EXISTS default.much (a UInt32, s String) ENGINE = Memory")
    rows = [b"(%d, 'it''s \\\\ %d')" % (number, number) for number in range(50_000)]
    assert ask(clickhouse, b"INSERT INTO default.much VALUES " + b", ".join(rows)).written_rows == 50_000
    assert (
        ask(clickhouse, b"INSERT INTO default.much FORMAT TSV\n" + b"1\ta\n" * 300_000).written_rows
        == 300_000
    )
    assert ask(clickhouse, b"SELECT 1" + b" " * 200_000).data == b"1\n"
    assert ask(clickhouse, b"SELECT 1" + b" " * 300_000).code == "191"
    ask(clickhouse, b"DROP TABLE default.much")


def test_reading_a_text_ends_when_the_client_left() -> None:
    """The lexer looks at every token whether anyone still waits."""
    left = threading.Event()
    reader = tokens(b"1 " * 1000, left)
    next(reader)
    left.set()
    with pytest.raises(RefusedError, match="the client has gone"):
        list(reader)
    with pytest.raises(RefusedError, match="the client has gone"):
        refuse_unsafe_values([b"(file)"], 100, left)


def test_clients_that_leave_free_their_turns(clickhouse: ClickHouse) -> None:
    """Eight of them with a large text each, gone at once: a statement is answered soon."""
    value = b"INSERT INTO t VALUES " + b"(`a\\x62`)," * _MB
    for connection in [send_and_leave(clickhouse, value) for _ in range(8)]:
        connection.close()
    eventually(lambda: ask(clickhouse, b"SELECT 1").data == b"1\n", "it answers", within_s=patient(5))
