"""Encodes a batch of one schema as an Avro object container, with a proof of every datum's length.

Pure. A record's datum is not decoded here. Partition, offset and time of receipt in front of it and a marker behind
it make a datum of the schema "meta + event + tail" (docs/events.md#rows).

The marker is 16 random bytes, new for each insert. The statement throws unless every row's tail is the marker. This
proves all borders: the block holds n markers, n rows are read from it, and each row ends with a marker, so row i
ends with marker i. A datum that is a byte too long or too short moves a border. The whole insert then fails before
anything is stored (docs/delivery.md#one-bad-datum).
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
    """Encode an Avro long (zigzag, then variable length)."""
    return varint(number << 1 if number >= 0 else ~(number << 1))


@lru_cache(maxsize=1024)
def _header(schema: Schema) -> bytes:
    """Encode the container's header up to the sync marker. Its metadata has one entry, the schema."""
    row = meta_record(schema)
    tail = {"name": TAIL, "type": {"type": "fixed", "name": "city.sink.Tail", "size": MARKER_SIZE}}
    text = json.dumps({**row, "fields": [*row["fields"], tail]}, separators=(",", ":")).encode()
    key = b"avro.schema"
    return _MAGIC + zigzag(1) + zigzag(len(key)) + key + zigzag(len(text)) + text + zigzag(0)


def container(schema: Schema, batch: InsertBatch, marker: bytes) -> bytes:
    """Encode the batch's values as one container, without decoding them.

    Args:
        schema: The schema that all values' frames name.
        batch: One record or more.
        marker: 16 bytes that were unknown when the records were written.
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
    """Encode what precedes each datum: the previous datum's marker, then the meta fields.

    Consecutive records share most of it: the offset's upper bits change every 64 records, the time rarely.
    """
    last_upper, upper, last_stamp, time = -1, b"", -1, b""
    for offset, stamp in zip(offsets, stamps, strict=True):
        if stamp != last_stamp:
            last_stamp, time = stamp, zigzag(stamp)
        if offset >> 6 != last_upper:
            last_upper = offset >> 6
            upper = varint(last_upper) if last_upper else b""
        yield front + (_LOW_MORE if upper else _LOW)[offset & 63] + upper + time
