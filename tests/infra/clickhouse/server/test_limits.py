"""Bounds: of memory, of bodies, of results, of waiting; and what happens to a statement whose client has gone."""

from __future__ import annotations

import gzip
import http.client
import os
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from infra.clickhouse.server.config import ServerConfig
from tests.harness.engine import ClickHouse, EngineProcess
from tests.harness.waiting import eventually, patient
from tests.infra.clickhouse.server.asking import ask, basic, send_and_leave

if TYPE_CHECKING:
    from collections.abc import Iterator

_MB = 1024 * 1024
_ENDLESS = b"SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A door of this file's own: nobody else's statements count against its limits or fill its memory."""
    door = EngineProcess(tmp_path_factory.mktemp("limits") / "data")
    yield door.start()
    door.stop()


def _resident(door: ClickHouse) -> float:
    return float(psutil.Process(door.pid).memory_info().rss) / _MB


def _running(door: ClickHouse) -> int:
    return int(ask(door, b"SELECT count() - 1 FROM system.processes").data)


def _await_idle(door: ClickHouse) -> None:
    eventually(lambda: _running(door) == 0, "no statement runs", within_s=patient(5))


def test_a_large_result_is_streamed(clickhouse: ClickHouse) -> None:
    """500 MB go out while the door grows by less than 200."""
    before = _resident(clickhouse)
    connection = http.client.HTTPConnection(clickhouse.host, clickhouse.port, timeout=120)
    body = b"SELECT number, randomPrintableASCII(100) FROM numbers(4600000)"
    connection.request("POST", "/", body, basic(clickhouse))
    response, size, most = connection.getresponse(), 0, 0.0
    while piece := response.read(16 * _MB):
        size += len(piece)
        most = max(most, _resident(clickhouse))
    assert size > 480 * _MB
    assert most - before < 200


def test_a_result_that_cannot_be_streamed_is_bounded(clickhouse: ClickHouse) -> None:
    """JSON of a gigabyte is refused with the limit in the text."""
    answer = ask(clickhouse, b"SELECT number, toString(number) FROM numbers(20000000) FORMAT JSON")
    assert (answer.status, answer.code) == (500, "396")
    assert "max" in answer.text


def test_a_greedy_statement_is_refused_and_the_door_lives(clickhouse: ClickHouse) -> None:
    """More than a gigabyte for one statement is an error of that statement."""
    greedy = b"SELECT length(groupArray(repeat(toString(number), 1000))) FROM numbers(3000000)"
    assert ask(clickhouse, greedy).code == "241"
    assert ask(clickhouse, greedy + b" SETTINGS max_memory_usage = 0").code == "452"
    assert ask(clickhouse, b"SELECT 1").data == b"1\n"


def test_a_bomb_is_refused_before_it_unfolds(clickhouse: ClickHouse) -> None:
    """400 kB that would be 400 MB: status 413, code 307, and no memory taken."""
    before = _resident(clickhouse)
    headers = basic(clickhouse) | {"Content-Encoding": "gzip"}
    bomb = gzip.compress(bytes(400 * _MB), compresslevel=1)
    answer = ask(clickhouse, bomb, headers=headers, query="INSERT INTO nowhere FORMAT TSV")
    assert (answer.status, answer.code) == (413, "307")
    assert "smaller inserts" in answer.text
    assert _resident(clickhouse) - before < 100


def test_a_large_insert_stays_within_bounds(clickhouse: ClickHouse) -> None:
    """100 MB in one insert: everything stored, memory given back."""
    ask(
        clickhouse,
        b"CREATE TABLE IF NOT EXISTS default.large (a UInt64, s String) ENGINE = MergeTree ORDER BY a",
    )
    filler = os.urandom(50).hex()
    data = "".join(f"{number}\t{filler}\n" for number in range(1_000_000)).encode()
    answer = ask(clickhouse, data, query="INSERT INTO default.large FORMAT TSV")
    assert answer.written_rows == 1_000_000
    assert ask(clickhouse, b"SELECT count(), sum(a) FROM default.large").data == b"1000000\t499999500000\n"
    assert _resident(clickhouse) < 1600
    ask(clickhouse, b"DROP TABLE default.large SYNC")


def test_more_statements_than_workers_wait_their_turn(clickhouse: ClickHouse) -> None:
    """Twenty at once are all answered."""
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ask(clickhouse, b"SELECT sleep(0.1)").status, range(20)))
    assert answers == [200] * 20


def test_a_queue_that_is_full_says_so(clickhouse: ClickHouse) -> None:
    """Beyond the waiting ones: 503 and code 202, at once; clients come again."""
    config = ServerConfig(Path())
    held = [send_and_leave(clickhouse, _ENDLESS) for _ in range(config.running + config.waiting + 3)]

    def answered() -> list[socket.socket]:
        return select.select(held, [], [], 0)[0]

    eventually(lambda: len(answered()) == 3, "three of them find no place", within_s=patient(10))
    for connection in answered():
        head = connection.recv(4096).lower()
        assert head.startswith(b"http/1.1 503 ")
        assert b"x-clickhouse-exception-code: 202\r\n" in head
    for connection in held:
        connection.close()
    eventually(
        lambda: ask(clickhouse, b"SELECT 1").code is None, "those who left take no turn", within_s=patient(5)
    )
    _await_idle(clickhouse)


def test_a_statement_whose_client_has_gone_is_given_up(clickhouse: ClickHouse) -> None:
    """It does not go on for nobody."""
    connection = send_and_leave(clickhouse, _ENDLESS)
    time.sleep(0.5)
    assert _running(clickhouse) == 1
    connection.close()
    _await_idle(clickhouse)


def test_a_stream_whose_client_has_gone_is_given_up(clickhouse: ClickHouse) -> None:
    """Nor does a result that nobody reads; and while it waits, it takes no memory."""
    before = _resident(clickhouse)
    connection = send_and_leave(clickhouse, b"SELECT number FROM numbers(100000000000)")
    time.sleep(1.0)
    assert _resident(clickhouse) - before < 150
    connection.close()
    _await_idle(clickhouse)


def test_a_slow_sender_holds_no_worker(clickhouse: ClickHouse) -> None:
    """Ten half-sent inserts, and a statement is answered at once."""
    held = [send_and_leave(clickhouse, b"") for _ in range(10)]
    for connection in held:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n")
    started = time.monotonic()
    assert ask(clickhouse, b"SELECT 1").data == b"1\n"
    assert time.monotonic() - started < patient(2)
    for connection in held:
        connection.close()


@pytest.mark.parametrize("length", [b"-1", b"abc"])
def test_broken_http_is_refused(clickhouse: ClickHouse, length: bytes) -> None:
    """And the door answers the next one."""
    connection = socket.create_connection((clickhouse.host, clickhouse.port), timeout=10)
    connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + length + b"\r\n\r\n")
    assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    connection.close()
    assert ask(clickhouse, b"SELECT 1").data == b"1\n"
