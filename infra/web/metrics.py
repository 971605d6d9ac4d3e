"""`/metrics`: a snapshot as Prometheus text. What is unknown has no sample, and `city_not_reporting` says so."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.status.model import Status

PER_TOPIC = {
    "records": "Records that a read-committed consumer gets, at most; of a topic that is not sealed: offsets",
    "events": "Distinct events of the topic",
    "rows": "Rows that a query sees",
    "sealed": "Records sealed in the ledger",
    "unsealed": "Readable records behind the position of the topic's logs, at most; 0 only if there is none",
    "lag": "Records that the slowest group has not committed",
    "held_back": "Records that an open transaction holds back",
    "age_s": "Seconds since the newest event occurred that does not lie in the future",
    "future": "Events whose time lies in the future",
    "dead_letters": "Dead letters of the topic's domain that nobody has decided about",
    "dead_letters_settled": "Dead letters of the topic's domain that were replayed or discarded",
}
_OF_KAFKA = frozenset({"held_back"})
_OF_CLICKHOUSE = frozenset({"future"})


class _Collector:
    """A collector that turns one status into gauges."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every gauge."""
        yield from self._health()
        for name, text in PER_TOPIC.items():
            yield self._topic_gauge(name, text)
        lag = GaugeMetricFamily(
            "city_group_lag", "Records a consumer group has not committed", labels=["group"]
        )
        for group, value in (self._status.lags or {}).items():
            lag.add_metric([group], float(value))
        yield lag
        if self._status.blocks is not None:
            yield GaugeMetricFamily("city_ledger_blocks", "Blocks in the city log", value=self._status.blocks)
        if self._status.checkpoint_age_s is not None:
            age = self._status.checkpoint_age_s
            yield GaugeMetricFamily(
                "city_ledger_checkpoint_age_seconds", "Age of the city checkpoint", value=age
            )

    def _health(self) -> Iterator[GaugeMetricFamily]:
        status = self._status
        unhealthy = len({problem.part for problem in status.red})
        yield GaugeMetricFamily("city_parts_ill", "Parts with a red problem; above 0: act", value=unhealthy)
        found = GaugeMetricFamily(
            "city_problems", "Problems by part, reason and severity", labels=["part", "reason", "severity"]
        )
        counts = Counter((p.part, p.reason, p.severity.value) for p in status.problems)
        for labels, count in sorted(counts.items()):
            found.add_metric(labels, count)
        yield found
        silent = GaugeMetricFamily(
            "city_not_reporting", "1 while the counts of a store are unknown, else 0", labels=["part"]
        )
        for part, reports in status.reporting.items():
            silent.add_metric([part], float(not reports))
        yield silent
        yield GaugeMetricFamily(
            "city_snapshot_time_seconds", "When this snapshot was complete, POSIX seconds", value=status.time
        )

    def _topic_gauge(self, name: str, text: str) -> GaugeMetricFamily:
        suffix = name.removesuffix("_s") + "_seconds" if name.endswith("_s") else name
        gauge = GaugeMetricFamily(f"city_topic_{suffix}", text, labels=["topic"])
        reporting = self._status.reporting.get
        known = (reporting("kafka") or name not in _OF_KAFKA) and (
            reporting("clickhouse") or name not in _OF_CLICKHOUSE
        )
        for row in self._status.topics:
            value = getattr(row, name)
            if value is not None and known:
                gauge.add_metric([row.topic], float(value))
        return gauge


def render(status: Status) -> bytes:
    """Return a status in Prometheus' exposition format."""
    registry = CollectorRegistry()
    registry.register(_Collector(status))
    return generate_latest(registry)
