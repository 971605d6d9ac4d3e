"""Clients of a ClickHouse server work with the door unchanged."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.go_program import built
from tests.infra.clickhouse.server.asking import ask, basic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.engine import ClickHouse

_GO = Path(__file__).parent / "go_client"
_COLUMNS: dict[str, tuple[str, Any]] = {
    "u": ("UUID", uuid.UUID("018f3c1e-0000-7000-8000-000000000001")),
    "f16": ("FixedString(16)", bytes(range(16))),
    "at": ("DateTime64(6, 'UTC')", datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)),
    "at3": ("DateTime64(3, 'UTC')", datetime(2026, 3, 1, 12, 30, 0, 123000, tzinfo=UTC)),
    "day": ("Date32", date(1999, 12, 31)),
    "lc": ("LowCardinality(String)", "강남구"),
    "lcn": ("LowCardinality(Nullable(String))", None),
    "n": ("Nullable(Float64)", None),
    "x": ("Float64", -2.5),
    "i": ("Int64", -(2**62)),
    "j": ("Int32", -7),
    "q": ("UInt64", 2**64 - 1),
    "flag": ("Bool", True),
    "e": ("Enum8('GOOD' = 1, 'BAD' = 2)", "BAD"),
    "a": ("Array(String)", ["a", "b"]),
    "m": ("Map(String, Int32)", {"k": 1}),
    "t": ("Tuple(path String, line Nullable(Int64))", {"path": "p", "line": None}),
    "at2": ("Array(Tuple(name String, value Nullable(String)))", [{"name": "h", "value": None}]),
    "d": ("Decimal(18, 4)", Decimal("12.3400")),
    "b": ("String", "plain"),
}


@pytest.fixture
def database(clickhouse: ClickHouse) -> Iterator[str]:
    """A database of its own for each test."""
    name = f"t_{uuid.uuid4().hex}"
    ask(clickhouse, f"CREATE DATABASE {name}".encode())
    yield name
    ask(clickhouse, f"DROP DATABASE {name}".encode())


def test_every_column_type_goes_in_and_comes_out(clickhouse: ClickHouse, database: str) -> None:
    """clickhouse-connect inserts and reads each type that the tables use."""
    client = clickhouse.client(database=database)
    listed = ", ".join(f"`{name}` {kind}" for name, (kind, _) in _COLUMNS.items())
    client.command(f"CREATE TABLE every ({listed}) ENGINE = MergeTree ORDER BY u")
    row = [value for _, value in _COLUMNS.values()]
    assert client.insert("every", [row]).written_rows == 1
    [found] = client.query("SELECT * FROM every", query_tz="UTC").result_rows
    told = [value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in found]
    assert told == row


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_inserts_come_in_every_compression(clickhouse: ClickHouse, database: str, compress: Any) -> None:
    """What the client compresses, the door takes."""
    client = clickhouse.client(database=database, compress=compress)
    client.command("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    client.insert("t", [[i, "x" * 50] for i in range(5000)], column_names=["a", "s"])
    assert client.query("SELECT count(), sum(a) FROM t").result_rows == [(5000, 12497500)]


def test_parameters_frames_arrow_and_streams_work(clickhouse: ClickHouse) -> None:
    """Both kinds of parameters, a data frame, an Arrow table, a stream of blocks."""
    client = clickhouse.client()
    told = {"a": 1, "s": "it's\ttab\\", "x": ["q", "w"]}
    asked = client.query("SELECT {a:UInt8}, {s:String}, {x:Array(String)}", parameters=told)
    assert asked.result_rows == [(1, told["s"], ["q", "w"])]
    assert client.query("SELECT %(s)s", parameters={"s": "it's"}).result_rows == [("it's",)]
    assert list(client.query_df("SELECT number FROM numbers(3)")["number"]) == [0, 1, 2]
    assert client.query_arrow("SELECT number FROM numbers(200000)").num_rows == 200_000
    with client.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
        assert sum(len(block) for block in blocks) == 300_000


def test_text_goes_in_raw(clickhouse: ClickHouse, database: str) -> None:
    """A TSV insert, defaults filled in."""
    client = clickhouse.client(database=database)
    client.command("CREATE TABLE t (a UInt8, s String DEFAULT 'd') ENGINE = MergeTree ORDER BY a")
    client.raw_insert("t", column_names=["a"], insert_block=b"1\n2\n", fmt="TSV")
    assert client.query("SELECT * FROM t ORDER BY a").result_rows == [(1, "d"), (2, "d")]


def test_a_table_comes_along_with_a_query(clickhouse: ClickHouse) -> None:
    """External data in a multi-part body."""
    from clickhouse_connect.driver.external import ExternalData

    data = ExternalData(file_name="ext.csv", fmt="CSV", structure="a UInt8, b String", data=b"1,a\n2,b\n")
    rows = clickhouse.client().query("SELECT * FROM ext ORDER BY a", external_data=data).result_rows
    assert rows == [(1, "a"), (2, "b")]


def test_a_client_is_told_the_engines_error(clickhouse: ClickHouse) -> None:
    """Code and text come through the library."""
    from clickhouse_connect.driver.exceptions import DatabaseError

    with pytest.raises(DatabaseError, match=r"code: 60.*nowhere"):
        clickhouse.client().query("SELECT * FROM nowhere")


def test_a_session_keeps_what_it_set(clickhouse: ClickHouse) -> None:
    """SET and a temporary table hold for the session's next request, and for nobody else's."""
    client, other = clickhouse.client(session_id="s-1"), clickhouse.client(session_id="s-2")
    client.command("SET max_threads = 1")
    client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
    client.insert("mine", [[7]], column_names=["a"])
    assert client.query("SELECT a, getSetting('max_threads') FROM mine").result_rows == [(7, 1)]
    with pytest.raises(Exception, match="code: 60"):
        other.query("SELECT * FROM mine")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed here")
def test_curl_asks_and_inserts(clickhouse: ClickHouse, database: str) -> None:
    """Query in the URL or the body, tab separated by default, data behind the statement."""

    def curl(*told: str, data: str | None = None) -> str:
        user = ["-H", f"Authorization: {basic(clickhouse)['Authorization']}"]
        body = [] if data is None else ["--data-binary", data]
        command = ["curl", "-sS", "--max-time", "20", *user, *body, *told]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert curl(f"{clickhouse.url}ping") == "Ok.\n"
    assert curl(f"{clickhouse.url}?query=SELECT+1,2") == "1\t2\n"
    assert curl(clickhouse.url, data="SELECT 1 AS a FORMAT JSONEachRow") == '{"a":1}\n'
    assert curl(f"{clickhouse.url}?default_format=CSV", data="SELECT 'a', 1") == '"a",1\n'
    at = f"{clickhouse.url}?database={database}"
    curl(at, data="CREATE TABLE t (a UInt8, s String) ENGINE = MergeTree ORDER BY a")
    assert curl(at, data="INSERT INTO t VALUES (1, 'a\n\nb')") == ""
    assert curl(f"{at}&query=INSERT+INTO+t+FORMAT+CSV", data="2,c\n") == ""
    assert curl(at, data="SELECT count(), max(s) FROM t") == "2\tc\n"


@pytest.mark.timeout(600)
def test_the_go_driver_over_http_gets_right_answers(clickhouse: ClickHouse, tmp_path: Path) -> None:
    """clickhouse-go, the driver of Grafana's plug-in: hello, rows, all types, parameters, errors, wrong password."""
    program = built(_GO, tmp_path / "client")
    told = {"DOOR_ADDRESS": f"{clickhouse.host}:{clickhouse.port}"}
    told |= {"DOOR_USER": clickhouse.user, "DOOR_PASSWORD": clickhouse.password}
    ran = subprocess.run(
        [str(program)], env={**os.environ, **told}, capture_output=True, text=True, timeout=90, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "ok decimal" in ran.stdout


def test_the_drivers_first_question_is_answered_in_its_dialect(clickhouse: ClickHouse) -> None:
    """Block info first and a zero byte after each type; `revision()` is 0."""
    sql = b"SELECT displayName(), version(), revision(), timezone()"
    answer = ask(clickhouse, sql, client_protocol_version="54460", default_format="Native").data
    assert answer.startswith(
        b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01\x0ddisplayName()\x06String\x00\x04city"
    )
    assert b"\x0arevision()\x06UInt32\x00\x00\x00\x00\x00" in answer
    plain = ask(clickhouse, b"SELECT 1", client_protocol_version="54460", default_format="Native").data
    assert plain == b"\x01\x01\x011\x05UInt8\x01"
