"""One event of DCSA Track & Trace 3.0 → fields of `cargo.transport-event`. Pure.

3.0 is a draft that still changes. Checked is what its conformance messages and its data model agree on. Of a retracted
event, only what names it is required: id, types, and a time.
"""

from typing import Any

from streams.domains.cargo import dcsa_codes as codes
from streams.domains.cargo import dcsa_values as values
from streams.domains.cargo.dcsa_values import Members
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.domains.cargo.word_list import word_list

VERSION = "3.0"

DETAILS = {
    "TRANSPORT": "transportDetails",
    "SHIPMENT": "shipmentDetails",
    "EQUIPMENT": "equipmentDetails",
    "IOT": "iotDetails",
    "REEFER": "reeferDetails",
}
"""Member that an event of a type must have."""

_PHASES = word_list("EXPORT IMPORT TRANSSHIPMENT")
_UNITS = word_list("CEL FAH")


def fields_of(event: Members) -> tuple[int, dict[str, Any]]:
    """Check an event against Track & Trace 3.0 and return its fields.

    Args:
        event: The event as parsed JSON.

    Returns:
        Its `eventDateTime` in µs since 1970 UTC, and its fields without subject and flags.

    Raises:
        RuleViolation: The event violates a rule.
    """
    if "eventClassification" not in event:
        raise RuleViolation(
            "dcsa-message@1",
            f"expected an event with eventClassification, got {short_repr(sorted(event)[:5])}",
        )
    updated, retracted = event.get("eventUpdatedDateTime"), event.get("isRetracted", False)
    happened = event.get("eventDateTime") or (updated if retracted is True else None)
    values.require({**event, "eventDateTime": happened}, "eventID", "eventDateTime")
    about = values.members(event["eventClassification"], "eventClassification")
    values.require(about, "eventTypeCode", "eventClassifierCode")
    kind = codes.code(about["eventTypeCode"], codes.EVENT_TYPES_3_0, "eventTypeCode")
    name = f"{kind.lower()}EventTypeCode"
    values.require(about, name)
    if retracted is not True:
        values.require(event, DETAILS[kind])
    if not isinstance(retracted, bool):
        raise RuleViolation(
            "dcsa-value@1", f"isRetracted: expected true or false, got {short_repr(retracted)}"
        )
    found: dict[str, Any] = {
        "dcsa_version": VERSION,
        "dcsa_event_id": values.text(event["eventID"], "eventID", 500),
        "event_type": kind,
        "classifier": codes.classifier(about["eventClassifierCode"], codes.CLASSIFIERS_3_0, kind),
        "code": codes.code(about[name], codes.CODES_3_0[kind], name),
        "told_at": None if updated is None else values.time(updated, "eventUpdatedDateTime"),
        "retracted": retracted,
        "reason": values.text(event.get("reason"), "reason"),
        **values.location(event.get("eventLocation"), "eventLocation"),
        **_equipment(event),
        **_transport(event),
        **_shipment(event, kind),
        **_readings(event),
    }
    return values.time(happened, "eventDateTime"), found


def _equipment(event: Members) -> dict[str, Any]:
    one = values.members(event.get("equipmentDetails"), "equipmentDetails")
    phase = one.get("transportPhase", one.get("movementType"))
    return {
        "equipment_reference": values.text(one.get("equipmentReference"), "equipmentReference", 15),
        "iso_equipment_code": values.text(one.get("ISOEquipmentCode"), "ISOEquipmentCode", 4),
        "empty_indicator": codes.optional_code(
            one.get("emptyIndicatorCode"), codes.EMPTY, "emptyIndicatorCode"
        ),
        "transport_phase": codes.optional_code(phase, _PHASES, "transportPhase"),
        "seals": values.seals(one.get("seals")),
    }


def _transport(event: Members) -> dict[str, Any]:
    details = values.members(event.get("transportDetails"), "transportDetails")
    call = values.members(details.get("transportCall"), "transportCall")
    vessel = values.members(call.get("vesselTransport"), "vesselTransport")
    return {
        "delay_reason_code": _delay_reason(details),
        "change_remark": values.text(details.get("changeRemark"), "changeRemark"),
        "transport_call_id": values.text(call.get("transportCallReference"), "transportCallReference", 100),
        "transport_call_sequence": values.integer(
            call.get("transportCallSequenceNumber"), "transportCallSequenceNumber"
        ),
        "mode_of_transport": codes.optional_code(
            call.get("modeOfTransport"), codes.MODES_3_0, "modeOfTransport"
        ),
        "vessel_imo": values.text(vessel.get("vesselIMONumber"), "vesselIMONumber", 8),
        "vessel_name": values.text(vessel.get("vesselName"), "vesselName", 50),
        "vessel_flag": values.text(vessel.get("vesselFlag"), "vesselFlag", 2),
        "export_voyage": _number_or_reference(call, "exportVoyageNumberOrReference", "carrierVoyageNumber"),
        "import_voyage": _number_or_reference(call, "importVoyageNumberOrReference", "carrierVoyageNumber"),
        "service_code": _number_or_reference(call, "serviceCodeOrReference", "carrierServiceCode"),
    }


def _delay_reason(details: Members) -> str | None:
    """Return the first delay reason: drafts of 3.0 had one, 3.0.0 has a list."""
    listed = values.array(details.get("delayReasonCodes"), "delayReasonCodes")
    reasons = [details.get("delayReasonCode"), *listed]
    return next((found for each in reasons if (found := values.text(each, "delayReasonCode", 3))), None)


def _number_or_reference(call: Members, name: str, inner: str) -> str | None:
    """Return the carrier's number, or the universal reference in its place."""
    one = values.members(call.get(name), name)
    return values.text(next((one[each] for each in (inner, *sorted(one)) if one.get(each)), None), name, 50)


def _shipment(event: Members, kind: str) -> dict[str, Any]:
    one = values.members(event.get("shipmentDetails"), "shipmentDetails")
    document = values.members(one.get("documentReference"), "documentReference")
    if kind == "SHIPMENT" and one:
        values.require(one, "documentReference")
    if document:
        values.require(document, "typeCode", "reference")
    others = values.array(one.get("additionalDocumentReferences"), "additionalDocumentReferences")
    documents = [*([] if kind == "SHIPMENT" or not document else [document]), *others]
    own = kind == "SHIPMENT" and bool(document)
    return {
        "document_type": codes.code(document["typeCode"], codes.DOCUMENTS_3_0, "typeCode") if own else None,
        "document_id": values.text(document["reference"], "reference", 100) if own else None,
        "documents": values.pairs(documents, "additionalDocumentReferences", "typeCode", "reference", "id"),
        "references": [
            *values.pairs(event.get("references"), "references", "typeCode", "reference", "value"),
            *values.pairs(
                one.get("shipmentReferences"), "shipmentReferences", "typeCode", "reference", "value"
            ),
        ],
    }


def _readings(event: Members) -> dict[str, Any]:
    one = values.members(event.get("reeferDetails"), "reeferDetails")
    measured = values.members(one.get("measuredParameters"), "measuredParameters")
    probes = [
        values.members(each, "temperatureProbeMeasurements").get("measuredTemperatureValue")
        for each in values.array(one.get("temperatureProbeMeasurements"), "temperatureProbeMeasurements")
    ]
    iot = values.members(event.get("iotDetails"), "iotDetails")
    temperatures = {
        "setpoint_temperature": "internalSetpointTemperature",
        "supply_air_temperature": "supplyAirTemperatureMeasurement",
        "return_air_temperature": "returnAirTemperatureMeasurement",
        "ambient_temperature": "ambientMeasuredTemperature",
    }
    parameters = {"humidity": "humidityPercentage", "o2": "o2Percentage", "co2": "co2Percentage"}
    probe_temperatures = (values.number(each, "measuredTemperatureValue") for each in probes)
    return {
        "temperature_unit": codes.optional_code(one.get("temperatureUnit"), _UNITS, "temperatureUnit"),
        **{field: values.number(one.get(name), name) for field, name in temperatures.items()},
        "probe_temperatures": [each for each in probe_temperatures if each is not None],
        **{field: values.number(measured.get(name), name) for field, name in parameters.items()},
        "power_status": values.text(one.get("powerStatus"), "powerStatus"),
        "iot_code": values.text(iot.get("iotEventCode"), "iotEventCode", 20),
    }
