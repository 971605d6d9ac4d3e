"""Derives ClickHouse columns from Avro schemas. Pure.

A typed table has one row per event. Its first columns are the record's partition, offset and time of receipt; the
others are the fields of every version of the schema, so a table only grows. Supported types are those that ClickHouse's
`FORMAT Avro` is tested with; loading the catalogue refuses any other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from schemas.avro import (
    MISSING,
    Array,
    AvroError,
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
from schemas.model import Topic

META_FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "_partition", "type": "int", "doc": "Partition of the record."},
    {"name": "_offset", "type": "long", "doc": "Offset of the record."},
    {
        "name": "_received_at",
        "type": {"type": "long", "logicalType": "timestamp-millis"},
        "doc": "When Kafka received the record (its LogAppendTime), UTC.",
    },
)
_META_TYPES = {"_partition": "UInt32", "_offset": "UInt64", "_received_at": "DateTime64(3, 'UTC')"}
_PRIMITIVES = {
    "boolean": "Bool",
    "int": "Int32",
    "long": "Int64",
    "float": "Float32",
    "double": "Float64",
    "bytes": "String",
    "string": "String",
    "uuid": "UUID",
    "date": "Date32",
    "timestamp-millis": "DateTime64(3, 'UTC')",
    "timestamp-micros": "DateTime64(6, 'UTC')",
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its name: a field of the event, or a meta column with a leading underscore.
        type: ClickHouse type.
        comment: Meaning, with the unit.
        default: SQL expression for rows written before the field was added; empty for the type's zero.
        alias: SQL expression that computes the column when it is read; empty for a stored column.
    """

    name: str
    type: str
    comment: str
    default: str = ""
    alias: str = ""

    def definition(self) -> str:
        """Return the column's definition for CREATE TABLE."""
        rest = f" ALIAS {self.alias}" if self.alias else f" DEFAULT {self.default}" if self.default else ""
        return f"`{self.name}` {self.type}{rest} COMMENT {quote(self.comment)}"


SIMULATED = Column(
    "simulated",
    "Bool",
    "Whether the event comes from a recording or a scenario, not from a device.",
    alias="startsWith(source, 'replay:') OR startsWith(source, 'scenario:')",
)


def quote(text: str) -> str:
    """Return a text as a ClickHouse string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def column_type(kind: Type, *, low_cardinality: bool = False) -> str:
    """Return the ClickHouse type of an Avro type.

    Args:
        kind: The Avro type.
        low_cardinality: Whether texts get a dictionary (`LowCardinality`).

    Raises:
        AvroError: ClickHouse has no type that `FORMAT Avro` fills from it.
    """
    if isinstance(kind, Primitive | Fixed | Enum):
        return _simple_type(kind, low_cardinality)
    if isinstance(kind, Union):
        return _union_type(kind, low_cardinality)
    if isinstance(kind, Record):
        return f"Tuple({', '.join(f'{each.name} {column_type(each.type)}' for each in kind.fields)})"
    if isinstance(kind, Array):
        return f"Array({column_type(kind.items)})"
    return f"Map(String, {column_type(kind.values)})"


def _simple_type(kind: Primitive | Fixed | Enum, low_cardinality: bool) -> str:
    """Return the ClickHouse type of a type that holds no other type."""
    match kind:
        case Enum():
            return "LowCardinality(String)"
        case Primitive(_, "decimal", precision, scale):
            return f"Decimal({precision}, {scale})"
        case Primitive("string", "") if low_cardinality:
            return "LowCardinality(String)"
        case Primitive(name, logical) if (logical or name) in _PRIMITIVES:
            return _PRIMITIVES[logical or name]
        case Fixed(_, size, ""):
            return f"FixedString({size})"
    raise AvroError(f"{describe(kind)} has no ClickHouse type")


def _union_type(kind: Union, low_cardinality: bool) -> str:
    """Return the ClickHouse type of a union: nullable, or one of several records."""
    if kind.non_null is not None:
        inner = column_type(kind.non_null, low_cardinality=low_cardinality)
        if inner.startswith("LowCardinality("):
            return f"LowCardinality(Nullable({inner[15:-1]}))"
        if isinstance(kind.non_null, Array | Map | Record):
            raise AvroError(
                f"{describe(kind)}: ClickHouse has no nullable {describe(kind.non_null)}; use an empty one"
            )
        return f"Nullable({inner})"
    inner_types = [column_type(each) for each in kind.branches]
    if len(set(inner_types)) != len(inner_types) or not all(
        isinstance(each, Record) for each in kind.branches
    ):
        raise AvroError(f"{describe(kind)}: expected null and one type, or records with different fields")
    return f"Variant({', '.join(sorted(inner_types))})"


@lru_cache(maxsize=1024)
def columns(topic: Topic) -> tuple[Column, ...]:
    """Return the columns of a topic's typed table: meta columns, fields of every version, computed columns."""
    fields: dict[str, Field] = {}
    for schema in reversed(topic.schemas):  # the latest version's wording and order first
        for field in schema.tree.fields:
            fields.setdefault(field.name, field)
    meta = (Column(each["name"], _META_TYPES[each["name"]], each["doc"]) for each in META_FIELDS)
    aliases = (alias for field in fields.values() for alias in _aliases(field))
    return (*meta, *(_column(each) for each in fields.values()), *aliases, SIMULATED)


def _column(field: Field) -> Column:
    """Return the column of a field."""
    kind = column_type(field.type, low_cardinality=field.low_cardinality)
    return Column(field.name, kind, comment(field), _default(field))


def _aliases(field: Field) -> Iterator[Column]:
    """Yield computed columns for the fields of a union's records: `origin_topic` is easier to query than a Variant."""
    if not isinstance(field.type, Union) or field.type.non_null is not None:
        return
    ways: dict[str, list[tuple[str, Field]]] = {}
    for branch in field.type.branches:
        if isinstance(branch, Record):
            for each in branch.fields:
                path = f"{field.name}.`{column_type(branch)}`.{each.name}"
                ways.setdefault(each.name, []).append((path, each))
    for name, found in ways.items():
        paths = [path for path, _ in found]
        expression = paths[0] if len(paths) == 1 else f"coalesce({', '.join(paths)})"
        kind = _nullable(column_type(found[0][1].type))
        yield Column(f"{field.name}_{name}", kind, comment(found[0][1]), alias=expression)


def _nullable(kind: str) -> str:
    """Return the nullable form of a type, if ClickHouse has one."""
    return (
        kind
        if kind.startswith(("Nullable", "Array", "Map", "Tuple", "LowCardinality"))
        else f"Nullable({kind})"
    )


def comment(field: Field) -> str:
    """Return a field's meaning, with its unit and whether it is encrypted."""
    unit = f" [{field.unit}]" if field.unit else ""
    personal = " Encrypted under the subject's key." if field.personal else ""
    return f"{field.doc}{unit}{personal}"


def _default(field: Field) -> str:
    """Return a field's default as SQL; empty if it is the column's zero or null."""
    value = field.default
    if value is MISSING or value is None or value in ([], {}, 0, ""):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return quote(value) if isinstance(value, str) else ""
