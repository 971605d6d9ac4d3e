"""The ledger board: sealed records, the age of the newest checkpoint, results of audits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import panels
from dashboards.platform_metrics import latest
from dashboards.queries import table_of
from dashboards.style import ZERO_IS_GOOD
from schemas.names import DATABASE, board_uid, topic_name

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard

    from schemas.catalog import Catalog

ZERO_WHEN_WELL = ("ledger_log_stopped", "ledger_signer_down", "ledger_witness_down", "ledger_anchor_down")
"""Figures that are 0 while all is well."""


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
            anchors_behind(metric),
            last_audit(audit),
            since_audit(audit),
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
    return panels.reported(
        title,
        f"SELECT maxOrNull(v) AS value FROM ({latest(metric, [name])})",
        unit=unit,
        span=panels.EIGHTH,
    )


def quorum_lag(metric: str) -> Builder[dashboard.Panel]:
    """Return the age of the oldest block without a quorum of witnesses."""
    return panels.reported(
        "Waiting for witnesses",
        f"SELECT maxOrNull(v) AS age FROM ({latest(metric, ['ledger_quorum_lag_seconds'])})",
        unit="s",
        steps=((0, "green"), (30, "orange"), (60, "red")),
        about="Above 60 s: see the witnesses. The stack's own witness is not an independent one.",
        span=panels.EIGHTH,
    )


def seal_latency(metric: str) -> Builder[dashboard.Panel]:
    """Return the newest time from record to published checkpoint."""
    return panels.reported(
        "Record to checkpoint",
        f"SELECT maxOrNull(v) AS ms FROM ({latest(metric, ['ledger_seal_latency_ms'])})",
        unit="ms",
        steps=((0, "green"), (2500, "orange"), (10_000, "red")),
        span=panels.EIGHTH,
    )


def unhealthy(metric: str) -> Builder[dashboard.Panel]:
    """Return the number of stopped logs and absent parts."""
    return panels.reported(
        "Stopped or silent",
        f"SELECT sumOrNull(v) AS unhealthy FROM ({latest(metric, ZERO_WHEN_WELL)})",
        steps=ZERO_IS_GOOD,
        about="Logs that stopped, and a signer, witness or anchor that does not answer.",
        span=panels.EIGHTH,
    )


def anchors_behind(metric: str) -> Builder[dashboard.Panel]:
    """Return the longest time that an anchor has been behind."""
    return panels.reported(
        "Anchors behind",
        f"SELECT maxOrNull(v) AS behind FROM ({latest(metric, ['ledger_anchor_lag_seconds'])})",
        unit="s",
        about="Of the anchor that is furthest behind. Each has its own interval: `city status` names one that is late.",
        span=panels.EIGHTH,
    )


def last_audit(audit: str) -> Builder[dashboard.Panel]:
    """Return the verdict of the last audit."""
    return panels.stat(
        "Last audit",
        f"SELECT argMaxOrNull(verdict = 'FAIL', occurred_at) AS failed FROM {audit} WHERE kind = 'ledger'",
        words={0: ("passed", "green"), 1: ("failed", "red"), None: ("none yet", "orange")},
        about="What it found stands in the table of audits.",
        span=panels.EIGHTH,
    )


def since_audit(audit: str) -> Builder[dashboard.Panel]:
    """Return the time since the last audit."""
    return panels.stat(
        "Since the last audit",
        f"SELECT dateDiff('second', maxOrNull(occurred_at), now64(3)) AS age FROM {audit} WHERE kind = 'ledger'",
        unit="s",
        words={None: ("none yet", "orange")},
        span=panels.EIGHTH,
    )


def unsealed(metric: str) -> Builder[dashboard.Panel]:
    """Return the number of archived records that are not sealed yet."""
    return panels.reported(
        "Archived, not yet sealed",
        f"SELECT (SELECT count() FROM {DATABASE}.records) - (SELECT sumOrNull(v - 1) FROM "
        f"({latest(metric, ['ledger_log_size'])})) AS records",
        about="Leaves are reported every few seconds, so a moving stack shows a small number here.",
        span=panels.EIGHTH,
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
