"""Finds what the domains' boards declare of their topics: roll-ups in place of long tables, and intervals."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from dashboards.domains import modules
from dashboards.queries import seconds_of, table_of

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


@cache
def intervals() -> Mapping[str, str]:
    """Return the topics of intervals that begin at `occurred_at`, as the domains' boards declare them in `INTERVALS`.

    Returns:
        The column of the interval's ISO 8601 duration by topic. A roll-up of the topic has it too.
    """
    return {
        topic: column
        for module in modules().values()
        for topic, column in getattr(module, "INTERVALS", {}).items()
    }


def summary_of(topic: Topic) -> str:
    """Return a SELECT of a topic's events (`n`), its simulated events (`s`) and the times of the newest.

    The times are its `occurred_at` (`at`), the end of its interval (`ended`, the same as `at` where events have none)
    and the interval's length (`every`, seconds; 0 where there is none).

    It reads the roll-up if there is one. Otherwise it reads the table without `FINAL`, which takes seconds on a long
    table. There, a repeat counts until ClickHouse has merged it.
    """
    rolled, interval = roll_ups().get(topic.name), intervals().get(topic.name)
    table = rolled or table_of(topic, final=False)
    counts = (
        "sum(events) AS n, sumIf(events, simulated) AS s, max(last_at) AS at"
        if rolled
        else "count() AS n, countIf(simulated) AS s, max(occurred_at) AS at"
    )
    if interval is None:
        return f"SELECT {counts}, at AS ended, 0 AS every FROM {table}"
    each = (
        f"SELECT {counts}, {seconds_of(interval)} AS length, at + toIntervalSecond(length) AS until "
        f"FROM {table} GROUP BY {interval}"
    )
    return (
        f"SELECT sum(each.n) AS n, sum(each.s) AS s, max(each.at) AS at, max(until) AS ended, "
        f"argMaxIf(length, (until, -toInt64(length)), length > 0) AS every FROM ({each}) AS each"
    )
