"""JSON text of unknown origin → its value, or the reason why it is none. Pure.

Accepted is RFC 8259 in UTF-8, and no extension: no NaN or Infinity, no lone surrogates (no UTF-8 text can hold
them), no name twice in one object (RFC 8259 §4), no nesting beyond `DEEPEST`. A byte order mark is
skipped.
"""

import json
from collections.abc import Callable
from typing import Any, NoReturn

DEEPEST = 200
"""Levels of nesting that are read."""


class JsonError(ValueError):
    """The text is not JSON, or repeats a name. The message is one line."""


class DuplicateNameError(JsonError):
    """An object has two members of the same name."""


def parse(data: bytes, *, number: Callable[[str], Any] | None = None) -> Any:
    """Parse a JSON text.

    Args:
        data: Its bytes.
        number: Makes the value of a number that is no integer from its text. By default a `float`, which is infinite
            for numbers beyond its range.

    Raises:
        DuplicateNameError: An object has two members of the same name.
        JsonError: The bytes are not JSON, or nested too deeply.
    """
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(
            text, parse_constant=_no_constant, parse_float=number, object_pairs_hook=_unique_members
        )
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except RecursionError:
        raise JsonError("not JSON: nested too deeply") from None
    except JsonError:
        raise
    except ValueError as error:  # json and the codecs raise it
        raise JsonError(f"not JSON: {error}") from None
    if not _within(value, DEEPEST):
        raise JsonError(f"not JSON that is read: more than {DEEPEST} levels of nesting")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DuplicateNameError(f"member {twice[:60]!r} stands twice in one object")
    return found


def _within(value: Any, depth: int) -> bool:
    """Return whether a value is nested at most `depth` levels."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_within(each, depth - 1) for each in inner if isinstance(each, dict | list))
