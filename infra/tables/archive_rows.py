"""The archive's rows as a repair reads and changes them: the different rows of each offset, inserted and removed.

A row to remove is named by a keyed hash of all its columns, under a key that is drawn for each run: nobody can make a
row that is removed with another one. It does not tell repeats of a row apart; `remove_repeats` leaves one of each.
"""

from __future__ import annotations

import uuid
from secrets import randbits
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.tables.decode import insert_client
from ledger_sink.record import Record
from ledger_sink.verifier.compare import items
from schemas.names import ARCHIVE_TABLE, DATABASE
from schemas.tables import quote
from streams.clickhouse_sink.archive_insert import insert_archive
from streams.clickhouse_sink.batch import InsertBatch, OffsetRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.settings import Settings

TABLE = f"{DATABASE}.{ARCHIVE_TABLE}"
MOST_BYTES = 128 << 20
"""Bytes of rows that are read at once, unless one offset has more."""
DELETED_AT_ONCE = 2_000
"""Rows named in one statement: its text stays below the server's limit."""


class Row(NamedTuple):
    """A row of the archive, and how often it is there."""

    offset: int
    leaf: bytes
    """The leaf of the record that the row holds; empty if it can be none."""
    hash: str
    copies: int


class ArchiveRows:
    """The rows of one topic-partition.

    Args:
        client: A clickhouse-connect client.
        settings: The stack.
        topic: Name of the topic.
        partition: The partition.
    """

    def __init__(self, client: Any, settings: Settings, topic: str, partition: int) -> None:
        self._client = client
        self._inserts = insert_client(settings)
        self._topic, self._partition = topic, partition
        self._where = f"topic = {quote(topic)} AND partition = {partition}"
        self._hash = (
            f"hex(sipHash128Keyed((toUInt64({randbits(64)}), toUInt64({randbits(64)})), timestamp_type, "
            "timestamp_ms, isNull(key), ifNull(key, ''), isNull(value), ifNull(value, ''), toString(headers)))"
        )

    def close(self) -> None:
        """Close the connection for inserts."""
        self._inserts.close()

    def next_offset(self, first: int, end: int) -> int | None:
        """Return the smallest offset with a row from `first` to before `end`; None if there is none."""
        found = self._client.query(
            f"SELECT count(), min(offset) FROM {TABLE} WHERE {self._where} AND {_between(first, end)}"
        ).result_rows[0]
        return int(found[1]) if found[0] else None

    def read(self, first: int, end: int) -> dict[int, list[Row]]:
        """Return the rows from offset `first` to before `end`, by offset."""
        size = self._client.query(
            "SELECT sum(length(ifNull(key, '')) + length(ifNull(value, ''))) "
            f"FROM {TABLE} WHERE {self._where} AND {_between(first, end)}"
        ).result_rows[0][0]
        if int(size) > MOST_BYTES and end - first > 1:
            middle = (first + end) // 2
            return {**self.read(first, middle), **self.read(middle, end)}
        return self._read(first, end)

    def _read(self, first: int, end: int) -> dict[int, list[Row]]:
        rows = self._client.query(
            "SELECT offset, print, count(), any(timestamp_type), any(timestamp_ms), any(key), any(value), "
            "any(arrayMap(h -> (hex(h.1), isNull(h.2), hex(ifNull(h.2, ''))), headers)) "
            f"FROM (SELECT *, {self._hash} AS print FROM {TABLE} WHERE {self._where} AND {_between(first, end)}) "
            "GROUP BY offset, print ORDER BY offset, print",
            column_formats={"any(key)": "bytes", "any(value)": "bytes"},
        ).result_rows
        records = [
            Record(offset, kind, stamp, key, value, tuple(_header(*each) for each in headers))
            for offset, _, _, kind, stamp, key, value, headers in rows
        ]
        found: dict[int, list[Row]] = {}
        for row, item in zip(rows, items(self._topic, self._partition, records), strict=True):
            found.setdefault(row[0], []).append(Row(row[0], item.leaf, row[1], int(row[2])))
        return found

    def insert(self, records: Sequence[Record]) -> None:
        """Insert records. Each call has a token of its own: what was stored once and removed since is stored again."""
        batch = InsertBatch(
            self._topic,
            self._partition,
            OffsetRange(records[0].offset, records[-1].offset),
            [each.offset for each in records],
            [each.timestamp_type for each in records],
            [each.timestamp_ms for each in records],
            [each.key for each in records],
            [each.value for each in records],
            [each.headers for each in records],
        )
        sql, body = insert_archive(batch, DATABASE, "1")
        self._inserts.insert(sql, body, f"rebuild:{uuid.uuid4()}")

    def remove(self, rows: Sequence[Row]) -> None:
        """Remove rows, and wait until they are gone; another row at the same offset stays."""
        for at in range(0, len(rows), DELETED_AT_ONCE):
            named = ", ".join(f"({each.offset}, '{each.hash}')" for each in rows[at : at + DELETED_AT_ONCE])
            self._client.command(
                f"ALTER TABLE {TABLE} DELETE WHERE {self._where} AND (offset, {self._hash}) IN ({named})",
                settings={"mutations_sync": 2},
            )


def stored_ends(client: Any, topic: str) -> dict[int, int]:
    """Return the offset behind the last row of each partition of a topic; the last offset may be any of 64 bits."""
    rows = client.query(
        f"SELECT partition, max(offset) FROM {TABLE} WHERE topic = {quote(topic)} GROUP BY partition"
    ).result_rows
    return {int(partition): int(last) + 1 for partition, last in rows}


def remove_repeats(client: Any) -> None:
    """Leave one of each group of rows that are the same in every column: one statement, so no row is ever away."""
    client.command(
        f"OPTIMIZE TABLE {TABLE} FINAL DEDUPLICATE",
        settings={"optimize_throw_if_noop": 1, "optimize_skip_merged_partitions": 0},
    )


def _between(first: int, end: int) -> str:
    return f"offset >= toUInt64({first}) AND offset <= toUInt64({end - 1})"


def _header(name: str, empty: int, content: str) -> tuple[str, bytes | None]:
    return bytes.fromhex(name).decode(errors="surrogateescape"), None if empty else bytes.fromhex(content)
