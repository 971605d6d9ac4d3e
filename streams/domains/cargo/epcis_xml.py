"""EPCIS 2.0 in XML: documents, bare events, query documents, polls. Pure.

One source record is one event. `epcis_xml_event` converts an event to the shape of EPCIS 2.0 JSON, so that one set of
rules serves both syntaxes. The events of a message are accepted or refused together (`message_atomicity.py`). Document
types, entities and external references are refused (defusedxml): nothing is fetched or expanded.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from streams.domains.cargo import epcis_query
from streams.domains.cargo.epcis_event import draft
from streams.domains.cargo.epcis_rules import KINDS
from streams.domains.cargo.epcis_values import time
from streams.domains.cargo.epcis_xml_event import event_of, name_of, text_of
from streams.domains.cargo.message_atomicity import RawEvent, accept_together, read_message, refuse_message
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.readers.formats import Accepted, EventDraft, Item

NAME: Final = "epcis-xml"
RULE: Final = "epcis-xml@1"
DOCUMENT: Final = "epcis-document@1"
ATOMICITY_RULE: Final = "epcis-capture-together@1"

_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE[^\[>]*(?:\[.*?\])?\s*>\s*)*"
    rb"<(?:[\w.-]+:)?(?:EPCIS(?:Query)?Document|(?:Object|Aggregation|Association|Transaction|Transformation)Event)[\s>/]",
    re.DOTALL,
)
_DEEPEST = 200
_BODIES = {
    "EPCISDocument": ("EPCISBody", "EventList"),
    "EPCISQueryDocument": ("EPCISBody", "QueryResults", "resultsBody", "EventList"),
}


def matches(head: bytes) -> bool:
    """Return whether a file begins like an EPCIS message in XML."""
    return _ROOT.match(head) is not None


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a message; yield one item per event, or one for a poll or a message that cannot be cut."""
    data = b""
    try:
        data = read_message(stream, RULE)
        builder, root = _parse(data)
        if (poll := _poll(root)) is not None:
            epcis_query.check(_parameters(poll))
            yield Accepted(1, 1, data, ())
            return
        raw_events = [builder.raw_event(data, each) for each in _events(root)]
    except RuleViolation as error:
        yield refuse_message(data, error)
        return
    yield from accept_together(raw_events, _draft, ATOMICITY_RULE)


def _draft(event: object) -> EventDraft:
    if not isinstance(event, Element):
        raise RuleViolation("epcis-shape@1", f"event: expected an element, got {short_repr(event)}")
    return draft(event_of(event), "XML")


class _SpanBuilder(TreeBuilder):
    """Builder of the element tree that also records each element's byte span and line."""

    def __init__(self) -> None:
        super().__init__()
        self.parser: Any = None
        self._open: list[tuple[int, int]] = []
        self._spans: dict[Element, tuple[int, int, int]] = {}

    def start(self, tag: Any, attrs: Any) -> Element:
        """Record where an element begins."""
        if len(self._open) >= _DEEPEST:
            raise RuleViolation(RULE, f"more than {_DEEPEST} elements inside one another")
        self._open.append((self.parser.CurrentByteIndex, self.parser.CurrentLineNumber))
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        """Record where an element ends."""
        begin, line = self._open.pop()
        element = super().end(tag)
        self._spans[element] = (begin, self.parser.CurrentByteIndex, line)
        return element

    def raw_event(self, data: bytes, element: Element) -> RawEvent:
        """Return an element with the bytes of its message that hold it."""
        begin, last_tag, line = self._spans[element]
        return RawEvent(line, data[begin : data.find(b">", last_tag) + 1], element)


def _parse(data: bytes) -> tuple[_SpanBuilder, Element]:
    builder = _SpanBuilder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    builder.parser = parser.parser
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise RuleViolation(RULE, f"document types and entities are not read: {error}") from None
    except (ParseError, ValueError, LookupError, AssertionError) as error:
        if isinstance(error, RuleViolation):
            raise
        raise RuleViolation(RULE, f"not XML: {error}") from None
    return builder, root


def _poll(root: Element) -> Element | None:
    if name_of(root) != "EPCISQueryDocument":
        return None
    body = _child(root, "EPCISBody")
    return None if body is None else _child(body, "Poll")


def _events(root: Element) -> list[Element]:
    kind = name_of(root)
    if kind in KINDS:
        return [root]
    if kind not in _BODIES:
        raise RuleViolation(DOCUMENT, f"root: expected an EPCIS document or event, got {short_repr(kind)}")
    if kind == "EPCISDocument":
        if not root.get("schemaVersion"):
            raise RuleViolation(DOCUMENT, "schemaVersion is missing")
        time(root.get("creationDate"), "creationDate")
    found = root
    for name in _BODIES[kind]:
        inner = _child(found, name)
        if inner is None:
            raise RuleViolation(DOCUMENT, f"{name} is missing")
        found = inner
    return list(found)


def _child(element: Element, name: str) -> Element | None:
    return next((each for each in element if name_of(each) == name), None)


def _parameters(poll: Element) -> Mapping[str, Any]:
    name = _child(poll, "queryName")
    if name is None or not text_of(name):
        raise RuleViolation(epcis_query.RULE, "Poll: queryName is missing")
    found: dict[str, Any] = {}
    for parameter in _child(poll, "params") or ():
        parameter_name, value = _child(parameter, "name"), _child(parameter, "value")
        if parameter_name is None or not text_of(parameter_name):
            raise RuleViolation(epcis_query.RULE, "param: name is missing")
        if value is None:
            raise RuleViolation(epcis_query.RULE, f"{text_of(parameter_name)}: value is missing")
        found[text_of(parameter_name)] = (
            [text_of(each) for each in value] if len(value) else _scalar(text_of(value))
        )
    return found


def _scalar(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        return text
