"""The engine's own process under a thousand half-open connections, deep JSON and a storm of errors."""

from __future__ import annotations

import resource
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from ledger_sink.http.descriptors import raise_descriptor_limit
from tests.harness.engine import ClickHouse, EngineProcess
from tests.infra.clickhouse.server.asking import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOW = """import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, {hard}))
os.execv(sys.argv[1], sys.argv[1:])"""


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A server whose soft limit of open files is the usual 1,024."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    prefix = (sys.executable, "-c", _LOW.format(hard=hard))
    door = EngineProcess(tmp_path_factory.mktemp("hostile") / "data", prefix=prefix)
    yield door.start()
    door.stop()


def test_half_open_connections_keep_nobody_out(clickhouse: ClickHouse, tmp_path: Path) -> None:
    """1,100 of them, and statements are answered; the soft limit was raised."""
    del tmp_path
    raise_descriptor_limit()
    assert resource.prlimit(clickhouse.pid, resource.RLIMIT_NOFILE)[0] > 1024
    held = []
    try:
        for number in range(1100):
            connection = socket.create_connection((clickhouse.host, clickhouse.port), timeout=20)
            held.append(connection)
            if number % 2:
                connection.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-")
            if number % 300 == 0:
                assert ask(clickhouse, b"SELECT 1").data == b"1\n"
        assert ask(clickhouse, b"SELECT 1").data == b"1\n"
    finally:
        for connection in held:
            connection.close()


def test_where_few_files_may_be_open_half_of_them_are_for_connections(tmp_path: Path) -> None:
    """A hard limit of 512, and 600 half-open connections: they push out each other before descriptors run out."""
    low = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512)); "
    prefix = (sys.executable, "-c", low + "os.execv(sys.argv[1], sys.argv[1:])")
    process = EngineProcess(tmp_path / "data", prefix=prefix)
    door = process.start()
    held: list[socket.socket] = []
    try:
        held += [socket.create_connection((door.host, door.port), timeout=20) for _ in range(600)]
        assert ask(door, b"SELECT 1").data == b"1\n"
    finally:
        for connection in held:
            connection.close()
        process.stop()
    assert process.process is not None
    assert process.process.stderr is not None
    assert "Too many open files" not in process.process.stderr.read()


def test_deep_json_is_an_error_of_its_insert(clickhouse: ClickHouse) -> None:
    """200,000 brackets in a row of JSON."""
    ask(clickhouse, b"CREATE TABLE IF NOT EXISTS default.deep (a String) ENGINE = MergeTree ORDER BY a")
    for text in (b"[" * 200_000, b'{"a":' * 200_000, b'{"a":"' + b"[" * 200_000 + b'"}'):
        answer = ask(clickhouse, text, query="INSERT INTO default.deep FORMAT JSONEachRow")
        assert answer.status in {200, 400, 500}
        assert "Traceback" not in answer.text
    assert ask(clickhouse, b"SELECT 1").data == b"1\n"


def test_a_foreign_page_and_a_foreign_name_are_refused_before_the_password(clickhouse: ClickHouse) -> None:
    """Reading, too: a browser sends a password again once it was typed."""
    assert ask(clickhouse, b"SELECT 1", headers={"Host": "evil.example"}).status == 421
    for method in ("GET", "POST"):
        headers = {"Sec-Fetch-Site": "cross-site"}
        assert ask(clickhouse, b"", method=method, headers=headers, query="SELECT 1").status == 403
