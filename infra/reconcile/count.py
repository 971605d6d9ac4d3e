"""Counts of a stack at rest, taken by code that shares nothing with the code that it checks (docs/counts.md).

Kafka: watermarks and a plain consumer pass that decodes every record with fastavro alone. ClickHouse:
`SELECT count()`. The ledger is counted in `count_ledger.py`. Nothing of `streams` or `ledger_sink` is used.
"""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from infra.errors import StackError
from infra.kafka.admin import QUIET, READ_COMMITTED
from schemas.names import COUNT_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from clickhouse_connect.driver.client import Client

    from schemas.catalog import Catalog

POLL_S = 1.0
IDLE_POLLS = 60
"""Empty polls in a row after which a consumer pass fails."""


@dataclass
class TopicCount:
    """The counts of one topic (docs/counts.md#what-is-counted); None where one does not apply to the topic."""

    records: int = 0
    archived: int | None = None
    sealed: int | None = None
    events: int = 0
    rows: int | None = None
    repeats: int = 0
    undecodable: int = 0


def watermarks(bootstrap: str, topics: Sequence[str]) -> dict[tuple[str, int], tuple[int, int]]:
    """Return the first and the last stable offset of every partition of the topics, by (topic, partition).

    What an open transaction holds back lies behind the last stable offset.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": COUNT_GROUP,
            "enable.auto.commit": False,
            **QUIET,
            **READ_COMMITTED,
        }
    )
    try:
        known = consumer.list_topics(timeout=10).topics
        return {
            (topic, partition): consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            for topic in topics
            if topic in known
            for partition in known[topic].partitions
        }
    finally:
        consumer.close()


Refused = dict[str, dict[str, str]]
"""By topic and event_id: the line on an event that the sink refused, although the counting decoder reads it."""


def consumer_pass(
    bootstrap: str,
    catalog: Catalog,
    marks: Mapping[tuple[str, int], tuple[int, int]],
    refused: Refused | None = None,
) -> dict[str, TopicCount]:
    """Read every record between the watermarks and count records, events, repeats and undecodable records.

    Args:
        bootstrap: Address of the cluster, host:port.
        catalog: The schemas of the topics.
        marks: The result of `watermarks`.
        refused: Receives the counted events that the ClickHouse sink dead-lettered.

    Raises:
        StackError: No records came for a minute although some are missing.
    """
    schemas = {
        topic.name: {
            schema.id: fastavro.parse_schema(json.loads(schema.text), _write_hint=False)
            for schema in topic.schemas
        }
        for topic in catalog.topics.values()
    }
    counts = {topic: TopicCount() for topic, _ in marks}
    seen: dict[str, set[str]] = {topic: set() for topic in counts}
    letters: list[Mapping[str, Any]] = []
    for topic, value in _records(bootstrap, marks):
        count = counts[topic]
        count.records += 1
        event = _event(value, schemas[topic])
        event_id = None if event is None else str(event["event_id"])
        if (
            event is not None
            and event.get("stage") == "decode"
            and catalog.topics[topic].kind == "dead-letter"
        ):
            letters.append(event)
        if event_id is None:
            count.undecodable += 1
        elif event_id in seen[topic]:
            count.repeats += 1
        else:
            seen[topic].add(event_id)
            count.events += 1
    for letter in letters if refused is not None else ():
        _take_letter(letter, schemas, seen, {} if refused is None else refused)
    return counts


def _take_letter(
    letter: Mapping[str, Any],
    schemas: Mapping[str, Mapping[int, object]],
    seen: Mapping[str, set[str]],
    refused: Refused,
) -> None:
    """Note the event of a dead letter of the sink, if the counting decoder reads and has counted it."""
    origin = letter["origin"]
    topic = str(origin.get("topic", ""))
    event = _event(letter["bytes"], schemas.get(topic, {}))
    if event is not None and str(event["event_id"]) in seen.get(topic, set()):
        refused.setdefault(topic, {})[str(event["event_id"])] = (
            f"{topic}/{origin['partition']} offset {origin['offset']}: an event without a row: the sink refused it "
            f"({letter['reason']}), dead letter {letter['event_id']}"
        )


def without_rows(client: Client, catalog: Catalog, refused: Refused) -> dict[str, list[str]]:
    """Return by topic the lines on those refused events that no row has either: a dead letter accounts for them."""
    found = {}
    for topic, lines in refused.items():
        rows = client.query(
            f"SELECT DISTINCT toString(event_id) FROM city.{catalog.topics[topic].table} "
            "WHERE toString(event_id) IN {ids:Array(String)}",
            parameters={"ids": list(lines)},
        ).result_rows
        there = {event_id for (event_id,) in rows}
        found[topic] = [line for event_id, line in lines.items() if event_id not in there]
    return found


def _event(value: bytes | None, schemas: Mapping[int, object]) -> dict[str, Any] | None:
    """Return a record's event, or None if no schema of its topic decodes all of its bytes to finite numbers."""
    if value is None or len(value) < 6 or value[0] != 0:
        return None
    schema = schemas.get(int.from_bytes(value[1:5], "big"))
    if schema is None:
        return None
    stream = io.BytesIO(value[5:])
    try:
        event: dict[str, Any] = fastavro.schemaless_reader(stream, schema, None)
    except Exception:  # noqa: BLE001 - on any error the schema does not decode it
        return None
    return event if not stream.read(1) and _finite(event.values()) else None


def _finite(values: Iterable[Any]) -> bool:
    """Return whether no value is NaN or infinite, at any depth. Those are no measured value (docs/events.md#values)."""
    for value in values:
        if isinstance(value, float):
            if not math.isfinite(value):
                return False
        elif isinstance(value, dict | list) and not _finite(
            value.values() if isinstance(value, dict) else value
        ):
            return False
    return True


def _records(
    bootstrap: str, marks: Mapping[tuple[str, int], tuple[int, int]]
) -> Iterator[tuple[str, bytes | None]]:
    left = {key: high for key, (low, high) in marks.items() if high > low}
    if not left:
        return
    at = {key: marks[key][0] for key in left}
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": COUNT_GROUP,
            "enable.auto.commit": False,
            **QUIET,
            **READ_COMMITTED,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
        }
    )
    try:
        consumer.assign([TopicPartition(t, p, OFFSET_BEGINNING) for t, p in left])
        idle = 0
        while left and idle < IDLE_POLLS:
            missing = sum(high - at[key] for key, high in left.items())
            messages = consumer.consume(
                min(5000, missing), POLL_S
            )  # a larger number would wait for records that do not come
            idle = 0 if messages else idle + 1
            for message in messages:
                key = (message.topic(), message.partition())
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's public code
                        left.pop(key, None)
                    continue
                if key not in left or message.offset() >= left[key]:
                    left.pop(key, None)
                    continue
                yield message.topic(), message.value()
                at[key] = message.offset() + 1
                if at[key] >= left[key]:
                    del left[key]
        if left:
            raise StackError(
                f"counting: no records came for {POLL_S * IDLE_POLLS:.0f} s, still missing {left}"
            )
    finally:
        consumer.close()


def clickhouse_counts(client: Client, catalog: Catalog, counts: Mapping[str, TopicCount]) -> None:
    """Set `archived` and `rows` of the counts from ClickHouse."""
    archived = dict(client.query("SELECT topic, count() FROM city.records GROUP BY topic").result_rows)
    for name, count in counts.items():
        topic = catalog.topics[name]
        if topic.archived:
            count.archived = int(archived.get(name, 0))
        count.rows = int(client.query(f"SELECT count() FROM city.{topic.table} FINAL").result_rows[0][0])


def row_latency(client: Client) -> dict[str, float | None]:
    """Return p50 and p99 in milliseconds from a record's Kafka timestamp to the sink's confirmed insert.

    Only the sink sees the moment of the insert. It sends the quantiles of each interval as metric events; p50 is the
    median of the intervals, p99 their maximum.
    """
    rows = client.query(
        "SELECT labels['quantile'], if(labels['quantile'] = '0.5', median(value), max(value)) "
        "FROM city.platform_metric FINAL WHERE name = 'sink.latency_ms' GROUP BY labels['quantile']"
    ).result_rows
    found = {quantile: float(value) for quantile, value in rows}
    return {"p50": found.get("0.5"), "p99": found.get("0.99")}


def latency(values: Sequence[float]) -> dict[str, float | None]:
    """Return p50 and p99 of values in milliseconds by nearest rank; None for an empty list."""
    ranked = sorted(values)
    if not ranked:
        return {"p50": None, "p99": None}
    return {f"p{q}": ranked[min(len(ranked) - 1, max(0, -(-len(ranked) * q // 100) - 1))] for q in (50, 99)}
