"""A door that is opened again on what a past one left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_door_without_any_table_in_default_opens_again(tmp_path: Path, end: str) -> None:
    """The platform's tables are in a database of their own: `default` stays empty, and that is no obstacle."""
    process = EngineProcess(tmp_path / "data")
    client = process.start().client()
    client.command("CREATE DATABASE city")
    client.command("CREATE TABLE city.kept (n UInt8) ENGINE = MergeTree ORDER BY n")
    client.command("INSERT INTO city.kept VALUES (7)")
    for _ in range(2):
        getattr(process, end)()
        process = EngineProcess(tmp_path / "data")
        client = process.start().client()
        assert client.query("SELECT n FROM city.kept").result_rows == [(7,)]
    client.command("CREATE TABLE here (n UInt8) ENGINE = MergeTree ORDER BY n")
    client.command("INSERT INTO here VALUES (8)")
    getattr(process, end)()
    process = EngineProcess(tmp_path / "data")
    assert process.start().client().query("SELECT n FROM default.here").result_rows == [(8,)]
    process.stop()
