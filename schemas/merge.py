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
