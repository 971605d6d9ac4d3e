"""Names of members in DCSA Track & Trace events, and their other spellings. Pure.

The standard writes `UNLocationCode`, `eventID`. Serialisers of carriers' interfaces write `unLocationCode`, `eventId`,
`EventID` or `event_id`. A member whose name differs from a known one in case, `_` and `-` only is that member: it is
read under the standard's name, and the event is flagged `MEMBER_SPELLING`. If an object has the standard's name too,
that one counts.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from streams.domains.cargo.word_list import word_list

MEMBER_SPELLING: Final = "MEMBER_SPELLING"
"""Flag of an event with a member that is not spelled as in the standard."""

NAMES: Final = word_list("""
    ISOEquipmentCode UNLocationCode additionalDocumentReferences ambientMeasuredTemperature carrierServiceCode
    carrierVoyageNumber changeRemark co2Percentage delayReasonCode delayReasonCodes documentID documentReference
    documentReferenceType documentReferenceValue documentReferences documentTypeCode emptyIndicatorCode
    equipmentDetails equipmentEventTypeCode equipmentReference eventClassification eventClassifierCode
    eventCreatedDateTime eventDateTime eventID eventLocation eventType eventTypeCode eventUpdatedDateTime
    exportVoyageNumber exportVoyageNumberOrReference facility facilityCode facilityCodeListProvider facilityTypeCode
    geoCoordinate humidityPercentage importVoyageNumber importVoyageNumberOrReference internalSetpointTemperature
    iotDetails iotEventCode iotEventTypeCode isRetracted isTransshipmentMove latitude location locationName longitude
    measuredParameters measuredTemperatureValue modeOfTransport movementType number o2Percentage powerStatus reason
    reeferDetails reeferEventTypeCode reference referenceType referenceValue references returnAirTemperatureMeasurement
    sealNumber sealSource sealType seals serviceCodeOrReference shipmentDetails shipmentEventTypeCode
    shipmentReferences source supplyAirTemperatureMeasurement temperatureProbeMeasurements temperatureUnit
    transportCall transportCallID transportCallReference transportCallSequenceNumber transportDetails
    transportEventTypeCode transportPhase type typeCode universalServiceReference universalVoyageReference vessel
    vesselFlag vesselIMONumber vesselName vesselTransport
""")
"""Members of 2.2 and 3.0 that are read."""

_NAMES_KEPT = 4096
_DEEPEST = 12
"""Levels of an event that are looked through. The deepest member that is read lies on the sixth."""


def fold(name: str) -> str:
    """Return a name in lower case without `_` and `-`."""
    return name.replace("_", "").replace("-", "").casefold()


_BY_FOLDED: Final = {fold(name): name for name in NAMES}


@lru_cache(_NAMES_KEPT)
def standard_name(name: str) -> str:
    """Return the standard's name of a member, or the name itself if the standard has none like it."""
    return name if name in NAMES else _BY_FOLDED.get(fold(name), name)


def respelled(value: Any, depth: int = _DEEPEST) -> tuple[Any, bool]:
    """Return a JSON value with the standard's names of members.

    Args:
        value: A parsed JSON value.
        depth: Levels that are looked through.

    Returns:
        The value, and True if a member had another name.
    """
    if depth == 0:
        return value, False
    if isinstance(value, list):
        listed = [respelled(each, depth - 1) for each in value]
        return [each for each, _ in listed], any(other for _, other in listed)
    if not isinstance(value, Mapping):
        return value, False
    found: dict[str, Any] = {}
    is_other = False
    for name, each in value.items():
        standard = standard_name(name)
        inner, other = respelled(each, depth - 1)
        is_other = is_other or other or standard != name
        if standard == name or standard not in value:
            found.setdefault(standard, inner)
    return found, is_other
