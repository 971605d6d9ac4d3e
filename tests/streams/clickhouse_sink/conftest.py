"""A stage of its own for every test of a sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.streams.clickhouse_sink.stage import a_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.engine import ClickHouse
    from tests.streams.clickhouse_sink.stage import Stage


@pytest.fixture
def stage(kafka: str, clickhouse: ClickHouse) -> Iterator[Stage]:
    """Topics, tables and a group that no other test uses."""
    with a_stage(kafka, clickhouse) as made:
        yield made
