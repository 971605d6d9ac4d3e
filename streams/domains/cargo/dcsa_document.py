"""Fields of `cargo.transport-event` → DCSA Track & Trace JSON, for those who want an event as its maker sent it. Pure.

An event that was read from a message is written with every member that it had, its numbers digit for digit. An event
that never was one (a scenario's, or one stored before `dcsa_event` existed) is written from its fields, in the codes
and the shape of its version. What has no field is missing there, such as a postal address.

```python
from streams.domains.cargo.dcsa_document import document, event

event(fields)              # one DCSA event as a dict
document([fields])         # one message as JSON text
```
"""

from collections.abc import Iterable, Mapping
from typing import Any

from streams.domains.cargo import dcsa_2_2, dcsa_3_0, instants
from streams.domains.cargo.dcsa import unwrapped
from streams.domains.cargo.dcsa_values import Members
from streams.readers import json_value

_LOCATION = {
    "location_name": "locationName",
    "un_location_code": "UNLocationCode",
    "facility_code": "facilityCode",
    "facility_code_list": "facilityCodeListProvider",
}
_EQUIPMENT = {
    "equipment_reference": "equipmentReference",
    "iso_equipment_code": "ISOEquipmentCode",
    "empty_indicator": "emptyIndicatorCode",
}
_VESSEL = {"vessel_imo": "vesselIMONumber", "vessel_name": "vesselName", "vessel_flag": "vesselFlag"}
_CALL_2_2 = {
    "transport_call_id": "transportCallID",
    "transport_call_sequence": "transportCallSequenceNumber",
    "mode_of_transport": "modeOfTransport",
    "export_voyage": "exportVoyageNumber",
    "import_voyage": "importVoyageNumber",
    "service_code": "carrierServiceCode",
}
_CALL_3_0 = {
    "transport_call_id": "transportCallReference",
    "transport_call_sequence": "transportCallSequenceNumber",
    "mode_of_transport": "modeOfTransport",
}
_REEFER = {
    "temperature_unit": "temperatureUnit",
    "setpoint_temperature": "internalSetpointTemperature",
    "supply_air_temperature": "supplyAirTemperatureMeasurement",
    "return_air_temperature": "returnAirTemperatureMeasurement",
    "ambient_temperature": "ambientMeasuredTemperature",
    "power_status": "powerStatus",
}
_MEASURED = {"humidity": "humidityPercentage", "o2": "o2Percentage", "co2": "co2Percentage"}


def document(events: Iterable[Members]) -> str:
    """Write events of one version as one message.

    Args:
        events: The fields of `cargo.transport-event`, with the envelope's `occurred_at`.

    Returns:
        JSON text: an array in 2.2, an object with `events` in 3.0.

    Raises:
        ValueError: The events are of several versions.
    """
    listed = list(events)
    versions = sorted({each["dcsa_version"] for each in listed})
    if len(versions) > 1:
        raise ValueError(f"one message holds events of one version, got {', '.join(versions)}")
    written = [event(each) for each in listed]
    return json_value.dump(written if versions == [dcsa_2_2.VERSION] else {"events": written})


def event(fields: Members) -> dict[str, Any]:
    """Write one event.

    Args:
        fields: The fields of `cargo.transport-event`, with the envelope's `occurred_at`. Instants are aware `datetime`
            values, as the subscriber SDK gives them, or µs since 1970 UTC.

    Returns:
        The event as `json_value.dump` writes it.
    """
    as_sent = fields.get("dcsa_event")
    if as_sent is not None:
        found = unwrapped(json_value.parse(as_sent.encode(), exact=True))
        return dict(found) if isinstance(found, Mapping) else {}
    if fields["dcsa_version"] != dcsa_3_0.VERSION:
        return dict(_without_nothing(_of_2_2(fields)))
    return {dcsa_3_0.DETAILS[fields["event_type"]]: {}, **_without_nothing(_of_3_0(fields))}


def _of_2_2(fields: Members) -> dict[str, Any]:
    kind = fields["event_type"]
    made_at = fields.get("told_at")
    vessel = _named(fields, _VESSEL)
    call = {**_named(fields, _CALL_2_2), "vessel": vessel}
    if not call["modeOfTransport"]:
        call = {}
    elif kind != "EQUIPMENT":
        call |= {"location": _place(fields), "facilityTypeCode": fields.get("facility_type")}
    elsewhere = {"eventLocation": _place(fields)} if kind == "EQUIPMENT" or not call else {}
    return {
        "eventID": fields.get("dcsa_event_id"),
        "eventType": kind,
        "eventClassifierCode": fields["classifier"],
        "eventDateTime": instants.text(fields["occurred_at"]),
        "eventCreatedDateTime": instants.text(fields["occurred_at"] if made_at is None else made_at),
        f"{kind.lower()}EventTypeCode": fields["code"],
        "reason": fields.get("reason"),
        "delayReasonCode": fields.get("delay_reason_code"),
        "changeRemark": fields.get("change_remark"),
        **_named(fields, _EQUIPMENT),
        "isTransshipmentMove": True if fields.get("transport_phase") == "TRANSSHIPMENT" else None,
        **elsewhere,
        "facilityTypeCode": fields.get("facility_type") if "facilityTypeCode" not in call else None,
        "transportCall": call,
        "documentTypeCode": fields.get("document_type"),
        "documentID": fields.get("document_id"),
        "documentReferences": _pairs(
            fields.get("documents"), "documentReferenceType", "documentReferenceValue", "id"
        ),
        "references": _pairs(fields.get("references"), "referenceType", "referenceValue", "value"),
        "seals": [
            {"sealNumber": each["number"], "sealSource": each.get("source"), "sealType": each.get("type")}
            for each in fields.get("seals") or ()
        ],
    }


def _of_3_0(fields: Members) -> dict[str, Any]:
    kind = fields["event_type"]
    made_at = fields.get("told_at")
    documents = _pairs(fields.get("documents"), "typeCode", "reference", "id")
    own = {"typeCode": fields.get("document_type"), "reference": fields.get("document_id")}
    voyages = {
        "exportVoyageNumberOrReference": "export_voyage",
        "importVoyageNumberOrReference": "import_voyage",
    }
    call = {
        **_named(fields, _CALL_3_0),
        **{name: {"carrierVoyageNumber": fields.get(field)} for name, field in voyages.items()},
        "serviceCodeOrReference": {"carrierServiceCode": fields.get("service_code")},
        "vesselTransport": _named(fields, _VESSEL),
    }
    found: dict[str, Any] = {
        "eventID": fields.get("dcsa_event_id"),
        "eventDateTime": instants.text(fields["occurred_at"]),
        "eventUpdatedDateTime": None if made_at is None else instants.text(made_at),
        "isRetracted": True if fields.get("retracted") else None,
        "reason": fields.get("reason"),
        "eventClassification": {
            "eventTypeCode": kind,
            "eventClassifierCode": fields["classifier"],
            f"{kind.lower()}EventTypeCode": fields["code"],
        },
        "eventLocation": {**_place(fields), "facilityTypeCode": fields.get("facility_type")},
        "equipmentDetails": {
            **_named(fields, _EQUIPMENT),
            "movementType": fields.get("transport_phase"),
            "seals": [
                {name: each.get(name) for name in ("number", "source", "type")}
                for each in fields.get("seals") or ()
            ],
        },
        "transportDetails": {
            "delayReasonCodes": [fields["delay_reason_code"]] if fields.get("delay_reason_code") else None,
            "changeRemark": fields.get("change_remark"),
            "transportCall": call,
        },
        "shipmentDetails": {
            "documentReference": own if own["reference"] else None,
            "additionalDocumentReferences": documents,
            "shipmentReferences": _pairs(fields.get("references"), "typeCode", "reference", "value"),
        },
        "iotDetails": {"iotEventCode": fields.get("iot_code")},
        "reeferDetails": {
            **_named(fields, _REEFER),
            "temperatureProbeMeasurements": [
                {"measuredTemperatureValue": each} for each in fields.get("probe_temperatures") or ()
            ],
            "measuredParameters": _named(fields, _MEASURED),
        },
    }
    return found


def _named(fields: Members, names: Mapping[str, str]) -> dict[str, Any]:
    return {name: fields.get(field) for field, name in names.items()}


def _place(fields: Members) -> dict[str, Any]:
    at = {name: fields.get(name) for name in ("latitude", "longitude")}
    written = {name: None if value is None else repr(value) for name, value in at.items()}
    if fields["dcsa_version"] == dcsa_2_2.VERSION:
        return {**_named(fields, _LOCATION), **written}
    facility = {name: fields.get(field) for field, name in _LOCATION.items() if field.startswith("facility")}
    named = {name: fields.get(field) for field, name in _LOCATION.items() if not field.startswith("facility")}
    return {**named, "facility": facility, "geoCoordinate": written}


def _pairs(listed: Any, kind: str, name: str, field: str) -> list[dict[str, str]]:
    return [{kind: each["type"], name: each[field]} for each in listed or ()]


def _without_nothing(value: Any) -> Any:
    """Return a value without members that are null, or empty lists or objects."""
    if isinstance(value, dict):
        inner = {name: _without_nothing(each) for name, each in value.items()}
        return {name: each for name, each in inner.items() if each not in (None, [], {})}
    return [_without_nothing(each) for each in value] if isinstance(value, list) else value
