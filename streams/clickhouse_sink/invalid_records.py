"""Finds the records of a batch that no schema reads, and groups the rest into blocks of one schema each.

Pure. The codec decides, as it does for the agents: what they skip is dead-lettered here, and nothing else. It is
called only for a value whose frame names no schema of its topic, and for a block that ClickHouse refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from schemas.codec import HEADER_SIZE, decode
from schemas.errors import UndecodableError
from schemas.model import Catalog, Schema, Topic
from streams.clickhouse_sink.batch import InsertBatch


@dataclass(frozen=True, slots=True)
class InvalidRecord:
    """A record that no schema reads.

    Attributes:
        index: Its index in the batch.
        reason: Why it cannot be read, in one line.
    """

    index: int
    reason: str


def by_schema(batch: InsertBatch, topic: Topic) -> tuple[list[tuple[Schema, list[int]]], list[int]]:
    """Group a batch by the schema that each frame names.

    Returns:
        The indexes of each schema's records, oldest schema first, and the indexes whose frame names no schema of the
        topic.
    """
    frames = {b"\0" + schema.id.to_bytes(4, "big"): schema for schema in topic.schemas}
    heads = [value[:HEADER_SIZE] if value else b"" for value in batch.values]
    if len(set(heads)) == 1 and heads[0] in frames:
        return [(frames[heads[0]], list(range(len(heads))))], []
    order = {frame: number for number, frame in enumerate(frames)}
    indexes = sorted(range(len(heads)), key=lambda at: (order.get(heads[at], len(order)), at))
    groups = {
        number: list(found) for number, found in groupby(indexes, lambda at: order.get(heads[at], len(order)))
    }
    unknown = groups.pop(len(order), [])
    schemas = list(frames.values())
    return [(schemas[number], found) for number, found in sorted(groups.items())], unknown


def find_invalid(
    batch: InsertBatch, indexes: Sequence[int], topic: Topic, catalog: Catalog
) -> list[InvalidRecord]:
    """Return those of the given records that the codec cannot decode, with the reason.

    Args:
        batch: The batch.
        indexes: Indexes of the records to decode.
        topic: Their topic.
        catalog: Topics and schemas.
    """
    found = []
    for index in indexes:
        try:
            decode(batch.values[index], catalog, topic, raw=True)
        except UndecodableError as error:
            found.append(InvalidRecord(index, error.reason))
    return found
