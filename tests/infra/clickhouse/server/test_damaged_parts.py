"""Damaged parts of the engine's tables: each is named with table and folder, and the remedy that is named works."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from infra.clickhouse import damaged_parts
from tests.harness.engine import EngineProcess
from tests.infra.clickhouse.server.asking import ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def flip(name: str) -> Callable[[Path], object]:
    """Flip a bit in the middle of a file."""

    def do(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(bytes(content))

    return do


def remove(name: str) -> Callable[[Path], object]:
    """Remove a file."""
    return lambda folder: (folder / name).unlink()


def cut(name: str, size: int = 0) -> Callable[[Path], object]:
    """Cut a file."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def empty_folder(folder: Path) -> None:
    """Leave the folder without its files."""
    shutil.rmtree(folder)
    folder.mkdir()


SET_ASIDE: dict[str, Callable[[Path], object]] = {
    "folder_emptied": empty_folder,
    "data_emptied": cut("data.bin"),
    "data_cut": cut("data.bin", 100),
    "data_removed": remove("data.bin"),
    "checksums_flipped": flip("checksums.txt"),
    "columns_flipped": flip("columns.txt"),
    "columns_removed": remove("columns.txt"),
    "count_removed": remove("count.txt"),
}
"""The engine opens without the part."""
UNSOUND: dict[str, Callable[[Path], object]] = {
    "data_flipped": flip("data.bin"),
    "count_flipped": flip("count.txt"),
    "index_flipped": flip("primary.cidx"),
}
"""The engine opens with the part and notices nothing."""


def test_damaged_parts_are_named_and_what_the_lines_say_helps(tmp_path: Path) -> None:
    """A table for each damage; without the folders that are named, nothing is named and the other part's rows stay."""
    data, process = tmp_path / "data", EngineProcess(tmp_path / "data")
    door = process.start()
    assert ask(door, b"CREATE DATABASE city").status == 200
    folders: dict[str, Path] = {}
    client = door.client()
    for table in (*SET_ASIDE, *UNSOUND, "whole"):
        client.command(f"CREATE TABLE city.{table} (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
        for _ in range(2):
            client.command(f"INSERT INTO city.{table} SELECT number, toString(number) FROM numbers(1000)")
        sql = f"SELECT min(path) FROM system.parts WHERE table = '{table}' AND active"
        folders[table] = data / client.query(sql).result_rows[0][0]
    assert damaged_parts.set_aside(client) == damaged_parts.unsound(client) == []
    process.stop()
    for table, damage in {**SET_ASIDE, **UNSOUND}.items():
        damage(folders[table])
    client = process.start().client()
    aside, unsound = damaged_parts.set_aside(client), damaged_parts.unsound(client)
    process.kill()
    assert not [line for line in (*aside, *unsound) if "\n" in line]
    assert {table for table in folders for line in aside if f"of city.{table} aside" in line} == set(
        SET_ASIDE
    )
    assert {table for table in folders for line in unsound if f"of city.{table} is damaged" in line} == set(
        UNSOUND
    )
    assert all("filled again from Kafka" in line for line in aside)
    assert all(
        "stop the city, move this folder out of clickhouse/ and start again" in line for line in unsound
    )
    for number, line in enumerate((*aside, *unsound)):
        shutil.move(data / line.partition(": ")[0], tmp_path / f"away-{number}")
    client = process.start().client()
    assert damaged_parts.set_aside(client) == damaged_parts.unsound(client) == []
    for table in folders:
        left = 2000 if table == "whole" else 1000
        assert client.query(f"SELECT count() FROM city.{table}").result_rows == [(left,)]
    process.kill()
