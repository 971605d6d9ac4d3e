"""Dead letters and empty topics at the end of a run: what an operator should look at although every count adds up."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from schemas.names import DATABASE, topic_name
from streams.config import StreamsConfig
from streams.worker.discovery import discover

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clickhouse_connect.driver.client import Client

    from infra.reconcile.count import TopicCount
    from schemas.catalog import Catalog

READ = "read"
"""Stage of what a reader refused: it is part of a recording's own equation, and no surprise."""


def count_letters(client: Client, catalog: Catalog) -> tuple[dict[str, int], dict[str, int]]:
    """Return the dead letters by stage: all, and those that nobody dealt with."""
    audit = catalog.topics[topic_name("platform", "audit")].table
    open_: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for topic in catalog.topics.values():
        if topic.event != "dead-letter":
            continue
        rows = client.query(
            "SELECT stage, count(), countIf(toString(event_id) NOT IN "
            f"(SELECT subject FROM {DATABASE}.{audit} FINAL WHERE kind = 'dead-letter')) "
            f"FROM {DATABASE}.{topic.table} FINAL GROUP BY stage"
        ).result_rows
        for stage, count, left in rows:
            every[str(stage)] += int(count)
            open_[str(stage)] += int(left)
    return dict(every), {stage: count for stage, count in open_.items() if count}


def stayed_empty(catalog: Catalog, counts: Mapping[str, TopicCount]) -> list[str]:
    """Return the derived topics without a record although a rule that writes them had records to read."""
    filled = {name for name, count in counts.items() if count.records}
    fed = {
        output
        for topic, handlers in discover(StreamsConfig(), catalog).items()
        if topic in filled
        for handler in handlers
        for output in handler.outputs
    }
    return sorted(fed - filled)


def unexpected(letters: Mapping[str, int], open_: Mapping[str, int], expected: int | None) -> str:
    """Return why the dead letters of a run are not the expected ones; empty if they are.

    Args:
        letters: All dead letters, by stage.
        open_: Those that nobody dealt with, by stage.
        expected: The number of all that the caller expects; None: those of readers, and none else that is open.
    """
    total = sum(letters.values())
    if expected is not None:
        return "" if total == expected else f"expected {expected} dead letters, got {total}"
    other = {stage: count for stage, count in open_.items() if stage != READ}
    if not other:
        return ""
    return f"{sum(other.values())} dead letters that no reader made ({words(other)})"


def words(letters: Mapping[str, int]) -> str:
    """Return counts by stage in words."""
    return ", ".join(f"{stage} {count:,}" for stage, count in sorted(letters.items()))
