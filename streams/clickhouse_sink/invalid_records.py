"""Which records of a batch no schema reads, and how the rest falls into blocks of one schema each.

Pure. The codec is the judge, for the agents ask it too: what they skip is dead-lettered here, and nothing
else. It is only asked where there is reason to: about a value whose frame names no schema of its topic, and
about a block that ClickHouse refused.
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
    """A record that no schema reads, by its place in the batch it came in."""

    place: int
    reason: str


def by_schema(batch: InsertBatch, topic: Topic) -> tuple[list[tuple[Schema, list[int]]], list[int]]:
    """Sort a batch by the schema its frames name.

    Returns:
        The places of each schema's records, oldest schema first; and those whose frame names none of the topic's.
    """
    frames = {b"\0" + schema.id.to_bytes(4, "big"): schema for schema in topic.schemas}
    heads = [value[:HEADER_SIZE] if value else b"" for value in batch.values]
    if len(set(heads)) == 1 and heads[0] in frames:
        return [(frames[heads[0]], list(range(len(heads))))], []
    order = {frame: number for number, frame in enumerate(frames)}
    places = sorted(range(len(heads)), key=lambda at: (order.get(heads[at], len(order)), at))
    groups = {
        number: list(found) for number, found in groupby(places, lambda at: order.get(heads[at], len(order)))
    }
    unknown = groups.pop(len(order), [])
    schemas = list(frames.values())
    return [(schemas[number], found) for number, found in sorted(groups.items())], unknown


def find_invalid(
    batch: InsertBatch, places: Sequence[int], topic: Topic, catalog: Catalog
) -> list[InvalidRecord]:
    """Find out which of these records the codec does not read, and why."""
    found = []
    for place in places:
        try:
            decode(batch.values[place], catalog, topic, raw=True)
        except UndecodableError as error:
            found.append(InvalidRecord(place, error.reason))
    return found
