"""DCSA Track & Trace messages, 2.2 and 3.0 → `cargo.transport-event`. Pure, and of any length.

One source record is one event. A message is an array (2.2), an object with `events` (3.0), one event, or any of these
inside members such as `data`, as carriers' interfaces send them; either version comes in each shape. A message that is
wrong itself (no JSON, no event, a text that is cut off) is one refused record, behind those of its events. An event in
a second list is refused: nobody knows which list counts. Lists of other things are skipped. The events of a message
are accepted or refused together (`streams/readers/together.py`): DCSA's conformance tests pass or fail whole messages.

`dcsa_2_2` and `dcsa_3_0` hold the rules of their version. The subject of an event is its container, else its own
document, vessel, transport call or first referenced document; without any of them, its `eventID`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from schemas.names import topic_name
from streams.domains.cargo import dcsa_2_2, dcsa_3_0
from streams.domains.cargo.dcsa_members import MEMBER_SPELLING, fold, respelled, standard_name
from streams.domains.cargo.identifiers import container_problem, imo_problem
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.domains.cargo.word_list import word_list
from streams.readers import json_value
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.json_stream import LARGEST_ELEMENT, Element, Envelope, Path, cut, envelope

TOPIC = topic_name("cargo", "transport-event")
RULE = "dcsa-json@1"
DUPLICATE = "dcsa-duplicate-member@1"
MESSAGE = "dcsa-message@1"
ATOMICITY_RULE = "dcsa-message-together@1"
PLACEHOLDER = "string"
"""Value that the standard's own examples write in place of a real one; it is flagged."""

CLOCK_SKEW_US = 5 * 60 * 1_000_000
"""Time by which an actual event may precede its own happening, as the clocks of maker and terminal differ."""

KEPT_OF_TOO_LARGE = 1 << 19
"""Bytes of an event that is too large to be read, for its dead letter."""

WRAPPERS = tuple(
    sorted(word_list("events event data items results result content payload body message response records"))
)
"""Members in which interfaces wrap events, in lower case. Up to two are looked into, one inside the other."""

_SPELLED = (*WRAPPERS, *(each.capitalize() for each in WRAPPERS))

PATHS: tuple[Path, ...] = (
    (),
    *((name,) for name in _SPELLED),
    *((outer, inner) for outer in _SPELLED for inner in _SPELLED),
)
_BEGINS = re.compile(rb"\s*(\xef\xbb\xbf)?\s*[\[{]")
_OF_EVENT = ("eventType", "eventClassification")
"""Members by which an event of 2.2 and of 3.0 differs from what wraps it."""

_SIGNS = tuple(f'"{fold(name)}"'.encode() for name in _OF_EVENT)
_OF_2_2 = frozenset(("eventType", "eventClassifierCode"))


class Version(NamedTuple):
    """One version of the standard, and its format.

    Attributes:
        name: Name of the format.
        signs: Names of members that the first bytes of a file must contain, in any spelling of `dcsa_members`.
        foreign: Name that they must not contain: a sign of the other version.
        fields_of: Returns `eventDateTime` in µs since 1970 UTC and the event's fields, or raises `RuleViolation`.
    """

    name: str
    signs: tuple[str, ...]
    foreign: str | None
    fields_of: Callable[[Mapping[str, Any]], tuple[int, dict[str, Any]]]

    def matches(self, head: bytes) -> bool:
        """Return whether a file begins like a message of this version."""
        if _BEGINS.match(head) is None:
            return False
        folded = fold(head.decode("ascii", "replace"))
        is_foreign = self.foreign is not None and f'"{fold(self.foreign)}"' in folded
        return all(f'"{fold(sign)}"' in folded for sign in self.signs) and not is_foreign

    def read(self, stream: BinaryIO) -> Iterator[Item]:
        """Read a message; yield one item per event, or one for a message without a list of them.

        Args:
            stream: The file, decompressed and seekable. It is read twice: what stands around the events first.
        """
        around = _around(stream)
        if around is not None and (not around.arrays or _is_event(_checked(around)[1])):
            yield self._single(stream, around)
            return
        paths = (
            [each for each in around.arrays if each and each[-1].casefold() == "events"] or around.arrays
            if around
            else [()]
        )
        record = 0
        for part in cut(stream, PATHS):
            if isinstance(part, Element) and part.path == paths[0]:
                record += 1
                yield self._item(record, part.line, part.data, part.problem, (part.span,))
            elif isinstance(part, Element) and _may_hold_event(part.data):
                record += 1
                lists = " and ".join(".".join(each) for each in (paths[0], part.path))
                reason = f"expected one list of events, got {lists}"
                yield Refused(record, part.line, part.data, reason, MESSAGE, (part.span,))
            elif isinstance(part, Element):
                yield Skipped(part.line, f"{'.'.join(part.path)} is not the list of events", (part.span,))
            else:
                yield _rest(record + 1, part)

    def _single(self, stream: BinaryIO, around: Envelope) -> Item:
        """Return the one item of a message that is one event, or has none."""
        data, spans = around.data, around.spans
        if around.arrays:  # an event's own list is in no member that was cut
            data, size = _whole(stream)
            spans = ((0, size),)
        if len(data) > LARGEST_ELEMENT:
            reason = f"not JSON that is read: an event of more than {LARGEST_ELEMENT} bytes"
            return Refused(1, around.line, data[:KEPT_OF_TOO_LARGE], reason, RULE, spans)
        return self._item(1, around.line, data.strip(), None, spans)

    def _item(
        self, record: int, line: int, data: bytes, problem: str | None, spans: tuple[tuple[int, int], ...]
    ) -> Item:
        """Check the bytes of one event, wrapped or not."""
        if problem is not None:
            return Refused(record, line, data, f"not JSON: {problem}", RULE, spans)
        try:
            event = _draft(self, _parsed(data), data)
        except RuleViolation as error:
            return Refused(record, line, data, str(error), error.rule, spans)
        return Accepted(record, line, data, (event,), spans)


VERSIONS = (
    Version(
        "dcsa-tnt-2.2",
        ("eventType", "eventClassifierCode"),
        "eventClassification",
        dcsa_2_2.fields_of,
    ),
    Version("dcsa-tnt-3.0", ("eventClassification", "eventClassifierCode"), None, dcsa_3_0.fields_of),
)


def _around(stream: BinaryIO) -> Envelope | None:
    """Return what stands around the events; None if the message is an array, around which nothing stands."""
    begins = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    stream.seek(0)
    if begins == b"[":
        return None
    found = envelope(stream, PATHS)
    stream.seek(0)
    return found


def _whole(stream: BinaryIO) -> tuple[bytes, int]:
    """Return a message without a byte order mark, or the beginning of one too large, and its size in the file."""
    data = stream.read(LARGEST_ELEMENT + 1)
    size = len(data)
    while chunk := stream.read(1 << 20):
        size += len(chunk)
    return data.removeprefix(b"\xef\xbb\xbf"), size


def _rest(record: int, part: Envelope) -> Item:
    """Return what stands around the events as an item: it is wrong itself, or no record."""
    wrong, _ = _checked(part)
    if wrong is None:
        return Skipped(part.line, "envelope of the message", part.spans)
    return Refused(record, part.line, part.data.strip(), str(wrong), wrong.rule, part.spans)


def _checked(around: Envelope) -> tuple[RuleViolation | None, object]:
    """Return why a message is wrong itself, and its value without its events."""
    if around.problem is not None:
        return RuleViolation(RULE, f"not JSON: {around.problem}"), None
    try:
        return None, _parsed(around.data)
    except RuleViolation as error:
        return error, None


def _parsed(data: bytes) -> Any:
    try:
        return json_value.parse(data)
    except json_value.DuplicateNameError as error:
        raise RuleViolation(DUPLICATE, str(error)) from None
    except json_value.JsonError as error:
        raise RuleViolation(RULE, str(error)) from None


def _may_hold_event(data: bytes) -> bool:
    """Return whether the bytes of a value name a member of an event, in any spelling."""
    folded = data.replace(b"_", b"").replace(b"-", b"").lower()
    return any(sign in folded for sign in _SIGNS)


def _is_event(value: object) -> bool:
    """Return whether an object is an event. An envelope may have an `event_type`: other spellings need more."""
    if not isinstance(value, Mapping):
        return False
    names = {standard_name(name) for name in value}
    return any(name in value for name in _OF_EVENT) or names >= _OF_2_2 or "eventClassification" in names


def unwrapped(value: object, depth: int = 2) -> object:
    """Return the event inside up to `depth` members that wrap it, or the value itself."""
    if not isinstance(value, Mapping) or _is_event(value) or depth == 0:
        return value
    names = [each for each in value if each in _SPELLED]
    inside = (unwrapped(value[name], depth - 1) for name in sorted(names, key=str.casefold))
    return next((each for each in inside if _is_event(each)), value)


def _draft(version: Version, value: object, data: bytes) -> EventDraft:
    event, is_respelled = respelled(unwrapped(value))
    if not isinstance(event, Mapping):
        raise RuleViolation(MESSAGE, f"expected an event, got {short_repr(event)}")
    occurred_at, fields = version.fields_of(event)
    fields["subject_kind"], fields["subject"] = _subject(fields)
    fields["flags"] = [*_flags(occurred_at, fields), *([MEMBER_SPELLING] if is_respelled else [])]
    fields["dcsa_event"] = _on_one_line(data.decode())
    return EventDraft(TOPIC, occurred_at, fields)


def _on_one_line(text: str) -> str:
    """Return a JSON text without its line breaks and what is blank around them. No string holds a line break."""
    lines = text.replace("\r", "\n").split("\n")
    return "".join([each.strip(" \t") for each in lines]) if len(lines) > 1 else text


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
    inner = (
        each.get("value") or each.get("number") for name in ("references", "seals") for each in fields[name]
    )
    has_placeholder = PLACEHOLDER in fields.values() or PLACEHOLDER in inner
    found = [
        container_problem(container) if container else None,
        imo_problem(vessel) if vessel else None,
        None if fields["dcsa_event_id"] else "NO_EVENT_ID",
        *_unnamed(fields),
        "PLACEHOLDER" if has_placeholder else None,
        "POSITION_OUT_OF_RANGE" if _is_off_earth(fields) else None,
        "ACTUAL_IN_FUTURE" if _is_ahead(occurred_at, fields) else None,
    ]
    return [each for each in found if each]


def _unnamed(fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield flags of what 2.2 requires to be named, and carriers leave out or name in their own way."""
    if fields["dcsa_version"] != dcsa_2_2.VERSION:
        return
    if fields["dcsa_event_id"] and not dcsa_2_2.is_uuid(fields["dcsa_event_id"]):
        yield "EVENT_ID_FORM"
    if fields["mode_of_transport"] and not fields["transport_call_id"]:
        yield "NO_TRANSPORT_CALL_ID"
    if fields["vessel_name"] and not fields["vessel_imo"]:
        yield "NO_IMO_NUMBER"


def _is_off_earth(fields: Mapping[str, Any]) -> bool:
    latitude, longitude = fields["latitude"] or 0.0, fields["longitude"] or 0.0
    return not (-90 <= latitude <= 90 and -180 <= longitude <= 180)


def _is_ahead(occurred_at: int, fields: Mapping[str, Any]) -> bool:
    """Return whether an event was reported as actual before it happened."""
    made_at: int | None = fields["told_at"]
    is_actual: bool = fields["classifier"] == "ACT"
    return is_actual and made_at is not None and occurred_at - made_at > CLOCK_SKEW_US
