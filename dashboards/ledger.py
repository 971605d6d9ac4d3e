"""The ledger board: sealed records, the age of the newest checkpoint, results of audits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import panels
from dashboards.queries import table_of
from dashboards.style import ZERO_IS_GOOD
from schemas.names import DATABASE, board_uid, topic_name

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard

    from schemas.catalog import Catalog


def board(catalog: Catalog) -> dashboard.Dashboard:
    """Return the board."""
    metric = table_of(catalog.topics[topic_name("platform", "metric")])
    audit = table_of(catalog.topics[topic_name("platform", "audit")])
    return panels.board(
        board_uid("ledger"),
        "Ledger",
        [
            newest(metric, "Blocks", "ledger_city_blocks"),
            quorum_lag(metric),
            seal_latency(metric),
            unhealthy(metric),
            audits_failed(audit),
            unsealed(metric),
            sizes(metric),
            seal(metric),
            commits(metric),
            audits(audit),
        ],
        start="now-15m",
        refresh="5s",
        about="Every record becomes a leaf; every few seconds a block covers what is new.",
    )


def newest(metric: str, title: str, name: str, unit: str = "short") -> Builder[dashboard.Panel]:
    """Return the newest value of one metric."""
    return panels.stat(
        title,
        f"SELECT argMax(value, occurred_at) AS value FROM {metric} "
        f"WHERE $__timeFilter(occurred_at) AND name = '{name}'",
        unit=unit,
    )


def quorum_lag(metric: str) -> Builder[dashboard.Panel]:
    """Return the age of the oldest block without a quorum of witnesses."""
    return panels.stat(
        "Waiting for witnesses",
        f"SELECT argMax(value, occurred_at) AS age FROM {metric} "
        "WHERE $__timeFilter(occurred_at) AND name = 'ledger_quorum_lag_seconds'",
        unit="s",
        steps=((0, "green"), (30, "orange"), (60, "red")),
        about="Above 60 s: see the witnesses. The stack's own witness is not an independent one.",
    )


def seal_latency(metric: str) -> Builder[dashboard.Panel]:
    """Return the newest time from record to published checkpoint."""
    return panels.stat(
        "Record to checkpoint",
        f"SELECT argMax(value, occurred_at) AS ms FROM {metric} "
        "WHERE $__timeFilter(occurred_at) AND name = 'ledger_seal_latency_ms'",
        unit="ms",
        steps=((0, "green"), (2500, "orange"), (10_000, "red")),
    )


def unhealthy(metric: str) -> Builder[dashboard.Panel]:
    """Return the number of stopped logs and absent parts."""
    return panels.stat(
        "Stopped or silent",
        f"SELECT sum(v) AS unhealthy FROM (SELECT argMax(value, occurred_at) AS v FROM {metric} "
        "WHERE $__timeFilter(occurred_at) AND name IN "
        "('ledger_log_stopped', 'ledger_signer_down', 'ledger_witness_down', 'ledger_anchor_down') "
        "GROUP BY name, labels)",
        steps=ZERO_IS_GOOD,
        about="Logs that stopped, and a signer, witness or anchor that does not answer.",
    )


def audits_failed(audit: str) -> Builder[dashboard.Panel]:
    """Return the audits that failed."""
    return panels.stat(
        "Failed audits",
        f"SELECT countIf(verdict = 'FAIL') AS failed FROM {audit} WHERE kind = 'ledger'",
        steps=ZERO_IS_GOOD,
    )


def unsealed(metric: str) -> Builder[dashboard.Panel]:
    """Return the number of archived records that are not sealed yet."""
    return panels.stat(
        "Archived, not yet sealed",
        f"SELECT (SELECT count() FROM {DATABASE}.records) - (SELECT sum(v - 1) FROM (SELECT argMax(value, "
        f"occurred_at) AS v FROM {metric} WHERE name = 'ledger_log_size' GROUP BY labels)) AS records",
        about="Leaves are reported every few seconds, so a moving stack shows a small number here.",
    )


def sizes(metric: str) -> Builder[dashboard.Panel]:
    """Return the size of each log over time."""
    return panels.timeseries(
        "Leaves by log",
        f"SELECT $__timeInterval(occurred_at) AS time, labels['origin'] AS origin, max(value) AS leaves "
        f"FROM {metric} WHERE $__timeFilter(occurred_at) AND name = 'ledger_log_size' "
        "GROUP BY time, origin ORDER BY time",
    )


def seal(metric: str) -> Builder[dashboard.Panel]:
    """Return the time from record to checkpoint."""
    return panels.timeseries(
        "Record to checkpoint",
        f"SELECT $__timeInterval(occurred_at) AS time, max(value) AS worst, avg(value) AS mean FROM {metric} "
        "WHERE $__timeFilter(occurred_at) AND name = 'ledger_seal_latency_ms' GROUP BY time ORDER BY time",
        unit="ms",
    )


def commits(metric: str) -> Builder[dashboard.Panel]:
    """Return the duration of a group commit and the current checkpoint interval."""
    return panels.timeseries(
        "Group commit and checkpoint interval",
        f"SELECT $__timeInterval(occurred_at) AS time, name, max(value) AS seconds FROM {metric} "
        "WHERE $__timeFilter(occurred_at) AND name IN ('ledger_commit_seconds', "
        "'ledger_checkpoint_interval_seconds') GROUP BY time, name ORDER BY time",
        unit="s",
        span=panels.WIDE,
    )


def audits(audit: str) -> Builder[dashboard.Panel]:
    """Return the audits with their findings, newest first."""
    return panels.table(
        "Audits",
        f"SELECT occurred_at AS at, subject, verdict, details, problems FROM {audit} WHERE kind = 'ledger' "
        "ORDER BY occurred_at DESC LIMIT 100",
        span=panels.WIDE,
    )
