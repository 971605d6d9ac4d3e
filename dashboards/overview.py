"""The overview board: every domain of the catalogue, with links to the domains' boards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import panels
from dashboards.queries import table_of
from dashboards.roll_ups import summary_of
from dashboards.style import AGE_COLOURS, ANY_IS_MARKED, INTERVAL_COLOURS, ZERO_IS_GOOD
from schemas.names import board_uid

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard

    from schemas.catalog import Catalog, Topic


REPEATS = (
    "A repeat counts until ClickHouse has merged it with the first; the boards of the domains count it once."
)


def board(catalog: Catalog) -> dashboard.Dashboard:
    """Return the board."""
    topics = [t for d in catalog.domains.values() if d.name != "platform" for t in d.topics]
    events = [t for t in topics if t.kind in {"raw", "derived"}]
    letters = [t for t in catalog.topics.values() if t.event == "dead-letter"]
    links = " · ".join(
        f"[{d.title}](/d/{board_uid(d.name)})" for d in catalog.domains.values() if d.name != "platform"
    )
    return panels.board(
        board_uid("overview"),
        "City overview",
        [
            panels.note(
                "Boards",
                f"{links} · [Pipeline](/d/{board_uid('pipeline')}) · [Ledger](/d/{board_uid('ledger')})",
            ),
            rows(events),
            lately(events),
            heard(events),
            dead(letters),
            oldest(events),
            simulated(events),
            domains(catalog),
            rate(events),
            table(events),
        ],
        start="now-1h",
        about="What every domain has received, how old it is, and what could not be taken.",
    )


def _each(topics: list[Topic], select: str, where: str = "", *, final: bool = True) -> str:
    """Return the union of one SELECT per topic. `{topic}` and `{domain}` are replaced by its names."""
    return " UNION ALL ".join(
        f"SELECT {select.format(topic=t.name, domain=t.domain)} FROM {table_of(t, final=final)} {where}"
        for t in topics
    )


def _summaries(topics: list[Topic]) -> str:
    """Return the union of each topic's summary (`roll_ups.summary_of`), with its name and domain."""
    return " UNION ALL ".join(
        f"SELECT '{t.domain}' AS domain, '{t.name}' AS topic, n, s, at, ended, every FROM ({summary_of(t)})"
        for t in topics
    )


def rows(topics: list[Topic]) -> Builder[dashboard.Panel]:
    """Return the number of events."""
    counted = _each(topics, "count() AS n", final=False)
    return panels.stat(
        "Events", f"SELECT sum(n) AS events FROM ({counted})", about=f"Of all domains. {REPEATS}"
    )


def lately(topics: list[Topic]) -> Builder[dashboard.Panel]:
    """Return the number of events that were received in the last hour."""
    counted = _each(topics, "count() AS n", "WHERE _received_at >= now() - INTERVAL 1 HOUR", final=False)
    return panels.stat(
        "Received in an hour",
        f"SELECT sum(n) AS events FROM ({counted})",
        about="As received: a repeat counts.",
    )


def heard(topics: list[Topic]) -> Builder[dashboard.Panel]:
    """Return the number of domains with data."""
    counted = _each(topics, "'{domain}' AS domain, count() AS n", final=False)
    return panels.stat("Domains with data", f"SELECT uniqExactIf(domain, n > 0) AS domains FROM ({counted})")


def domains(catalog: Catalog) -> Builder[dashboard.Panel]:
    """Return each domain's events, their age, their simulated share, and its dead letters."""
    named = [t for t in catalog.topics.values() if t.domain != "platform"]
    counted = _summaries([t for t in named if t.kind in {"raw", "derived"}])
    letters = _each(
        [t for t in named if t.event == "dead-letter"],
        "'{domain}' AS domain, 0 AS n, toDateTime64(0, 6) AS at, toDateTime64(0, 6) AS ended, 0 AS every, 0 AS s, "
        "count() AS dead",
    )
    return panels.table(
        "Domains",
        f"SELECT domain, sum(n) AS events, sum(s) / sum(n) AS simulated, sum(dead) AS dead_letters, "
        f"max(at) AS newest, dateDiff('second', max(ended), now64(3)) AS data_age, "
        f"round(dateDiff('second', maxIf(ended, every > 0), now64(3)) "
        f"/ nullIf(argMaxIf(every, (ended, -toInt64(every)), every > 0), 0), 1) AS age_in_intervals "
        f"FROM (SELECT domain, n, at, ended, every, s, 0 AS dead FROM ({counted}) UNION ALL {letters}) "
        f"GROUP BY domain ORDER BY domain",
        units={"simulated": "percentunit", "data_age": "s"},
        colours={
            "age_in_intervals": INTERVAL_COLOURS,
            "dead_letters": ZERO_IS_GOOD,
            "simulated": ANY_IS_MARKED,
        },
        about=f"data_age counts from the end of the newest interval, or from the newest event. age_in_intervals is the "
        f"age of what comes once in an interval; red from three intervals on. {REPEATS}",
    )


def oldest(topics: list[Topic]) -> Builder[dashboard.Panel]:
    """Return the age of the last received record. A repeat counts as received."""
    newest = _each(topics, "max(_received_at) AS at", final=False)
    return panels.stat(
        panels.AGE[1],
        f"SELECT dateDiff('second', max(at), now64(3)) AS age FROM ({newest})",
        unit="s",
        steps=AGE_COLOURS,
    )


def dead(topics: list[Topic]) -> Builder[dashboard.Panel]:
    """Return the number of dead letters of all domains."""
    return panels.stat(
        "Dead letters",
        f"SELECT sum(n) AS letters FROM ({_each(topics, 'count() AS n')})",
        steps=ZERO_IS_GOOD,
        about="Records that could not be taken: `city dead-letters list`.",
    )


def simulated(topics: list[Topic]) -> Builder[dashboard.Panel]:
    """Return the share of simulated events."""
    return panels.simulated(f"SELECT sum(s) / sum(n) AS share FROM ({_summaries(topics)})")


def rate(topics: list[Topic]) -> Builder[dashboard.Panel]:
    """Return events per second by topic and time of receipt."""
    received = _each(
        topics,
        "$__timeInterval(_received_at) AS time, '{topic}' AS topic, count() / $__interval_s AS per_second",
        "WHERE $__timeFilter(_received_at) GROUP BY time",
        final=False,
    )
    return panels.timeseries(
        "Events per second",
        f"SELECT time, topic, per_second FROM ({received}) ORDER BY time",
        unit="ops",
        about="By the time they were received; a repeat counts.",
    )


def table(topics: list[Topic]) -> Builder[dashboard.Panel]:
    """Return each topic's events, age and share of simulated events."""
    received = _each(topics, "'{topic}' AS topic, max(_received_at) AS received_at", final=False)
    each = (
        f"SELECT domain, topic, n AS events, at AS newest, "
        f"dateDiff('second', received_at, now64(3)) AS received_ago, s AS simulated_events "
        f"FROM ({_summaries(topics)}) AS held INNER JOIN ({received}) AS received USING (topic)"
    )
    return panels.table(
        "Topics",
        f"SELECT * FROM ({each}) ORDER BY domain, topic",
        units={"received_ago": "s"},
        colours={"received_ago": AGE_COLOURS},
        about=REPEATS,
        span=panels.WIDE,
    )
