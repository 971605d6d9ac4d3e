"""Avro types as a small tree of frozen values, so that nothing else here reads schema JSON. Pure."""

from dataclasses import dataclass, field
from typing import Any, Final

MISSING: Final = object()


@dataclass(frozen=True)
class Primitive:
    """A primitive type, with its logical type if it has one."""

    name: str
    logical: str = ""
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True)
class Fixed:
    """So many bytes, with a logical type (decimal) if it has one."""

    name: str
    size: int
    logical: str = ""
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True)
class Enum:
    """One of some words; `default` is what an old reader takes an unknown word for."""

    name: str
    symbols: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True)
class Array:
    """A list of values of one type."""

    items: "Type"


@dataclass(frozen=True)
class Map:
    """Text → values of one type."""

    values: "Type"


@dataclass(frozen=True)
class Union:
    """One of several types; a branch is known by its number on the wire."""

    branches: tuple["Type", ...]

    @property
    def clear(self) -> "Type | None":
        """What the value is when it is not null, if the union is null and one type."""
        others = [each for each in self.branches if each != NULL]
        return others[0] if len(others) == 1 and len(self.branches) == 2 else None


@dataclass(frozen=True)
class Field:
    """A field of a record, with the attributes that the platform adds to Avro's.

    Attributes:
        name: Its name.
        type: What it holds on the wire.
        doc: Meaning, for the dictionary.
        default: Plain JSON, or MISSING.
        unit: Unit of its numbers, or empty.
        personal: Whether the value is encrypted under the subject's key.
        low_cardinality: Whether it takes few different values, so that the table keeps a dictionary of them.
        clear: For a personal field, the type inside the ciphertext.
    """

    name: str
    type: "Type"
    doc: str = ""
    default: Any = field(default=MISSING, hash=False)
    unit: str = ""
    personal: bool = False
    low_cardinality: bool = False
    clear: "Type | None" = None


@dataclass(frozen=True)
class Record:
    """Named fields, in order."""

    name: str
    fields: tuple[Field, ...]
    doc: str = ""

    def field(self, name: str) -> Field:
        """Return a field by its name; KeyError where there is none."""
        for each in self.fields:
            if each.name == name:
                return each
        raise KeyError(name)


Type = Primitive | Fixed | Enum | Array | Map | Union | Record
NULL: Final = Primitive("null")


def describe(kind: Type) -> str:
    """Say a type in a word or two, for messages and the dictionary."""
    match kind:
        case Primitive(name, logical) | Fixed(name, _, logical):
            return logical or (name if isinstance(kind, Primitive) else f"fixed({kind.size})")
        case Enum():
            return "enum"
        case Array(items):
            return f"array of {describe(items)}"
        case Map(values):
            return f"map of {describe(values)}"
        case Union(branches):
            return " or ".join(describe(each) for each in branches)
        case Record(name):
            return name.rpartition(".")[2]


def python_shape(kind: Type) -> str:
    """Name the shape of the Python values that fit a type; two branches of a union may not share one."""
    if isinstance(kind, Primitive):
        if kind.name in ("int", "long", "float", "double") and not kind.logical:
            return "number"
        return kind.logical or kind.name
    names = {Fixed: "bytes", Enum: "string", Array: "array", Map: "record", Record: "record", Union: "union"}
    return names[type(kind)]
