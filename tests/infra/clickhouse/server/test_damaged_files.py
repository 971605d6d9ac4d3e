"""Damaged files of the engine: it says which file of which table, and the remedy that it names works."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.harness.engine import EngineProcess
from tests.infra.clickhouse.server.asking import ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLE = b"CREATE TABLE city.kept (a UInt64, b String) ENGINE = MergeTree ORDER BY a"
ROWS = b"INSERT INTO city.kept SELECT number, toString(number) FROM numbers(1000)"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a database, a table, two parts and a mutation."""
    path = tmp_path_factory.mktemp("sound") / "data"
    process = EngineProcess(path)
    door = process.start()
    delete = b"ALTER TABLE city.kept DELETE WHERE a = 5 SETTINGS mutations_sync = 2"
    for statement in (b"CREATE DATABASE city", TABLE, ROWS, ROWS, delete):
        assert ask(door, statement).status == 200
    process.stop()
    return path


def table_folder(data: Path) -> Path:
    """Return the folder of the table's parts."""
    (mutation,) = data.glob("store/*/*/mutation_*.txt")
    return mutation.parent


def part(data: Path) -> Path:
    """Return the newest part's folder."""
    return max(path.parent for path in table_folder(data).glob("*/checksums.txt"))


def _empty_parts(data: Path) -> None:
    for number in range(100, 220):
        (table_folder(data) / f"all_{number}_{number}_0").mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "definition emptied": lambda data: (data / "metadata/city/kept.sql").write_text(""),
    "definition overwritten": lambda data: (data / "metadata/city/kept.sql").write_bytes(b"\xff\0garbage"),
    "database emptied": lambda data: (data / "metadata/city.sql").write_text(""),
    "mutation emptied": lambda data: next(table_folder(data).glob("mutation_*")).write_text(""),
    "version emptied": lambda data: (table_folder(data) / "format_version.txt").write_text(""),
    "many empty parts": _empty_parts,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_engine_that_does_not_open_names_the_file_and_what_to_do(
    sound: Path, tmp_path: Path, damage: str
) -> None:
    """One line: file, table where it is known, remedy first; after the remedy it opens."""
    data = tmp_path / "town" / "data"
    shutil.copytree(sound, data, symlinks=True)
    DAMAGES[damage](data)
    with pytest.raises(pytest.fail.Exception) as error:
        EngineProcess(data).start()
    (line,) = [line for line in str(error.value).splitlines() if "damaged" in line]
    assert ".sql: a file" in line
    assert f"move {data} away" in line
    assert "docs/recovery.md" in line[:400]
    if "database" not in damage and "definition" not in damage:
        assert "of table city.kept" in line
    data.rename(tmp_path / "town" / "away")
    process = EngineProcess(data)
    assert ask(process.start(), b"SELECT 1").data == b"1\n"
    process.stop()


@pytest.mark.parametrize("name", ["checksums.txt", "columns.txt", "count.txt", "data.bin"])
def test_a_damaged_part_is_set_aside_and_the_engine_opens(sound: Path, tmp_path: Path, name: str) -> None:
    """Cut files are found at the start; what is set aside can be listed."""
    data = tmp_path / "town" / "data"
    shutil.copytree(sound, data, symlinks=True)
    path = part(data) / name
    path.write_bytes(path.read_bytes()[:-7])
    process = EngineProcess(data)
    door = process.start()
    listed = ask(door, b"SELECT reason FROM system.detached_parts WHERE table = 'kept'").data
    assert listed == b"broken-on-start\n"
    process.stop()
