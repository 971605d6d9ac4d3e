"""Random events of any schema of the catalogue, from a seed."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from schemas.avro import NULL, Array, Enum, Fixed, Map, Primitive, Record, Type, Union, parse_record
from schemas.codec import encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from schemas.model import Schema

WORDS = ("Jongno-gu", "종로구", "Aotizhongxin", "a", "", "µg/m³", "x" * 200)
START_US = 1_700_000_000_000_000


def event(schema: Schema, random: Random, **told: Any) -> dict[str, Any]:
    """Make an event that fits the schema; `told` fields are as told."""
    made = {field.name: value(field.type, random) for field in parse_record(schema.record).fields}
    return {**made, "event_id": uuid.UUID(int=random.getrandbits(128), version=4), **told}


def framed(schema: Schema, random: Random, **told: Any) -> bytes:
    """Make a record's value."""
    return encode(schema, event(schema, random, **told))


def value(kind: Type, random: Random) -> Any:
    """Make a value of a type."""
    made: Any = None
    match kind:
        case Primitive(name, logical):
            made = PRIMITIVES[logical or name](random)
        case Fixed(_, size):
            made = random.randbytes(size)
        case Enum(_, symbols):
            made = random.choice(symbols)
        case Array(items):
            made = [value(items, random) for _ in range(random.randrange(3))]
        case Map(values):
            made = {word: value(values, random) for word in random.sample(WORDS, random.randrange(3))}
        case Union(branches):
            if NULL not in branches or random.random() < 0.7:
                made = value(random.choice([branch for branch in branches if branch != NULL]), random)
        case Record(_, fields):
            made = {field.name: value(field.type, random) for field in fields}
    return made


PRIMITIVES: dict[str, Callable[[Random], Any]] = {
    "boolean": lambda random: random.random() < 0.5,
    "int": lambda random: random.randrange(-(2**31), 2**31),
    "long": lambda random: random.randrange(-(2**63), 2**63),
    "float": lambda random: random.randrange(-1000, 1000) / 8,
    "double": lambda random: random.randrange(-1000, 1000) / 8,
    "bytes": lambda random: random.randbytes(random.randrange(20)),
    "string": lambda random: random.choice(WORDS),
    "uuid": lambda random: uuid.UUID(int=random.getrandbits(128), version=4),
    "timestamp-micros": lambda random: START_US + random.randrange(10**12),
    "timestamp-millis": lambda random: START_US // 1000 + random.randrange(10**9),
    "decimal": lambda random: Decimal(random.randrange(1000)) / 4,
}
