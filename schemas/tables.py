"""Generates the DDL of the catalogue's ClickHouse tables: typed tables, evidence archive, data dictionary.

Pure: the caller runs the statements. Each statement is idempotent. ClickHouse removes repeats of an event from typed
tables (ReplacingMergeTree by event_id, docs/delivery.md#clickhouse-sink). No table has a PARTITION BY, so an insert is
one block for any times. `infra/clickhouse/domains` owns views and roll-ups.
"""

from schemas import names
from schemas.columns import META_FIELDS, Column, column_type, columns, comment, quote
from schemas.model import Topic

__all__ = [
    "ARCHIVE",
    "DEDUPLICATION_WINDOW",
    "META_FIELDS",
    "Column",
    "add_columns",
    "column_type",
    "columns",
    "comment",
    "create_archive",
    "create_database",
    "create_dictionary",
    "create_table",
    "insert_columns",
    "order_by",
    "quote",
]

DEDUPLICATION_WINDOW = 10_000
"""Number of a table's latest blocks whose insert tokens ClickHouse keeps."""

ARCHIVE: tuple[Column, ...] = (
    Column("topic", "LowCardinality(String)", "Topic of the record."),
    Column("partition", "UInt32", "Partition of the record."),
    Column("offset", "UInt64", "Offset of the record."),
    Column("timestamp_type", "UInt8", "0 = CreateTime, 1 = LogAppendTime, as on the wire."),
    Column("timestamp_ms", "Int64", "Timestamp of the record, milliseconds since 1970, UTC. [ms]"),
    Column("key", "Nullable(String)", "Key of the record."),
    Column("value", "Nullable(String)", "Value of the record, frame and all."),
    Column(
        "headers",
        "Array(Tuple(name String, value Nullable(String)))",
        "Headers of the record, in their order.",
    ),
)
DICTIONARY: tuple[Column, ...] = (
    Column("domain", "LowCardinality(String)", "Domain."),
    Column("topic", "LowCardinality(String)", "Topic; empty for a table of all topics."),
    Column("table", "LowCardinality(String)", "Table."),
    Column("position", "UInt16", "Place of the column in the table, from 1."),
    Column("column", "String", "Column."),
    Column("type", "String", "ClickHouse type."),
    Column("unit", "LowCardinality(String)", "Unit of its numbers, or empty."),
    Column("doc", "String", "Meaning."),
    Column("personal", "Bool", "Whether the value is encrypted under the subject's key."),
)


def create_database(database: str = names.DATABASE) -> str:
    """Return the DDL of the database."""
    return f"CREATE DATABASE IF NOT EXISTS {database}"


def create_table(topic: Topic, database: str = names.DATABASE) -> str:
    """Return the DDL of a topic's typed table."""
    return _create(
        f"{database}.{topic.table}",
        columns(topic),
        f"ENGINE = ReplacingMergeTree\nORDER BY ({', '.join(order_by(topic))})",
        f"{topic.name}: {topic.schema.record.get('doc', '')}",
    )


def order_by(topic: Topic) -> tuple[str, ...]:
    """Return the sorting key of a topic's typed table; it ends with the event's id, so a repeat replaces the event."""
    return (topic.key, "occurred_at", "event_id")


def add_columns(topic: Topic, database: str = names.DATABASE) -> tuple[str, ...]:
    """Return the statements that bring an existing typed table to the latest columns, in order.

    Columns are only added. Existing columns stay as they are, but their comments follow the docs.
    """
    table = f"{database}.{topic.table}"
    found = []
    before = ""
    for column in columns(topic):
        position = f" AFTER `{before}`" if before else " FIRST"
        found.append(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column.definition()}{position}")
        found.append(f"ALTER TABLE {table} COMMENT COLUMN `{column.name}` {quote(column.comment)}")
        before = column.name
    return tuple(found)


def insert_columns(topic: Topic) -> tuple[str, ...]:
    """Return the names of the columns that an insert fills, in the table's order: all stored columns."""
    return tuple(column.name for column in columns(topic) if not column.alias)


def create_archive(database: str = names.DATABASE) -> str:
    """Return the DDL of the evidence archive: every record as it is in Kafka, one row per offset."""
    return _create(
        f"{database}.{names.ARCHIVE_TABLE}",
        ARCHIVE,
        "ENGINE = MergeTree\nORDER BY (topic, partition, offset)",
        "Every record of every archived topic, byte for byte.",
    )


def create_dictionary(database: str = names.DATABASE) -> str:
    """Return the DDL of the data dictionary; `dictionary.rows` has its rows."""
    return _create(
        f"{database}.{names.DICTIONARY_TABLE}",
        DICTIONARY,
        "ENGINE = ReplacingMergeTree\nORDER BY (table, column)",
        "What every column of every table means.",
        window=0,
    )


def _create(
    table: str, listed: tuple[Column, ...], engine: str, about: str, window: int = DEDUPLICATION_WINDOW
) -> str:
    """Return one CREATE TABLE."""
    body = ",\n".join(f"    {column.definition()}" for column in listed)
    settings = f"\nSETTINGS non_replicated_deduplication_window = {window}" if window else ""
    return f"CREATE TABLE IF NOT EXISTS {table}\n(\n{body}\n)\n{engine}{settings}\nCOMMENT {quote(about)}"
