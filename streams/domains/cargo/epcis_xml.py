"""EPCIS 2.0 in XML: documents, bare events, query documents, polls. Pure.

One source record is one event. XML is brought into the shape of EPCIS 2.0 JSON and judged there, so that both
break the same rules. Document types, entities and anything from outside are refused (defusedxml): nothing is
fetched, nothing is expanded.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from streams.domains.cargo import epcis_query
from streams.domains.cargo import message_atomicity as whole
from streams.domains.cargo.epcis_event import draft
from streams.domains.cargo.epcis_rules import KINDS
from streams.domains.cargo.epcis_values import time
from streams.domains.cargo.epcis_xml_event import event_of, name_of, text_of
from streams.domains.cargo.rule_violation import BrokenRule, shown
from streams.readers.formats import Accepted, EventDraft, Item

NAME: Final = "epcis-xml"
RULE: Final = "epcis-xml@1"
DOCUMENT: Final = "epcis-document@1"
TOGETHER: Final = "epcis-capture-together@1"

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
    """Tell whether a file begins like an EPCIS message in XML."""
    return _ROOT.match(head) is not None


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a message, one item per event."""
    data = b""
    try:
        data = whole.load(stream, RULE)
        builder, root = _parse(data)
        if (poll := _poll(root)) is not None:
            epcis_query.check(_parameters(poll))
            yield Accepted(1, 1, data, ())
            return
        pieces = [builder.piece(data, each) for each in _events(root)]
    except BrokenRule as error:
        yield whole.refused_whole(data, error)
        return
    yield from whole.judged(pieces, _draft, TOGETHER)


def _draft(event: object) -> EventDraft:
    if not isinstance(event, Element):
        raise BrokenRule("epcis-shape@1", f"event: expected an element, got {shown(event)}")
    return draft(event_of(event), "XML")


class _Places(TreeBuilder):
    """Builds the tree, and notes where each element lies."""

    def __init__(self) -> None:
        super().__init__()
        self.parser: Any = None
        self._depth = 0
        self._open: list[tuple[int, int]] = []
        self._places: dict[Element, tuple[int, int, int]] = {}

    def start(self, tag: Any, attrs: Any) -> Element:
        """Note where an element begins."""
        if len(self._open) >= _DEEPEST:
            raise BrokenRule(RULE, f"more than {_DEEPEST} elements inside one another")
        self._open.append((self.parser.CurrentByteIndex, self.parser.CurrentLineNumber))
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        """Note where an element ends."""
        begin, line = self._open.pop()
        element = super().end(tag)
        self._places[element] = (begin, self.parser.CurrentByteIndex, line)
        return element

    def piece(self, data: bytes, element: Element) -> whole.Piece:
        """Cut an element out of its message."""
        begin, last_tag, line = self._places[element]
        return whole.Piece(line, data[begin : data.find(b">", last_tag) + 1], element)


def _parse(data: bytes) -> tuple[_Places, Element]:
    places = _Places()
    parser = DefusedXMLParser(target=places, forbid_dtd=True)
    places.parser = parser.parser
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise BrokenRule(RULE, f"document types and entities are not read: {error}") from None
    except (ParseError, ValueError, LookupError, AssertionError) as error:
        if isinstance(error, BrokenRule):
            raise
        raise BrokenRule(RULE, f"not XML: {error}") from None
    return places, root


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
        raise BrokenRule(DOCUMENT, f"root: expected an EPCIS document or event, got {shown(kind)}")
    if kind == "EPCISDocument":
        if not root.get("schemaVersion"):
            raise BrokenRule(DOCUMENT, "schemaVersion is missing")
        time(root.get("creationDate"), "creationDate")
    found = root
    for name in _BODIES[kind]:
        inner = _child(found, name)
        if inner is None:
            raise BrokenRule(DOCUMENT, f"{name} is missing")
        found = inner
    return list(found)


def _child(element: Element, name: str) -> Element | None:
    return next((each for each in element if name_of(each) == name), None)


def _parameters(poll: Element) -> Mapping[str, Any]:
    name = _child(poll, "queryName")
    if name is None or not text_of(name):
        raise BrokenRule(epcis_query.RULE, "Poll: queryName is missing")
    found: dict[str, Any] = {}
    for parameter in _child(poll, "params") or ():
        told, value = _child(parameter, "name"), _child(parameter, "value")
        if told is None or not text_of(told):
            raise BrokenRule(epcis_query.RULE, "param: name is missing")
        if value is None:
            raise BrokenRule(epcis_query.RULE, f"{text_of(told)}: value is missing")
        found[text_of(told)] = [text_of(each) for each in value] if len(value) else _scalar(text_of(value))
    return found


def _scalar(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        return text
