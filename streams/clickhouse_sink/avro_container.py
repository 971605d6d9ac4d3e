"""A batch of one schema → an Avro object container for ClickHouse, with a proof of every datum's length.

Pure. A record's datum is not decoded here: partition, offset and time of receipt in front of it, and a
marker behind it, make it a datum of the schema "meta + event + tail" (docs/events.md#rows). The marker is 16
random bytes, new for each insert; the statement throws unless every row's tail is the marker, which proves
the borders of all of them: the block holds n markers and n rows are read from it, each row ends with a
marker, so row i ends with marker i. A datum that is a byte too long or too short moves a border and fails
the insert, whole, before anything is stored (docs/delivery.md#one-bad-datum).
"""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache

from schemas.codec import HEADER_SIZE
from schemas.model import Schema
from schemas.row_schema import meta_record
from streams.clickhouse_sink.archive_insert import varint
from streams.clickhouse_sink.batch import InsertBatch

MARKER_SIZE = 16
TAIL = "_tail"
_MAGIC = b"Obj\x01"
_LOW = tuple(bytes([number << 1]) for number in range(64))
_LOW_MORE = tuple(bytes([number << 1 | 0x80]) for number in range(64))


def zigzag(number: int) -> bytes:
    """Write an Avro long."""
    return varint(number << 1 if number >= 0 else ~(number << 1))


@lru_cache(maxsize=1024)
def _header(schema: Schema) -> bytes:
    """Write the container's head up to the sync marker; one map entry, the schema."""
    row = meta_record(schema)
    tail = {"name": TAIL, "type": {"type": "fixed", "name": "city.sink.Tail", "size": MARKER_SIZE}}
    text = json.dumps({**row, "fields": [*row["fields"], tail]}, separators=(",", ":")).encode()
    key = b"avro.schema"
    return _MAGIC + zigzag(1) + zigzag(len(key)) + key + zigzag(len(text)) + text + zigzag(0)


def container(schema: Schema, batch: InsertBatch, marker: bytes) -> bytes:
    """Wrap the batch's values, all framed with this schema's id, as they are.

    Args:
        schema: The schema in the values' frames.
        batch: One record or more.
        marker: 16 bytes that nobody could know when the records were written.
    """
    front = marker + zigzag(batch.partition)
    heads = _heads(front, batch.offsets, batch.stamps)
    values: Sequence[bytes] = batch.values  # type: ignore[assignment]
    body = b"".join(
        [part for head, value in zip(heads, values, strict=True) for part in (head, value[HEADER_SIZE:])]
    )
    size = len(body)  # without the marker in front of the first, with one behind the last
    rows = memoryview(body)[MARKER_SIZE:]
    sync = marker[::-1]
    return b"".join((_header(schema), sync, zigzag(len(batch)), zigzag(size), rows, marker, sync))


def _heads(front: bytes, offsets: Sequence[int], stamps: Sequence[int]) -> Iterator[bytes]:
    """Write what stands in front of each datum: the marker of the one before, then the meta fields.

    Neighbours share most of it: the upper bits of the offset change every 64 records, the time every so often.
    """
    last_upper, upper, last_stamp, time = -1, b"", -1, b""
    for offset, stamp in zip(offsets, stamps, strict=True):
        if stamp != last_stamp:
            last_stamp, time = stamp, zigzag(stamp)
        if offset >> 6 != last_upper:
            last_upper = offset >> 6
            upper = varint(last_upper) if last_upper else b""
        yield front + (_LOW_MORE if upper else _LOW)[offset & 63] + upper + time
