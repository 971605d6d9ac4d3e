"""Random events of any schema of the catalogue, from a seed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from schemas.avro import NULL, Array, Enum, Fixed, Map, Primitive, Record, Type, Union, parse_record
from schemas.codec import encode

if TYPE_CHECKING:
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
    match kind:
        case Primitive(_, "uuid"):
            return uuid.UUID(int=random.getrandbits(128), version=4)
        case Primitive(_, "timestamp-micros"):
            return START_US + random.randrange(10**12)
        case Primitive(_, "timestamp-millis"):
            return (START_US + random.randrange(10**12)) // 1000
        case Primitive(name):
            return _primitive(name, random)
        case Fixed(_, size):
            return random.randbytes(size)
        case Enum(_, symbols):
            return random.choice(symbols)
        case Array(items):
            return [value(items, random) for _ in range(random.randrange(3))]
        case Map(values):
            return {word: value(values, random) for word in random.sample(WORDS, random.randrange(3))}
        case Union(branches):
            return (
                None
                if NULL in branches and random.random() < 0.3
                else value(_branch(branches, random), random)
            )
        case Record(_, fields):
            return {field.name: value(field.type, random) for field in fields}
    raise AssertionError(kind)


def _branch(branches: tuple[Type, ...], random: Random) -> Type:
    return random.choice([branch for branch in branches if branch != NULL])


def _primitive(name: str, random: Random) -> Any:
    match name:
        case "boolean":
            return random.random() < 0.5
        case "int":
            return random.randrange(-(2**31), 2**31)
        case "long":
            return random.randrange(-(2**63), 2**63)
        case "float" | "double":
            return float(random.randrange(-1000, 1000)) / 8
        case "bytes":
            return random.randbytes(random.randrange(20))
        case "string":
            return random.choice(WORDS)
        case "null":
            return None
    raise AssertionError(name)
