"""One event of DCSA Track & Trace 2.2 → fields of `cargo.transport-event`. Pure.

Members that 2.3 added to the events of 2.2 (`facilityTypeCode`, `isTransshipmentMove`) are read too. Required is what
an event means: types, times, classifier, codes, load. The standard also requires ids of transport calls, IMO numbers of
vessels, and UUIDs as `eventID`; what carriers send without them is accepted with a flag.
"""

import re
from typing import Any

from streams.domains.cargo import dcsa_codes as codes
from streams.domains.cargo import dcsa_values as values
from streams.domains.cargo.dcsa_values import Members
from streams.domains.cargo.rule_violation import RuleViolation, short_repr

VERSION = "2.2"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
LONGEST_ID = 100
_NEEDED = {
    "TRANSPORT": ("transportEventTypeCode", "transportCall"),
    "SHIPMENT": ("shipmentEventTypeCode", "documentTypeCode", "documentID"),
    "EQUIPMENT": ("equipmentEventTypeCode", "emptyIndicatorCode"),
}


def fields_of(event: Members) -> tuple[int, dict[str, Any]]:
    """Check an event against Track & Trace 2.2 and return its fields.

    Args:
        event: The event as parsed JSON.

    Returns:
        Its `eventDateTime` in µs since 1970 UTC, and its fields without subject and flags.

    Raises:
        RuleViolation: The event violates a rule.
    """
    if "eventType" not in event:
        raise RuleViolation(
            "dcsa-message@1", f"expected an event with eventType, got {short_repr(sorted(event)[:5])}"
        )
    values.require(event, "eventType", "eventClassifierCode", "eventDateTime", "eventCreatedDateTime")
    kind = codes.code(event["eventType"], codes.EVENT_TYPES_2_2, "eventType")
    values.require(event, *_NEEDED[kind])
    name = f"{kind.lower()}EventTypeCode"
    found: dict[str, Any] = {
        "dcsa_version": VERSION,
        "dcsa_event_id": _event_id(event.get("eventID")),
        "event_type": kind,
        "classifier": codes.classifier(event["eventClassifierCode"], codes.CLASSIFIERS_2_2, kind),
        "code": codes.code(event[name], codes.CODES_2_2[kind], name),
        "told_at": values.time(event["eventCreatedDateTime"], "eventCreatedDateTime"),
        "reason": values.text(event.get("reason"), "reason"),
        "delay_reason_code": values.text(event.get("delayReasonCode"), "delayReasonCode", 3),
        "change_remark": values.text(event.get("changeRemark"), "changeRemark"),
        **_place(event, kind),
        **_equipment(event),
        **_document(event, kind),
    }
    return values.time(event["eventDateTime"], "eventDateTime"), found


def _event_id(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID:
        raise RuleViolation(
            "dcsa-event-id@1",
            f"eventID: expected text of at most {LONGEST_ID} characters, got {short_repr(value)}",
        )
    return value


def is_uuid(name: str) -> bool:
    """Return whether an `eventID` has the form that 2.2 wants. Carriers also send digests and their own numbers."""
    return _UUID.fullmatch(name) is not None


def _place(event: Members, kind: str) -> dict[str, Any]:
    call = values.members(event.get("transportCall"), "transportCall")
    if call:
        values.require(call, "modeOfTransport")
    at_call = _location_of(call)
    own = values.location(event.get("eventLocation"), "eventLocation")
    here = own if kind == "EQUIPMENT" else at_call
    there = at_call if kind == "EQUIPMENT" else own
    at_event = codes.optional_code(event.get("facilityTypeCode"), codes.FACILITIES, "facilityTypeCode")
    if at_event is not None:  # since 2.3
        here = {**here, "facility_type": at_event}
    vessel = values.members(call.get("vessel"), "vessel")
    return {
        **{name: there[name] if value is None else value for name, value in here.items()},
        "transport_call_id": values.text(call.get("transportCallID"), "transportCallID", 100),
        "transport_call_sequence": values.integer(
            call.get("transportCallSequenceNumber"), "transportCallSequenceNumber"
        ),
        "mode_of_transport": codes.optional_code(
            call.get("modeOfTransport"), codes.MODES_2_2, "modeOfTransport"
        ),
        "vessel_imo": values.text(vessel.get("vesselIMONumber"), "vesselIMONumber", 7),
        "vessel_name": values.text(vessel.get("vesselName"), "vesselName", 35),
        "vessel_flag": values.text(vessel.get("vesselFlag"), "vesselFlag", 2),
        "export_voyage": values.text(call.get("exportVoyageNumber"), "exportVoyageNumber", 50),
        "import_voyage": values.text(call.get("importVoyageNumber"), "importVoyageNumber", 50),
        "service_code": values.text(call.get("carrierServiceCode"), "carrierServiceCode", 5),
    }


def _location_of(call: Members) -> dict[str, Any]:
    """Return a transport call's location; members of the call itself take precedence over its `location`."""
    inner = values.location(call.get("location"), "transportCall location")
    outer = values.location({**call, "locationName": None}, "transportCall")
    return {name: inner[name] if value is None else value for name, value in outer.items()}


def _equipment(event: Members) -> dict[str, Any]:
    return {
        "equipment_reference": values.text(event.get("equipmentReference"), "equipmentReference", 15),
        "iso_equipment_code": values.text(event.get("ISOEquipmentCode"), "ISOEquipmentCode", 4),
        "empty_indicator": codes.optional_code(
            event.get("emptyIndicatorCode"), codes.EMPTY, "emptyIndicatorCode"
        ),
        "transport_phase": "TRANSSHIPMENT" if event.get("isTransshipmentMove") is True else None,
        "seals": values.seals(event.get("seals")),
    }


def _document(event: Members, kind: str) -> dict[str, Any]:
    is_shipment = kind == "SHIPMENT"
    return {
        "document_type": codes.code(event["documentTypeCode"], codes.DOCUMENTS_2_2, "documentTypeCode")
        if is_shipment
        else None,
        "document_id": values.text(event["documentID"], "documentID", 100) if is_shipment else None,
        "documents": values.pairs(
            event.get("documentReferences"),
            "documentReferences",
            "documentReferenceType",
            "documentReferenceValue",
            "id",
        ),
        "references": values.pairs(
            event.get("references"), "references", "referenceType", "referenceValue", "value"
        ),
    }
