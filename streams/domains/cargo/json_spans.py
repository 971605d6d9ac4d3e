"""Positions of values inside a JSON text, so that a refused event keeps the bytes of its file. Pure.

The text must be valid JSON: `json_text.parse` accepted it before.
"""

import json
from collections.abc import Iterator

_DECODER = json.JSONDecoder()
_BLANK = " \t\r\n"

Span = tuple[int, int]
"""Index of the first character, and of the one after the last."""


def root(text: str) -> Span:
    """Return the span of the text's top-level value."""
    begin = _skip_blanks(text, 0)
    return begin, _end(text, begin)


def member(text: str, span: Span, name: str) -> Span | None:
    """Return the span of an object member's value.

    Args:
        text: The JSON text.
        span: Span of the object.
        name: Name of the member.

    Returns:
        Span of the last member of that name, which `json.loads` keeps too. None if there is none, or no object.
    """
    if text[span[0]] != "{":
        return None
    found = None
    at = _skip_blanks(text, span[0] + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        begin = _skip_blanks(text, _skip_blanks(text, at) + 1)
        end = _end(text, begin)
        if key == name:
            found = begin, end
        at = _after_comma(text, end)
    return found


def items(text: str, span: Span) -> Iterator[Span]:
    """Yield the span of each item of the array at `span`."""
    at = _skip_blanks(text, span[0] + 1)
    while text[at] != "]":
        end = _end(text, at)
        yield at, end
        at = _after_comma(text, end)


def _end(text: str, begin: int) -> int:
    return _DECODER.raw_decode(text, begin)[1]


def _after_comma(text: str, at: int) -> int:
    at = _skip_blanks(text, at)
    return _skip_blanks(text, at + 1) if text[at] == "," else at


def _skip_blanks(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at
