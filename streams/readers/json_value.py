"""JSON text of unknown origin → its value, or the reason why it is none; and back, digit for digit. Pure.

Accepted is RFC 8259 in UTF-8, and no extension: no NaN or Infinity, no lone surrogates (no UTF-8 text can hold
them), no name twice in one object (RFC 8259 §4), no nesting beyond `DEEPEST`. A byte order mark is
skipped.
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn, Self

DEEPEST = 200
"""Levels of nesting that are read."""


class JsonError(ValueError):
    """The text is not JSON, or repeats a name. The message is one line."""


class Number(float):
    """A number that is no integer, with its text. `10.00`, `1e400` and thirty digits stay as they were written.

    Args:
        text: A number of JSON.
    """

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        """Create a number from its text."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __repr__(self) -> str:
        return self.text


class DuplicateNameError(JsonError):
    """An object has two members of the same name."""


def parse(data: bytes, *, exact: bool = False) -> Any:
    """Parse a JSON text.

    Args:
        data: Its bytes.
        exact: Whether a number that is no integer, or is `-0`, becomes a `Number`. Else it is a `float`, which is
            infinite for a number beyond its range.

    Raises:
        DuplicateNameError: An object has two members of the same name.
        JsonError: The bytes are not JSON, or nested too deeply.
    """
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(
            text,
            parse_constant=_no_constant,
            parse_float=Number if exact else None,
            parse_int=_exact_int if exact else None,
            object_pairs_hook=_unique_members,
        )
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise JsonError("not JSON: nested too deeply") from None
    except JsonError:
        raise
    except ValueError as error:  # json and the codecs raise it
        raise JsonError(f"not JSON: {error}") from None
    if not _within(value, DEEPEST):
        raise JsonError(f"not JSON that is read: more than {DEEPEST} levels of nesting")
    return value


def dump(value: Any) -> str:
    """Return a value as JSON text with its members in order of their names, and each `Number` as it was written.

    Args:
        value: What `parse` returns, or a value of the same types.
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(name)}: {dump(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(dump, value)) + "]"
    return value.text if isinstance(value, Number) else _quoted(value)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _exact_int(text: str) -> int | Number:
    return Number(text) if text == "-0" else int(text)


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
