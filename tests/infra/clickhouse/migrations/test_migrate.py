"""Migrations bring any ClickHouse to the catalogue's shape, once each."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from infra.clickhouse.errors import MigrationError
from infra.clickhouse.migrations.migrate import migrate
from infra.clickhouse.migrations.scripts import load_rollups, load_scripts, split_statements
from schemas import tables
from schemas.catalog import load_catalog
from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.catalog import Catalog


@pytest.fixture(scope="module")
def whole() -> Catalog:
    """The packaged catalogue."""
    return load_catalog()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Any]:
    """A client of an empty engine of its own."""
    process = EngineProcess(tmp_path / "data")
    door = process.start()
    found = door.client()
    yield found
    found.close()
    process.stop()


def _write(root: Path, name: str, text: str) -> None:
    (root / "air_quality").mkdir(parents=True, exist_ok=True)
    (root / "air_quality" / name).write_text(text, encoding="utf-8")


def test_everything_is_made_once(client: Any, whole: Catalog) -> None:
    """Tables, archive, roll-ups and dictionary; a second run finds nothing to do."""
    assert migrate(client, whole)
    assert migrate(client, whole) == ()
    there = {row[0] for row in client.query("SHOW TABLES FROM city").result_rows}
    assert there >= {topic.table for topic in whole.topics.values()} | {"records", "dictionary", "migrations"}
    assert there >= {"air_quality_reading_hourly", "air_quality_reading_daily"}
    for topic in whole.topics.values():
        described = client.query(f"DESCRIBE TABLE city.{topic.table}").result_rows
        told = [(row[0], "".join(row[1].split())) for row in described]
        assert told == [(each.name, each.type.replace(" ", "")) for each in tables.columns(topic)]
    meant = client.query(
        "SELECT unit FROM city.dictionary FINAL WHERE table = 'air_quality_reading' AND column = 'pm10'"
    )
    assert meant.result_rows == [("µg/m³",)]


def test_a_new_version_of_a_schema_adds_its_columns(client: Any, whole: Catalog) -> None:
    """A table made by an older catalogue gets what is missing, at its place; rows stay."""
    migrate(client, whole)
    client.command("ALTER TABLE city.air_quality_reading DROP COLUMN wind_speed, DROP COLUMN flags")
    client.command("INSERT INTO city.air_quality_reading (station, event_id) VALUES ('s', generateUUIDv4())")
    assert migrate(client, whole) == ("columns of air_quality_reading",)
    described = client.query("DESCRIBE TABLE city.air_quality_reading").result_rows
    wanted = tables.columns(whole.topics["air-quality.reading"])
    assert [row[0] for row in described] == [column.name for column in wanted]
    assert client.query("SELECT station, flags FROM city.air_quality_reading").result_rows == [("s", [])]


def test_a_changed_type_is_refused(client: Any, whole: Catalog) -> None:
    """Data is never converted in place."""
    migrate(client, whole)
    client.command("ALTER TABLE city.air_quality_reading MODIFY COLUMN pm10 Nullable(String)")
    with pytest.raises(MigrationError, match=r"air_quality_reading\.pm10: expected type Nullable"):
        migrate(client, whole)


def test_files_run_in_order_once_and_must_not_change(client: Any, whole: Catalog, tmp_path: Path) -> None:
    """A changed file, a late number and a file that is gone stop with a clear line."""
    root = tmp_path / "domains"
    _write(root, "0001_a.sql", "CREATE TABLE city.a (x UInt8) ENGINE = Log; INSERT INTO city.a VALUES (1);")
    _write(root, "0003_c.sql", "INSERT INTO city.a SELECT max(x) + 1 FROM city.a -- no ; here\n")
    done = migrate(client, whole, root)
    assert "air_quality/0001_a.sql" in done
    migrate(client, whole, root)
    assert client.query("SELECT groupArray(x) FROM city.a").result_rows == [([1, 2],)]
    _write(root, "0002_b.sql", "SELECT 1")
    with pytest.raises(MigrationError, match=r"0002_b\.sql: 0003_c\.sql has run already"):
        migrate(client, whole, root)
    (root / "air_quality" / "0002_b.sql").unlink()
    _write(root, "0003_c.sql", "SELECT 2")
    with pytest.raises(MigrationError, match="changed after it ran"):
        migrate(client, whole, root)
    (root / "air_quality" / "0003_c.sql").unlink()
    with pytest.raises(MigrationError, match=r"0003_c\.sql: has run, but the file is gone"):
        migrate(client, whole, root)


def test_a_statement_that_fails_is_named_and_runs_again(client: Any, whole: Catalog, tmp_path: Path) -> None:
    """The file is not recorded before all of it has run."""
    root = tmp_path / "domains"
    _write(root, "0001_a.sql", "CREATE TABLE IF NOT EXISTS city.a (x UInt8) ENGINE = Log; SELECT nope")
    with pytest.raises(MigrationError, match=r"air_quality/0001_a\.sql.*nope"):
        migrate(client, whole, root)
    _write(root, "0001_a.sql", "CREATE TABLE IF NOT EXISTS city.a (x UInt8) ENGINE = Log")
    assert migrate(client, whole, root)[0] == "air_quality/0001_a.sql"


def test_a_file_that_belongs_nowhere_is_refused(whole: Catalog, tmp_path: Path) -> None:
    """Unknown domain, wrong name, a number twice, a refresh of no table."""
    (tmp_path / "one" / "nothing").mkdir(parents=True)
    with pytest.raises(MigrationError, match="no domain of that name"):
        load_scripts(whole, tmp_path / "one")
    _write(tmp_path / "two", "first.sql", "SELECT 1")
    with pytest.raises(MigrationError, match="expected a name like 0001"):
        load_scripts(whole, tmp_path / "two")
    for name in ("0001_a.sql", "0001_b.sql"):
        _write(tmp_path / "three", name, "SELECT 1")
    with pytest.raises(MigrationError, match=r"number 0001 is taken by 0001_a\.sql"):
        load_scripts(whole, tmp_path / "three")
    (tmp_path / "four" / "air_quality" / "refresh").mkdir(parents=True)
    (tmp_path / "four" / "air_quality" / "refresh" / "nothing.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="no topic of its domain"):
        load_rollups(whole, tmp_path / "four")


def test_statements_are_cut_at_their_own_semicolons() -> None:
    """Not at those in strings and comments."""
    text = "SELECT ';' -- a ; b\n; /* ; */ SELECT 2;\n\n-- the end;\n"
    assert split_statements(text) == ("SELECT ';' -- a ; b", "/* ; */ SELECT 2")


def test_an_archive_row_is_exact(whole: Catalog) -> None:
    """Tables of the sink have no event-time partitions and remember their tokens (docs/delivery.md#clickhouse-sink)."""
    for statement in (tables.create_archive(), *(tables.create_table(t) for t in whole.topics.values())):
        assert "PARTITION BY" not in statement
        assert "non_replicated_deduplication_window" in statement
    assert dataclasses.is_dataclass(tables.ARCHIVE[0])
