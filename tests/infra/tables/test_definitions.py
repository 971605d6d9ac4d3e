"""Definitions of tables and views, and rows of roll-ups, are attacked in an engine that the migrations filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.clickhouse.migrations.migrate import migrate
from infra.clickhouse.migrations.refill import fill_rollups
from infra.clickhouse.migrations.scripts import load_rollups
from infra.tables import definitions
from infra.tables.rollup_audit import RollupAudit
from infra.tables.scratch import scratch_database
from schemas.catalog import load_catalog
from schemas.names import DATABASE
from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.tables.definitions import Definitions
    from schemas.catalog import Catalog

READING, BALANCE = "air-quality.reading", "energy.balance"


@pytest.fixture(scope="module")
def whole() -> Catalog:
    """The packaged catalogue."""
    return load_catalog()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, whole: Catalog) -> Iterator[Any]:
    """A client of a migrated engine with a few readings and balances."""
    process = EngineProcess(tmp_path_factory.mktemp("definitions") / "data")
    found = process.start().client()
    migrate(found, whole)
    found.command(
        "INSERT INTO city.air_quality_reading (_partition, _offset, event_id, station, city, occurred_at, source, "
        "pm10) SELECT 0, number, generateUUIDv4(), concat('s', toString(number % 3)), 'Seoul', "
        "toDateTime64('2026-01-01 00:00:00', 6) + 3600 * number, 'device:s', number FROM numbers(60)"
    )
    found.command(
        "INSERT INTO city.energy_balance (_partition, _offset, event_id, reading_id, meter, occurred_at, duration, "
        "source, revision, rule, import_wh) SELECT 0, number, generateUUIDv4(), generateUUIDv4(), 'm', "
        "toDateTime64('2026-01-01 00:00:00', 6) + 900 * intDiv(number, 2), 'PT15M', "
        "if(number % 2, 'device:m#1', 'gateway#1'), 0, 'energy-balance@1', 5 FROM numbers(40)"
    )
    for name, statements in load_rollups(whole).items():
        fill_rollups(found, whole.topics[name], statements)
    yield found
    found.close()
    process.stop()


@pytest.fixture(scope="module")
def wanted(client: Any, whole: Catalog) -> Definitions:
    """What the migrations make."""
    return definitions.expected(client, whole)


def test_what_the_migrations_made_is_as_they_make_it(
    client: Any, whole: Catalog, wanted: Definitions
) -> None:
    """Nothing differs, also beside the scratch database; a second comparison makes nothing."""
    assert definitions.problems(wanted, definitions.stored(client), whole) == []
    result = definitions.check(client, whole)
    assert (result.problems, result.unreadable, result.count) == ([], [], len(wanted))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(definitions, "expected", None)
        assert definitions.check(client, whole, result.fingerprint) == result


VIEW = "city.air_quality_reading_daily"
ATTACKS = {
    "a view changed": (
        f"CREATE OR REPLACE VIEW {VIEW} AS SELECT * FROM city.air_quality_reading_daily_state FINAL WHERE pm10_max < 9",
        "got [WHERE pm10_max < 9]: drop this view, then run its statement of infra/clickhouse/domains/air_quality/",
        f"CREATE OR REPLACE VIEW {VIEW} AS SELECT * FROM city.air_quality_reading_daily_state FINAL",
    ),
    "a view dropped": (
        "DROP VIEW city.air_quality_reading_hourly",
        "city.air_quality_reading_hourly: expected this view, got none: run its statement of",
        "CREATE VIEW city.air_quality_reading_hourly AS SELECT * FROM city.air_quality_reading_hourly_state FINAL",
    ),
    "a view that became a table": (
        f"DROP VIEW {VIEW}; CREATE TABLE {VIEW} ENGINE = MergeTree ORDER BY () AS SELECT 1 AS one",
        f"{VIEW}: its definition differs: expected a view, got a table: drop this view",
        f"DROP TABLE {VIEW}; CREATE VIEW {VIEW} AS SELECT * FROM city.air_quality_reading_daily_state FINAL",
    ),
    "a view added": (
        "CREATE VIEW city.more AS SELECT 1 AS one",
        "city.more: expected no such view, got one that no migration makes",
        "DROP VIEW city.more",
    ),
    "a materialised view added": (
        "CREATE MATERIALIZED VIEW city.copied TO city.records AS SELECT * FROM city.records WHERE 0",
        "city.copied: expected no such materialised view",
        "DROP VIEW city.copied",
    ),
    "a materialised view in another database": (
        "CREATE DATABASE other; CREATE MATERIALIZED VIEW other.copied TO city.records AS SELECT * FROM city.records",
        "other.copied: expected no view that writes into city",
        "DROP DATABASE other",
    ),
    "a default": (
        "ALTER TABLE city.air_quality_reading MODIFY COLUMN pm10 DEFAULT 1 COMMENT ' COMMENT '",
        "expected [`pm10` Nullable(Float64)], got [`pm10` Nullable(Float64) DEFAULT 1]: `city tables rebuild air",
        "ALTER TABLE city.air_quality_reading MODIFY COLUMN pm10 REMOVE DEFAULT",
    ),
    "a default that hides behind the words of a comment": (
        "ALTER TABLE city.dictionary MODIFY COLUMN doc DEFAULT ' COMMENT '",
        "city.dictionary: its definition differs: expected [`doc` String]",
        "ALTER TABLE city.dictionary MODIFY COLUMN doc REMOVE DEFAULT",
    ),
    "a time to live": (
        "ALTER TABLE city.platform_metric MODIFY TTL toDateTime(occurred_at) + toIntervalDay(9)",
        "city.platform_metric: its definition differs: expected nothing, got [TTL ",
        "ALTER TABLE city.platform_metric REMOVE TTL",
    ),
    "a column added": (
        "ALTER TABLE city.energy_balance_daily_state ADD COLUMN more UInt8",
        "got [`more` UInt8]: drop this table, then `city tables rebuild energy.balance` makes it again",
        "ALTER TABLE city.energy_balance_daily_state DROP COLUMN more",
    ),
    "a setting": (
        "ALTER TABLE city.records MODIFY SETTING non_replicated_deduplication_window = 1",
        "non_replicated_deduplication_window = 1",
        "ALTER TABLE city.records MODIFY SETTING non_replicated_deduplication_window = 10000",
    ),
}


@pytest.mark.parametrize(("attack", "words", "undo"), ATTACKS.values(), ids=ATTACKS)
def test_a_changed_definition_is_named(
    client: Any, whole: Catalog, wanted: Definitions, attack: str, words: str, undo: str
) -> None:
    """Which object, what differs, what to do; the fingerprint is another; undone, nothing differs."""
    before, _ = definitions.fingerprint(client, whole)
    for statement in attack.split("; "):
        client.command(statement)
    there = definitions.stored(client)
    found = [*definitions.problems(wanted, there, whole), *definitions.foreign_writers(client)]
    after, _ = definitions.fingerprint(client, whole)
    for statement in undo.split("; "):
        client.command(statement)
    assert len(found) == 1
    assert words in found[0]
    assert after != before
    assert definitions.problems(wanted, definitions.stored(client), whole) == []


def _audit(
    client: Any, whole: Catalog, remembered: Any, *, has_new_rows: bool = False
) -> tuple[list[str], Any]:
    """Compare all roll-ups; return the problems and what is remembered."""
    rollups = RollupAudit(client, list(load_rollups(whole)), remembered, settled=True)
    rollups.read()
    found: list[str] = []
    with scratch_database(client) as scratch:
        for name in load_rollups(whole):
            if rollups.to_compare(name, has_new_rows=has_new_rows):
                found += rollups.compare(whole.topics[name], scratch)[0]
    return found, rollups.remembered()


CHANGES = {
    "updated": (
        "air_quality_reading_hourly_state",
        "UPDATE pm10_max = 999 WHERE station = 's1'",
        "got a row that its table's events do not give",
    ),
    "deleted": (
        "energy_balance_daily_state",
        "DELETE WHERE meter = 'm'",
        "expected a row as its table's events give",
    ),
    "nothing counts": (
        "energy_balance_superseded",
        "UPDATE superseded = 0 WHERE superseded",
        "expected a row as its table's events give",
    ),
}


@pytest.mark.parametrize(("table", "change", "words"), CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("incremental", [True, False])
def test_a_changed_row_of_a_rollup_is_named(
    client: Any, whole: Catalog, table: str, change: str, words: str, incremental: bool
) -> None:
    """Without any new event, too; what is computed again after it passes."""
    problems, remembered = _audit(client, whole, None)
    assert problems == []
    client.command(f"ALTER TABLE {DATABASE}.{table} {change}", settings={"mutations_sync": 2})
    problems, _ = _audit(client, whole, remembered if incremental else None)
    assert any(line.startswith(f"{DATABASE}.{table}: ") and words in line for line in problems), problems
    client.command(f"TRUNCATE TABLE {DATABASE}.{table}")
    for name in (READING, BALANCE):
        fill_rollups(client, whole.topics[name], load_rollups(whole)[name])
    assert _audit(client, whole, remembered)[0] == []


def test_what_new_events_and_merges_change_is_no_problem(client: Any, whole: Catalog) -> None:
    """A merge changes no digest; a roll-up that followed a new event passes, and one that did not is named."""
    _, remembered = _audit(client, whole, None)
    for name in remembered:
        client.command(f"OPTIMIZE TABLE {DATABASE}.{name} FINAL")
    assert _audit(client, whole, remembered) == ([], remembered)
    client.command(
        "INSERT INTO city.air_quality_reading (_partition, _offset, event_id, station, city, occurred_at, source, "
        "pm10) VALUES (1, 0, generateUUIDv4(), 's0', 'Seoul', '2026-01-01 00:00:00', 'device:s', 77)"
    )
    assert _audit(client, whole, remembered, has_new_rows=True)[0]
    fill_rollups(client, whole.topics[READING], load_rollups(whole)[READING])
    assert _audit(client, whole, remembered)[0] == []
    assert _audit(client, whole, remembered, has_new_rows=True)[0] == []


def test_what_depends_on_the_order_of_events_is_said(client: Any, whole: Catalog) -> None:
    """The audit names the table and what of it is compared."""
    (line,) = RollupAudit(client, list(load_rollups(whole)), None, settled=True).not_compared()
    assert line.startswith("city.energy_balance_superseded: rows and columns beside `SELECT meter, ")
