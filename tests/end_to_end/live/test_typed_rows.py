"""Typed tables of a running city are attacked: `city audit` names each attack, `city tables rebuild` undoes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.live.test_damage import TOPIC

if TYPE_CHECKING:
    from tests.harness.live import LiveCity

READING = "city.air_quality_reading"
ROW = "SELECT * FROM city.records WHERE topic = 'air-quality.index' AND partition = 0 AND offset = 9"
ATTACKS = (
    f"ALTER TABLE {READING} UPDATE pm10 = 123456 WHERE _partition = 0 AND _offset = 2",
    f"ALTER TABLE {READING} DELETE WHERE _partition = 0 AND _offset = 4",
    "TRUNCATE TABLE city.air_quality_index",
    "DROP TABLE city.air_quality_category_change",
    "ALTER TABLE city.records DELETE WHERE topic = 'air-quality.index' AND partition = 0 AND offset < 7",
    "ALTER TABLE city.records UPDATE value = 'x' WHERE topic = 'air-quality.index' AND partition = 0 AND offset = 8",
    f"INSERT INTO city.records SELECT * REPLACE ('x' AS value) FROM ({ROW})",
)


@pytest.mark.timeout(400)
def test_attacked_tables_are_named_and_rebuilt(readings: LiveCity) -> None:
    """Tables changed, cut and dropped, archive cut and forged: exit 1, and the words; rebuilt, the audit passes."""
    with readings.city.client() as client:
        for attack in ATTACKS:
            client.command(f"{attack} SETTINGS mutations_sync = 2" if attack.startswith("ALTER") else attack)
    audit = readings.city.city("audit", "--verbose")
    assert audit.returncode == 1, audit.stdout + audit.stderr
    assert audit.stdout.startswith("audit: FAIL"), audit.stdout
    for words in (
        "at 0/2: pm10: expected ",
        "at 0/4: expected its row, got none",
        "city.air_quality_index: event ",
        "city.air_quality_category_change: the table is not there",
        "air-quality.index/0 offset 6: archive: expected what leaf",
    ):
        assert words in audit.stdout, audit.stdout
    for topic in (TOPIC, "air-quality.category-change"):
        readings.run("tables", "rebuild", topic)
    refilled = readings.run("tables", "rebuild", "air-quality.index", "--from", "kafka")
    assert "7 records put back, 1 replaced, 1 rows removed, 0 kept that Kafka no longer has" in refilled
    assert "contradict" not in refilled
    again = readings.run("audit")
    assert again.startswith("audit: PASS"), again
    assert "typed rows" in again
