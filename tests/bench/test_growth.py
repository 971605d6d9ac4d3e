"""What the growth rows build on: a log made from its right edge, tables and roll-ups filled inside the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.clickhouse.migrations.migrate import migrate
from infra.clickhouse.migrations.scripts import load_rollups
from ledger_sink.log.name import LogName
from ledger_sink.log.tile_log import TileLog
from ledger_sink.store import MemoryStore
from schemas.catalog import load_catalog
from tests.bench.fill import KEYS, ZONE, Fill, roll_up, source_key
from tests.bench.records import TOPIC
from tests.bench.rows.growth_ledger import size_words
from tests.bench.sides.growth_ledger import LEAF, batches, make_at
from tests.harness.engine import EngineProcess
from tests.ledger_sink.worlds import CITY, World

if TYPE_CHECKING:
    from pathlib import Path

UNTIL_S = 1_750_000_000


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_536, 70_001])
def test_a_log_made_from_its_edge_goes_on_as_the_appended_one(size: int) -> None:
    """The same root at its size and after more leaves; the sequencer opens it as any other."""
    name, store = LogName(CITY, TOPIC, 0), MemoryStore()
    appended = TileLog(MemoryStore(), "log")
    appended.append([LEAF] * size)
    assert make_at(store, name, size) == appended.root()
    opened = TileLog(store, name.folder, size, appended.root())
    for log in (opened, appended):
        log.append([b"more"] * 700)
    assert opened.root() == appended.root()
    sequencer = World(store).open(0, topic=TOPIC)
    for batch in batches(size, size + 300):
        assert sequencer.append(batch) == len(batch)
    assert sequencer.commit().size == size + 300


def test_sizes_are_told_in_words() -> None:
    """Names of quantities tell the size that was measured, in small runs too."""
    assert [size_words(each) for each in (100_000_000, 1_500_000, 30_000, 7)] == [
        "100 M",
        "1.5 M",
        "30 k",
        "7",
    ]


def test_tables_are_filled_as_told_and_roll_ups_as_their_refresh_would(tmp_path: Path) -> None:
    """So many distinct events up to a moment, evenly from all sources; the refresh itself then changes nothing."""
    (tmp_path / "clickhouse").mkdir()
    door = EngineProcess(tmp_path / "clickhouse" / "data")
    client = door.start().client()
    try:
        catalog = load_catalog()
        migrate(client, catalog)
        fill = Fill(catalog.topics[TOPIC], 30 * KEYS, 86_400)
        fill.run(client, UNTIL_S)
        told = client.query(
            f"SELECT count(), uniqExact(event_id), uniqExact(station), toUnixTimestamp(max(occurred_at)), "
            f"dateDiff('second', min(occurred_at), max(occurred_at)), min(station) FROM {fill.table} FINAL"
        ).result_rows
        assert told == [(30 * KEYS, 30 * KEYS, KEYS, UNTIL_S, 29 * 2_880, source_key(fill.topic, KEYS))]
        _, *statements = load_rollups(catalog)[TOPIC]
        for view, statement in zip(("hourly", "daily"), statements, strict=True):
            rows = (
                "SELECT station, bucket, averaging, gas_unit, simulated, city, events, first_at, last_at, pm10_count, "
                f"pm10_mean, round(no2_mean, 5), so2_max FROM city.air_quality_reading_{view} ORDER BY station, bucket"
            )
            roll_up(client, statement, UNTIL_S)
            quick = client.query(rows).result_rows
            for partition in (0, 1):
                binds = {"partition": partition, "first": 0, "last": 10**9, "zone": ZONE}
                client.command(statement, parameters=binds)
            assert sum(row[6] for row in quick) == 30 * KEYS
            assert client.query(rows).result_rows == quick
    finally:
        client.close()
        door.stop()
