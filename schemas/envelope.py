"""Converts a written `.avsc` to the schema of the wire: envelope fields in front, personal fields as bytes. Pure.

An author writes a personal field with its natural type and `"personal": true`. On the wire it is `bytes` (the
ciphertext), and `clearType` has the natural type. `examples.clear_tree` is the reverse, for holders of the keys.
"""

import json
from typing import Any


def wire_record(written: dict[str, Any], envelope: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the wire: the envelope's fields, then the record's own.

    Args:
        written: Avro record of an event as written, plain JSON.
        envelope: Avro record of the envelope, plain JSON.
    """
    fields = [*envelope["fields"], *(_wire_field(each) for each in written["fields"])]
    return {**written, "fields": fields}


def personal_fields(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the encrypted fields of a record."""
    return tuple(each["name"] for each in record["fields"] if each.get("personal"))


def canonical_text(record: dict[str, Any]) -> str:
    """Return a schema as one line of JSON; equal schemas give equal text."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


PARSING_ATTRIBUTES = (
    "type", "name", "fields", "symbols", "items", "values", "size", "logicalType", "precision", "scale", "unit",
)  # fmt: skip
"""Attributes by which a value is read: those of Avro's Parsing Canonical Form, logical types, and units."""


def parsing_form(text: str) -> str:
    """Return the part of a schema that reading values needs, as canonical JSON.

    Documentation, defaults and the platform's own attributes are left out. So are namespaces: a name without a dot is
    in the record's namespace.

    Args:
        text: The schema as JSON.
    """
    return canonical_text(_parsing_form(json.loads(text)))


def _parsing_form(node: Any) -> Any:
    if isinstance(node, list):
        return [_parsing_form(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {name: _parsing_form(node[name]) for name in PARSING_ATTRIBUTES if name in node}
    return kept["type"] if set(kept) == {"type"} else kept


def _wire_field(written: dict[str, Any]) -> dict[str, Any]:
    """Return a field as it is on the wire: a personal field as bytes, any other unchanged."""
    if not written.get("personal"):
        return written
    nullable, clear = split_null(written["type"])
    return {**written, "type": ["null", "bytes"] if nullable else "bytes", "clearType": clear}


def split_null(kind: Any) -> tuple[bool, Any]:
    """Return whether a type is nullable, and its type other than null.

    Returns:
        `(True, "double")` for `["null", "double"]`, `(False, kind)` for any other type.
    """
    if isinstance(kind, list) and len(kind) == 2 and "null" in kind:
        return True, kind[1 - kind.index("null")]
    return False, kind
