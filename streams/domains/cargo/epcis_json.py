"""EPCIS 2.0 in JSON: documents, bare events, query documents, queries. Pure.

One source record is one event. A message that breaks a rule of its own (no JSON, no context, no event list) is
one refused record; a query is one record that becomes no event. JSON-LD contexts are never fetched: a context
has to be there, what it says is not looked at.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from streams.domains.cargo import epcis_query, json_spans
from streams.domains.cargo import message_atomicity as whole
from streams.domains.cargo.epcis_event import draft
from streams.domains.cargo.epcis_values import time
from streams.domains.cargo.epcis_words import is_uri
from streams.domains.cargo.json_text import parse
from streams.domains.cargo.rule_violation import BrokenRule, shown
from streams.readers.formats import Accepted, EventDraft, Item

NAME = "epcis-json"
RULE = "epcis-json@1"
DOCUMENT = "epcis-document@1"
TOGETHER = "epcis-capture-together@1"

_BEGINS = re.compile(rb'\s*(\xef\xbb\xbf)?\{\s*"')
_TYPE = re.compile(
    rb'"(?:type|isA)"\s*:\s*"(?:EPCIS(?:Query)?Document|(?:Object|Aggregation|Association|Transaction|Transformation)Event)"'
)
_CONTEXT = re.compile(rb'"@context"\s*:[\s\[]*"https?://[a-z.]*gs1\.org/standards/epcis/')
_VERSION = re.compile(r"\d+(\.\d+)*", re.ASCII)


def matches(head: bytes) -> bool:
    """Tell whether a file begins like an EPCIS message in JSON."""
    return _BEGINS.match(head) is not None and bool(_TYPE.search(head) or _CONTEXT.search(head))


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a message, one item per event."""
    data = b""
    try:
        data = whole.load(stream, RULE)
        text, value = parse(data, RULE)
        if _is_query(value):
            epcis_query.check(value)
            yield Accepted(1, 1, data, ())
            return
        pieces = list(_pieces(text, value))
    except BrokenRule as error:
        yield whole.refused_whole(data, error)
        return
    yield from whole.judged(pieces, _draft, TOGETHER)


def _draft(event: object) -> EventDraft:
    return draft(event, "JSON")


def _is_query(value: object) -> bool:
    """Tell whether a message asks; a query has parameters and no type of its own."""
    return isinstance(value, Mapping) and not value.keys() & {"type", "isA", "epcisBody", "eventTime"}


def _pieces(text: str, value: object) -> Iterator[whole.Piece]:
    if not isinstance(value, Mapping):
        raise BrokenRule(DOCUMENT, f"message: expected an object, got {shown(value)}")
    _check_context(value)
    span = json_spans.whole(text)
    kind = value.get("type")
    if kind == "EPCISDocument":
        _check_document(value)
        path: tuple[str, ...] = ("epcisBody", "eventList")
    elif kind == "EPCISQueryDocument":
        path = ("epcisBody", "queryResults", "resultsBody", "eventList")
    else:
        yield _piece(text, span, value)
        return
    for name in path:
        value = _inside(value, name)
        found = json_spans.member(text, span, name)
        span = found or span
    if not isinstance(value, list):
        raise BrokenRule(DOCUMENT, f"eventList: expected a list, got {shown(value)}")
    for each, place in zip(value, json_spans.items(text, span), strict=True):
        yield _piece(text, place, each)


def _piece(text: str, span: json_spans.Span, value: object) -> whole.Piece:
    line = text.count("\n", 0, span[0]) + 1
    return whole.Piece(line, text[span[0] : span[1]].encode(), value)


def _inside(value: object, name: str) -> Any:
    if not isinstance(value, Mapping) or name not in value:
        raise BrokenRule(DOCUMENT, f"{name} is missing")
    return value[name]


def _check_context(value: Mapping[str, Any]) -> None:
    context = value.get("@context")
    each = context if isinstance(context, list) else [context]
    if not each or not all(isinstance(one, Mapping) or is_uri(one) for one in each):
        raise BrokenRule(DOCUMENT, "@context: expected the JSON-LD context of EPCIS")


def _check_document(value: Mapping[str, Any]) -> None:
    version = value.get("schemaVersion")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise BrokenRule(DOCUMENT, f"schemaVersion: expected a version such as 2.0, got {shown(version)}")
    time(value.get("creationDate"), "creationDate")
