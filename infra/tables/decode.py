"""Decodes archived records in ClickHouse: the sink's own insert, from the archive into a scratch table."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

from schemas.names import ARCHIVE_TABLE, DATABASE
from streams.clickhouse_sink.avro_container import MARKER_SIZE, container
from streams.clickhouse_sink.batch import InsertBatch, OffsetRange
from streams.clickhouse_sink.bisect_insert import DATA_ERRORS
from streams.clickhouse_sink.client import ClickHouseClient
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.errors import ClickHouseRefusedError
from streams.clickhouse_sink.insert_sql import insert_rows
from streams.clickhouse_sink.invalid_records import by_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infra.settings import Settings
    from schemas.model import Schema, Topic

PAGE_ROWS = 20_000
PAGE_BYTES = 16 << 20

Position = tuple[int, int]
"""Partition and offset."""


class ArchiveDecoder:
    """Fills scratch tables with the rows that the archive's records make.

    Args:
        client: A clickhouse-connect client.
        settings: The stack.
    """

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._inserts = insert_client(settings)

    def close(self) -> None:
        """Close the connection."""
        self._inserts.close()

    def fill(self, topic: Topic, database: str, first: dict[int, int] | None = None) -> list[Position]:
        """Insert the rows of a topic's archived records into its table in a scratch database.

        Args:
            topic: The topic.
            database: Database of the scratch table.
            first: First offset by partition; `None` for all records.

        Returns:
            The records that make no row: no schema reads them.
        """
        refused: list[Position] = []
        for batch in archived_batches(self._client, topic, first):
            groups, unknown = by_schema(batch, topic)
            refused += [(batch.partition, batch.offsets[index]) for index in unknown]
            for schema, indexes in groups:
                refused += self._insert(topic, schema, batch.pick(indexes), database)
        return refused

    def _insert(self, topic: Topic, schema: Schema, part: InsertBatch, database: str) -> list[Position]:
        """Insert records of one schema; halve a part that ClickHouse refuses until the refused records are found."""
        marker = os.urandom(MARKER_SIZE)
        try:
            self._inserts.insert(
                insert_rows(topic, schema, marker, database, "1"), container(schema, part, marker), ""
            )
        except ClickHouseRefusedError as error:
            if error.code not in DATA_ERRORS:
                raise
        else:
            return []
        if len(part) == 1:
            return [(part.partition, part.offsets[0])]
        middle = len(part) // 2
        halves: Sequence[range] = (range(middle), range(middle, len(part)))
        return [each for half in halves for each in self._insert(topic, schema, part.pick(half), database)]


def archived_batches(client: Any, topic: Topic, first: dict[int, int] | None) -> Iterator[InsertBatch]:
    """Yield a topic's archived records, partition by partition, in pages of bounded rows and bytes.

    Args:
        client: A clickhouse-connect client.
        topic: The topic.
        first: First offset by partition; partitions that it lacks are read whole, all of them with `None`.
    """
    table = f"{DATABASE}.{ARCHIVE_TABLE}"
    binds: dict[str, Any] = {"topic": topic.name}
    ends = client.query(
        f"SELECT partition, max(offset) + 1, sum(length(ifNull(value, ''))), count() FROM {table} "
        "WHERE topic = {topic:String} GROUP BY partition ORDER BY partition",
        parameters=binds,
    ).result_rows
    for partition, end, size, count in ends:
        rows = max(1, min(PAGE_ROWS, PAGE_BYTES * count // max(1, size)))
        position = (first or {}).get(partition, 0)
        while position < end:
            found = client.query(
                f"SELECT offset, timestamp_type, timestamp_ms, value FROM {table} WHERE topic = {{topic:String}} "
                "AND partition = {partition:UInt32} AND offset >= {first:UInt64} AND offset < {end:UInt64} "
                f"ORDER BY offset LIMIT 1 BY offset LIMIT {rows}",
                parameters={**binds, "partition": partition, "first": position, "end": int(end)},
                column_formats={"value": "bytes"},
            ).result_columns
            if not found or not found[0]:
                break
            offsets, types, stamps, values = (list(column) for column in found)
            yield InsertBatch(
                topic.name,
                partition,
                OffsetRange(offsets[0], offsets[-1]),
                offsets,
                types,
                stamps,
                [None] * len(offsets),
                values,
                [()] * len(offsets),
            )
            position = offsets[-1] + 1
            if len(offsets) < rows:
                break


def archived_ends(client: Any, topic: Topic) -> dict[int, int]:
    """Return the offset after the last archived record of each partition of a topic."""
    rows = client.query(
        f"SELECT partition, max(offset) + 1 FROM {DATABASE}.{ARCHIVE_TABLE} WHERE topic = {{topic:String}} GROUP BY 1",
        parameters={"topic": topic.name},
    ).result_rows
    return {int(partition): int(end) for partition, end in rows}


def open_decoder(client: Any, settings: Settings) -> closing[ArchiveDecoder]:
    """Return a context manager of a decoder."""
    return closing(ArchiveDecoder(client, settings))


def insert_client(settings: Settings) -> ClickHouseClient:
    """Return the sink's client, for inserts into any database."""
    url, user = settings.clickhouse_url, settings.clickhouse_user
    return ClickHouseClient(SinkConfig(url=url, user=user, password=str(settings.clickhouse_password)))
