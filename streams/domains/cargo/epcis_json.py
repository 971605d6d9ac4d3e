"""EPCIS 2.0 in JSON: documents, bare events, query documents, queries. Pure.

One source record is one event. The events of a message are accepted or refused together (`message_atomicity.py`). A
message that cannot be cut into events (no JSON, no context, no event list) is one refused record. A query is one
accepted record without an event. A JSON-LD context is required, but neither fetched nor interpreted.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from streams.domains.cargo import epcis_query, json_spans
from streams.domains.cargo.epcis_event import draft
from streams.domains.cargo.epcis_values import time
from streams.domains.cargo.epcis_words import is_uri
from streams.domains.cargo.json_text import parse
from streams.domains.cargo.message_atomicity import RawEvent, accept_together, read_message, refuse_message
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.readers.formats import Accepted, EventDraft, Item

NAME = "epcis-json"
RULE = "epcis-json@1"
DOCUMENT = "epcis-document@1"
ATOMICITY_RULE = "epcis-capture-together@1"

_BEGINS = re.compile(rb'\s*(\xef\xbb\xbf)?\{\s*"')
_TYPE = re.compile(
    rb'"(?:type|isA)"\s*:\s*"(?:EPCIS(?:Query)?Document|(?:Object|Aggregation|Association|Transaction|Transformation)Event)"'
)
_CONTEXT = re.compile(rb'"@context"\s*:[\s\[]*"https?://[a-z.]*gs1\.org/standards/epcis/')
_VERSION = re.compile(r"\d+(\.\d+)*", re.ASCII)


def matches(head: bytes) -> bool:
    """Return whether a file begins like an EPCIS message in JSON."""
    return _BEGINS.match(head) is not None and bool(_TYPE.search(head) or _CONTEXT.search(head))


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a message; yield one item per event, or one for a query or a message that cannot be cut."""
    data = b""
    try:
        data = read_message(stream, RULE)
        text, value = parse(data, RULE)
        if _is_query(value):
            epcis_query.check(value)
            yield Accepted(1, 1, data, ())
            return
        raw_events = list(_raw_events(text, value))
    except RuleViolation as error:
        yield refuse_message(data, error)
        return
    yield from accept_together(raw_events, _draft, ATOMICITY_RULE)


def _draft(event: object) -> EventDraft:
    return draft(event, "JSON")


def _is_query(value: object) -> bool:
    """Return whether a message is a query: it has parameters, and no type of its own."""
    return isinstance(value, Mapping) and not value.keys() & {"type", "isA", "epcisBody", "eventTime"}


def _raw_events(text: str, value: object) -> Iterator[RawEvent]:
    if not isinstance(value, Mapping):
        raise RuleViolation(DOCUMENT, f"message: expected an object, got {short_repr(value)}")
    _check_context(value)
    span = json_spans.root(text)
    kind = value.get("type")
    if kind == "EPCISDocument":
        _check_document(value)
        path: tuple[str, ...] = ("epcisBody", "eventList")
    elif kind == "EPCISQueryDocument":
        path = ("epcisBody", "queryResults", "resultsBody", "eventList")
    else:
        yield _raw_event(text, span, value)
        return
    for name in path:
        value = _inside(value, name)
        found = json_spans.member(text, span, name)
        span = found or span
    if not isinstance(value, list):
        raise RuleViolation(DOCUMENT, f"eventList: expected a list, got {short_repr(value)}")
    for each, event_span in zip(value, json_spans.items(text, span), strict=True):
        yield _raw_event(text, event_span, each)


def _raw_event(text: str, span: json_spans.Span, value: object) -> RawEvent:
    line = text.count("\n", 0, span[0]) + 1
    return RawEvent(line, text[span[0] : span[1]].encode(), value)


def _inside(value: object, name: str) -> Any:
    if not isinstance(value, Mapping) or name not in value:
        raise RuleViolation(DOCUMENT, f"{name} is missing")
    return value[name]


def _check_context(value: Mapping[str, Any]) -> None:
    context = value.get("@context")
    each = context if isinstance(context, list) else [context]
    if not each or not all(isinstance(one, Mapping) or is_uri(one) for one in each):
        raise RuleViolation(DOCUMENT, "@context: expected the JSON-LD context of EPCIS")


def _check_document(value: Mapping[str, Any]) -> None:
    version = value.get("schemaVersion")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise RuleViolation(
            DOCUMENT, f"schemaVersion: expected a version such as 2.0, got {short_repr(version)}"
        )
    time(value.get("creationDate"), "creationDate")
