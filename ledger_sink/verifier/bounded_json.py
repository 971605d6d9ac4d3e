"""JSON from others: a few large values, never many small ones, which take ten to forty times their size in memory."""

import json
from typing import Any

MAX_ITEMS = 100_000
"""Most commas of one text."""
MAX_NESTED = 5_000
"""Most lists and objects of one text; deeper nesting overflows the stack where a library raised the recursion limit."""


def parse_json(text: bytes) -> Any:
    """Parse one JSON text (RFC 8259); refuse a member that comes twice, NaN and Infinity.

    Raises:
        ValueError: if it is malformed, too deep, or has too many items.
    """
    if text.count(b",") > MAX_ITEMS or text.count(b"[") + text.count(b"{") > MAX_NESTED:
        raise ValueError(f"expected at most {MAX_ITEMS} items and {MAX_NESTED} lists in a JSON text")
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("expected JSON, got lists or objects too deep in each other") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in an object")
    return members


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")
