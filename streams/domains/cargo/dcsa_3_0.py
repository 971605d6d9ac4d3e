"""One event of DCSA Track & Trace 3.0 → fields of `cargo.transport-event`. Pure.

3.0 is a draft in motion; what is judged is what its conformance messages and its data model agree on.
"""

from typing import Any

from streams.domains.cargo import dcsa_codes as codes
from streams.domains.cargo import dcsa_values as values
from streams.domains.cargo.dcsa_values import Members
from streams.domains.cargo.rule_violation import BrokenRule, shown
from streams.domains.cargo.word_list import listed

VERSION = "3.0"

_DETAILS = {
    "TRANSPORT": "transportDetails",
    "SHIPMENT": "shipmentDetails",
    "EQUIPMENT": "equipmentDetails",
    "IOT": "iotDetails",
    "REEFER": "reeferDetails",
}
_PHASES = listed("EXPORT IMPORT TRANSSHIPMENT")
_UNITS = listed("CEL FAH")


def fields_of(event: Members) -> tuple[int, dict[str, Any]]:
    """Judge an event.

    Returns:
        Its eventDateTime, and its fields without subject and flags.

    Raises:
        BrokenRule: A rule of the standard that it breaks.
    """
    if "eventClassification" not in event:
        raise BrokenRule(
            "dcsa-message@1", f"expected an event with eventClassification, got {shown(sorted(event)[:5])}"
        )
    values.needed(event, "eventID", "eventDateTime")
    about = values.members(event["eventClassification"], "eventClassification")
    values.needed(about, "eventTypeCode", "eventClassifierCode")
    kind = codes.code(about["eventTypeCode"], codes.EVENT_TYPES_3_0, "eventTypeCode")
    name = f"{kind.lower()}EventTypeCode"
    values.needed(about, name)
    values.needed(event, _DETAILS[kind])
    updated, retracted = event.get("eventUpdatedDateTime"), event.get("isRetracted", False)
    if not isinstance(retracted, bool):
        raise BrokenRule("dcsa-value@1", f"isRetracted: expected true or false, got {shown(retracted)}")
    found: dict[str, Any] = {
        "dcsa_version": VERSION,
        "dcsa_event_id": values.text(event["eventID"], "eventID", 100),
        "event_type": kind,
        "classifier": codes.code(about["eventClassifierCode"], codes.CLASSIFIERS_3_0, "eventClassifierCode"),
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
    return values.time(event["eventDateTime"], "eventDateTime"), found


def _equipment(event: Members) -> dict[str, Any]:
    one = values.members(event.get("equipmentDetails"), "equipmentDetails")
    phase = one.get("transportPhase", one.get("movementType"))
    return {
        "equipment_reference": values.text(one.get("equipmentReference"), "equipmentReference", 15),
        "iso_equipment_code": values.text(one.get("ISOEquipmentCode"), "ISOEquipmentCode", 4),
        "empty_indicator": codes.maybe_code(one.get("emptyIndicatorCode"), codes.EMPTY, "emptyIndicatorCode"),
        "transport_phase": codes.maybe_code(phase, _PHASES, "transportPhase"),
        "seals": values.seals(one.get("seals")),
    }


def _transport(event: Members) -> dict[str, Any]:
    details = values.members(event.get("transportDetails"), "transportDetails")
    call = values.members(details.get("transportCall"), "transportCall")
    vessel = values.members(call.get("vesselTransport"), "vesselTransport")
    return {
        "delay_reason_code": values.text(details.get("delayReasonCode"), "delayReasonCode", 3),
        "change_remark": values.text(details.get("changeRemark"), "changeRemark"),
        "transport_call_id": values.text(call.get("transportCallReference"), "transportCallReference", 100),
        "transport_call_sequence": values.whole(
            call.get("transportCallSequenceNumber"), "transportCallSequenceNumber"
        ),
        "mode_of_transport": codes.maybe_code(call.get("modeOfTransport"), codes.MODES, "modeOfTransport"),
        "vessel_imo": values.text(vessel.get("vesselIMONumber"), "vesselIMONumber", 7),
        "vessel_name": values.text(vessel.get("vesselName"), "vesselName", 50),
        "vessel_flag": values.text(vessel.get("vesselFlag"), "vesselFlag", 2),
        "export_voyage": _either(call, "exportVoyageNumberOrReference", "carrierVoyageNumber"),
        "import_voyage": _either(call, "importVoyageNumberOrReference", "carrierVoyageNumber"),
        "service_code": _either(call, "serviceCodeOrReference", "carrierServiceCode"),
    }


def _either(call: Members, name: str, inner: str) -> str | None:
    """Read a number, or the universal reference that stands for it."""
    one = values.members(call.get(name), name)
    return values.text(next((one[each] for each in (inner, *sorted(one)) if one.get(each)), None), name, 50)


def _shipment(event: Members, kind: str) -> dict[str, Any]:
    one = values.members(event.get("shipmentDetails"), "shipmentDetails")
    document = values.members(one.get("documentReference"), "documentReference")
    if kind == "SHIPMENT":
        values.needed(one, "documentReference")
    if document:
        values.needed(document, "typeCode", "reference")
    others = values.array(one.get("additionalDocumentReferences"), "additionalDocumentReferences")
    listed_ = [*([] if kind == "SHIPMENT" or not document else [document]), *others]
    return {
        "document_type": codes.code(document["typeCode"], codes.DOCUMENTS_3_0, "typeCode")
        if kind == "SHIPMENT"
        else None,
        "document_id": values.text(document["reference"], "reference", 100) if kind == "SHIPMENT" else None,
        "documents": values.pairs(listed_, "additionalDocumentReferences", "typeCode", "reference", "id"),
        "references": values.pairs(event.get("references"), "references", "typeCode", "reference", "value"),
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
    told = (values.number(each, "measuredTemperatureValue") for each in probes)
    return {
        "temperature_unit": codes.maybe_code(one.get("temperatureUnit"), _UNITS, "temperatureUnit"),
        **{field: values.number(one.get(name), name) for field, name in temperatures.items()},
        "probe_temperatures": [each for each in told if each is not None],
        **{field: values.number(measured.get(name), name) for field, name in parameters.items()},
        "power_status": values.text(one.get("powerStatus"), "powerStatus"),
        "iot_code": values.text(iot.get("iotEventCode"), "iotEventCode", 20),
    }
