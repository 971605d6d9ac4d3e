"""The lag of each consumer group: readable records that it has not committed (docs/delivery.md#readable-offsets)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, TopicPartition

from infra.kafka.admin import QUIET, READ_COMMITTED, connect
from infra.reconcile.count import watermarks
from infra.reconcile.held_back import held_back, offsets_since
from schemas.names import AGENTS_GROUP, CLICKHOUSE_SINK_GROUP, LEDGER_SINK_GROUP
from streams.backlog import Backlog
from streams.config import StreamsConfig
from streams.worker.discovery import discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.catalog import Catalog

FIRST_LOOKS_S = 1.0
"""Seconds for which the first call looks whether what is left can be read; then all that is left is counted."""
_LEDGER = "ledger state"


def group_topics(catalog: Catalog) -> dict[str, list[str]]:
    """Return the topics that each consumer group reads."""
    topics = catalog.topics.values()
    return {
        AGENTS_GROUP: sorted(discover(StreamsConfig(), catalog)),
        CLICKHOUSE_SINK_GROUP: [t.name for t in topics],
        LEDGER_SINK_GROUP: [t.name for t in topics if t.sealed],
    }


class LagMeter:
    """Compares committed offsets with last stable offsets, group by group.

    Args:
        bootstrap: Address of the cluster, host:port.
        catalog: The topics.
    """

    def __init__(self, bootstrap: str, catalog: Catalog) -> None:
        self._bootstrap = bootstrap
        self._groups = group_topics(catalog)
        self._topics = [t.name for t in catalog.topics.values()]
        # These consumers never subscribe. librdkafka's admin call for committed offsets crashes the process while a
        # group's coordinator is loading.
        self._consumers = {
            group: Consumer(
                {
                    "bootstrap.servers": bootstrap,
                    "group.id": group,
                    "enable.auto.commit": False,
                    **QUIET,
                    **READ_COMMITTED,
                }
            )
            for group in self._groups
        }
        self._backlog = Backlog(bootstrap)
        self._admin = connect(bootstrap)
        self._last: dict[tuple[str, str, int], int] = {}
        self._first_looks_until = 0.0
        self.marks: dict[tuple[str, int], tuple[int, int]] = {}
        """First and last stable offset at the last `lag`, by (topic, partition)."""

    def committed(self, group: str, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return a group's committed offsets by (topic, partition); partitions without one are absent."""
        asked = [TopicPartition(topic, partition) for topic, partition in partitions]
        answer = self._consumers[group].committed(asked, timeout=10) if asked else []
        return {(p.topic, p.partition): p.offset for p in answer if p.offset >= 0}

    def close(self) -> None:
        """Close the connections."""
        for consumer in self._consumers.values():
            consumer.close()
        self._backlog.close()

    def lag(self) -> dict[str, dict[tuple[str, int], int]]:
        """Return for each group how many records it has not committed, at most, by (topic, partition) with any.

        Where a group has committed nothing since the last call, a consumer looks whether a record is left to read.
        """
        self._first_looks_until = time.monotonic() + FIRST_LOOKS_S
        marks = watermarks(self._bootstrap, self._topics)
        behind: dict[str, dict[tuple[str, int], int]] = {}
        for group, topics in self._groups.items():
            committed = self.committed(group, [each for each in marks if each[0] in topics])
            left = {
                key: self._left(group, key, max(low, committed.get(key, low)), high)
                for key, (low, high) in marks.items()
                if key[0] in topics
            }
            behind[group] = {key: count for key, count in left.items() if count}
        self.marks = marks
        return behind

    def beyond(self, positions: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
        """Return how many records lie at or behind positions at the last `lag`, at most; 0 only if there is none.

        Args:
            positions: Offsets by (topic, partition); partitions that Kafka does not have are left out.
        """
        found = {}
        for key, offset in positions.items():
            if key in self.marks:
                low, high = self.marks[key]
                found[key] = self._left(_LEDGER, key, max(low, offset), high)
        return found

    def held_back(self) -> dict[tuple[str, int], int]:
        """Return how many records open transactions held back at the last `lag`, by (topic, partition) with any."""
        return held_back(self._admin, {key: high for key, (_, high) in self.marks.items()})

    def received_before(
        self, partitions: Iterable[tuple[str, int]], seconds: float
    ) -> dict[tuple[str, int], int]:
        """Return the offset behind the last record that Kafka received more than so many seconds ago.

        Args:
            partitions: Topics and partitions of the last `lag`.
            seconds: How long ago.
        """
        asked = list(partitions)
        found = offsets_since(self._admin, asked, time.time() - seconds)
        return {key: found[key] if found[key] >= 0 else self.marks[key][1] for key in asked if key in found}

    def _left(self, group: str, partition: tuple[str, int], committed: int, high: int) -> int:
        """Return how many records are left from a committed offset on, at most; 0 only if there is none."""
        if committed >= high:
            return 0
        before = self._last.get((group, *partition))
        self._last[group, *partition] = committed
        first_look = before is None and time.monotonic() < self._first_looks_until
        looks = first_look or before == committed
        if not looks:
            return high - committed
        return high - self._backlog.first_readable(partition, committed, high)


def describe_lag(behind: Mapping[str, Mapping[tuple[str, int], int]]) -> list[str]:
    """Return one line for each partition that a group has not read to its end."""
    return [
        f"{group}: {topic}/{partition} is {lag} records behind"
        for group, rows in behind.items()
        for (topic, partition), lag in sorted(rows.items())
    ]
