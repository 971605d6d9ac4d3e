"""Attacks: a user of the door reaches tables, and nothing else of the host or the network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.infra.clickhouse.server.asking import ask

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.engine import ClickHouse

_SECRET = "the-hosts-secret"
_READS = [
    "SELECT file('{path}')",
    "SELECT `file`('{path}')",
    "SELECT `fi\\x6ce`('{path}')",
    "SELECT “file”('{path}')",
    "SELECT file\u00a0('{path}')",
    "SELECT file /* ' */ ('{path}')",
    "SELECT file -- '\n('{path}')",
    "SELECT '\\'', file('{path}')",
    "SELECT arrayMap(file, ['{path}'])",
    "SELECT arrayMap(x -> file(x), ['{path}'])",
    "SELECT * APPLY file FROM (SELECT '{path}')",
    "SELECT * APPLY(file) FROM (SELECT '{path}')",
    "SELECT 1 SETTINGS additional_result_filter = 'file(''{path}'') = 1'",
    "SELECT * FROM file('{path}', 'LineAsString')",
    "SELECT * FROM '{path}'",
    "SELECT * FROM `{path}`",
    "SELECT * FROM filesystem('{path}')",
    "SELECT * FROM eval('SELECT file(''{path}'')')",
    "DESCRIBE file('{path}')",
    "INSERT INTO default.loot FROM INFILE '{path}' FORMAT LineAsString",
    "INSERT INTO default.loot SELECT file('{path}')",
    "INSERT INTO default.loot VALUES (file('{path}'))",
    "CREATE TABLE default.l2 (s String DEFAULT file('{path}')) ENGINE = Memory",
    "CREATE TABLE default.l3 (s String) ENGINE = File(LineAsString, '{path}')",
    "CREATE VIEW default.l4 AS SELECT file('{path}')",
    "CREATE DICTIONARY l5 (a UInt64) PRIMARY KEY a SOURCE(FILE(path '{path}')) LAYOUT(FLAT()) LIFETIME(0)",
    "CREATE DATABASE l6 ENGINE = Filesystem('/')",
    "SELECT 1 SETTINGS format_schema = '{path}'",
    "SELECT 1 SETTINGS format_template_row = '{path}'",
    "SET dialect = 'prql'",
]
_REACHES = [
    "SELECT 1 INTO OUTFILE '{path}.out'",
    "INSERT INTO FUNCTION file('{path}.out', 'TSV', 's String') SELECT '1'",
    "BACKUP TABLE default.loot TO File('{path}.out')",
    "SELECT * FROM url('http://127.0.0.1:{port}/ping', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:{port}/bucket/x', 'TSV', 's String')",
    "SELECT * FROM remote('127.0.0.1:{port}', 'system.one')",
    "SELECT * FROM mysql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
    "SELECT * FROM executable('ls', 'TSV', 's String')",
    "SELECT * FROM python('x')",
    "CREATE TABLE default.l7 (s String) ENGINE = URL('http://127.0.0.1:{port}/', TSV)",
    "CREATE TABLE l8 (a UInt8) ENGINE = Log SETTINGS disk = disk(type = web, endpoint = 'http://127.0.0.1:{port}/')",
    "CREATE TABLE l9 (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = 'other'",
    "SELECT 1 SETTINGS format_avro_schema_registry_url = 'http://127.0.0.1:{port}/'",
    "CREATE USER intruder",
    "GRANT ALL ON *.* TO default",
    "DROP DATABASE system",
    "SYSTEM SHUTDOWN",
    "CREATE FUNCTION loot AS x -> x",
]


@pytest.fixture
def secret(clickhouse: ClickHouse, tmp_path: Path) -> str:
    """A file of the host, and a table to carry it off in."""
    path = tmp_path / "secret.txt"
    path.write_text(_SECRET)
    ask(clickhouse, b"CREATE TABLE IF NOT EXISTS default.loot (s String) ENGINE = MergeTree ORDER BY s")
    return str(path)


@pytest.mark.parametrize("attack", _READS + _REACHES)
def test_nothing_beyond_the_tables_is_reached(clickhouse: ClickHouse, secret: str, attack: str) -> None:
    """Each way is an error, no answer holds the secret, no file appears."""
    sql = attack.replace("{path}", secret).replace("{port}", str(clickhouse.port))
    answer = ask(clickhouse, sql.encode())
    assert answer.status >= 400, answer.text
    assert _SECRET not in answer.text
    assert not os.path.exists(f"{secret}.out")  # noqa: PTH110  (a name, not a path of ours)
    assert ask(clickhouse, b"SELECT count() FROM default.loot").data == b"0\n"
    assert ask(clickhouse, b"SELECT name FROM system.one, system.databases WHERE name = 'system'").data


def test_a_structure_that_comes_along_may_not_call_either(clickhouse: ClickHouse, secret: str) -> None:
    """`input('…')` and external tables are read by the door itself."""
    query = f"INSERT INTO loot SELECT s FROM input('a UInt8, s String DEFAULT file(\\'{secret}\\')') FORMAT JSONEachRow"
    assert ask(clickhouse, b'{"a":1}', query=query).status >= 400
    assert ask(clickhouse, b"SELECT count() FROM default.loot").data == b"0\n"


def test_a_column_named_file_can_be_had(clickhouse: ClickHouse) -> None:
    """Defined and filled as usual, read with its table's name."""
    ask(
        clickhouse,
        b"CREATE TABLE IF NOT EXISTS default.named (file String) ENGINE = MergeTree ORDER BY tuple()",
    )
    assert ask(clickhouse, b"INSERT INTO default.named (file) VALUES ('x')").status == 200
    assert ask(clickhouse, b"SELECT n.file FROM default.named AS n").data == b"x\n"
    ask(clickhouse, b"DROP TABLE default.named")


def test_what_a_board_needs_is_granted(clickhouse: ClickHouse) -> None:
    """System tables, views, dictionaries' functions and merges are there."""
    for sql in (
        b"CREATE OR REPLACE TABLE default.merged (s String) ENGINE = MergeTree ORDER BY s",
        b"SELECT count() FROM system.parts",
        b"SHOW TABLES FROM system",
        b"SELECT * FROM numbers(1)",
        b"CREATE OR REPLACE VIEW default.seen AS SELECT 1 AS a",
        b"OPTIMIZE TABLE default.merged FINAL",
        b"EXPLAIN SELECT 1",
        b"DROP VIEW default.seen",
    ):
        answer = ask(clickhouse, sql)
        assert answer.status == 200, answer.text
