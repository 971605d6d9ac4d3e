"""Makes the insert of a batch into the evidence archive: raw key, value, headers and timestamp, column by column.

Pure. Native is ClickHouse's own columnar format. Fixed-width columns are copied whole, so a record costs Python
little more than the lengths of its key and value. Topic and partition are the same for all records and stand in the
statement.
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate

from schemas.names import ARCHIVE_TABLE
from schemas.tables import ARCHIVE, quote
from streams.clickhouse_sink.batch import InsertBatch

_SENT = ("offset", "timestamp_type", "timestamp_ms", "key", "value", "headers")
_TYPES = {column.name: column.type for column in ARCHIVE}
_STRUCTURE = ", ".join(f"{name} {_TYPES[name]}" for name in _SENT)


def varint(number: int) -> bytes:
    """Encode an unsigned number in 7-bit groups, lowest first (LEB128)."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_LENGTHS = tuple(varint(number) for number in range(1 << 14))


def insert_archive(batch: InsertBatch, database: str, lease_check: str) -> tuple[str, bytes]:
    """Return the statement and the body that archive a batch.

    Args:
        batch: Records, one row each.
        database: Database of the archive.
        lease_check: SQL condition that throws once the lease is over.
    """
    return (
        f"INSERT INTO {database}.{ARCHIVE_TABLE} (topic, partition, {', '.join(_SENT)}) "
        f"SELECT {quote(batch.topic)}, {batch.partition}, {', '.join(_SENT)} "
        f"FROM input({quote(_STRUCTURE)}) WHERE {lease_check} FORMAT Native"
    ), native_block(batch)


def native_block(batch: InsertBatch) -> bytes:
    """Encode the batch as one block of `FORMAT Native`."""
    columns = (
        array("Q", batch.offsets).tobytes(),
        bytes(batch.types),
        array("q", batch.stamps).tobytes(),
        _nullable(batch.keys),
        _nullable(batch.values),
        _headers(batch),
    )
    parts = [varint(len(columns)), varint(len(batch))]
    for name, column in zip(_SENT, columns, strict=True):
        parts += (_text(name), _text(_TYPES[name]), column)
    return b"".join(parts)


def _text(text: str) -> bytes:
    """Encode a short text with its length."""
    data = text.encode()
    return varint(len(data)) + data


def _strings(values: Sequence[bytes]) -> bytes:
    """Encode a column of strings."""
    if max(map(len, values), default=0) < len(_LENGTHS):
        return b"".join([part for value in values for part in (_LENGTHS[len(value)], value)])
    return b"".join([part for value in values for part in (varint(len(value)), value)])


def _nullable(values: Sequence[bytes | None]) -> bytes:
    """Encode a nullable column of strings: the null map, then all values."""
    if None in values:
        return bytes([value is None for value in values]) + _strings([value or b"" for value in values])
    return bytes(len(values)) + _strings(values)  # type: ignore[arg-type]


def _headers(batch: InsertBatch) -> bytes:
    """Encode the column of headers: the end offset of each record's headers, then all names, then all values."""
    ends = array("Q", accumulate(map(len, batch.headers))).tobytes()
    pairs = [pair for headers in batch.headers for pair in headers]
    return ends + _strings([name.encode() for name, _ in pairs]) + _nullable([value for _, value in pairs])
