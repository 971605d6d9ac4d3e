"""Whole datums into a typed table: the schema "meta + event".

Pure. The bytes of partition, offset and time of receipt, followed by a record's datum as it is, are a datum
of `meta_record(schema)` (docs/events.md#rows): an insert in `FORMAT Avro` needs no event decoded in Python. It
leaves to the sink to prove first that the datum is whole: one byte too many would swallow its neighbour
(docs/delivery.md#one-bad-datum).
"""

from typing import Any

from schemas.columns import META_FIELDS
from schemas.model import Schema


def meta_record(schema: Schema) -> dict[str, Any]:
    """Return the schema of a row: partition, offset, time of receipt, then the event's fields. Plain JSON."""
    return {**schema.record, "fields": [*META_FIELDS, *schema.record["fields"]]}


def meta_columns(schema: Schema) -> tuple[str, ...]:
    """Name the columns that a datum of `meta_record` fills."""
    fields = schema.tree.fields
    return (*(each["name"] for each in META_FIELDS), *(each.name for each in fields))
