"""Fields of `cargo.supply-event` → EPCIS 2.0 JSON, for those who want an event as its maker sent it. Pure.

Whatever EPCIS message an event came from, JSON or XML, 1.2 or 2.0: it is written with every member that it had. Words
have their bare spelling, instants the offset of the event, and numbers inside extensions the digits of the source.

```python
from streams.domains.cargo.epcis_document import document, event

event(fields)              # one EPCIS event as a dict
document([fields], at)     # one EPCISDocument as JSON text
```
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from operator import itemgetter
from typing import Any

from streams.domains.cargo import epcis_sensor, instants
from streams.domains.cargo.epcis_values import Members
from streams.domains.cargo.epcis_words import is_uri
from streams.readers import json_value

CONTEXT = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"
"""The JSON-LD context of EPCIS 2.0."""

_LISTS = {
    "epcs": "epcList",
    "child_epcs": "childEPCs",
    "input_epcs": "inputEPCList",
    "output_epcs": "outputEPCList",
}
_QUANTITIES = {
    "quantity": "quantityList",
    "child": "childQuantityList",
    "input": "inputQuantityList",
    "output": "outputQuantityList",
}
_TEXTS = {
    "epcis_event_id": "eventID",
    "action": "action",
    "biz_step": "bizStep",
    "disposition": "disposition",
    "parent_id": "parentID",
    "transformation_id": "transformationID",
}
_PLAIN = frozenset({"type", "eventTime", "eventTimeZoneOffset", "recordTime", *_TEXTS.values()})
_INSIDE: Mapping[str, AbstractSet[str]] = {
    **dict.fromkeys(_LISTS.values(), frozenset()),
    **dict.fromkeys(_QUANTITIES.values(), frozenset({"epcClass", "quantity", "uom"})),
    **dict.fromkeys(("readPoint", "bizLocation"), frozenset({"id"})),
    "bizTransactionList": frozenset({"type", "bizTransaction"}),
    "sourceList": frozenset({"type", "source"}),
    "destinationList": frozenset({"type", "destination"}),
}
"""Members that fields hold of what stands inside a member."""

_ELSEWHERE = frozenset({"@context", "ilmd"})  # with a field of their own that `known` does not write


def document(events: Iterable[Members], created_at: datetime | int) -> str:
    """Write events as one EPCISDocument.

    Args:
        events: The fields of `cargo.supply-event`, with the envelope's `occurred_at`.
        created_at: The document's creationDate, aware, or in µs since 1970 UTC.

    Returns:
        JSON text. Contexts that all events have in common stand at the document, the others at their event.
    """
    written = [event(each) for each in events]
    first = written[0]["@context"] if written else [CONTEXT]
    common = min((_common(first, each["@context"]) for each in written), default=1)
    for each in written:
        own = each.pop("@context")[common:]
        if own:
            each["@context"] = own
    return json_value.dump(
        {
            "@context": first[:common],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": instants.text(created_at),
            "epcisBody": {"eventList": written},
        }
    )


def event(fields: Members) -> dict[str, Any]:
    """Write one event.

    Args:
        fields: The fields of `cargo.supply-event`, with the envelope's `occurred_at`. Instants are aware `datetime`
            values, as the subscriber SDK gives them, or µs since 1970 UTC.

    Returns:
        The event in the shape of EPCIS 2.0 JSON. `json_value.dump` writes it with exact numbers.
    """
    own = _parsed(fields.get("context")) or []
    found = {"@context": [CONTEXT, *own], **known(fields, fields["occurred_at"])}
    if fields.get("ilmd"):
        found["ilmd"] = _parsed(fields["ilmd"])
    found |= _parsed(fields.get("extensions")) or {}
    for member in fields.get("members") or ():
        _put(found, member["path"], _parsed(member["value"]))
    return found


def known(fields: Members, occurred_at: datetime | int) -> dict[str, Any]:
    """Write the members that have a typed field of their own.

    Args:
        fields: The fields of `cargo.supply-event`, without the envelope.
        occurred_at: The event's time, aware, or in µs since 1970 UTC.
    """
    offset = fields["time_zone_offset"]
    found = {
        "type": fields["event_type"],
        "eventTime": instants.text(occurred_at, offset),
        "eventTimeZoneOffset": offset,
        "recordTime": _instant(fields.get("record_time")),
        **{name: fields.get(field) for field, name in _TEXTS.items()},
        **{name: fields.get(field) for field, name in _LISTS.items()},
        **_quantities(fields.get("quantities") or ()),
        "readPoint": _location(fields.get("read_point")),
        "bizLocation": _location(fields.get("biz_location")),
        "bizTransactionList": _typed(fields.get("transactions") or (), "bizTransaction"),
        "sourceList": _typed(fields.get("sources") or (), "source"),
        "destinationList": _typed(fields.get("destinations") or (), "destination"),
        "persistentDisposition": _given(
            {"set": fields.get("persistent_set"), "unset": fields.get("persistent_unset")}
        ),
        "certificationInfo": fields.get("certifications"),
        "errorDeclaration": _declaration(fields),
        "sensorElementList": epcis_sensor.written(_sensor_elements(fields)),
    }
    return _given(found)


def members_left(source: Members, fields: Members, occurred_at: int) -> list[dict[str, str]]:
    """Return the members of an event that no typed field holds: the field `members`.

    Args:
        source: The event in the shape of EPCIS 2.0 JSON.
        fields: Its fields, without the envelope.
        occurred_at: Its time, in µs since 1970 UTC.
    """
    left: list[tuple[str, Any]] = []
    written: dict[str, Any] | None = None
    for name, value in source.items():
        if name in _ELSEWHERE or _is_held(name, value) or (":" in name and is_uri(name)):
            continue
        if written is None:
            written = known(fields, occurred_at)
        if name in written:
            left += _left(value, written[name], f"/{_escaped(name)}")
        else:
            left.append((f"/{_escaped(name)}", value))
    return [
        {"path": path, "value": json_value.dump(value)} for path, value in sorted(left, key=itemgetter(0))
    ]


def _is_held(name: str, value: Any) -> bool:
    """Return whether a field plainly holds a member whole. False if that takes a closer look."""
    if isinstance(value, str):
        return name in _PLAIN
    if not value or not isinstance(value, dict | list):
        return False
    inside = _INSIDE.get(name)
    if inside is None:
        return False
    items = value if isinstance(value, list) else [value]
    return all(
        isinstance(each, str) or (each.keys() <= inside and None not in each.values()) for each in items
    )


def _common(one: list[Any], other: list[Any]) -> int:
    """Return how many items two lists have in common from their beginning."""
    return next(
        (at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )


def _left(source: Any, written: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(source, dict) and isinstance(written, dict):
        for name, value in source.items():
            if name not in written:
                yield f"{path}/{_escaped(name)}", value
            elif isinstance(value, dict | list):
                yield from _left(value, written[name], f"{path}/{_escaped(name)}")
    elif isinstance(source, list) and isinstance(written, list):
        for number, (value, other) in enumerate(zip(source, written, strict=False)):
            if isinstance(value, dict | list):
                yield from _left(value, other, f"{path}/{number}")


def _put(found: dict[str, Any], path: str, value: Any) -> None:
    """Put a value where its JSON pointer says; what the pointer leads through is there."""
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])
    at: Any = found
    for part in way:
        at = at[int(part)] if isinstance(at, list) else at.setdefault(part, {})
    at[last] = value


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _parsed(text: str | None) -> Any:
    return None if text is None else json_value.parse(text.encode(), exact=True)


def _given(found: dict[str, Any]) -> dict[str, Any]:
    """Return the members that have a value. An empty list has none."""
    return {name: value for name, value in found.items() if value is not None and value not in ([], {})}


def _instant(value: datetime | int | None) -> str | None:
    return None if value is None else instants.text(value)


def _location(value: str | None) -> dict[str, str] | None:
    return None if value is None else {"id": value}


def _quantities(quantities: Iterable[Members]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in quantities:
        one = {"epcClass": each["epc_class"], "quantity": each["quantity"], "uom": each["uom"]}
        found.setdefault(_QUANTITIES[each["role"]], []).append(_given(one))
    return found


def _typed(items: Iterable[Members], name: str) -> list[dict[str, Any]]:
    return [_given({"type": each["type"], name: each["id"]}) for each in items]


def _sensor_elements(fields: Members) -> list[Members]:
    """Return the sensor elements. An event of schema version 1 has the reports alone."""
    elements, reports = fields.get("sensor_elements"), fields.get("sensor_reports")
    return list(elements) if elements else [{"reports": reports}] if reports else []


def _declaration(fields: Members) -> dict[str, Any] | None:
    declared_at = fields.get("declared_wrong_at")
    if declared_at is None:
        return None
    found = {
        "declarationTime": instants.text(declared_at),
        "reason": fields.get("declared_wrong_reason"),
        "correctiveEventIDs": fields.get("corrective_event_ids"),
    }
    return _given(found)
