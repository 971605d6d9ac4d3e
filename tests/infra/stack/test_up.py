"""`city up` checks what it was given before it starts anything."""

from __future__ import annotations

import gzip
import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from infra.cli import main
from infra.kafka.embedded import EmbeddedKafka
from infra.ports import free_port
from infra.process.supervisor import Supervisor
from infra.settings import Settings, remember
from infra.stack.stack import Stack
from schemas.catalog import load_catalog
from streams.replay.recordings import bundled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def up(data: Path, *words: str) -> Result:
    """Run `city up --once` over a data directory that is not there yet."""
    return CliRunner().invoke(main, ["up", "--once", "--data", str(data), *words])


def unknown(folder: Path) -> Path:
    """Write a table that no domain knows."""
    path = folder / "strange.csv"
    path.write_text("a,b\n1,2\n")
    return path


def empty(folder: Path) -> Path:
    """Write nothing."""
    path = folder / "empty.csv"
    path.touch()
    return path


def cut_gzip(folder: Path) -> Path:
    """Write a gzip file that ends within its header."""
    path = folder / "cut.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n")[:8])
    return path


def missing(folder: Path) -> Path:
    """Name a file that is not there."""
    return folder / "missing.csv"


def pipe(folder: Path) -> Path:
    """Make a named pipe that nobody writes to."""
    path = folder / "pipe"
    os.mkfifo(path)
    return path


def unreadable(folder: Path) -> Path:
    """Return a file that cannot be read, by root neither."""
    if sys.platform != "linux":
        pytest.skip("needs a file of Linux that fails when it is read")
    path = folder / "unreadable.csv"
    path.symlink_to("/proc/self/mem")
    return path


@pytest.mark.parametrize("position", ["option", "argument"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (unknown, "no known format (known: "),
        (empty, "the file is empty"),
        (cut_gzip, "the gzip file is cut or damaged"),
        (missing, "no such file or folder"),
        (pipe, "neither a file nor a folder"),
        (unreadable, "cannot be read: "),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_named_recording_that_cannot_be_replayed_is_refused_before_the_start(
    make: Callable[[Path], Path], reason: str, position: str, tmp_path: Path
) -> None:
    """Exit 2, one line with the path and the reason; the data directory does not come into being."""
    path = make(tmp_path)
    good = str(bundled("air_quality")[0])
    words = ("--recordings", str(path), good) if position == "option" else ("--recordings", good, str(path))
    result = up(tmp_path / "data", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"city: {path}: {reason}")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_format_that_no_domain_has_is_refused_before_the_start(tmp_path: Path) -> None:
    """Exit 2 with the formats that are known."""
    result = up(tmp_path / "data", "--format", "moon")
    assert result.exit_code == 2
    assert result.stderr.startswith("city: moon: no such format; known are ")
    assert not (tmp_path / "data").exists()


def test_a_file_of_another_format_than_named_is_refused_before_the_start(tmp_path: Path) -> None:
    """`--format` holds for every file that is named."""
    seoul = next(path for path in bundled("air_quality") if "seoul" in path.name)
    result = up(tmp_path / "data", "--format", "beijing-prsa", "--recordings", str(seoul))
    assert result.exit_code == 2
    assert result.stderr == f"city: {seoul}: no known format (known: beijing-prsa)\n"
    assert not (tmp_path / "data").exists()


def test_files_of_unknown_format_in_a_folder_do_not_refuse_it(tmp_path: Path) -> None:
    """The folder passes the check: what is refused next is a port in use."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    unknown(folder)
    empty(folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = up(tmp_path / "data", "--ports", f"kafka={port}", "--recordings", str(folder))
    assert result.exit_code == 2
    assert f"port {port} (kafka) is in use" in result.stderr


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the time of the last change of each file below a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("ports", ["own", "the same"])
def test_a_second_start_in_a_running_directory_touches_nothing(tmp_path: Path, ports: str) -> None:
    """Exit 2 and one line that names the directory, also with ports of its own; every file is as it was."""
    first = Supervisor(tmp_path)
    first.take()
    remember(Settings(data=tmp_path))
    before = snapshot(tmp_path)
    listening = socket.create_server(("127.0.0.1", 0))
    taken = listening.getsockname()[1]
    kafka = free_port([taken]) if ports == "own" else taken
    words = ["--ports", f"kafka={kafka},clickhouse={free_port([kafka])},web={free_port([kafka])}"]
    result = up(tmp_path, *words)
    listening.close()
    first.release()
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith(f"city: {tmp_path} is in use by another running stack")
    assert result.stderr.count("\n") == 1
    assert snapshot(tmp_path) == before


def test_a_broker_that_ended_for_lack_of_room_says_so(tmp_path: Path) -> None:
    """The last line of the stack has the reason and the advice, though the broker's own output has neither."""
    supervisor = Supervisor(tmp_path)
    supervisor.take()
    stack = Stack(Settings(data=tmp_path), load_catalog(), supervisor, lambda: None)
    broker = EmbeddedKafka(tmp_path)
    stack._kafka = broker
    stack._broker = supervisor.start("kafka", [sys.executable, "-c", "raise SystemExit(1)"], {})
    stack._broker.process.wait(30)
    assert stack.exit_message(stack._broker).startswith("kafka ended with 1")
    broker.log_file.parent.mkdir(exist_ok=True)
    broker.log_file.write_text("java.io.IOException: No space left on device\n")
    message = stack.exit_message(stack._broker)
    supervisor.release()
    assert f"no room left at {tmp_path / 'kafka'}" in message
    assert "free some room" in message
