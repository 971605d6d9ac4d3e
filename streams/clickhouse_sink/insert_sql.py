"""Writes the SQL that inserts a container into its typed table, and the conditions under which it throws.

Pure. ClickHouse's Avro reader is more lenient than `schemas.codec`. It takes text that is not UTF-8, a UUID in
capitals, a day in the year 9000, a map with the same key twice, NaN and the infinities. A row may only exist for what
the codec reads, or `rows = events` (docs/counts.md#equations) would not hold. So the statement refuses those values
too.
"""

from collections.abc import Iterator
from functools import lru_cache

from schemas.avro import Array, Enum, Fixed, Map, Primitive, Record, Type, Union, parse_record
from schemas.model import Schema, Topic
from schemas.row_schema import meta_columns
from schemas.tables import column_type, columns, quote
from streams.clickhouse_sink.avro_container import MARKER_SIZE, TAIL

EXPIRED = "the claim has expired"
MISALIGNED = "a datum is not as long as its schema says"
MALFORMED = "a value that its schema does not allow"
_DAYS = ("1900-01-01", "2300-01-01")  # what a table can hold; the codec has the same bounds


def lease_expiry_check(deadline_s: int) -> str:
    """Return the SQL condition that throws once the lease is over, checked after the block has been read.

    Args:
        deadline_s: First second after the lease, in ClickHouse's clock, since 1970.
    """
    return f"throwIf(toUnixTimestamp(nowInBlock()) >= {deadline_s}, {quote(EXPIRED)}) = 0"


def insert_rows(topic: Topic, schema: Schema, marker: bytes, database: str, lease_check: str) -> str:
    """Return the insert of a container into its typed table.

    Args:
        topic: The records' topic.
        schema: The container's schema, one of the topic's.
        marker: The container's marker.
        database: Database of the table.
        lease_check: A further condition, see `lease_expiry_check`.
    """
    return _insert(f"{database}.{topic.table}", topic, schema, marker, lease_check)


def try_rows(topic: Topic, schema: Schema, marker: bytes) -> str:
    """Return the same insert into `null()`. It throws when `insert_rows` would, and stores nothing.

    Args:
        topic: The records' topic.
        schema: The container's schema, one of the topic's.
        marker: The container's marker.
    """
    types = {column.name: column.type for column in columns(topic)}
    structure = ", ".join(f"`{name}` {types[name]}" for name in meta_columns(schema))
    return _insert(f"FUNCTION null({quote(structure)})", topic, schema, marker, "1")


def _insert(target: str, topic: Topic, schema: Schema, marker: bytes, lease_check: str) -> str:
    """Return an insert from a container."""
    names, selected, structure, sound = _parts(topic, schema)
    aligned = f"throwIf({TAIL} != unhex('{marker.hex()}'), {quote(MISALIGNED)}) = 0"
    return (
        f"INSERT INTO {target} ({names}) SELECT {selected} FROM input({quote(structure)}) "
        f"WHERE {aligned} AND {sound} AND {lease_check} FORMAT Avro"
    )


@lru_cache(maxsize=1024)
def _parts(topic: Topic, schema: Schema) -> tuple[str, str, str, str]:
    """Return the parts that are the same for every batch: names, selected expressions, structure, conditions."""
    types = {column.name: column.type for column in columns(topic)}
    texts = {
        f.name for f in parse_record(schema.record).fields if _clear(f.type) == Primitive("string", "uuid")
    }
    names = meta_columns(schema)
    structure = [f"`{name}` {_sent_type(types[name], name in texts)}" for name in names]
    selected = [f"CAST(`{name}` AS {types[name]})" if name in texts else f"`{name}`" for name in names]
    bad = [each for field in parse_record(schema.record).fields for each in _bad(field.name, field.type)]
    sound = f"throwIf({' OR '.join(bad)}, {quote(MALFORMED)}) = 0" if bad else "1"
    listed = ", ".join(f"`{name}`" for name in names)
    return listed, ", ".join(selected), ", ".join((*structure, f"`{TAIL}` FixedString({MARKER_SIZE})")), sound


def _sent_type(kind: str, as_text: bool) -> str:
    """Return the type to read a column as: a UUID is read as text, so that its spelling can be checked."""
    return kind.replace("UUID", "String") if as_text else kind


def _clear(kind: Type) -> Type:
    """Return the type inside a nullable one."""
    return kind.non_null or kind if isinstance(kind, Union) else kind


def _bad(name: str, kind: Type) -> Iterator[str]:
    """Yield the SQL conditions that are true for a field's value if the codec does not read it."""
    match _clear(kind):
        case Primitive("string", "uuid"):
            nullable = isinstance(kind, Union)
            text = f"ifNull(`{name}`, '00000000-0000-0000-0000-000000000000')" if nullable else f"`{name}`"
            yield f"toString(toUUIDOrDefault({text})) != {text}"
        case Primitive(_, "timestamp-millis" | "timestamp-micros"):
            low, high = (f"toDateTime64('{day}', 0, 'UTC')" for day in _DAYS)
            yield f"ifNull(`{name}` < {low} OR `{name}` >= {high}, 0)"
        case Map() as found:
            yield f"length(mapKeys(`{name}`)) != length(arrayDistinct(mapKeys(`{name}`)))"
            yield from _bad_text(name, found)
        case other:
            yield from _bad_text(name, other)
    yield from _not_finite(f"`{name}`", kind)


def _not_finite(value: str, kind: Type, depth: int = 0) -> Iterator[str]:
    """Yield the SQL conditions that a value holds a number that is not finite, at any depth of its type."""
    match kind:
        case Primitive("float" | "double"):
            yield f"NOT isFinite({value})"
        case Union() if kind.non_null is not None:
            yield from (f"ifNull({each}, 0)" for each in _not_finite(value, kind.non_null, depth))
        case Union(branches):
            for branch in branches:
                inner = f"variantElement({value}, {quote(column_type(branch))})"
                yield from (f"ifNull({each}, 0)" for each in _not_finite(inner, branch, depth))
        case Record():
            for field in kind.fields:
                yield from _not_finite(f"tupleElement({value}, {quote(field.name)})", field.type, depth)
        case Array() | Map():
            items = kind.items if isinstance(kind, Array) else kind.values
            listed = value if isinstance(kind, Array) else f"mapValues({value})"
            bad = " OR ".join(_not_finite(f"x{depth}", items, depth + 1))
            if bad:
                yield f"arrayExists(x{depth} -> {bad}, {listed})"


def _bad_text(name: str, kind: Type) -> Iterator[str]:
    """Yield the SQL condition that a value holds text that is not UTF-8."""
    holds_text = kind.name == "string" if isinstance(kind, Primitive) else not isinstance(kind, Enum | Fixed)
    if holds_text:
        yield f"NOT isValidUTF8(ifNull(toString(`{name}`), ''))"
