"""From an `.avsc` as written to the schema as it travels: the envelope in front, personal fields as bytes.

Pure. An author writes a personal field with its natural type and `"personal": true`; on the wire it is
`bytes` (the ciphertext) and `clearType` tells what is inside; `examples.clear_tree` is the way back, for those who
hold the keys.
"""

import json
from typing import Any


def wire_record(written: dict[str, Any], envelope: dict[str, Any]) -> dict[str, Any]:
    """Merge a domain's record with the envelope."""
    fields = [*envelope["fields"], *(_wire_field(each) for each in written["fields"])]
    return {**written, "fields": fields}


def personal_fields(record: dict[str, Any]) -> tuple[str, ...]:
    """Name the fields that are encrypted."""
    return tuple(each["name"] for each in record["fields"] if each.get("personal"))


def canonical_text(record: dict[str, Any]) -> str:
    """Write a schema as one line of JSON; equal schemas give equal text."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


READING = (
    "type", "name", "fields", "symbols", "items", "values", "size", "logicalType", "precision", "scale", "unit",
)  # fmt: skip
"""What a value is read by: the attributes of Avro's Parsing Canonical Form, its logical types, and units."""


def reading_text(text: str) -> str:
    """Leave of a schema what it takes to read values: no documentation, defaults or attributes of our own.

    Names without a dot stand for the record's own namespace, which is left away with every other.
    """
    return canonical_text(_reading(json.loads(text)))


def _reading(node: Any) -> Any:
    if isinstance(node, list):
        return [_reading(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {name: _reading(node[name]) for name in READING if name in node}
    return kept["type"] if set(kept) == {"type"} else kept


def _wire_field(written: dict[str, Any]) -> dict[str, Any]:
    """Make a personal field the bytes it travels as; leave any other alone."""
    if not written.get("personal"):
        return written
    nullable, clear = split_null(written["type"])
    return {**written, "type": ["null", "bytes"] if nullable else "bytes", "clearType": clear}


def split_null(kind: Any) -> tuple[bool, Any]:
    """Split a type into whether it may be null and what it is otherwise.

    Returns:
        `(True, "double")` for `["null", "double"]`, `(False, kind)` for any other type.
    """
    if isinstance(kind, list) and len(kind) == 2 and "null" in kind:
        return True, kind[1 - kind.index("null")]
    return False, kind
