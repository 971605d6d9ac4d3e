"""The counts of Kafka and ClickHouse for one snapshot; both raise what their clients raise."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
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

    offsets: Mapping[str, int]
    """By topic: offsets from its first record to its last stable one."""
    unsealed: Mapping[str, int]
    """By sealed topic: records that its logs have not appended, at most; 0 only if there is none."""
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
        meter = self._meter or LagMeter(self._settings.kafka_address, self._catalog)
        self._meter = None  # after an error new connections: librdkafka's may keep it for long
        found = self._count(meter, appended)
        self._meter = meter
        return found

    def _count(self, meter: LagMeter, appended: Mapping[PartitionId, int]) -> KafkaCounts:
        lags = meter.lag()
        offsets: dict[str, int] = {}
        ends = {}
        for (name, partition), (low, high) in meter.marks.items():
            offsets[name] = offsets.get(name, 0) + high - low
            ends[name, partition] = high
        sealed = {key: appended.get(key, 0) for key in ends if key[0] in self._sealed}
        unsealed: dict[str, int] = {}
        beyond = meter.beyond(sealed)
        for (name, _), count in beyond.items():
            unsealed[name] = unsealed.get(name, 0) + count
        behind = [key for key, count in beyond.items() if count]
        received = {
            seconds: meter.received_before(behind, seconds) if behind else {}
            for seconds in (LATE_S, VERY_LATE_S)
        }
        return KafkaCounts(offsets, unsealed, lags, meter.held_back(), ends, received)


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


@dataclass(frozen=True)
class _Counted:
    """The counts of a table, and what it was made of when they were taken."""

    parts: str
    """Digest over the names of its active parts: an insert, a merge, a mutation and a deletion each change it."""
    counts: TableCounts
    at: float
    """Monotonic seconds."""

    def now(self, at: float) -> TableCounts:
        """Return the counts with the age that they have by now."""
        age_s = self.counts.age_s
        return replace(self.counts, age_s=None if age_s is None else age_s + at - self.at)


class ClickHouseCounter:
    """Counts ClickHouse over one connection. A table whose parts have not changed is not counted again.

    Args:
        settings: The stack.
        catalog: Its catalogue.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._client: Client | None = None
        self._counted: dict[str, _Counted] = {}
        self._letters: tuple[str, dict[str, tuple[int, int]]] = ("", {})

    def count(self) -> ClickHouseCounts:
        """Count.

        Raises:
            ClickHouseError: ClickHouse does not answer, or refuses.
        """
        self._client = self._client or connect(self._settings, ANSWER_S)
        tables = {name: (rows, parts) for name, rows, parts in self._client.query(_TABLES).result_rows}
        found = ClickHouseCounts()
        found.missing = [f"{DATABASE}.{ARCHIVE_TABLE}"] if ARCHIVE_TABLE not in tables else []
        exact = {}
        for topic in self._catalog.topics.values():
            size, parts = tables.get(topic.table, (None, ""))
            if size is None:
                found.missing.append(f"{DATABASE}.{topic.table}")
            elif 0 < size <= EXACT_UP_TO:
                exact[topic.name] = (topic.table, parts)
            else:
                found.tables[topic.name] = TableCounts(size, size)
        found.tables |= self._exact(exact)
        found.dead_letters = self._dead_letters(tables)
        return found

    def _exact(self, wanted: Mapping[str, tuple[str, str]]) -> dict[str, TableCounts]:
        """Return the counts of tables, by topic; count those that have changed, in one query.

        Args:
            wanted: Topic → its table, and the digest of its parts.
        """
        self._counted = {
            topic: counted
            for topic, counted in self._counted.items()
            # An event of the future gets an age in time, without any change of its table.
            if topic in wanted and wanted[topic][1] == counted.parts and not counted.counts.future
        }
        missing = [(topic, table) for topic, (table, _) in wanted.items() if topic not in self._counted]
        if missing and self._client is not None:  # one query: each waits for its turn behind the inserts
            rows = self._client.query(" UNION ALL ".join(_counting(*each) for each in missing)).result_rows
            now = time.monotonic()
            self._counted |= {
                str(topic): _Counted(wanted[str(topic)][1], _table(*row), now) for topic, *row in rows
            }
        now = time.monotonic()
        return {topic: counted.now(now) for topic, counted in self._counted.items()}

    def _dead_letters(self, tables: Mapping[str, tuple[int, str]]) -> dict[str, tuple[int, int]]:
        """Return open and settled dead letters by domain; count them again if one of their tables has changed."""
        letters = [
            t
            for t in self._catalog.topics.values()
            if t.event == "dead-letter" and tables.get(t.table, (0,))[0]
        ]
        if not letters or self._client is None:
            return {}
        audit = self._catalog.topics[topic_name("platform", "audit")].table
        parts = " ".join(
            tables[table][1] for table in (*(t.table for t in letters), audit) if table in tables
        )
        if self._letters[0] != parts:
            decided = f"SELECT subject FROM {DATABASE}.{audit} WHERE kind = 'dead-letter'"
            settled = f"countIf(toString(event_id) IN ({decided}))" if audit in tables else "toUInt64(0)"
            counting = (
                f"SELECT '{t.domain}', count(), {settled} FROM {DATABASE}.{t.table} FINAL" for t in letters
            )
            rows = self._client.query(" UNION ALL ".join(counting)).result_rows
            self._letters = parts, {domain: (total - done, done) for domain, total, done in rows}
        return self._letters[1]


_TABLES = (
    "SELECT t.name, p.rows, p.parts FROM "
    f"(SELECT name FROM system.tables WHERE database = '{DATABASE}') AS t LEFT JOIN "
    "(SELECT table, sum(rows) AS rows, toString(groupBitXor(sipHash64(name))) AS parts FROM system.parts "
    f"WHERE active AND database = '{DATABASE}' GROUP BY table) AS p ON p.table = t.name"
)
"""Each table, its rows, and a digest of the names of its active parts."""


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
