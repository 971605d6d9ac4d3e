"""Rules of EPCIS 2.0 for a whole event: its type, its members, and which of them need each other. Pure.

| rule | requires |
|---|---|
| epcis-event-type | one of the five types, or the URI of an extension |
| epcis-required | eventTime, eventTimeZoneOffset; action, parentID and bizTransactionList where the type has them |
| epcis-unknown-field | no member beyond the type's, unless it has a namespace |
| epcis-action | ADD, OBSERVE or DELETE; none on a transformation |
| epcis-what | objects, amounts, or sensor data with a read point; inputs and outputs of a transformation |
| epcis-ilmd | only where objects begin (ADD, transformation), and its members have a namespace |
| epcis-offset | ±hh:mm up to 14:00 |

`epcis_values` checks values, `epcis_words` checks words.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from streams.domains.cargo.epcis_values import Members, check_names
from streams.domains.cargo.epcis_words import ACTIONS, is_uri
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.domains.cargo.word_list import word_list

_OFFSET = re.compile(r"[+-]((0\d|1[0-3]):[0-5]\d|14:00)", re.ASCII)
_COMMON = word_list(
    "@context type eventTime recordTime eventTimeZoneOffset eventID certificationInfo errorDeclaration"
)
_SHARED = word_list(
    "bizStep disposition readPoint bizLocation bizTransactionList sourceList destinationList "
    "sensorElementList persistentDisposition"
)


class Kind(NamedTuple):
    """One event type.

    Attributes:
        members: Members that the type adds to the common ones.
        needed: Members that are required.
        what: At least one of these members is required.
    """

    members: frozenset[str]
    needed: tuple[str, ...]
    what: tuple[str, ...]


_CHILDREN = ("childEPCs", "childQuantityList")
KINDS: Mapping[str, Kind] = {
    "ObjectEvent": Kind(
        frozenset({"action", "epcList", "quantityList", "ilmd"}), ("action",), ("epcList", "quantityList")
    ),
    "AggregationEvent": Kind(frozenset({"action", "parentID", *_CHILDREN}), ("action",), _CHILDREN),
    "AssociationEvent": Kind(
        frozenset({"action", "parentID", *_CHILDREN}), ("action", "parentID"), _CHILDREN
    ),
    "TransactionEvent": Kind(
        frozenset({"action", "parentID", "epcList", "quantityList"}),
        ("action", "bizTransactionList"),
        ("epcList", "quantityList"),
    ),
    "TransformationEvent": Kind(
        word_list("inputEPCList inputQuantityList outputEPCList outputQuantityList transformationID ilmd"),
        (),
        (),
    ),
}
NAMES = _COMMON.union(
    _SHARED,
    *(kind.members for kind in KINDS.values()),
    word_list("id declarationTime reason correctiveEventIDs sensorMetadata sensorReport epcClass quantity"),
)
"""Names that some version of EPCIS gives to a member of an event, or of a place or declaration in it."""


def check(event: Members) -> None:
    """Check an event's type, members and their combination.

    Args:
        event: The event in the shape of EPCIS 2.0 JSON.

    Raises:
        RuleViolation: The first rule that the event violates.
    """
    kind = _kind(event.get("type"))
    for name in ("eventTime", "eventTimeZoneOffset", *(kind.needed if kind else ())):
        if event.get(name) is None:
            raise RuleViolation("epcis-required@1", f"{event['type']}: {name} is missing")
    offset = event["eventTimeZoneOffset"]
    if not isinstance(offset, str) or not _OFFSET.fullmatch(offset):
        raise RuleViolation(
            "epcis-offset@1", f"eventTimeZoneOffset: expected ±hh:mm, got {short_repr(offset)}"
        )
    if kind is None:
        return
    check_names(event, event["type"], _COMMON | _SHARED | kind.members)
    _check_action(event)
    _check_what(event, kind)
    _check_ilmd(event)


def _kind(name: object) -> Kind | None:
    """Return the event type; None for the URI of an extension."""
    if name is None:
        raise RuleViolation("epcis-required@1", "event: type is missing")
    if isinstance(name, str) and name in KINDS:
        return KINDS[name]
    if is_uri(name):
        return None
    raise RuleViolation(
        "epcis-event-type@1", f"type: expected one of {', '.join(KINDS)} or a URI, got {short_repr(name)}"
    )


def _check_action(event: Members) -> None:
    action = event.get("action")
    if action is not None and (not isinstance(action, str) or action not in ACTIONS):
        raise RuleViolation(
            "epcis-action@1", f"action: expected ADD, OBSERVE or DELETE, got {short_repr(action)}"
        )


def _check_what(event: Members, kind: Kind) -> None:
    if event["type"] == "TransformationEvent":
        given = [
            bool(event.get(f"{end}EPCList") or event.get(f"{end}QuantityList")) for end in ("input", "output")
        ]
        if not (all(given) or (any(given) and event.get("transformationID"))):
            raise RuleViolation(
                "epcis-what@1", "TransformationEvent: expected inputs and outputs, or one of them and an ID"
            )
        return
    if event["type"] == "TransactionEvent" and not event["bizTransactionList"]:
        raise RuleViolation("epcis-what@1", "TransactionEvent: bizTransactionList is empty")
    named = "epcList" in event or any(event.get(name) for name in kind.what)
    ends = event["type"] != "ObjectEvent" and event["action"] == "DELETE"
    sensed = event["type"] == "ObjectEvent" and event.get("sensorElementList") and event.get("readPoint")
    if not (named or ends or sensed):
        raise RuleViolation("epcis-what@1", f"{event['type']}: expected {' or '.join(kind.what)}")
    if event["type"] == "AggregationEvent" and event["action"] != "OBSERVE" and event.get("parentID") is None:
        raise RuleViolation("epcis-required@1", "AggregationEvent: parentID is missing for ADD and DELETE")


def _check_ilmd(event: Members) -> None:
    ilmd = event.get("ilmd")
    if ilmd is None:
        return
    if event.get("action", "ADD") != "ADD":
        raise RuleViolation("epcis-ilmd@1", f"ilmd: expected with ADD only, got it with {event['action']}")
    bare = next((name for name in ilmd if not is_uri(name)), None) if isinstance(ilmd, Mapping) else ilmd
    if bare is not None:
        raise RuleViolation(
            "epcis-ilmd@1", f"ilmd: expected members with a namespace, got {short_repr(bare)}"
        )
