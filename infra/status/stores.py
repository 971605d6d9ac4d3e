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
        meter, self._meter = (
            self._meter,
            None,
        )  # after an error new connections: librdkafka's may keep it for long
        meter = meter or LagMeter(self._settings.kafka_address, self._catalog)
        found = self._count(meter, appended)
        self._meter = meter
        return found

    def _count(self, meter: LagMeter, appended: Mapping[PartitionId, int]) -> KafkaCounts:
        lags = meter.lag()
        records: dict[str, int] = {}
        ends = {}
        for (name, partition), (low, high) in meter.marks.items():
            records[name] = records.get(name, 0) + high - low
            ends[name, partition] = high
        behind = [key for key, end in ends.items() if key[0] in self._sealed and appended.get(key, 0) < end]
        received = {
            seconds: meter.received_before(behind, seconds) if behind else {}
            for seconds in (LATE_S, VERY_LATE_S)
        }
        return KafkaCounts(records, lags, meter.held_back(), ends, received)


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
        exact = []
        for topic in self._catalog.topics.values():
            size = sizes.get(topic.table)
            if size is None:
                found.missing.append(f"{DATABASE}.{topic.table}")
            elif 0 < size <= EXACT_UP_TO:
                exact.append((topic.name, topic.table))
            else:
                found.tables[topic.name] = TableCounts(size, size)
        if exact:  # one query: each waits for its turn behind the inserts
            rows = self._client.query(" UNION ALL ".join(_counting(*each) for each in exact)).result_rows
            found.tables |= {str(topic): _table(*row) for topic, *row in rows}
        letters = [
            t for t in self._catalog.topics.values() if t.event == "dead-letter" and sizes.get(t.table)
        ]
        if letters:
            audit = self._catalog.topics[topic_name("platform", "audit")].table
            decided = f"SELECT subject FROM {DATABASE}.{audit} WHERE kind = 'dead-letter'"
            settled = f"countIf(toString(event_id) IN ({decided}))" if audit in sizes else "toUInt64(0)"
            counting = (
                f"SELECT '{t.domain}', count(), {settled} FROM {DATABASE}.{t.table} FINAL" for t in letters
            )
            rows = self._client.query(" UNION ALL ".join(counting)).result_rows
            found.dead_letters = {domain: (total - done, done) for domain, total, done in rows}
        return found


def _counting(topic: str, table: str) -> str:
    """Return the query that counts one topic's table; `_table` reads its columns."""
    ahead = f"occurred_at > now64(6) + INTERVAL {AHEAD_S} SECOND"
    return (
        f"SELECT '{topic}', uniqExact(event_id), count(), "
        f"toFloat64(now64(6)) - toFloat64(maxIf(occurred_at, NOT ({ahead}))), "
        f"toFloat64(now64(6)) - toFloat64(max(_received_at)), countIf({ahead}), countIf(simulated) "
        f"FROM {DATABASE}.{table} FINAL"
    )


def _table(
    events: int, rows: int, newest: float, received: float, future: int, simulated: int
) -> TableCounts:
    age = None if not rows else received if future == rows else newest
    return TableCounts(rows, events, age, future, bool(simulated))
