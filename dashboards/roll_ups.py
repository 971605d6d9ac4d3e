"""Roll-ups that boards read in place of a topic's long table."""

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
    """Collect the roll-ups that the domains' boards declare in `ROLL_UPS`.

    Returns:
        Table of the roll-up by topic; its `events` sum up to the topic's facts. A board without `ROLL_UPS` has none.
    """
    return {
        topic: table
        for module in modules().values()
        for topic, table in getattr(module, "ROLL_UPS", {}).items()
    }


def glance_of(topic: Topic) -> str:
    """Return a SELECT of how much a topic holds (`n`), how much is simulated (`s`), when the last happened (`at`).

    From the roll-up where there is one; else from records, in which a repeat counts until ClickHouse has merged it with
    the first. `FINAL` over all of a long table takes seconds.
    """
    rolled = roll_ups().get(topic.name)
    if rolled is None:
        table = table_of(topic, final=False)
        return f"SELECT count() AS n, countIf(simulated) AS s, max(occurred_at) AS at FROM {table}"
    return f"SELECT sum(events) AS n, sumIf(events, simulated) AS s, max(last_at) AS at FROM {rolled}"
