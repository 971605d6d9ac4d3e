"""The pipeline board: the platform's own lag, latency, dead letters and table parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import panels
from dashboards.platform_metrics import SILENT_AFTER_S, latest, processes
from dashboards.queries import table_of
from dashboards.style import ZERO_IS_GOOD
from schemas.names import DATABASE, board_uid, topic_name

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard

    from schemas.catalog import Catalog, Topic

LAG = ("agents_lag_records", "sink.lag_records")


def board(catalog: Catalog) -> dashboard.Dashboard:
    """Return the board."""
    metric = table_of(catalog.topics[topic_name("platform", "metric")])
    letters = [t for t in catalog.topics.values() if t.event == "dead-letter"]
    return panels.board(
        board_uid("pipeline"),
        "Pipeline",
        [
            lag_now(metric),
            silent(metric),
            reporting(metric),
            latency_now(metric),
            letters_by_reason(letters),
            lag(metric),
            latency(metric),
            throughput(metric),
            archive_gaps(),
            heartbeat(metric),
            parts(),
            all_metrics(metric),
        ],
        start="now-15m",
        refresh="5s",
        about="How far behind each part is, how long a record takes, what was refused.",
    )


def _series(metric: str, names: str, value: str = "max(value)", label: str = "labels['topic']") -> str:
    return (
        f"SELECT $__timeInterval(occurred_at) AS time, concat(name, ' ', {label}) AS series, {value} AS value "
        f"FROM {metric} WHERE $__timeFilter(occurred_at) AND name IN {names} GROUP BY time, series ORDER BY time"
    )


def lag_now(metric: str) -> Builder[dashboard.Panel]:
    """Return the sum of the newest lag of each process and topic."""
    return panels.reported(
        "Lag now",
        f"SELECT sumOrNull(v) AS lag FROM ({latest(metric, LAG)})",
        steps=((0, "green"), (10_000, "orange"), (1_000_000, "red")),
        about="Records that agents and sink have not committed. Growing: more workers.",
        span=panels.EIGHTH,
    )


def silent(metric: str) -> Builder[dashboard.Panel]:
    """Return the number of processes that reported within a day and do not now."""
    return panels.reported(
        "Silent processes",
        f"SELECT if(count() = 0, NULL, countIf(ago > {SILENT_AFTER_S})) AS silent FROM ({processes(metric)})",
        steps=ZERO_IS_GOOD,
        about=f"Of those that reported within a day. Each process reports every 15 s; one that is not heard for "
        f"{SILENT_AFTER_S} s has ended or hangs: `city status`.",
        span=panels.EIGHTH,
    )


def reporting(metric: str) -> Builder[dashboard.Panel]:
    """Return the number of processes that report now."""
    return panels.reported(
        "Processes reporting",
        f"SELECT nullIf(countIf(ago <= {SILENT_AFTER_S}), 0) AS processes FROM ({processes(metric)})",
        span=panels.EIGHTH,
    )


def latency_now(metric: str) -> Builder[dashboard.Panel]:
    """Return the newest 99th percentile of the time from record to row."""
    return panels.reported(
        "Record to row, p99",
        f"SELECT maxOrNull(v) AS ms FROM ({latest(metric, ['sink.latency_ms'])}) WHERE labels['quantile'] = '0.99'",
        unit="ms",
        steps=((0, "green"), (1500, "orange"), (10_000, "red")),
        span=panels.EIGHTH,
    )


def letters_by_reason(topics: list[Topic]) -> Builder[dashboard.Panel]:
    """Return the number of dead letters of each domain, and of each stage and reason."""
    each = " UNION ALL ".join(
        f"SELECT '{t.domain}' AS domain, 'all' AS stage, '' AS reason, count() AS letters FROM {table_of(t)} UNION ALL "
        f"SELECT '{t.domain}' AS domain, stage, reason, count() AS letters FROM {table_of(t)} GROUP BY stage, reason"
        for t in topics
    )
    return panels.table(
        "Dead letters",
        f"SELECT * FROM ({each}) ORDER BY letters DESC, domain, stage = 'all' DESC LIMIT 50",
        span=panels.HALF,
        colours={"letters": ZERO_IS_GOOD},
        about="`city dead-letters list` shows each.",
    )


def lag(metric: str) -> Builder[dashboard.Panel]:
    """Return lag by topic over time."""
    return panels.timeseries("Lag by topic", _series(metric, str(LAG)))


def latency(metric: str) -> Builder[dashboard.Panel]:
    """Return quantiles of the time from record to row."""
    names = "('sink.latency_ms')"
    return panels.timeseries("Record to row", _series(metric, names, label="labels['quantile']"), unit="ms")


def throughput(metric: str) -> Builder[dashboard.Panel]:
    """Return the totals of agents and sink since their start."""
    names = "('agents_records_total', 'agents_derived_total', 'sink.records_total')"
    return panels.timeseries("Records done since start", _series(metric, names))


def archive_gaps() -> Builder[dashboard.Panel]:
    """Return the missing and doubled records of the archive, by partition. Both must be 0."""
    return panels.table(
        "Archive: missing and double records",
        "SELECT topic, partition, max(offset) - min(offset) + 1 AS expected, count() AS archived, "
        "expected - uniqExact(offset) AS missing, count() - uniqExact(offset) AS doubled "
        f"FROM {DATABASE}.records GROUP BY topic, partition ORDER BY topic, partition",
        colours={"missing": ZERO_IS_GOOD, "doubled": ZERO_IS_GOOD},
    )


def heartbeat(metric: str) -> Builder[dashboard.Panel]:
    """Return the time of each process's last report."""
    return panels.table(
        "Processes",
        f"SELECT process, last, ago FROM ({processes(metric)}) ORDER BY ago DESC, process",
        units={"ago": "s"},
        colours={"ago": ((0, "green"), (SILENT_AFTER_S, "red"))},
        about="Those that reported within a day.",
    )


def parts() -> Builder[dashboard.Panel]:
    """Return the number of parts and the size of each table."""
    return panels.table(
        "Tables",
        "SELECT table, count() AS parts, sum(rows) AS rows, formatReadableSize(sum(bytes_on_disk)) AS size "
        f"FROM system.parts WHERE active AND database = '{DATABASE}' GROUP BY table ORDER BY rows DESC",
        about="Many parts of few rows: inserts are too small.",
    )


def all_metrics(metric: str) -> Builder[dashboard.Panel]:
    """Return every metric's newest value."""
    return panels.table(
        "All metrics",
        f"SELECT process, name, labels, argMax(value, occurred_at) AS value, max(occurred_at) AS at FROM {metric} "
        "WHERE $__timeFilter(occurred_at) GROUP BY process, name, labels ORDER BY process, name LIMIT 500",
        span=panels.WIDE,
    )
