"""Makes a typed table and its roll-ups again from the archive; the archive first from Kafka, where that is wanted.

The new table is made beside the stored one, by the sink's own insert, and takes its place in one step (`EXCHANGE
TABLES`). The sink may run. It archives a record before it stores its row, so what it stored in the old table meanwhile
is in the archive: it is inserted before the exchange and once more after it. A repeated row stays one event. A process
that dies at any step leaves the old table or the new one; a second run ends what the first began.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.clickhouse.migrations.refill import fill_rollups
from infra.clickhouse.migrations.scripts import load_rollups, load_scripts
from infra.layer_configs import catalog as load_catalog
from infra.tables.decode import archived_ends, open_decoder
from infra.tables.rollups import all_targets, scratch_statements
from infra.tables.row_hash import hashed
from infra.tables.scratch import scratch_database
from schemas.names import DATABASE
from schemas.tables import create_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.settings import Settings
    from infra.tables.archive_choice import Tally
    from schemas.model import Topic

CATCH_UP = 20_000
"""Offsets before the archive's end from which on rows are looked for once more after the exchange."""


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild of one table did."""

    table: str
    before: int
    """Rows of the table before; -1 if it was not there."""
    after: int
    equal: int
    """Rows before that are the same after."""
    archive: Tally | None = None
    """What became of the archive's rows; None: they were taken as they are."""

    def __str__(self) -> str:
        before = f"{self.before:,} rows" if self.before >= 0 else "no table"
        archive = f"; archive: {self.archive}" if self.archive is not None else ""
        return f"{self.table}: before {before}, after {self.after:,} rows, {self.equal:,} of them as before{archive}"


def rebuild(
    client: Any,
    settings: Settings,
    topic: Topic,
    *,
    archive: Callable[[Topic], Tally] | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> Rebuilt:
    """Make a topic's table and roll-ups again.

    Args:
        client: A clickhouse-connect client.
        settings: The stack.
        topic: The topic, an archived one.
        archive: Makes the topic's archived rows what Kafka has, first (`from_kafka.py`).
        step: Called with the name of each step before it begins.
    """
    step("archive")
    repaired = archive(topic) if archive is not None else None
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
        behind = {partition: max(0, end - CATCH_UP) for partition, end in first.items()}
        _insert_missing(client, decoder, topic, behind)
        step("roll-ups")
        _rebuild_rollups(client, topic, scratch)
        equal = _equal(client, topic, scratch) if there else 0
    after = int(client.query(f"SELECT count() FROM {table}").result_rows[0][0])
    return Rebuilt(table, before, after, equal, repaired)


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
