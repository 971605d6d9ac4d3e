"""EPCIS 1.0 to 2.0 in XML: documents, bare events, query documents, polls. Pure, and of any length.

One source record is one event. `epcis_xml_event` converts an event to the shape of EPCIS 2.0 JSON, so that one set of
rules serves both syntaxes and all versions. A poll is one accepted record without an event. A message that is wrong
itself (no XML, no event list, a document that is cut off) is one refused record, behind those of its events. Document
types, entities and external references are refused: nothing is fetched or expanded.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import Element

from streams.domains.cargo import epcis_query
from streams.domains.cargo.epcis_event import draft
from streams.domains.cargo.epcis_rules import KINDS
from streams.domains.cargo.epcis_xml_event import QUANTITY_EVENT, bare_name, event_of, name_of, text_of
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.xml_stream import IGNORED, LIST, Tags, XmlElement, XmlEnvelope, cut

NAME: Final = "epcis-xml"
RULE: Final = "epcis-xml@1"
DOCUMENT: Final = "epcis-document@1"

_ROOT = re.compile(
    rb"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^\[>]*(?:\[.*?\])?\s*>\s*)*"
    rb"<(?:[\w.-]+:)?(?:EPCIS(?:Query)?Document|(?:Object|Aggregation|Association|Transaction|Transformation|Quantity)Event)"
    rb"[\s>/]",
    re.DOTALL,
)
_DATE_TIME = re.compile(r"-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_BODIES = {
    "EPCISDocument": ("EPCISBody", "EventList"),
    "EPCISQueryDocument": ("EPCISBody", "QueryResults", "resultsBody", "EventList"),
}
_EVENTS = frozenset({*KINDS, QUANTITY_EVENT})


def matches(head: bytes) -> bool:
    """Return whether a file begins like an EPCIS message in XML."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        first = "<".encode(encoding)
        if head.startswith((mark, first)):
            head = head.decode(encoding, "ignore").lstrip("\ufeff").encode()
    return _ROOT.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a message; yield one item per event, or one for a poll or a message that cannot be cut.

    Each event is checked by itself. That a message is accepted or refused as a whole is its format's `together`.

    Args:
        stream: The file, decompressed.
    """
    for record, part in enumerate(cut(stream, _role), 1):
        if isinstance(part, XmlElement):
            yield _event(record, part)
            continue
        try:
            item = _message(part)
        except RuleViolation as error:
            yield Refused(record, 1, part.data, str(error), error.rule, part.spans)
        else:
            yield item


@lru_cache(maxsize=1024)
def _role(tags: Tags) -> str:
    names = tuple(map(bare_name, tags))
    path = (names[0], *_BODIES.get(names[0], ("",)))
    if names[: len(path)] == path and set(names[len(path) :]) <= {"extension"}:
        return LIST  # EPCIS 1.1 and 1.2 put events that are younger than 1.0 into an extension
    return IGNORED if names[1:] == ("EPCISHeader",) else ""


def _event(record: int, part: XmlElement) -> Item:
    spans = (part.span,)
    if part.element is None:
        return Refused(record, part.line, part.data, part.problem or "not XML", RULE, spans)
    try:
        event = _draft(part.element)
    except RuleViolation as error:
        return Refused(record, part.line, part.data, str(error), error.rule, spans)
    return Accepted(record, part.line, part.data, (event,), spans)


def _draft(element: Element) -> EventDraft:
    found = draft(event_of(element), "XML")
    if name_of(element) != QUANTITY_EVENT:
        return found
    return EventDraft(
        found.topic, found.occurred_at, {**found.fields, "flags": [*found.fields["flags"], "QUANTITY_EVENT"]}
    )


def _message(around: XmlEnvelope) -> Item:
    """Return the item of what stands around the events: a poll, a bare event, or an envelope."""
    root = around.root
    if root is None:
        raise RuleViolation(RULE, around.problem or "not XML")
    kind = name_of(root)
    if kind in _EVENTS:
        return Accepted(1, 1, around.data, (_draft(root),), around.spans)
    if kind not in _BODIES:
        raise RuleViolation(DOCUMENT, f"root: expected an EPCIS document or event, got {short_repr(kind)}")
    if kind == "EPCISDocument":
        _check_document(root)
    elif (poll := _poll(root)) is not None:
        epcis_query.check(_parameters(poll))
        return Accepted(1, 1, around.data, (), around.spans)
    if not around.lists:
        _require_list(root, _BODIES[kind])
    return Skipped(1, "envelope of the message", around.spans)


def _check_document(root: Element) -> None:
    if not root.get("schemaVersion"):
        raise RuleViolation(DOCUMENT, "schemaVersion is missing")
    created = (root.get("creationDate") or "").strip()
    if not _DATE_TIME.fullmatch(created):
        raise RuleViolation(DOCUMENT, f"creationDate: expected a date and time, got {short_repr(created)}")


def _poll(root: Element) -> Element | None:
    """Return the poll of a query document, None if it has none.

    Raises:
        RuleViolation: Something else stands beside it; the body is a choice of one (EPCIS 1.2, 11.1).
    """
    inside = [each for body in root if name_of(body) == "EPCISBody" for each in body]
    polls = [each for each in inside if name_of(each) == "Poll"]
    if polls and len(inside) > 1:
        found = ", ".join(name_of(each) for each in inside[:4])
        raise RuleViolation(DOCUMENT, f"EPCISBody: expected one element, got {found}")
    return polls[0] if polls else None


def _require_list(root: Element, path: tuple[str, ...]) -> None:
    """Raise RuleViolation for the element that is missing on the way to the event list."""
    found: Element | None = root
    for name in path:
        found = None if found is None else _child(found, name)
        if found is None:
            raise RuleViolation(DOCUMENT, f"{name} is missing")


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
