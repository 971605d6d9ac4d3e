"""Makes a typed table and its roll-ups again from the archive, and the archive's missing rows from Kafka.

The new table is made beside the stored one, by the sink's own insert, and takes its place in one step (`EXCHANGE
TABLES`). The sink may run. It archives a record before it stores its row, so what it stored in the old table meanwhile
is in the archive: it is inserted before the exchange and once more after it. A repeated row stays one event. A process
that dies at any step leaves the old table or the new one; a second run ends what the first began.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, TopicPartition

from infra.clickhouse.migrations.refill import fill_rollups
from infra.clickhouse.migrations.scripts import load_rollups, load_scripts
from infra.kafka.admin import READ_COMMITTED
from infra.layer_configs import catalog as load_catalog
from infra.layer_configs import ledger_config
from infra.tables.decode import archived_ends, insert_client, open_decoder
from infra.tables.rollups import all_targets, scratch_statements
from infra.tables.row_hash import hashed
from infra.tables.scratch import scratch_database
from ledger_sink.kafka_source import KafkaSource
from schemas.names import ARCHIVE_TABLE, CLICKHOUSE_SINK_GROUP, DATABASE
from schemas.tables import create_archive, create_table
from streams.clickhouse_sink.archive_insert import insert_archive
from streams.clickhouse_sink.batch import InsertBatch, OffsetRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from infra.settings import Settings
    from ledger_sink.record import Record
    from schemas.model import Catalog, Topic

PAGE_ROWS = 20_000
READ_GROUP = "city-rebuild"


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild of one table did."""

    table: str
    before: int
    """Rows of the table before; -1 if it was not there."""
    after: int
    equal: int
    """Rows before that are the same after."""
    refilled: int = 0
    """Records put back into the archive."""

    def __str__(self) -> str:
        before = f"{self.before:,} rows" if self.before >= 0 else "no table"
        archive = f", {self.refilled:,} records put back into the archive" if self.refilled else ""
        return f"{self.table}: before {before}, after {self.after:,} rows, {self.equal:,} of them as before{archive}"


def rebuild(
    client: Any,
    settings: Settings,
    catalog: Catalog,
    topic: Topic,
    *,
    from_kafka: bool = False,
    step: Callable[[str], None] = lambda _: None,
) -> Rebuilt:
    """Make a topic's table and roll-ups again.

    Args:
        client: A clickhouse-connect client.
        settings: The stack.
        catalog: Its catalogue.
        topic: The topic, an archived one.
        from_kafka: Put records that the archive lacks back first, as far as Kafka has them.
        step: Called with the name of each step before it begins.
    """
    step("archive")
    refilled = refill_archive(client, settings, catalog, topic) if from_kafka else 0
    table = f"{DATABASE}.{topic.table}"
    there = _exists(client, topic.table)
    before = int(client.query(f"SELECT count() FROM {table}").result_rows[0][0]) if there else -1
    with scratch_database(client) as scratch, open_decoder(client, settings) as decoder:
        step("create")
        client.command(create_table(topic, scratch))
        for statement in _index_statements(topic):
            client.command(statement.replace(table, f"{scratch}.{topic.table}"))
        step("fill")
        first = archived_ends(client, topic)
        decoder.fill(topic, scratch)
        decoder.fill(topic, scratch, first)  # what was archived meanwhile
        first = archived_ends(client, topic)
        step("exchange")
        if there:
            client.command(f"EXCHANGE TABLES {table} AND {scratch}.{topic.table}")
        else:
            client.command(f"RENAME TABLE {scratch}.{topic.table} TO {table}")
        step("catch up")
        behind = {partition: max(0, end - PAGE_ROWS) for partition, end in first.items()}
        _insert_missing(client, decoder, topic, behind)
        step("roll-ups")
        _rebuild_rollups(client, topic, scratch)
        equal = _equal(client, topic, scratch) if there else 0
    after = int(client.query(f"SELECT count() FROM {table}").result_rows[0][0])
    return Rebuilt(table, before, after, equal, refilled)


def refill_archive(client: Any, settings: Settings, catalog: Catalog, topic: Topic) -> int:
    """Insert the records that the archive lacks and Kafka has; return how many.

    Only records before the sink's committed offset are looked at: the sink does not write those any more.
    """
    client.command(create_archive())
    config = ledger_config(settings, catalog)
    committed = _committed(settings, topic)
    count = 0
    source = KafkaSource(config, group=READ_GROUP, options={"fetch.min.bytes": 1})
    inserts = insert_client(settings)
    try:
        marks = source.all_watermarks([(topic.name, partition) for partition in committed])
        for (_, partition), (low, high) in marks.items():
            missing = _missing(client, topic, partition, low, min(high, committed[partition]))
            for first, end in missing:
                for batch in _batches(topic, partition, source.records(topic.name, partition, first, end)):
                    sql, body = insert_archive(batch, DATABASE, "1")
                    inserts.insert(sql, body, f"rebuild:{batch.token}")
                    count += len(batch)
    finally:
        source.close()
        inserts.close()
    return count


def _committed(settings: Settings, topic: Topic) -> dict[int, int]:
    """Return the sink's committed offset of each partition of a topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_address,
            "group.id": CLICKHOUSE_SINK_GROUP,
            "enable.auto.commit": False,
            **READ_COMMITTED,
        }
    )
    with closing(consumer):
        partitions = consumer.list_topics(topic.name, timeout=10).topics[topic.name].partitions
        found = consumer.committed([TopicPartition(topic.name, each) for each in partitions], timeout=10)
    return {each.partition: each.offset for each in found if each.offset > 0}


def _missing(client: Any, topic: Topic, partition: int, low: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of offsets that the archive lacks, from `low` to before `end`, page by page."""
    for first in range(low, end, PAGE_ROWS):
        last = min(first + PAGE_ROWS, end)
        rows = client.query(
            f"SELECT DISTINCT offset FROM {DATABASE}.{ARCHIVE_TABLE} WHERE topic = {{topic:String}} "
            "AND partition = {partition:UInt32} AND offset >= {first:UInt64} "
            "AND offset < {last:UInt64} ORDER BY offset",
            parameters={"topic": topic.name, "partition": partition, "first": first, "last": last},
        ).result_rows
        at = first
        for (offset,) in (*rows, (last,)):
            if offset > at:
                yield at, offset
            at = offset + 1


def _batches(topic: Topic, partition: int, records: Iterator[Record]) -> Iterator[InsertBatch]:
    page: list[Record] = []
    for record in records:
        page.append(record)
        if len(page) == PAGE_ROWS:
            yield _batch(topic, partition, page)
            page = []
    if page:
        yield _batch(topic, partition, page)


def _batch(topic: Topic, partition: int, page: Sequence[Record]) -> InsertBatch:
    return InsertBatch(
        topic.name,
        partition,
        OffsetRange(page[0].offset, page[-1].offset),
        [each.offset for each in page],
        [each.timestamp_type for each in page],
        [each.timestamp_ms for each in page],
        [each.key for each in page],
        [each.value for each in page],
        [each.headers for each in page],
    )


def _exists(client: Any, table: str) -> bool:
    found = client.query(
        "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table:String}",
        parameters={"database": DATABASE, "table": table},
    ).result_rows
    return bool(found[0][0])


def _index_statements(topic: Topic) -> list[str]:
    """Return the statements of the migrations that add an index to a topic's table."""
    begin = f"ALTER TABLE {DATABASE}.{topic.table} ADD INDEX"
    return [
        statement[statement.index(begin) :]
        for script in load_scripts(load_catalog())
        for statement in script.statements
        if begin in statement
    ]


def _insert_missing(client: Any, decoder: Any, topic: Topic, first: dict[int, int]) -> None:
    """Insert the rows from these offsets on whose events the table lacks."""
    with scratch_database(client) as scratch:
        client.command(create_table(topic, scratch))
        decoder.fill(topic, scratch, first)
        client.command(
            f"INSERT INTO {DATABASE}.{topic.table} SELECT * FROM {scratch}.{topic.table} "
            f"WHERE event_id NOT IN (SELECT event_id FROM {DATABASE}.{topic.table})"
        )


def _rebuild_rollups(client: Any, topic: Topic, scratch: str) -> None:
    """Make the roll-ups of a topic again beside the stored ones, exchange them, and catch up."""
    statements = load_rollups(load_catalog()).get(topic.name, ())
    filled = all_targets(statements)
    if not filled:
        return
    for name in filled:
        if not _exists(client, name):
            client.command(_create_statement(name))
        client.command(f"CREATE TABLE {scratch}.{name} AS {DATABASE}.{name}")
    fill_rollups(client, topic, scratch_statements(statements, scratch))
    for name in filled:
        client.command(f"EXCHANGE TABLES {DATABASE}.{name} AND {scratch}.{name}")
    fill_rollups(client, topic, statements)


def _create_statement(table: str) -> str:
    """Return the migrations' newest statement that creates a table."""
    pattern = re.compile(rf"CREATE TABLE IF NOT EXISTS {DATABASE}\.{table}\b")
    found = [s for script in load_scripts(load_catalog()) for s in script.statements if pattern.search(s)]
    return found[-1]


def _equal(client: Any, topic: Topic, scratch: str) -> int:
    """Return the number of rows of the replaced table that the new one has, too; 0 if its columns differ."""
    from clickhouse_connect.driver.exceptions import DatabaseError  # noqa: PLC0415

    row_hash = f"sipHash128({hashed(topic)})"
    try:
        return int(
            client.query(
                f"SELECT count() FROM {scratch}.{topic.table} WHERE {row_hash} IN "
                f"(SELECT {row_hash} FROM {DATABASE}.{topic.table})"
            ).result_rows[0][0]
        )
    except DatabaseError:
        return 0
