"""Faults: `kill -9`, a second door, a taken port, a full disk, SIGTERM in the middle."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.harness.engine import EngineProcess
from tests.harness.waiting import patient
from tests.infra.clickhouse.server.asking import ask, send_and_leave

if TYPE_CHECKING:
    from tests.harness.engine import ClickHouse

_ROOT = Path(__file__).resolve().parents[4]
_TABLE = (
    b"CREATE TABLE IF NOT EXISTS default.facts (writer UInt8, n UInt64) ENGINE = MergeTree ORDER BY (writer, n) "
    b"SETTINGS non_replicated_deduplication_window = 10000"
)


class _Writer(threading.Thread):
    """Inserts numbered rows, ten at a time, until the door dies; remembers what was acknowledged."""

    def __init__(self, door: ClickHouse, name: int, start: int) -> None:
        super().__init__()
        self.door, self.writer, self.next, self.tried = door, name, start, start

    def run(self) -> None:
        with suppress(OSError, ConnectionError, Exception):
            while True:
                self.tried = self.next
                self.insert(self.next)
                self.next += 10

    def insert(self, start: int, suffix: str = "") -> None:
        """One insert under its token; raises unless it is acknowledged."""
        body = b"".join(b"%d\t%d\n" % (self.writer, number) for number in range(start, start + 10))
        token = f"{self.writer}:{start}{suffix}"
        query = "INSERT INTO default.facts FORMAT TSV"
        assert ask(self.door, body, query=query, insert_deduplication_token=token).status == 200

    def stored(self, start: int, end: int) -> int:
        """Return how many rows of these numbers are stored."""
        sql = b"SELECT count() FROM default.facts WHERE writer = %d AND n >= %d AND n < %d"
        return int(ask(self.door, sql % (self.writer, start, end)).text)

    def insert_again(self, start: int) -> None:
        """Repeat an insert that was not acknowledged, as the ClickHouse sink does: count, and insert what is missing.

        ClickHouse records a token before the rows are visible, and a kill may come in between. Then the repeated
        insert counts as stored, and is not.
        """
        self.insert(start)
        if not self.stored(start, start + 10):
            self.insert(start, ":again")


@pytest.mark.timeout(180)
def test_acknowledged_inserts_survive_kill_9_and_none_is_there_twice(tmp_path: Path) -> None:
    """Five rounds at random moments; what was not acknowledged is sent again, and counted."""
    process, moments = EngineProcess(tmp_path / "data"), random.Random(20260301)
    door = process.start()
    assert ask(door, _TABLE).status == 200
    position = [0, 0]
    for _ in range(5):
        writers = [_Writer(door, name, position[name]) for name in range(2)]
        for writer in writers:
            writer.start()
        time.sleep(moments.uniform(0.1, 0.9))
        process.kill()
        for writer in writers:
            writer.join(30)
        started = time.monotonic()
        door = process.start()
        assert time.monotonic() - started < patient(5)
        for writer in writers:
            writer.door = door
            assert writer.stored(0, writer.tried) == writer.tried
            writer.insert_again(writer.tried)
            position[writer.writer] = writer.tried + 10
    rows = ask(
        door,
        b"SELECT writer, count(), uniqExact(n), max(n) + 1 FROM default.facts GROUP BY writer ORDER BY 1",
    )
    expected = "".join(f"{name}\t{end}\t{end}\t{end}\n" for name, end in enumerate(position))
    assert min(position) > 0
    assert rows.text == expected
    assert process.stop() == 0


def test_a_token_whose_rows_are_missing_takes_a_repeat_for_stored(tmp_path: Path) -> None:
    """What a kill between token and rows leaves, made by hand: only a count shows it, only another token mends it."""
    process = EngineProcess(tmp_path / "data")
    door = process.start()
    assert ask(door, _TABLE).status == 200
    writer = _Writer(door, 1, 0)
    writer.insert(0)
    writer.insert(10)
    process.kill()
    (part,) = (tmp_path / "data").rglob("all_2_2_0")
    shutil.rmtree(part)
    writer.door = process.start()
    assert writer.stored(0, 20) == 10
    writer.insert(10)
    assert writer.stored(0, 20) == 10
    writer.insert_again(10)
    writer.insert_again(0)
    assert writer.stored(0, 20) == 20
    assert process.stop() == 0


def test_sigterm_ends_it_while_statements_run(tmp_path: Path) -> None:
    """In less than ten seconds, with exit code 0."""
    process = EngineProcess(tmp_path / "data")
    door = process.start()
    held = [
        send_and_leave(door, b"SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"),
        send_and_leave(door, b"SELECT number FROM numbers(100000000000)"),
    ]
    time.sleep(0.5)
    started = time.monotonic()
    assert process.stop() == 0
    assert time.monotonic() - started < patient(10)
    for connection in held:
        connection.close()


def _refused_start(*told: str, prefix: tuple[str, ...] = ()) -> str:
    """Starts a door that cannot open; its one line."""
    command = [*prefix, sys.executable, "-m", "infra.clickhouse.server", *told]
    ran = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2, ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1, ran.stderr
    return ran.stderr


def test_a_taken_port_is_one_clear_line(clickhouse: ClickHouse, tmp_path: Path) -> None:
    """Which port, and what to do; exit code 2."""
    line = _refused_start(str(tmp_path / "data"), "--port", str(clickhouse.port))
    assert f"127.0.0.1:{clickhouse.port} is in use" in line


def test_a_second_door_on_the_same_data_is_one_clear_line(clickhouse: ClickHouse) -> None:
    """The first goes on answering."""
    line = _refused_start(str(clickhouse.path), "--port", "0")
    assert "another process holds this data directory" in line
    assert ask(clickhouse, b"SELECT 1").data == b"1\n"


def test_a_path_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """A file where the directory should be."""
    (tmp_path / "data").write_text("a file")
    assert "cannot be written" in _refused_start(str(tmp_path / "data"), "--port", "0")


def _small_disk(directory: Path, size: str) -> tuple[str, ...]:
    """A command prefix under which `directory` is a disk of that size; nobody else sees it."""
    unshare = shutil.which("unshare")
    mount = f'mount -t tmpfs -o size={size} tmpfs "{directory}" && exec "$@"'
    prefix = (unshare or "unshare", "-rm", "sh", "-c", mount, "sh")
    if unshare is None or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system of a given size can be mounted here")
    return prefix


def test_a_full_disk_at_the_start_is_one_clear_line(tmp_path: Path) -> None:
    """Nothing half-opened."""
    disk = tmp_path / "disk"
    disk.mkdir()
    line = _refused_start(str(disk / "data"), "--port", "0", prefix=_small_disk(disk, "20k"))
    assert "the disk is full" in line


def test_an_insert_onto_a_full_disk_is_an_error(tmp_path: Path) -> None:
    """It is never acknowledged, the door lives, and what was there before can be read."""
    disk = tmp_path / "disk"
    disk.mkdir()
    process = EngineProcess(disk / "data", prefix=_small_disk(disk, "40m"))
    door = process.start()
    assert ask(door, b"CREATE TABLE default.t (s String) ENGINE = MergeTree ORDER BY tuple()").status == 200
    assert ask(door, b"INSERT INTO default.t VALUES ('kept')").status == 200
    noise = b"INSERT INTO default.t SELECT randomString(1000) FROM numbers(100000)"
    answer = ask(door, noise)
    assert answer.status == 500
    assert "space" in answer.text.lower()
    data = random.Random(1).randbytes(60_000_000).hex().encode()
    staged = ask(
        door,
        b"\n".join(data[at : at + 1000] for at in range(0, len(data), 1000)),
        query=("INSERT INTO default.t FORMAT LineAsString"),
    )
    assert (staged.status, staged.code) == (500, "243")
    assert ask(door, b"SELECT s FROM default.t").data == b"kept\n"
    assert process.stop() == 0
