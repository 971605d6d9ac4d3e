"""DCSA Track & Trace messages, 2.2 and 3.0 → `cargo.transport-event`. Pure.

One source record is one event: an item of the array in 2.2, of `events` in 3.0. The events of a message are accepted or
refused together (`message_atomicity.py`). `dcsa_2_2` and `dcsa_3_0` hold the rules of their version. The subject of an
event is its container, else its own document, vessel, transport call or first referenced document;
without any of them, its `eventID`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from schemas.names import topic_name
from streams.domains.cargo import dcsa_2_2, dcsa_3_0, json_spans
from streams.domains.cargo.identifiers import container_problem, imo_problem
from streams.domains.cargo.json_text import parse
from streams.domains.cargo.message_atomicity import RawEvent, accept_together, read_message, refuse_message
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.readers.formats import EventDraft, Item

TOPIC = topic_name("cargo", "transport-event")
RULE = "dcsa-json@1"
ATOMICITY_RULE = "dcsa-message-together@1"
PLACEHOLDER = "string"
"""Value that the standard's own examples write in place of a real one; it is flagged."""

CLOCK_SKEW_US = 5 * 60 * 1_000_000
"""Time by which an actual event may precede its own happening, as the clocks of maker and terminal differ."""


class Version(NamedTuple):
    """One version of the standard, and its format.

    Attributes:
        name: Name of the format.
        begins: Pattern at the beginning of a file.
        signs: Texts that the first bytes of a file must contain.
        fields_of: Returns `eventDateTime` in µs since 1970 UTC and the event's fields, or raises `RuleViolation`.
        list_name: Member that holds the events; None if the message itself is the array.
    """

    name: str
    begins: re.Pattern[bytes]
    signs: tuple[bytes, ...]
    fields_of: Callable[[Mapping[str, Any]], tuple[int, dict[str, Any]]]
    list_name: str | None

    def matches(self, head: bytes) -> bool:
        """Return whether a file begins like a message of this version."""
        return self.begins.match(head) is not None and all(sign in head for sign in self.signs)

    def read(self, stream: BinaryIO) -> Iterator[Item]:
        """Read a message; yield one item per event, or one for a message that cannot be cut."""
        data = b""
        try:
            data = read_message(stream, RULE)
            raw_events = list(self._raw_events(*parse(data, RULE)))
        except RuleViolation as error:
            yield refuse_message(data, error)
            return
        yield from accept_together(raw_events, partial(_draft, self), ATOMICITY_RULE)

    def _raw_events(self, text: str, value: object) -> Iterator[RawEvent]:
        span = json_spans.root(text)
        if self.list_name is not None and isinstance(value, Mapping):
            value = value.get(self.list_name)
            span = json_spans.member(text, span, self.list_name) or span
        if not isinstance(value, list):
            raise RuleViolation("dcsa-message@1", f"expected a list of events, got {short_repr(value)}")
        for each, (begin, end) in zip(value, json_spans.items(text, span), strict=True):
            yield RawEvent(text.count("\n", 0, begin) + 1, text[begin:end].encode(), each)


VERSIONS = (
    Version(
        "dcsa-tnt-2.2",
        re.compile(rb"(\xef\xbb\xbf)?\s*\["),
        (b'"eventType"', b'"eventClassifierCode"'),
        dcsa_2_2.fields_of,
        None,
    ),
    Version(
        "dcsa-tnt-3.0",
        re.compile(rb"(\xef\xbb\xbf)?\s*\{"),
        (b'"events"', b'"eventClassification"'),
        dcsa_3_0.fields_of,
        "events",
    ),
)


def _draft(version: Version, event: object) -> EventDraft:
    if not isinstance(event, Mapping):
        raise RuleViolation("dcsa-message@1", f"expected an event, got {short_repr(event)}")
    occurred_at, fields = version.fields_of(event)
    fields["subject_kind"], fields["subject"] = _subject(fields)
    fields["flags"] = _flags(occurred_at, fields)
    return EventDraft(TOPIC, occurred_at, fields)


def _subject(fields: Mapping[str, Any]) -> tuple[str, str]:
    ways = [
        ("CONTAINER", fields["equipment_reference"]),
        ("DOCUMENT", fields["document_id"]),
        ("VESSEL", fields["vessel_imo"]),
        ("TRANSPORT_CALL", fields["transport_call_id"]),
        *(("DOCUMENT", each["id"]) for each in fields["documents"]),
        ("DOCUMENT", fields["dcsa_event_id"]),
    ]
    return next(((kind, name) for kind, name in ways if name), ("DOCUMENT", "unknown"))


def _flags(occurred_at: int, fields: Mapping[str, Any]) -> list[str]:
    container, vessel = fields["equipment_reference"], fields["vessel_imo"]
    texts = [*fields.values(), *(each["value"] for each in fields["references"])]
    texts += [each["number"] for each in fields["seals"]]
    found = [
        container_problem(container) if container else None,
        imo_problem(vessel) if vessel else None,
        None if fields["dcsa_event_id"] else "NO_EVENT_ID",
        "PLACEHOLDER" if PLACEHOLDER in [each for each in texts if isinstance(each, str)] else None,
        "POSITION_OUT_OF_RANGE" if _is_off_earth(fields) else None,
        "ACTUAL_IN_FUTURE" if _is_ahead(occurred_at, fields) else None,
    ]
    return [each for each in found if each]


def _is_off_earth(fields: Mapping[str, Any]) -> bool:
    return abs(fields["latitude"] or 0) > 90 or abs(fields["longitude"] or 0) > 180


def _is_ahead(occurred_at: int, fields: Mapping[str, Any]) -> bool:
    """Return whether an event is told as actual before it happened."""
    made_at = fields["told_at"]
    return fields["classifier"] == "ACT" and made_at is not None and occurred_at - made_at > CLOCK_SKEW_US
