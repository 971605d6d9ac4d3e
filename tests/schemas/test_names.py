"""Derived names."""

import pytest

from schemas import names


def test_names_of_a_topic_follow_from_domain_and_event() -> None:
    """Topic with hyphens, table with underscores, subject after the topic."""
    topic = names.topic_name("air_quality", "category_change")
    assert topic == "air-quality.category-change"
    assert names.table_name(topic) == "air_quality_category_change"
    assert names.subject_name(topic) == "air-quality.category-change-value"
    assert names.schema_file("category_change", 2) == "category-change.v2.avsc"


def test_names_of_groups_and_boards_carry_the_city() -> None:
    """Groups and dashboards are told from those of others by their prefix."""
    assert names.group_name("sink_clickhouse") == "city-sink-clickhouse"
    assert names.AGENTS_GROUP == "city-agents"
    assert names.CLICKHOUSE_SINK_GROUP == "city-sink-clickhouse"
    assert names.LEDGER_SINK_GROUP == "city-sink-ledger"
    assert names.board_uid("air_quality") == "city-air-quality"
    assert names.dead_letter_topic("air_quality") == "air-quality.dead-letter"


@pytest.mark.parametrize(
    "text", ["", "Air", "air-quality", "air__quality", "_air", "air_", "1air", "air.quality", "å"]
)
def test_other_spellings_name_no_domain(text: str) -> None:
    """A domain is lower case, digits and single underscores, so that no two of its names collide."""
    assert not names.is_domain_name(text)
