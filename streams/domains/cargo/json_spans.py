"""Where the values of a JSON text lie, so that a refused event is kept as its maker wrote it. Pure.

The text must be JSON already (`json.loads` has read it).
"""

import json
from collections.abc import Iterator

_DECODER = json.JSONDecoder()
_BLANK = " \t\r\n"

Span = tuple[int, int]
"""First character, and the one behind the last."""


def whole(text: str) -> Span:
    """Tell where the text's own value lies."""
    begin = _solid(text, 0)
    return begin, _end(text, begin)


def member(text: str, span: Span, name: str) -> Span | None:
    """Tell where an object's member lies; the last of that name, as `json.loads` takes it."""
    if text[span[0]] != "{":
        return None
    found = None
    at = _solid(text, span[0] + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        begin = _solid(text, _solid(text, at) + 1)
        end = _end(text, begin)
        if key == name:
            found = begin, end
        at = _behind_comma(text, end)
    return found


def items(text: str, span: Span) -> Iterator[Span]:
    """Tell where an array's items lie."""
    at = _solid(text, span[0] + 1)
    while text[at] != "]":
        end = _end(text, at)
        yield at, end
        at = _behind_comma(text, end)


def _end(text: str, begin: int) -> int:
    return _DECODER.raw_decode(text, begin)[1]


def _behind_comma(text: str, at: int) -> int:
    at = _solid(text, at)
    return _solid(text, at + 1) if text[at] == "," else at


def _solid(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at
