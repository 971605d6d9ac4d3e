"""Finds the roll-ups that boards read in place of a topic's long table."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from dashboards.domains import modules
from dashboards.queries import table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.catalog import Topic


@cache
def roll_ups() -> Mapping[str, str]:
    """Return the roll-ups that the domains' boards declare in `ROLL_UPS`.

    Returns:
        The table of the roll-up by topic. Its column `events` sums up to the topic's events.
    """
    return {
        topic: table
        for module in modules().values()
        for topic, table in getattr(module, "ROLL_UPS", {}).items()
    }


def summary_of(topic: Topic) -> str:
    """Return a SELECT of a topic's events (`n`), its simulated events (`s`) and the time of the newest (`at`).

    It reads the roll-up if there is one. Otherwise it reads the table without `FINAL`, which takes seconds on a long
    table. There, a repeat counts until ClickHouse has merged it.
    """
    rolled = roll_ups().get(topic.name)
    if rolled is None:
        table = table_of(topic, final=False)
        return f"SELECT count() AS n, countIf(simulated) AS s, max(occurred_at) AS at FROM {table}"
    return f"SELECT sum(events) AS n, sumIf(events, simulated) AS s, max(last_at) AS at FROM {rolled}"
