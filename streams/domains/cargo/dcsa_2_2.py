"""One event of DCSA Track & Trace 2.2 → fields of `cargo.transport-event`. Pure."""

import re
from typing import Any

from streams.domains.cargo import dcsa_codes as codes
from streams.domains.cargo import dcsa_values as values
from streams.domains.cargo.dcsa_values import Members
from streams.domains.cargo.rule_violation import BrokenRule, shown

VERSION = "2.2"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_NEEDED = {
    "TRANSPORT": ("transportEventTypeCode", "transportCall"),
    "SHIPMENT": ("shipmentEventTypeCode", "documentTypeCode", "documentID"),
    "EQUIPMENT": ("equipmentEventTypeCode", "emptyIndicatorCode"),
}


def fields_of(event: Members) -> tuple[int, dict[str, Any]]:
    """Judge an event.

    Returns:
        Its eventDateTime, and its fields without subject and flags.

    Raises:
        BrokenRule: A rule of the standard that it breaks.
    """
    if "eventType" not in event:
        raise BrokenRule(
            "dcsa-message@1", f"expected an event with eventType, got {shown(sorted(event)[:5])}"
        )
    values.needed(event, "eventType", "eventClassifierCode", "eventDateTime", "eventCreatedDateTime")
    kind = codes.code(event["eventType"], codes.EVENT_TYPES_2_2, "eventType")
    values.needed(event, *_NEEDED[kind])
    name = f"{kind.lower()}EventTypeCode"
    found: dict[str, Any] = {
        "dcsa_version": VERSION,
        "dcsa_event_id": _event_id(event.get("eventID")),
        "event_type": kind,
        "classifier": codes.code(event["eventClassifierCode"], codes.CLASSIFIERS_2_2, "eventClassifierCode"),
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
    if value is not None and (not isinstance(value, str) or not _UUID.fullmatch(value)):
        raise BrokenRule("dcsa-event-id@1", f"eventID: expected a UUID, got {shown(value)}")
    return value if isinstance(value, str) else None


def _place(event: Members, kind: str) -> dict[str, Any]:
    call = values.members(event.get("transportCall"), "transportCall")
    if call:
        values.needed(call, "transportCallID", "modeOfTransport")
    at_call = _location_of(call)
    own = values.location(event.get("eventLocation"), "eventLocation")
    here = own if kind == "EQUIPMENT" else at_call
    there = at_call if kind == "EQUIPMENT" else own
    vessel = values.members(call.get("vessel"), "vessel")
    if vessel:
        values.needed(vessel, "vesselIMONumber")
    return {
        **{name: there[name] if value is None else value for name, value in here.items()},
        "transport_call_id": values.text(call.get("transportCallID"), "transportCallID", 100),
        "transport_call_sequence": values.whole(
            call.get("transportCallSequenceNumber"), "transportCallSequenceNumber"
        ),
        "mode_of_transport": codes.maybe_code(call.get("modeOfTransport"), codes.MODES, "modeOfTransport"),
        "vessel_imo": values.text(vessel.get("vesselIMONumber"), "vesselIMONumber", 7),
        "vessel_name": values.text(vessel.get("vesselName"), "vesselName", 35),
        "vessel_flag": values.text(vessel.get("vesselFlag"), "vesselFlag", 2),
        "export_voyage": values.text(call.get("exportVoyageNumber"), "exportVoyageNumber", 50),
        "import_voyage": values.text(call.get("importVoyageNumber"), "importVoyageNumber", 50),
        "service_code": values.text(call.get("carrierServiceCode"), "carrierServiceCode", 5),
    }


def _location_of(call: Members) -> dict[str, Any]:
    """Read a transport call's place; what stands on the call itself goes before its location."""
    inner = values.location(call.get("location"), "transportCall location")
    outer = values.location({**call, "locationName": None}, "transportCall")
    return {name: inner[name] if value is None else value for name, value in outer.items()}


def _equipment(event: Members) -> dict[str, Any]:
    return {
        "equipment_reference": values.text(event.get("equipmentReference"), "equipmentReference", 15),
        "iso_equipment_code": values.text(event.get("ISOEquipmentCode"), "ISOEquipmentCode", 4),
        "empty_indicator": codes.maybe_code(
            event.get("emptyIndicatorCode"), codes.EMPTY, "emptyIndicatorCode"
        ),
        "transport_phase": "TRANSSHIPMENT" if event.get("isTransshipmentMove") is True else None,
        "seals": values.seals(event.get("seals")),
    }


def _document(event: Members, kind: str) -> dict[str, Any]:
    told = kind == "SHIPMENT"
    return {
        "document_type": codes.code(event["documentTypeCode"], codes.DOCUMENTS_2_2, "documentTypeCode")
        if told
        else None,
        "document_id": values.text(event["documentID"], "documentID", 100) if told else None,
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
