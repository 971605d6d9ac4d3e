"""Checks that versions of a schema are compatible. FULL_TRANSITIVE: each version reads what any other wrote. Pure.

What follows for producers and readers: docs/events.md#schema-versions.

The rule is stricter than Avro's: a field never changes its type, logical type, unit, default or `personal`. Allowed
changes are: add a field with a default, drop a field that has one, add or drop symbols of an enum that has a default,
reword a doc.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.avro import (
    MISSING,
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
    parse_record,
)
from schemas.model import Schema


def check(old: Schema, new: Schema) -> list[str]:
    """Return the reasons why `new` may not follow `old`.

    Returns:
        One line for each reason, with the field; empty if the versions are compatible.
    """
    return list(_record(old.tree, new.tree, ""))


def check_record(old: dict[str, Any], new: Any) -> list[str]:
    """Return the reasons why one schema may not follow another; both are plain JSON.

    Raises:
        AvroError: A schema is not that of a record.
    """
    return list(_record(parse_record(old), parse_record(new), ""))


def check_all(versions: Sequence[Schema]) -> list[str]:
    """Check every version against all versions before it.

    Args:
        versions: Versions of one schema, oldest first.

    Returns:
        One line for each problem, with the two versions and the field.
    """
    return [
        f"v{new.version} after v{old.version}: {problem}"
        for number, new in enumerate(versions)
        for old in versions[:number]
        for problem in check(old, new)
    ]


def _record(old: Record, new: Record, where: str) -> Iterator[str]:
    """Compare two records field by field."""
    if old.name != new.name:
        yield f"{where or 'record'}: the name changed from {old.name} to {new.name}"
    before = {each.name: each for each in old.fields}
    after = {each.name: each for each in new.fields}
    for name, field in after.items():
        place = f"{where}.{name}" if where else name
        if name in before:
            yield from _field(before[name], field, place)
        elif field.default is MISSING:
            yield f"{place}: a new field needs a default"
    for name, field in before.items():
        if name not in after and field.default is MISSING:
            yield f"{where}.{name}: only a field with a default may be dropped".lstrip(".")


def _field(old: Field, new: Field, where: str) -> Iterator[str]:
    """Compare a field with its earlier version."""
    if old.unit != new.unit:
        yield f"{where}: the unit changed from {old.unit or 'none'} to {new.unit or 'none'}"
    if old.personal != new.personal:
        yield f"{where}: personal changed from {old.personal} to {new.personal}".lower()
    if old.default != new.default:
        yield f"{where}: the default changed"
    yield from _type(old.type, new.type, where)
    if old.clear_type is not None and new.clear_type is not None:
        yield from _type(old.clear_type, new.clear_type, where)


def _type(old: Type, new: Type, where: str) -> Iterator[str]:
    """Compare a type with its earlier version."""
    match old, new:
        case Record(), Record():
            yield from _record(old, new, where)
        case Array(before), Array(after):
            yield from _type(before, after, f"{where}[]")
        case Map(before), Map(after):
            yield from _type(before, after, f"{where}{{}}")
        case Union(before), Union(after) if len(before) == len(after):
            for was, now in zip(before, after, strict=True):
                yield from _type(was, now, where)
        case Enum(), Enum():
            yield from _enum(old, new, where)
        case Fixed(), Fixed() if old != new:
            yield f"{where}: the type changed from {old} to {new}"
        case _ if old != new:
            yield f"{where}: the type changed from {_type_text(old)} to {_type_text(new)}"


def _type_text(kind: Type) -> str:
    """Return a type with its base type, so that a change of the logical type alone is visible."""
    text = describe(kind)
    if not isinstance(kind, Primitive | Fixed) or not kind.logical:
        return text
    digits = f"({kind.precision}, {kind.scale})" if kind.precision else ""
    return f"{text}{digits} on {kind.name}"


def _enum(old: Enum, new: Enum, where: str) -> Iterator[str]:
    """Compare the symbols of an enum."""
    if old.name != new.name:
        yield f"{where}: the name changed from {old.name} to {new.name}"
    if old.default != new.default:
        yield f"{where}: the enum's default changed from {old.default or 'none'} to {new.default or 'none'}"
    changed = sorted(set(old.symbols) ^ set(new.symbols))
    if changed and not old.default:
        yield f"{where}: the symbols changed ({', '.join(changed)}) and the enum has no default"
