"""The part of Avro that events need, strictly: types, writing, reading, resolution. It does not know the catalogue."""

from schemas.avro.parser import AvroError, parse, parse_record
from schemas.avro.tree import (
    MISSING,
    NULL,
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Primitive,
    Record,
    Type,
    Union,
    describe,
)

__all__ = [
    "MISSING",
    "NULL",
    "Array",
    "AvroError",
    "Enum",
    "Field",
    "Fixed",
    "Map",
    "Primitive",
    "Record",
    "Type",
    "Union",
    "describe",
    "parse",
    "parse_record",
]
