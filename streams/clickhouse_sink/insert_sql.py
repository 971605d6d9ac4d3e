"""The SQL that inserts a container into its typed table, and the conditions under which it throws.

Pure. ClickHouse's Avro reader is more lenient than `schemas.codec`: it takes text that is not UTF-8, a UUID
in capitals, a day in the year 9000, a map with the same key twice. A row may only exist for what the codec
reads, or `rows = events` (docs/counts.md#equations) would not hold, so the statement refuses those too.
"""

from collections.abc import Iterator
from functools import lru_cache

from schemas.avro import Enum, Fixed, Map, Primitive, Type, Union, parse_record
from schemas.model import Schema, Topic
from schemas.row_schema import meta_columns
from schemas.tables import columns, quote
from streams.clickhouse_sink.avro_container import MARKER_SIZE, TAIL

EXPIRED = "the claim has expired"
MISALIGNED = "a datum is not as long as its schema says"
MALFORMED = "a value that its schema does not allow"
_DAYS = ("1900-01-01", "2300-01-01")  # what a table can hold; the codec has the same bounds


def lease_expiry_check(deadline_s: int) -> str:
    """Write the condition that throws from this second on, by ClickHouse's own clock, when the block has been read."""
    return f"throwIf(toUnixTimestamp(nowInBlock()) >= {deadline_s}, {quote(EXPIRED)}) = 0"


def insert_rows(topic: Topic, schema: Schema, marker: bytes, database: str, fenced: str) -> str:
    """Write the insert of a container of one schema.

    Args:
        topic: The topic of the records.
        schema: One of its schemas, that of the container.
        marker: The container's marker.
        database: Database of the table.
        fenced: Further condition; see `lease_expiry_check`.
    """
    return _insert(f"{database}.{topic.table}", topic, schema, marker, fenced)


def try_rows(topic: Topic, schema: Schema, marker: bytes) -> str:
    """Write the same insert into nowhere: it throws when the other would, and stores nothing."""
    types = {column.name: column.type for column in columns(topic)}
    structure = ", ".join(f"`{name}` {types[name]}" for name in meta_columns(schema))
    return _insert(f"FUNCTION null({quote(structure)})", topic, schema, marker, "1")


def _insert(target: str, topic: Topic, schema: Schema, marker: bytes, fenced: str) -> str:
    """Write an insert from a container."""
    names, selected, structure, sound = _parts(topic, schema)
    aligned = f"throwIf({TAIL} != unhex('{marker.hex()}'), {quote(MISALIGNED)}) = 0"
    return (
        f"INSERT INTO {target} ({names}) SELECT {selected} FROM input({quote(structure)}) "
        f"WHERE {aligned} AND {sound} AND {fenced} FORMAT Avro"
    )


@lru_cache(maxsize=1024)
def _parts(topic: Topic, schema: Schema) -> tuple[str, str, str, str]:
    """Write the parts that are the same for every batch: names, what is selected, structure, conditions."""
    types = {column.name: column.type for column in columns(topic)}
    texts = {
        f.name for f in parse_record(schema.record).fields if _clear(f.type) == Primitive("string", "uuid")
    }
    names = meta_columns(schema)
    structure = [f"`{name}` {_sent_type(types[name], name in texts)}" for name in names]
    selected = [f"CAST(`{name}` AS {types[name]})" if name in texts else f"`{name}`" for name in names]
    bad = [told for field in parse_record(schema.record).fields for told in _bad(field.name, field.type)]
    sound = f"throwIf({' OR '.join(bad)}, {quote(MALFORMED)}) = 0" if bad else "1"
    listed = ", ".join(f"`{name}`" for name in names)
    return listed, ", ".join(selected), ", ".join((*structure, f"`{TAIL}` FixedString({MARKER_SIZE})")), sound


def _sent_type(kind: str, as_text: bool) -> str:
    """Read a UUID as the text it is, so that its spelling can be looked at."""
    return kind.replace("UUID", "String") if as_text else kind


def _clear(kind: Type) -> Type:
    """Return what a nullable type holds."""
    return kind.non_null or kind if isinstance(kind, Union) else kind


def _bad(name: str, kind: Type) -> Iterator[str]:
    """Write the conditions under which a field's value is one that the codec does not read."""
    match _clear(kind):
        case Primitive("string", "uuid"):
            nullable = isinstance(kind, Union)
            told = f"ifNull(`{name}`, '00000000-0000-0000-0000-000000000000')" if nullable else f"`{name}`"
            yield f"toString(toUUIDOrDefault({told})) != {told}"
        case Primitive(_, "timestamp-millis" | "timestamp-micros"):
            low, high = (f"toDateTime64('{day}', 0, 'UTC')" for day in _DAYS)
            yield f"ifNull(`{name}` < {low} OR `{name}` >= {high}, 0)"
        case Map() as found:
            yield f"length(mapKeys(`{name}`)) != length(arrayDistinct(mapKeys(`{name}`)))"
            yield from _bad_text(name, found)
        case other:
            yield from _bad_text(name, other)


def _bad_text(name: str, kind: Type) -> Iterator[str]:
    """Write the condition that a value holds text that is not UTF-8."""
    holds_text = kind.name == "string" if isinstance(kind, Primitive) else not isinstance(kind, Enum | Fixed)
    if holds_text:
        yield f"NOT isValidUTF8(ifNull(toString(`{name}`), ''))"
