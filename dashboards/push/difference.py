"""What would change in Grafana, as a unified difference of bounded length.

What Grafana has was written by others: whatever is no printable character is escaped, and a long line is cut.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

MOST_LINES = 40
"""Most lines of one difference; the rest is counted."""
MOST_CHARACTERS = 160
"""Most characters of one line."""
MOST_COMPARED = 20_000
"""Most lines of JSON that are compared."""
_ENDS = re.compile(r"(?<=\\n)")
_COMMAS = re.compile(r"(?<=, )")
BEFORE, AFTER = "in Grafana", "to be sent"


def printable(text: str) -> str:
    """Return text as printable characters in one line; others are escaped."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def difference(before: Any, after: Any) -> tuple[str, ...]:
    """Return the lines of a unified difference of two JSON values; none if their text is the same."""
    try:
        old, new = _lines(before), _lines(after)
    except RecursionError:
        return ("what Grafana has is nested too deep to be shown",)
    if max(len(old), len(new)) > MOST_COMPARED:
        return (f"too long to be shown: {len(old)} lines {BEFORE}, {len(new)} lines {AFTER}",)
    lines = list(difflib.unified_diff(old, new, BEFORE, AFTER, n=2, lineterm=""))
    shown = [_cut(printable(line)) for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(f"… {len(lines) - MOST_LINES} more lines")
    return tuple(shown)


def _lines(value: Any) -> list[str]:
    """Return a value's JSON in lines; SQL and other long texts are split at their own lines, then after commas."""
    lines: list[str] = []
    for line in json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).split("\n"):
        for piece in _ENDS.split(line) if len(line) > MOST_CHARACTERS else (line,):
            lines += _COMMAS.split(piece) if len(piece) > MOST_CHARACTERS else (piece,)
    return lines


def _cut(line: str) -> str:
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"
