"""Number and digest of the rows of typed tables, up to the ends of the archive and up to those of the last audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from infra.tables.row_hash import hashed, number
from schemas.names import DATABASE
from schemas.tables import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.model import Topic

TABLES_AT_ONCE = 10
"""Tables whose digests one query reads; it bounds the query's length."""

Ends = dict[int, int]
"""By partition: the offset up to which rows are meant."""


class TableDigest(NamedTuple):
    """What one table holds."""

    rows: int
    digest: int
    """Of the rows below the archive's ends: number and digest."""
    old_rows: int
    old_digest: int
    """Of the rows below the remembered ends: number and digest."""
    beyond: int
    """Number of rows that are not below the archive's ends."""


class TypedDigests:
    """Reads the digests of typed tables, many at once.

    Args:
        client: A clickhouse-connect client.
        ends: By topic: the ends of the archive.
        remembered: By table: what the last audit that passed remembered.
    """

    def __init__(self, client: Any, ends: Mapping[str, Ends], remembered: Mapping[str, Any]) -> None:
        self._client = client
        self._ends = ends
        self._remembered = remembered
        self._read: dict[str, TableDigest] = {}

    def read(self, topics: Sequence[Topic]) -> None:
        """Read many tables, some at a time; leave out those that cannot be read together."""
        for first in range(0, len(topics), TABLES_AT_ONCE):
            sql = " UNION ALL ".join(map(self._query, topics[first : first + TABLES_AT_ONCE]))
            try:
                rows = self._client.query(sql).result_rows
            except OperationalError:
                raise
            except ClickHouseError:
                continue  # each is asked alone, and its error named
            self._read |= {str(row[0]): TableDigest(*map(int, row[1:])) for row in rows}

    def of(self, topic: Topic) -> TableDigest:
        """Return the digest of a topic's table; read it if it was not read with the others."""
        if topic.table not in self._read:
            row = self._client.query(self._query(topic)).result_rows[0]
            self._read[topic.table] = TableDigest(*map(int, row[1:]))
        return self._read[topic.table]

    def _query(self, topic: Topic) -> str:
        known = self._remembered.get(topic.table)
        old = {int(p): end for p, end in known["ends"].items()} if known is not None else {}
        return (
            f"SELECT {quote(topic.table)} AS name, countIf(now) AS a, sumIf(digest, now) AS b, countIf(before) AS c, "
            f"sumIf(digest, before) AS d, countIf(NOT now) AS e FROM (SELECT {number(hashed(topic))} AS digest, "
            f"{below(self._ends.get(topic.name, {}))} AS now, {below(old)} AS before FROM {DATABASE}.{topic.table})"
        )


def below(ends: Mapping[int, int]) -> str:
    """Return the SQL condition that a row's offset is below its partition's end."""
    if not ends:
        return "0"
    partitions = ", ".join(f"toUInt32({partition})" for partition in ends)
    return (
        f"(_offset < transform(_partition, [{partitions}], "
        f"[{', '.join(f'toUInt64({end})' for end in ends.values())}], toUInt64(0)))"
    )
