"""Parses the plain JSON of a schema into a tree of types, with every name resolved. Pure.

It refuses what the platform does not support, in one line with the field: recursion, unknown logical types, unions with
two branches that one value could fit.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

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
    python_shape,
)
from schemas.errors import SchemaError

PRIMITIVES: Final = frozenset(("null", "boolean", "int", "long", "float", "double", "bytes", "string"))
LOGICAL: Final = {
    "uuid": ("string",),
    "date": ("int",),
    "timestamp-millis": ("long",),
    "timestamp-micros": ("long",),
    "decimal": ("bytes", "fixed"),
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class AvroError(SchemaError):
    """A schema is invalid, or the platform does not support it; the message has the field."""


def parse(schema: Any) -> Type:
    """Return the type of a schema in plain JSON.

    Raises:
        AvroError: The schema is not valid, or not supported.
    """
    return _Parser().type(schema, "", "schema")


def parse_record(schema: Any) -> Record:
    """Return the record of a schema in plain JSON.

    Raises:
        AvroError: The schema is not valid, not supported, or no record.
    """
    found = parse(schema)
    if not isinstance(found, Record):
        raise AvroError(f"schema: expected a record, got {describe(found)}")
    return found


class _Parser:
    """Parser of one schema; it keeps the named types."""

    def __init__(self) -> None:
        self.named: dict[str, Type | None] = {}  # None while the type is being parsed

    def type(self, schema: Any, namespace: str, where: str) -> Type:
        """Parse any type."""
        if isinstance(schema, str):
            return self._by_name(schema, namespace, where)
        if isinstance(schema, list):
            return self._union(schema, namespace, where)
        if not isinstance(schema, Mapping) or "type" not in schema:
            raise AvroError(f"{where}: expected a type, got {schema!r:.60}")
        kind = schema["type"]
        if kind in ("record", "enum", "fixed"):
            return self._definition(schema, namespace, where)
        if kind == "array":
            return Array(self.type(schema.get("items"), namespace, f"{where}[]"))
        if kind == "map":
            return Map(self.type(schema.get("values"), namespace, f"{where}{{}}"))
        found = self.type(kind, namespace, where)
        return _logical(found, schema, where) if isinstance(found, Primitive) else found

    def _by_name(self, name: str, namespace: str, where: str) -> Type:
        """Parse a name. Null is allowed in unions only, so that every value has at least one byte."""
        if name == "null":
            raise AvroError(f"{where}: null stands only in a union")
        if name in PRIMITIVES:
            return Primitive(name)
        full = _full_name(name, namespace)
        if full not in self.named:
            raise AvroError(f"{where}: no type is named {name!r}")
        found = self.named[full]
        if found is None:
            raise AvroError(f"{where}: {full} holds itself; recursive types are not supported")
        return found

    def _union(self, branches: list[Any], namespace: str, where: str) -> Union:
        """Parse a union."""
        found = tuple(NULL if each == "null" else self.type(each, namespace, where) for each in branches)
        shapes = [python_shape(each) for each in found if not isinstance(each, Record)]
        # By name: a record's own hash is that of all it holds, which a schema of a few lines may double at each level.
        records = [each.name for each in found if isinstance(each, Record)]
        if any(isinstance(each, Union) for each in found):
            raise AvroError(f"{where}: a union directly in a union")
        if len(shapes) != len(set(shapes)) or len(records) != len(set(records)) or not found:
            raise AvroError(f"{where}: one value would fit two branches of the union")
        return Union(found)

    def _definition(self, schema: Mapping[str, Any], namespace: str, where: str) -> Type:
        """Parse a record, enum or fixed, and keep its name."""
        name = schema.get("name")
        if not isinstance(name, str) or not all(_NAME.fullmatch(part) for part in name.split(".")):
            raise AvroError(f"{where}: {name!r} is no name")
        full = _full_name(name, schema.get("namespace", namespace))
        if full in self.named:
            raise AvroError(f"{where}: {full} is defined twice")
        self.named[full] = None
        builders: dict[str, Callable[[Mapping[str, Any], str, str], Type]] = {
            "record": self._record,
            "enum": _enum,
            "fixed": _fixed,
        }
        found = builders[schema["type"]](schema, full, where)
        self.named[full] = found
        return found

    def _record(self, schema: Mapping[str, Any], full: str, where: str) -> Record:
        """Parse a record's fields."""
        fields = schema.get("fields")
        if not isinstance(fields, list) or not fields:
            raise AvroError(f"{where}: a record has a list of fields")
        space = full.rpartition(".")[0]
        found = tuple(self._field(each, space, where) for each in fields)
        twice = sorted(name for name, times in Counter(each.name for each in found).items() if times > 1)
        if twice:
            raise AvroError(f"{where}: field {twice[0]} stands twice")
        return Record(full, found, schema.get("doc", ""))

    def _field(self, schema: Any, namespace: str, where: str) -> Field:
        """Parse one field."""
        name = schema.get("name") if isinstance(schema, Mapping) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise AvroError(f"{where}: {name!r} is no field name")
        path = name if where == "schema" else f"{where}.{name}"
        clear = schema.get("clearType")
        return Field(
            name=name,
            type=self.type(schema.get("type"), namespace, path),
            doc=schema.get("doc", ""),
            default=schema.get("default", MISSING),
            unit=schema.get("unit", ""),
            personal=bool(schema.get("personal", False)),
            low_cardinality=bool(schema.get("lowCardinality", False)),
            clear_type=None if clear is None else self.type(clear, namespace, path),
        )


def _full_name(name: str, namespace: str) -> str:
    """Return a name with its namespace."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _enum(schema: Mapping[str, Any], full: str, where: str) -> Enum:
    """Parse an enum."""
    symbols = schema.get("symbols")
    if not isinstance(symbols, list) or not symbols or len(set(symbols)) != len(symbols):
        raise AvroError(f"{where}: an enum has a list of different symbols")
    if not all(isinstance(each, str) and _NAME.fullmatch(each) for each in symbols):
        raise AvroError(f"{where}: a symbol is a name, got {symbols}")
    default = schema.get("default", "")
    if default and default not in symbols:
        raise AvroError(f"{where}: the default {default!r} is no symbol")
    return Enum(full, tuple(symbols), default)


def _fixed(schema: Mapping[str, Any], full: str, where: str) -> Fixed:
    """Parse a fixed."""
    size = schema.get("size")
    if not isinstance(size, int) or size < 1:
        raise AvroError(f"{where}: a fixed has a size of 1 or more, got {size!r}")
    logical, precision, scale = _logical_parts(schema, "fixed", where)
    return Fixed(full, size, logical, precision, scale)


def _logical(found: Primitive, schema: Mapping[str, Any], where: str) -> Primitive:
    """Return a primitive with its logical type."""
    logical, precision, scale = _logical_parts(schema, found.name, where)
    return Primitive(found.name, logical, precision, scale)


def _logical_parts(schema: Mapping[str, Any], base: str, where: str) -> tuple[str, int, int]:
    """Return the logical type and, for a decimal, its precision and scale (both in digits)."""
    logical = schema.get("logicalType", "")
    if logical and base not in LOGICAL.get(logical, ()):
        raise AvroError(f"{where}: logical type {logical} on {base} is not supported")
    if logical != "decimal":
        return logical, 0, 0
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if not isinstance(precision, int) or not isinstance(scale, int) or not 0 <= scale <= precision <= 76:
        raise AvroError(f"{where}: a decimal has 0 ≤ scale ≤ precision ≤ 76, got {scale!r} and {precision!r}")
    return logical, precision, scale
