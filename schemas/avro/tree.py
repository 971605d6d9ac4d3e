"""Avro types as a tree of frozen values; only `parser` reads schema JSON. Pure."""

from dataclasses import dataclass, field
from typing import Any, Final

MISSING: Final = object()


@dataclass(frozen=True)
class Primitive:
    """A primitive type.

    Attributes:
        name: Avro's name of the type.
        logical: Its logical type, or empty.
        precision: Digits of a decimal.
        scale: Digits of a decimal after the point.
    """

    name: str
    logical: str = ""
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True)
class Fixed:
    """A fixed number of bytes.

    Attributes:
        name: Full name of the type.
        size: Number of bytes.
        logical: Its logical type (decimal), or empty.
        precision: Digits of a decimal.
        scale: Digits of a decimal after the point.
    """

    name: str
    size: int
    logical: str = ""
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True)
class Enum:
    """One of some symbols.

    Attributes:
        name: Full name of the type.
        symbols: Its symbols; their indices are the numbers on the wire.
        default: Symbol that a reader uses for an unknown one, or empty.
    """

    name: str
    symbols: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True)
class Array:
    """A list of values of one type."""

    items: "Type"


@dataclass(frozen=True)
class Map:
    """A map from texts to values of one type."""

    values: "Type"


@dataclass(frozen=True)
class Union:
    """One of several types; the index of a branch is its number on the wire."""

    branches: tuple["Type", ...]

    @property
    def non_null(self) -> "Type | None":
        """The other type of a union of null and one type; None for any other union."""
        others = [each for each in self.branches if each != NULL]
        return others[0] if len(others) == 1 and len(self.branches) == 2 else None


@dataclass(frozen=True)
class Field:
    """A field of a record, with the attributes that the platform adds to Avro's.

    Attributes:
        name: Its name.
        type: Its type on the wire.
        doc: Meaning, for the dictionary.
        default: Plain JSON, or MISSING.
        unit: Unit of its numbers, or empty.
        personal: Whether the value is encrypted under the subject's key.
        low_cardinality: Whether it has few different values, so that the table keeps a dictionary of them.
        clear_type: For a personal field, the type inside the ciphertext.
    """

    name: str
    type: "Type"
    doc: str = ""
    default: Any = field(default=MISSING, hash=False)
    unit: str = ""
    personal: bool = False
    low_cardinality: bool = False
    clear_type: "Type | None" = None


@dataclass(frozen=True)
class Record:
    """A record.

    Attributes:
        name: Full name of the type.
        fields: Its fields, in order.
        doc: Meaning, for the dictionary.
    """

    name: str
    fields: tuple[Field, ...]
    doc: str = ""

    def field(self, name: str) -> Field:
        """Return a field by its name.

        Raises:
            KeyError: The record has no such field.
        """
        for each in self.fields:
            if each.name == name:
                return each
        raise KeyError(name)


Type = Primitive | Fixed | Enum | Array | Map | Union | Record
NULL: Final = Primitive("null")


def describe(kind: Type) -> str:
    """Return a type in a word or two, for messages and the dictionary."""
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
    """Return the shape of the Python values that fit a type; branches of a union have different shapes."""
    if isinstance(kind, Primitive):
        if kind.name in ("int", "long", "float", "double") and not kind.logical:
            return "number"
        return kind.logical or kind.name
    names = {Fixed: "bytes", Enum: "string", Array: "array", Map: "record", Record: "record", Union: "union"}
    return names[type(kind)]
