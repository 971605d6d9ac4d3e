"""Computes a topic's roll-ups anew from all rows of its table, some records of a partition at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.names import DATABASE
from streams.clickhouse_sink.rollups import refresh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.model import Topic

REFILL_ROWS = 200_000
"""Records of a partition whose buckets are computed at a time; it bounds the memory."""


def fill_rollups(client: Any, topic: Topic, statements: Sequence[str]) -> bool:
    """Run a topic's roll-up statements over all rows of its table; return whether it has rows.

    Args:
        client: A clickhouse-connect client.
        topic: The topic.
        statements: As `scripts.load_rollups` returned them, or with other tables to fill.
    """

    def query(sql: str, **binds: int | str) -> list[list[str]]:
        return list(client.query(sql, parameters=binds).result_rows)

    def run(sql: str, **binds: int | str) -> None:
        client.command(sql, parameters=binds)

    table = f"{DATABASE}.{topic.table}"
    parts = query(
        f"SELECT _partition, min(_offset), max(_offset) FROM {table} GROUP BY _partition ORDER BY _partition"
    )
    for partition, begin, end in parts:
        for first in range(int(begin), int(end) + 1, REFILL_ROWS):
            last = min(first + REFILL_ROWS - 1, int(end))
            refresh(statements, run, query, int(partition), first, last)
    return bool(parts)
