"""Records for evidence and audits: found by event_id, fetched as raw bytes, handed to the ledger.

The ledger knows neither ClickHouse nor the catalogue. It gets callables from here: `fetch` (one record from Kafka),
`schema` (the schema text that decodes a record), `archive` (the rows of the archive in offset order).
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from infra.connections import connect
from infra.errors import CityError, PartDownError
from infra.kafka.admin import QUIET, READ_COMMITTED, reason
from infra.layer_configs import ledger_config
from ledger_sink.record import Record
from schemas.codec import frame_id
from schemas.envelope import parsing_form
from schemas.errors import SchemaError
from schemas.names import ARCHIVE_TABLE, DATABASE, PROVE_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.settings import Settings
    from ledger_sink.audit.run import AuditResult
    from schemas.catalog import Catalog

FETCH_S = 10.0
PAGE_ROWS = 20_000
IN_FLIGHT_S = 3.0
"""The archive of a running stack may be this many seconds behind its checkpoints."""


class EventNotFoundError(CityError):
    """No event of this id is in any table."""


def find_event(settings: Settings, catalog: Catalog, event_id: str) -> tuple[str, int, int]:
    """Return topic, partition and offset of the first record with an event_id.

    Raises:
        EventNotFoundError: No table has it.
    """
    with closing(connect(settings)) as client:
        for topic in catalog.topics.values():
            rows = client.query(
                f"SELECT _partition, _offset FROM {DATABASE}.{topic.table} "
                "WHERE event_id = toUUIDOrZero({id:String}) ORDER BY _partition, _offset LIMIT 1",
                parameters={"id": event_id},
            ).result_rows
            if rows:
                return topic.name, int(rows[0][0]), int(rows[0][1])
    raise EventNotFoundError(f"no event {event_id} in any table; is the stack behind? see `city status`")


def fetch_from(bootstrap: str, topic: str, partition: int, offset: int) -> Record | None:
    """Return one raw record from Kafka, or None if Kafka does not have it.

    Args:
        bootstrap: Address of the cluster, host:port.
        topic: The topic.
        partition: The partition.
        offset: The offset.

    Raises:
        PartDownError: Kafka does not answer: whether it has the record is unknown.
        CityError: Kafka answered with an error.
    """
    consumer = _consumer(bootstrap)
    try:
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = consumer.poll(FETCH_S)
        if message is None:
            raise PartDownError(
                f"Kafka at {bootstrap} did not answer within {FETCH_S:g} s: whether it has {topic}/{partition} "
                f"offset {offset} is unknown; see `city status`"
            )
        error = message.error()
        if error is not None:
            if error.code() in {KafkaError._PARTITION_EOF, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001
                return None
            raise CityError(f"{topic}/{partition} offset {offset}: {error.str()}")
        if message.offset() != offset:
            return None
        kind, timestamp_ms = message.timestamp()
        headers = tuple((name, value) for name, value in message.headers() or ())
        return Record(offset, kind - 1, timestamp_ms, message.key(), message.value(), headers)
    finally:
        consumer.close()


def fetch(
    settings: Settings, topic: str, partition: int, offset: int, *, archive: bool = True
) -> Record | None:
    """Return one raw record from Kafka while it retains it, else from the archive; None if neither has it.

    Args:
        settings: The stack.
        topic: The topic.
        partition: The partition.
        offset: The offset.
        archive: Whether to look into the archive, too.

    Raises:
        PartDownError: Kafka does not answer.
        ClickHouseError: Kafka no longer has the record, and the archive cannot be read.
    """
    record = fetch_from(settings.kafka_address, topic, partition, offset)
    if record is not None or not archive:
        return record
    with closing(connect(settings)) as client:
        first = next(archive_rows(client, topic, partition, offset, page=1), None)
    return first if first is not None and first.offset == offset else None


def end_of(bootstrap: str, topic: str, partition: int) -> int:
    """Return the offset behind the last record of a partition, open transactions included; 0 if it does not exist.

    Raises:
        PartDownError: Kafka does not answer.
    """
    consumer = _consumer(bootstrap, {"isolation.level": "read_uncommitted"})
    try:
        found = consumer.list_topics(topic, timeout=FETCH_S).topics[topic]
        if partition not in found.partitions:
            return 0
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=FETCH_S)
    except KafkaException as error:
        raise PartDownError(
            f"Kafka at {bootstrap} does not answer ({reason(error)}): where {topic}/{partition} ends is unknown; "
            "see `city status`"
        ) from error
    else:
        return int(end)
    finally:
        consumer.close()


def _consumer(bootstrap: str, more: Mapping[str, str] | None = None) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": PROVE_GROUP,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            **QUIET,
            **READ_COMMITTED,
            **(more or {}),
        }
    )


def schema_of(catalog: Catalog, record: Record) -> str | None:
    """Return the part of the schema text that decoding a record takes, or None if its schema is unknown."""
    try:
        return parsing_form(catalog.schema(frame_id(record.value)).text)
    except SchemaError:
        return None


def prove_record(
    settings: Settings, catalog: Catalog, position: tuple[str, int, int], wait_s: float
) -> bytes:
    """Return the evidence bundle of one record.

    Args:
        settings: The stack.
        catalog: Its catalogue.
        position: Topic, partition and offset.
        wait_s: Longest wait for a cosigned checkpoint, in seconds.
    """
    from ledger_sink.prove.record import prove  # noqa: PLC0415 - only this command needs it

    return prove(
        ledger_config(settings, catalog),
        *position,
        fetch=partial(fetch, settings),
        schema=lambda record: schema_of(catalog, record),
        wait_s=wait_s,
    )


def archive_rows(
    client: Any, topic: str, partition: int, first: int = 0, *, page: int = PAGE_ROWS
) -> Iterator[Record]:
    """Yield the archive's rows of one topic-partition in offset order, duplicates included.

    Args:
        client: A client of ClickHouse.
        topic: The topic.
        partition: The partition.
        first: The offset to begin with.
        page: Rows of a query.
    """
    after, skip = first, 0
    while True:
        rows = client.query(
            "SELECT offset, timestamp_type, timestamp_ms, isNull(key), hex(ifNull(key, '')), isNull(value), "
            "hex(ifNull(value, '')), arrayMap(h -> (hex(h.1), isNull(h.2), hex(ifNull(h.2, ''))), headers) "
            f"FROM {DATABASE}.{ARCHIVE_TABLE} WHERE topic = {{topic:String}} AND partition = {{partition:UInt32}} "
            f"AND offset >= {{after:UInt64}} ORDER BY offset, value LIMIT {page} OFFSET {skip}",
            parameters={"topic": topic, "partition": partition, "after": after},
        ).result_rows
        for offset, kind, timestamp_ms, no_key, key, no_value, value, headers in rows:
            yield Record(
                offset,
                kind,
                timestamp_ms,
                None if no_key else bytes.fromhex(key),
                None if no_value else bytes.fromhex(value),
                tuple(
                    (bytes.fromhex(name).decode(), None if empty else bytes.fromhex(content))
                    for name, empty, content in headers
                ),
            )
        if len(rows) < page:
            return
        last = rows[-1][0]
        same = sum(1 for row in rows if row[0] == last)
        skip = skip + page if same == page else same
        after = last


class ClickHouseArchive:
    """The archive table, as the audit reads it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def rows(self, topic: str, partition: int, first: int) -> Iterator[Record]:
        """Yield the rows from an offset on, in offset order."""
        return archive_rows(self._client, topic, partition, first)

    def count(self, topic: str, partition: int, before: int) -> int:
        """Return the number of rows before an offset."""
        rows = self._client.query(
            f"SELECT count() FROM {DATABASE}.{ARCHIVE_TABLE} WHERE topic = {{topic:String}} "
            "AND partition = {partition:UInt32} AND offset < {before:UInt64}",
            parameters={"topic": topic, "partition": partition, "before": before},
        ).result_rows
        return int(rows[0][0])


def run_audit(
    settings: Settings, catalog: Catalog, *, settled: bool, incremental: bool = False
) -> AuditResult:
    """Audit the ledger against Kafka and the archive. If the audit passes, save its end as the next baseline.

    Args:
        settings: The stack.
        catalog: Its catalogue.
        settled: True for a stack at rest: everything must be sealed and archived. False leaves out what is in flight.
        incremental: Begin at the baseline of the last audit that passed, if there is one.
    """
    from ledger_sink.audit.baseline import read_baseline, write_baseline  # noqa: PLC0415
    from ledger_sink.audit.run import run  # noqa: PLC0415 - only this command needs it

    remembered = settings.data / "audit" / "ledger.json"
    with closing(connect(settings)) as client:
        result = run(
            ledger_config(settings, catalog),
            archive=ClickHouseArchive(client),
            settled=settled,
            grace_s=0.0 if settled else IN_FLIGHT_S,
            baseline=read_baseline(remembered) if incremental else None,
        )
    if result.verdict == "pass":
        write_baseline(remembered, result.baseline)
    return result
