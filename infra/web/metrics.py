"""`/metrics`: the status as Prometheus text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.status.reader import Status

PER_TOPIC = {
    "records": "Offsets of the topic up to its last stable one: records, and in transactions control and aborted ones",
    "events": "Distinct events of the topic",
    "rows": "Rows that a query sees",
    "sealed": "Records sealed in the ledger",
    "lag": "Records that the slowest group has not committed",
    "held_back": "Records that an open transaction holds back",
    "age_s": "Seconds since the newest event occurred",
    "dead_letters": "Dead letters of the topic's domain",
}


class _Collector:
    """A collector that turns one status into gauges."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every gauge."""
        for name, text in PER_TOPIC.items():
            gauge = GaugeMetricFamily(
                f"city_topic_{name.removesuffix('_s') + '_seconds' if name.endswith('_s') else name}",
                text,
                labels=["topic"],
            )
            for row in self._status.topics:
                value = getattr(row, name)
                if value is not None:
                    gauge.add_metric([row.topic], float(value))
            yield gauge
        lag = GaugeMetricFamily(
            "city_group_lag", "Records a consumer group has not committed", labels=["group"]
        )
        for group, value in self._status.lags.items():
            lag.add_metric([group], float(value))
        yield lag
        yield GaugeMetricFamily("city_ledger_blocks", "Blocks in the city log", value=self._status.blocks)
        if self._status.checkpoint_age_s is not None:
            age = self._status.checkpoint_age_s
            yield GaugeMetricFamily(
                "city_ledger_checkpoint_age_seconds", "Age of the city checkpoint", value=age
            )
        yield GaugeMetricFamily("city_parts_ill", "Parts that do not answer", value=len(self._status.notes))


def render(status: Status) -> bytes:
    """Return a status in Prometheus' exposition format."""
    registry = CollectorRegistry()
    registry.register(_Collector(status))
    return generate_latest(registry)
