"""DCSA Track & Trace messages, 2.2 and 3.0 → `cargo.transport-event`. Pure.

One source record is one event: an item of the 2.2 array, or of `events` in 3.0. A message stands or falls as a whole
(`whole.py`). What an event is about becomes its subject: its container, else its vessel, transport call or document.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from schemas.names import topic_name
from streams.domains.cargo import dcsa_2_2, dcsa_3_0, json_spans
from streams.domains.cargo import message_atomicity as whole
from streams.domains.cargo.identifiers import container_problem, imo_problem
from streams.domains.cargo.json_text import parse
from streams.domains.cargo.rule_violation import BrokenRule, shown
from streams.readers.formats import EventDraft, Item

TOPIC = topic_name("cargo", "transport-event")
RULE = "dcsa-json@1"
TOGETHER = "dcsa-message-together@1"
PLACEHOLDER = "string"
"""What the standard's own examples write where a value would stand."""


class Version(NamedTuple):
    """One version of the standard."""

    name: str
    begins: re.Pattern[bytes]
    signs: tuple[bytes, ...]
    fields_of: Callable[[Mapping[str, Any]], tuple[int, dict[str, Any]]]
    list_name: str | None

    def matches(self, head: bytes) -> bool:
        """Tell whether a file begins like a message of this version."""
        return self.begins.match(head) is not None and all(sign in head for sign in self.signs)

    def read(self, stream: BinaryIO) -> Iterator[Item]:
        """Read a message, one item per event."""
        data = b""
        try:
            data = whole.load(stream, RULE)
            pieces = list(self._pieces(*parse(data, RULE)))
        except BrokenRule as error:
            yield whole.refused_whole(data, error)
            return
        yield from whole.judged(pieces, partial(_draft, self), TOGETHER)

    def _pieces(self, text: str, value: object) -> Iterator[whole.Piece]:
        span = json_spans.whole(text)
        if self.list_name is not None and isinstance(value, Mapping):
            value = value.get(self.list_name)
            span = json_spans.member(text, span, self.list_name) or span
        if not isinstance(value, list):
            raise BrokenRule("dcsa-message@1", f"expected a list of events, got {shown(value)}")
        for each, (begin, end) in zip(value, json_spans.items(text, span), strict=True):
            yield whole.Piece(text.count("\n", 0, begin) + 1, text[begin:end].encode(), each)


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
        raise BrokenRule("dcsa-message@1", f"expected an event, got {shown(event)}")
    occurred_at, fields = version.fields_of(event)
    fields["subject_kind"], fields["subject"] = _subject(fields)
    fields["flags"] = _flags(fields)
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


def _flags(fields: Mapping[str, Any]) -> list[str]:
    container, vessel = fields["equipment_reference"], fields["vessel_imo"]
    texts = [*fields.values(), *(each["value"] for each in fields["references"])]
    texts += [each["number"] for each in fields["seals"]]
    found = [
        container_problem(container) if container else None,
        imo_problem(vessel) if vessel else None,
        None if fields["dcsa_event_id"] else "NO_EVENT_ID",
        "PLACEHOLDER" if PLACEHOLDER in [each for each in texts if isinstance(each, str)] else None,
    ]
    return [each for each in found if each]
