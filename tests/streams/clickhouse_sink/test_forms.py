"""Claims, containers and archive blocks, without a broker."""

from __future__ import annotations

import io
from random import Random

import fastavro
import pytest

from schemas.catalog import load_catalog
from schemas.codec import decode
from streams.clickhouse_sink.archive_insert import varint
from streams.clickhouse_sink.avro_container import container, zigzag
from streams.clickhouse_sink.batch import InsertBatch, OffsetRange
from streams.clickhouse_sink.errors import SinkStopError
from streams.clickhouse_sink.invalid_records import by_schema
from tests.streams.clickhouse_sink.events import framed

CATALOG = load_catalog()
READING = CATALOG.topics["air-quality.reading"]


def batch(values: list[bytes | None], first: int = 0) -> InsertBatch:
    """Make a batch of values."""
    count = len(values)
    offsets = range(first, first + count)
    stamps = [1_700_000_000_000 + at // 3 for at in range(count)]
    claim = OffsetRange(first, first + count - 1)
    return InsertBatch(
        READING.name, 1, claim, offsets, [1] * count, stamps, [b"k"] * count, values, [()] * count
    )


@pytest.mark.parametrize("first", [0, 60, 8_190, 2**31 - 5, 2**40])
def test_a_container_is_avro_of_meta_event_and_tail(first: int) -> None:
    """Any Avro reader finds each event, with its partition, offset and time in front and the marker behind."""
    random = Random(first)
    values: list[bytes | None] = [framed(READING.schema, random) for _ in range(200)]
    made = batch(values, first)
    rows = list(fastavro.reader(io.BytesIO(container(READING.schema, made, bytes(range(16))))))
    assert len(rows) == 200
    for at, row in enumerate(rows):
        assert row["_tail"] == bytes(range(16))
        assert (row["_partition"], row["_offset"]) == (1, first + at)
        assert int(row["_received_at"].timestamp() * 1000) == made.stamps[at]
        event = decode(values[at], CATALOG, READING)[1]
        assert {name: row[name] for name in event} == event


def test_claims_are_read_as_they_are_written() -> None:
    """`first-last`, or nothing; anything else means that somebody else commits in the group."""
    assert OffsetRange.parse(str(OffsetRange(5, 17)), "t/0") == OffsetRange(5, 17)
    assert OffsetRange.parse("", "t/0") is None
    for text in ("5", "5-", "-5", "a-b", "5-6-7", "５-6", "leader epoch 5"):
        with pytest.raises(SinkStopError, match=r"t/0: expected a claim first-last"):
            OffsetRange.parse(text, "t/0")


def test_numbers_are_written_as_avro_does() -> None:
    """Zig-zag and 7-bit groups, at every border."""
    for number in (0, -1, 1, 63, 64, -64, -65, 8191, 8192, 2**31, 2**62, -(2**63), 2**63 - 1):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, "long", number)
        assert zigzag(number) == out.getvalue()
    assert varint(300) == b"\xac\x02"


def test_a_batch_falls_into_one_block_for_each_schema() -> None:
    """Places by schema, in their order; what names no schema of the topic stands apart."""
    good = framed(READING.schema, Random(1))
    foreign = good[:1] + (101).to_bytes(4, "big") + good[5:]
    groups, unknown = by_schema(batch([good, foreign, None, good, b"", good]), READING)
    assert groups == [(READING.schema, [0, 3, 5])]
    assert unknown == [1, 2, 4]
