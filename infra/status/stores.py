"""The counts of Kafka and ClickHouse for one snapshot; both raise what their clients raise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.connections import connect
from infra.reconcile.lag import LagMeter
from infra.status.health import LATE_S, VERY_LATE_S
from schemas.names import ARCHIVE_TABLE, DATABASE, topic_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clickhouse_connect.driver.client import Client

    from infra.settings import Settings
    from schemas.catalog import Catalog

EXACT_UP_TO = 3_000_000
"""Rows of a table up to which events are counted exactly at each read; above, the rows of its parts are summed."""
AHEAD_S = 60
"""An event further ahead of ClickHouse's clock than this lies in the future, in seconds."""
ANSWER_S = 20.0
"""Longest wait for a piece of ClickHouse's answer."""

PartitionId = tuple[str, int]


@dataclass(frozen=True)
class KafkaCounts:
    """What Kafka holds and what the groups have committed."""

    records: Mapping[str, int]
    """By topic."""
    lags: Mapping[str, Mapping[PartitionId, int]]
    """By group and partition."""
    held_back: Mapping[PartitionId, int]
    ends: Mapping[PartitionId, int]
    """Last stable offsets."""
    received: Mapping[float, Mapping[PartitionId, int]]
    """Seconds → the offset behind the last record that Kafka received longer ago than that."""


class KafkaCounter:
    """Counts Kafka over one set of connections.

    Args:
        settings: The stack.
        catalog: Its catalogue.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._sealed = {topic.name for topic in catalog.topics.values() if topic.sealed}
        self._meter: LagMeter | None = None

    def count(self, appended: Mapping[PartitionId, int]) -> KafkaCounts:
        """Count.

        Args:
            appended: Offset up to which each partition log has appended, read before.

        Raises:
            KafkaException: Kafka does not answer.
        """
        self._meter = self._meter or LagMeter(self._settings.kafka_address, self._catalog)
        lags = self._meter.lag()
        records: dict[str, int] = {}
        ends = {}
        for (name, partition), (low, high) in self._meter.marks.items():
            records[name] = records.get(name, 0) + high - low
            ends[name, partition] = high
        behind = [key for key, end in ends.items() if key[0] in self._sealed and appended.get(key, 0) < end]
        received = {
            seconds: self._meter.received_before(behind, seconds) if behind else {}
            for seconds in (LATE_S, VERY_LATE_S)
        }
        return KafkaCounts(records, lags, self._meter.held_back(), ends, received)


@dataclass
class TableCounts:
    """The rows of one topic's table."""

    rows: int
    events: int
    age_s: float | None = None
    future: int = 0
    simulated: bool = False


@dataclass
class ClickHouseCounts:
    """What a query sees."""

    tables: dict[str, TableCounts] = field(default_factory=dict)
    """By topic."""
    missing: list[str] = field(default_factory=list)
    """Tables that are not there."""
    dead_letters: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By domain: open and settled dead letters."""


class ClickHouseCounter:
    """Counts ClickHouse over one connection.

    Args:
        settings: The stack.
        catalog: Its catalogue.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._client: Client | None = None

    def count(self) -> ClickHouseCounts:
        """Count.

        Raises:
            ClickHouseError: ClickHouse does not answer, or refuses.
        """
        self._client = self._client or connect(self._settings, ANSWER_S)
        query = f"SELECT name, total_rows FROM system.tables WHERE database = '{DATABASE}'"
        sizes = dict(self._client.query(query).result_rows)
        found = ClickHouseCounts()
        found.missing = [f"{DATABASE}.{ARCHIVE_TABLE}"] if ARCHIVE_TABLE not in sizes else []
        for topic in self._catalog.topics.values():
            size = sizes.get(topic.table)
            if size is None:
                found.missing.append(f"{DATABASE}.{topic.table}")
            elif size > EXACT_UP_TO:
                found.tables[topic.name] = TableCounts(size, size)
            else:
                found.tables[topic.name] = self._table(self._client, topic.table)
            if topic.event == "dead-letter" and size:
                found.dead_letters[topic.domain] = self._letters(self._client, topic.table, sizes)
        return found

    def _table(self, client: Client, table: str) -> TableCounts:
        ahead = f"occurred_at > now64(6) + INTERVAL {AHEAD_S} SECOND"
        events, rows, newest, received, future, simulated = client.query(
            f"SELECT uniqExact(event_id), count(), "
            f"toFloat64(now64(6)) - toFloat64(maxIf(occurred_at, NOT ({ahead}))), "
            f"toFloat64(now64(6)) - toFloat64(max(_received_at)), countIf({ahead}), countIf(simulated) "
            f"FROM {DATABASE}.{table} FINAL"
        ).result_rows[0]
        age = None if not rows else received if future == rows else newest
        return TableCounts(rows, events, age, future, bool(simulated))

    def _letters(self, client: Client, table: str, sizes: Mapping[str, int]) -> tuple[int, int]:
        audit = self._catalog.topics[topic_name("platform", "audit")].table
        if audit not in sizes:
            return client.query(f"SELECT count() FROM {DATABASE}.{table} FINAL").result_rows[0][0], 0
        decided = f"SELECT subject FROM {DATABASE}.{audit} WHERE kind = 'dead-letter'"
        total, settled = client.query(
            f"SELECT count(), countIf(toString(event_id) IN ({decided})) FROM {DATABASE}.{table} FINAL"
        ).result_rows[0]
        return total - settled, settled
