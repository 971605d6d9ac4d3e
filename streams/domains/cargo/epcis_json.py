"""EPCIS 2.0 in JSON: documents, bare events, query documents, queries. Pure, and of any length.

One source record is one event. A query is one accepted record without an event. A message that is wrong itself (no
JSON, no context, no event list, a text that is cut off) is one refused record, behind those of its events. A JSON-LD
context is required, but neither fetched nor interpreted.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from streams.domains.cargo import epcis_query
from streams.domains.cargo.epcis_event import NO_CONTEXT, Context, contexts, draft
from streams.domains.cargo.epcis_values import time
from streams.domains.cargo.epcis_words import is_uri
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.readers import json_value
from streams.readers.formats import Accepted, Item, Refused, Skipped
from streams.readers.json_stream import Element, Envelope, cut, envelope, opening

NAME = "epcis-json"
RULE = "epcis-json@1"
DUPLICATE = "epcis-duplicate-member@1"
DOCUMENT = "epcis-document@1"

_BEGINS = re.compile(rb'\s*(\xef\xbb\xbf)?\s*\{\s*"')
_TYPE = re.compile(
    rb'"(?:type|isA)"\s*:\s*"(?:EPCIS(?:Query)?Document|(?:Object|Aggregation|Association|Transaction|Transformation)Event)"'
)
_CONTEXT = re.compile(rb'"@context"\s*:[\s\[]*"https?://[a-z.]*gs1\.org/standards/epcis/')
_VERSION = re.compile(r"\d+(\.\d+)*", re.ASCII)
_PATHS = {
    "EPCISDocument": ("epcisBody", "eventList"),
    "EPCISQueryDocument": ("epcisBody", "queryResults", "resultsBody", "eventList"),
}


def matches(head: bytes) -> bool:
    """Return whether a file begins like an EPCIS message in JSON."""
    return _BEGINS.match(head) is not None and bool(_TYPE.search(head) or _CONTEXT.search(head))


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a message; yield one item per event, or one for a query or a message that cannot be cut.

    Each event is checked by itself. That a message is accepted or refused as a whole is its format's `together`.

    Args:
        stream: The file, decompressed and seekable.
    """
    context = _context(stream)
    stream.seek(0)
    for record, part in enumerate(cut(stream, _PATHS.values()), 1):
        if isinstance(part, Element):
            yield _event(record, part, context)
            continue
        try:
            yield _rest(part)
        except RuleViolation as error:
            yield Refused(record, part.line, part.data.strip(), str(error), error.rule, part.spans)


def _context(stream: BinaryIO) -> Context:
    """Return the contexts of a message. They may stand behind the events, which takes a reading of its own.

    A message that is wrong itself has none: it is refused at its end.
    """
    for text in _envelope_texts(stream):
        try:
            value = json_value.parse(text, exact=True)
        except json_value.JsonError:
            return NO_CONTEXT
        if isinstance(value, dict) and "@context" in value:
            return NO_CONTEXT.with_own(value["@context"])
    return NO_CONTEXT


def _envelope_texts(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what stands before the events, then what stands around them. Nothing if there are no events."""
    begin = opening(stream, _PATHS.values())
    if begin is not None:
        yield begin
        stream.seek(0)
        yield envelope(stream, _PATHS.values()).data


def _rest(around: Envelope) -> Item:
    """Return the item of what stands around the events: a query, a bare event, or an envelope."""
    value = _message(around)
    data = around.data.strip()
    if not around.arrays and _is_query(value):
        epcis_query.check(value)
        return Accepted(1, around.line, data, (), around.spans)
    if not around.arrays:
        return Accepted(1, around.line, data, (draft(value, "JSON"),), around.spans)
    return Skipped(around.line, "envelope of the message", around.spans)


def _message(around: Envelope) -> Mapping[str, Any]:
    """Return a message without its events, after checking it."""
    value = _parsed(around.data) if around.problem is None else None
    if around.problem is not None:
        raise RuleViolation(RULE, f"not JSON: {around.problem}")
    if not isinstance(value, Mapping):
        raise RuleViolation(DOCUMENT, f"message: expected an object, got {short_repr(value)}")
    if _is_query(value) and not around.arrays:
        return value
    _check_context(value)
    kind = value.get("type")
    path = _PATHS.get(kind) if isinstance(kind, str) else None
    if kind == "EPCISDocument":
        _check_document(value)
    if path is not None and around.arrays != (path,):
        _require_list(value, path)
    if path is None and around.arrays:
        raise RuleViolation(DOCUMENT, f"type: expected {' or '.join(_PATHS)}, got {short_repr(kind)}")
    return value


def _event(record: int, part: Element, context: Context) -> Item:
    spans = (part.span,)
    if part.problem is not None:
        return Refused(record, part.line, part.data, f"not JSON: {part.problem}", RULE, spans)
    try:
        event = draft(_parsed(part.data), "JSON", context)
    except RuleViolation as error:
        return Refused(record, part.line, part.data, str(error), error.rule, spans)
    return Accepted(record, part.line, part.data, (event,), spans)


def _parsed(data: bytes) -> Any:
    try:
        return json_value.parse(data, exact=True)
    except json_value.DuplicateNameError as error:
        raise RuleViolation(DUPLICATE, str(error)) from None
    except json_value.JsonError as error:
        raise RuleViolation(RULE, str(error)) from None


def _is_query(value: Mapping[str, Any]) -> bool:
    """Return whether a message is a query: it has parameters, and no type of its own."""
    return not value.keys() & {"type", "isA", "epcisBody", "eventTime"}


def _require_list(value: Any, path: tuple[str, ...]) -> None:
    """Raise RuleViolation: the event list of a message is missing, no list, or not the only one."""
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            raise RuleViolation(DOCUMENT, f"{name} is missing")
        value = value[name]
    if not isinstance(value, list):
        raise RuleViolation(DOCUMENT, f"eventList: expected a list, got {short_repr(value)}")
    raise RuleViolation(DOCUMENT, "eventList: expected one list of events, got several")


def _check_context(value: Mapping[str, Any]) -> None:
    context = contexts(value.get("@context"))
    if not context or not all(isinstance(one, Mapping) or is_uri(one) for one in context):
        raise RuleViolation(DOCUMENT, "@context: expected the JSON-LD context of EPCIS")


def _check_document(value: Mapping[str, Any]) -> None:
    version = value.get("schemaVersion")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise RuleViolation(
            DOCUMENT, f"schemaVersion: expected a version such as 2.0, got {short_repr(version)}"
        )
    time(value.get("creationDate"), "creationDate")
