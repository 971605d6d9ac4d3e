"""The archive table in ClickHouse, as the audit reads it: raw records in offset order, ends, and digests of rows."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from infra.connections import connect, one_line
from ledger_sink.audit.stores import ArchiveDamagedError, ArchiveUnavailableError, RowSummary
from ledger_sink.record import Record
from schemas.names import ARCHIVE_TABLE, DATABASE
from schemas.tables import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.settings import Settings

PAGE_ROWS = 20_000
_TABLE = f"{DATABASE}.{ARCHIVE_TABLE}"
_HASH = (
    "cityHash64(topic, partition, offset, timestamp_type, timestamp_ms, isNull(key), ifNull(key, ''), "
    "isNull(value), ifNull(value, ''), toString(headers))"
)
_REFUSED_LOGIN = ("code: 516", "code: 193", "code: 194")


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn errors of ClickHouse's client into those of an archive, each one line.

    Raises:
        ArchiveUnavailableError: ClickHouse does not answer, or refuses the password.
        ArchiveDamagedError: ClickHouse answered with an error.
    """
    try:
        yield
    except (OperationalError, OSError) as error:
        raise ArchiveUnavailableError(
            f"ClickHouse: it does not answer ({one_line(error)}); start it with `city up`"
        ) from error
    except ClickHouseError as error:
        words = one_line(error)
        if any(code in words for code in _REFUSED_LOGIN):
            raise ArchiveUnavailableError(f"ClickHouse: it refuses the password ({words})") from error
        raise ArchiveDamagedError(f"ClickHouse: {words}") from error


class ClickHouseArchive:
    """The archive table. It connects when it is first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connected: Any = None

    @property
    def client(self) -> Any:
        """Return a client of ClickHouse.

        Raises:
            ArchiveError: ClickHouse does not answer, or refuses.
        """
        if self._connected is None:
            logging.getLogger("clickhouse_connect").setLevel(
                logging.CRITICAL
            )  # the audit reports it in one line
            with named_errors():
                self._connected = connect(self._settings)
        return self._connected

    def close(self) -> None:
        """Close the connection."""
        if self._connected is not None:
            self._connected.close()

    def query(self, sql: str, **binds: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Raises:
            ArchiveError: ClickHouse does not answer, or refuses.
        """
        client = self.client
        with named_errors():
            return list(client.query(sql, parameters=binds).result_rows)

    def ends(self) -> dict[tuple[str, int], int]:
        """Return the offset after the last row of each topic-partition."""
        rows = self.query(f"SELECT topic, partition, max(offset) + 1 FROM {_TABLE} GROUP BY topic, partition")
        return {(topic, int(partition)): int(end) for topic, partition, end in rows}

    def summaries(self, before: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], RowSummary]:
        """Return number and digest of the rows before an offset, of all topic-partitions in one query."""
        if not before:
            return {}
        names = ", ".join(quote(f"{topic}/{partition}") for topic, partition in before)
        ends = ", ".join(f"toUInt64({end})" for end in before.values())
        rows = self.query(
            f"SELECT topic, partition, count(), sum({_HASH}) FROM {_TABLE} WHERE offset < "
            f"transform(concat(topic, '/', toString(partition)), [{names}], [{ends}], toUInt64(0)) "
            "GROUP BY topic, partition"
        )
        return {(t, int(p)): RowSummary(int(count), int(digest)) for t, p, count, digest in rows}

    def rows(self, topic: str, partition: int, first: int, *, page: int = PAGE_ROWS) -> Iterator[Record]:
        """Yield the rows of a topic-partition from an offset on, in offset order, duplicates included."""
        after, skip = first, 0
        while True:
            rows = self.query(
                "SELECT offset, timestamp_type, timestamp_ms, isNull(key), hex(ifNull(key, '')), isNull(value), "
                "hex(ifNull(value, '')), arrayMap(h -> (hex(h.1), isNull(h.2), hex(ifNull(h.2, ''))), headers) "
                f"FROM {_TABLE} WHERE topic = {{topic:String}} AND partition = {{partition:UInt32}} "
                f"AND offset >= {{after:UInt64}} ORDER BY offset, value LIMIT {page} OFFSET {skip}",
                topic=topic,
                partition=partition,
                after=after,
            )
            for offset, kind, timestamp_ms, no_key, key, no_value, value, headers in rows:
                yield Record(
                    offset,
                    kind,
                    timestamp_ms,
                    None if no_key else bytes.fromhex(key),
                    None if no_value else bytes.fromhex(value),
                    tuple(_header(*each) for each in headers),
                )
            if len(rows) < page:
                return
            last = rows[-1][0]
            same = sum(1 for row in rows if row[0] == last)
            skip = skip + page if same == page else same
            after = last


def _header(name: str, empty: int, content: str) -> tuple[str, bytes | None]:
    """Return a header from its name and value in hexadecimal."""
    return bytes.fromhex(name).decode(errors="surrogateescape"), None if empty else bytes.fromhex(content)
