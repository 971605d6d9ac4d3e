"""One EPCIS event in the shape of EPCIS 2.0 JSON → fields of `cargo.supply-event`. Pure.

Every member of an event is kept: in a typed field, in `extensions` and `ilmd` (members of other namespaces, as JSON
text with the digits of the source), or in `members`. `epcis_document` writes the event again. Nothing is fetched: a
JSON-LD context is never resolved, and CURIEs stay CURIEs.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from schemas.names import topic_name
from streams.domains.cargo import epcis_document, epcis_rules, epcis_sensor
from streams.domains.cargo import epcis_values as values
from streams.domains.cargo.epcis_values import Members
from streams.domains.cargo.epcis_words import BIZ_STEP, DISPOSITION, MEASUREMENT, is_uri
from streams.domains.cargo.identifiers import uri_problem
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.readers.formats import EventDraft
from streams.readers.json_value import dump

TOPIC = topic_name("cargo", "supply-event")

_GS1 = re.compile(r"https?://(ref\.gs1\.org/standards/(epcis|cbv)/|gs1\.github\.io/EPCIS/)")
"""Beginning of the standard's own contexts, which stand for no vocabulary of the maker's."""

_LISTS = {
    "epcs": "epcList",
    "child_epcs": "childEPCs",
    "input_epcs": "inputEPCList",
    "output_epcs": "outputEPCList",
}
_AMOUNTS = {
    "quantity": "quantityList",
    "child": "childQuantityList",
    "input": "inputQuantityList",
    "output": "outputQuantityList",
}


class Context(NamedTuple):
    """The JSON-LD contexts that hold for an event, beside those of the standard.

    Attributes:
        entries: The contexts, in order.
        text: They as JSON, None if there are none.
    """

    entries: tuple[object, ...] = ()
    text: str | None = None

    def with_own(self, value: object) -> "Context":
        """Return these contexts with those of a member `@context`, which may be missing."""
        entries = list(self.entries)
        for each in contexts(value):
            if not (isinstance(each, str) and _GS1.match(each)) and each not in entries:
                entries.append(each)
        return Context(tuple(entries), _json(entries)) if len(entries) > len(self.entries) else self


NO_CONTEXT = Context()


def draft(event: object, syntax: str, context: Context = NO_CONTEXT) -> EventDraft:
    """Check an event against EPCIS 2.0 and return its draft.

    Args:
        event: The event in the shape of EPCIS 2.0 JSON, its numbers as `json_value.Number`.
        syntax: `JSON` or `XML`: the syntax of its message.
        context: The JSON-LD contexts of its message.

    Raises:
        RuleViolation: The event violates a rule.
    """
    if not isinstance(event, dict):
        raise RuleViolation("epcis-shape@1", f"event: expected an object, got {short_repr(event)}")
    epcis_rules.check(event)
    fields = {
        "syntax": syntax,
        **_when(event, syntax),
        **_what(event),
        **_where_and_why(event),
        **_rest(event),
    }
    fields["context"] = context.with_own(event.get("@context")).text
    fields["epc"] = _subject(fields)
    fields["flags"] = _flags(fields)
    occurred_at = values.time(event["eventTime"], "eventTime")
    fields["members"] = epcis_document.members_left(event, fields, occurred_at)
    return EventDraft(TOPIC, occurred_at, fields)


def contexts(value: object) -> list[object]:
    """Return the contexts of a member `@context` as a list."""
    return [] if value is None else value if isinstance(value, list) else [value]


def _when(event: Members, syntax: str) -> dict[str, Any]:
    record_time, event_id = event.get("recordTime"), event.get("eventID")
    return {
        "event_type": event["type"],
        "epcis_event_id": None if event_id is None else _event_id(event_id, syntax),
        "time_zone_offset": event["eventTimeZoneOffset"],
        "record_time": None if record_time is None else values.time(record_time, "recordTime"),
        "action": event.get("action"),
    }


def _event_id(value: object, syntax: str) -> str:
    """Return an eventID. JSON wants a URI. The XSD takes any `xsd:anyURI`, and bare UUIDs are common: flagged."""
    if syntax == "XML" and isinstance(value, str) and value and not any(map(str.isspace, value)):
        return value
    return values.uri(value, "eventID")


def _what(event: Members) -> dict[str, Any]:
    found: dict[str, Any] = {
        field: values.uris(event.get(member), member) for field, member in _LISTS.items()
    }
    for field, member in {"parent_id": "parentID", "transformation_id": "transformationID"}.items():
        value = event.get(member)
        found[field] = None if value is None else values.uri(value, member)
    found["quantities"] = [
        each
        for role, member in _AMOUNTS.items()
        for each in values.quantities(event.get(member), member, role)
    ]
    return found


def _where_and_why(event: Members) -> dict[str, Any]:
    biz_step, disposition = event.get("bizStep"), event.get("disposition")
    kept, dropped = values.dispositions(event.get("persistentDisposition"))
    return {
        "biz_step": None if biz_step is None else BIZ_STEP.word(biz_step),
        "disposition": None if disposition is None else DISPOSITION.word(disposition),
        "persistent_set": kept,
        "persistent_unset": dropped,
        "read_point": values.location_uri(event.get("readPoint"), "readPoint"),
        "biz_location": values.location_uri(event.get("bizLocation"), "bizLocation"),
        "transactions": values.transactions(event.get("bizTransactionList")),
        "sources": values.parties(event.get("sourceList"), "sourceList", "source"),
        "destinations": values.parties(event.get("destinationList"), "destinationList", "destination"),
    }


def _rest(event: Members) -> dict[str, Any]:
    extensions = {name: value for name, value in event.items() if is_uri(name)}
    elements = epcis_sensor.read(event.get("sensorElementList"))
    return {
        "certifications": values.certifications(event.get("certificationInfo")),
        **values.error_declaration(event.get("errorDeclaration")),
        "sensor_elements": elements,
        "sensor_reports": epcis_sensor.flat(elements),
        "ilmd": _json(event.get("ilmd")),
        "extensions": _json(extensions),
    }


def _json(value: object) -> str | None:
    return dump(value) if value else None


def _identifiers(fields: Members) -> Iterable[str]:
    """Yield the identifiers of the event's objects, the most specific first."""
    yield from filter(None, [fields["parent_id"]])
    for name in ("epcs", "child_epcs", "output_epcs", "input_epcs"):
        yield from fields[name]
    yield from (each["epc_class"] for each in fields["quantities"])


def _subject(fields: Members) -> str:
    others = [each["id"] for each in fields["transactions"]]
    others += [fields["read_point"], fields["epcis_event_id"], fields["event_type"]]
    return str(next(iter(filter(None, [*_identifiers(fields), *others]))))


def _flags(fields: Members) -> list[str]:
    found = (uri_problem(each) for each in _identifiers(fields))
    flags = dict.fromkeys(each for each in found if each)
    kinds = {each["type"] for each in fields["sensor_reports"] if each["type"]}
    if any(each not in MEASUREMENT.words and not is_uri(each) for each in kinds):
        flags["UNKNOWN_MEASUREMENT"] = None
    if fields.get("declared_wrong_at") is not None:
        flags["DECLARED_WRONG"] = None
    if fields["epcis_event_id"] is not None and not is_uri(fields["epcis_event_id"]):
        flags["EVENT_ID_NO_URI"] = None
    return list(flags)
