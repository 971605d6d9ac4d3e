"""Defines the schema of a typed table's row: "meta + event". Pure.

The bytes of partition, offset and time of receipt, followed by a record's unchanged datum, are a datum of
`meta_record(schema)` (docs/events.md#rows). So an insert in `FORMAT Avro` decodes no event in Python. The sink must
first verify that the datum is complete: one byte too many would consume the next row
(docs/delivery.md#one-bad-datum).
"""

from typing import Any

from schemas.columns import META_FIELDS
from schemas.model import Schema


def meta_record(schema: Schema) -> dict[str, Any]:
    """Return the Avro schema of a row as plain JSON: partition, offset, time of receipt, then the event's fields."""
    return {**schema.record, "fields": [*META_FIELDS, *schema.record["fields"]]}


def meta_columns(schema: Schema) -> tuple[str, ...]:
    """Return the names of the columns that a datum of `meta_record` fills."""
    fields = schema.tree.fields
    return (*(each["name"] for each in META_FIELDS), *(each.name for each in fields))
