"""Reads pages of a JSON interface: one source record for each element of an array, with its bytes. Pure."""

import io
from collections.abc import Callable, Collection, Iterator
from typing import Any, BinaryIO

from streams.readers import json_value
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.json_stream import Element, Envelope, Path, cut, envelope

DraftOf = Callable[[dict[str, Any]], EventDraft]
"""Makes an element's event. Raises ValueError if the element cannot become one."""


def around(stream: BinaryIO, paths: Collection[Path]) -> Any:
    """Return the page without the elements of its arrays, and rewind; None if it is no JSON.

    Args:
        stream: The page, at its beginning. It can be rewound.
        paths: Paths of the arrays.
    """
    found = envelope(stream, paths)
    stream.seek(0)
    if found.problem is not None:
        return None
    try:
        return json_value.parse(found.data)
    except ValueError:
        return None


def begins_page(head: bytes, paths: Collection[Path]) -> bool:
    """Return whether a file begins like a page: it has one of its arrays, and is no JSON-LD document.

    Args:
        head: First bytes of the file.
        paths: Paths of the arrays. An array inside another document's extension has another path.
    """
    found = envelope(io.BytesIO(head), paths)
    return bool(found.arrays) and b'"@context"' not in found.data


def pages(stream: BinaryIO, paths: Collection[Path], draft_of: DraftOf, rule: str) -> Iterator[Item]:
    """Yield an item for each element of a page's arrays, and one for what stands around them.

    Args:
        stream: The page, at its beginning.
        paths: Paths of the arrays.
        draft_of: Makes an element's event.
        rule: The rule that refuses an element, `name@version`.
    """
    record = 0
    for part in cut(stream, paths):
        if isinstance(part, Envelope):
            yield _around(part, record, paths, rule)
            continue
        record += 1
        try:
            draft = draft_of(_object(part))
        except ValueError as error:
            yield Refused(record, part.line, part.data, str(error), rule, (part.span,))
        else:
            yield Accepted(record, part.line, part.data, (draft,), (part.span,))


def _object(part: Element) -> dict[str, Any]:
    if part.problem is not None:
        raise ValueError(part.problem)
    value = json_value.parse(part.data)
    if isinstance(value, dict):
        return value
    raise ValueError(f"expected an object, got {str(value)[:40]!r}")


def _around(part: Envelope, record: int, paths: Collection[Path], rule: str) -> Item:
    problem = part.problem
    if problem is None:
        try:
            json_value.parse(part.data)
        except ValueError as error:
            problem = str(error)
    if problem is None and not part.arrays:
        problem = f"no array {' or '.join('.'.join(path) for path in paths)}"
    if problem is None:
        return Skipped(part.line, "what stands around the records", part.spans)
    return Refused(record + 1, part.line, part.data, problem, rule, part.spans)
