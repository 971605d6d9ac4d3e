"""Codes of DCSA Track & Trace 2.2 and 3.0, and the words that 3.0 writes for them. Pure.

3.0 spells codes as words (`GATED_IN`). Its conformance messages still carry the codes (`GTIN`). Both are accepted, and
the event keeps the code, so that boards and rules know one spelling.
"""

from collections.abc import Mapping

from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.domains.cargo.word_list import word_list

RULE = "dcsa-code@1"

EVENT_TYPES_2_2 = word_list("TRANSPORT SHIPMENT EQUIPMENT")
EVENT_TYPES_3_0 = word_list("TRANSPORT SHIPMENT EQUIPMENT IOT REEFER")
CLASSIFIERS_2_2 = word_list("PLN EST ACT")
CLASSIFIERS_3_0 = word_list("PLN EST ACT REQ")

CODES_2_2: Mapping[str, frozenset[str]] = {
    "TRANSPORT": word_list("ARRI DEPA"),
    "SHIPMENT": word_list("RECE DRFT PENA PENU REJE APPR ISSU SURR SUBM VOID CONF REQS CMPL HOLD RELS"),
    "EQUIPMENT": word_list("LOAD DISC GTIN GTOT STUF STRP PICK DROP INSP RSEA RMVD"),
}
CODES_3_0: Mapping[str, frozenset[str]] = {
    "TRANSPORT": word_list("ARRI DEPA APRO"),
    "SHIPMENT": word_list(
        "AMCF AMCN AMDC AMPR AMRE APPR CACF CADC CANC CARE CMPL CONF DECL DRFT HOLD ISSU PENA PENM PENU PSAM PSDL "
        "RECE REJE RELS REQS SUAM SUBM SUDL SURR UPCF UPCN UPDC UPDT UPRE VOID"
    ),
    "EQUIPMENT": word_list(
        "AVDO AVPU CROS CUSI CUSR CUSS DISC DROP GTIN GTOT INSP LOAD PICK RMVD RSEA STRP STUF"
    ),
    "IOT": word_list("DETC"),
    "REEFER": word_list("MEAS ADJU"),
}
DOCUMENTS_2_2 = word_list("CBR BKG SHI SRM TRD ARN VGM CAS CUS DGD OOG")
DOCUMENTS_3_0 = word_list(
    "AMF ARN BKG CAS CBR CEA CEO CQU CRO CUC DEI DEO DGD FCE HCE ICE INV OOG PCE PFD SHI TRD TRO VCE VGM"
)
MODES_2_2 = word_list("VESSEL RAIL TRUCK BARGE")
MODES_3_0 = word_list("VESSEL RAIL TRUCK BARGE MULTIMODAL")
EMPTY = word_list("EMPTY LADEN")
FACILITIES = word_list("BOCR CLOC COFS COYA OFFD DEPO INTE POTE RAMP BRTH PBPL WAYP")
SEAL_SOURCES = word_list("CAR CNS CST CUS PHY SHI TER VET")
"""Those of 3.0: 2.2 has five of them."""

SEAL_TYPES = word_list("KLP BLT WIR")

WORDS: Mapping[str, str] = {
    "GATED_IN": "GTIN",
    "GATED_OUT": "GTOT",
    "LOADED": "LOAD",
    "DISCHARGED": "DISC",
    "STUFFED": "STUF",
    "STRIPPED": "STRP",
    "PICKED_UP": "PICK",
    "DROPPED_OFF": "DROP",
    "AVAILABLE_FOR_PICKUP": "AVPU",
    "AVAILABLE_FOR_DROP_OFF": "AVDO",
    "INSPECTED": "INSP",
    "RESEALED": "RSEA",
    "REMOVED": "RMVD",
    "CUSTOMS_SELECTED_FOR_SCAN": "CUSS",
    "CUSTOMS_SELECTED_FOR_INSPECTION": "CUSI",
    "CUSTOMS_RELEASED": "CUSR",
    "CROSSED": "CROS",
    "ARRIVED": "ARRI",
    "DEPARTED": "DEPA",
    "APPROACHING": "APRO",
    "PLANNED": "PLN",
    "ESTIMATED": "EST",
    "ACTUAL": "ACT",
    "REQUESTED": "REQ",
    "BOOKING": "BKG",
    "SHIPPING_INSTRUCTIONS": "SHI",
    "TRANSPORT_DOCUMENT": "TRD",
    "RECEIVED": "RECE",
    "CONFIRMED": "CONF",
    "REJECTED": "REJE",
    "APPROVED": "APPR",
    "ISSUED": "ISSU",
    "VOIDED": "VOID",
    "BORDER": "BOCR",
    "BORD": "BOCR",
    "CUSTOMER_LOCATION": "CLOC",
    "CONTAINER_FREIGHT_STATION": "COFS",
    "OFF_DOCK_STORAGE": "OFFD",
    "DEPOT": "DEPO",
    "INLAND_TERMINAL": "INTE",
    "PORT_TERMINAL": "POTE",
    "RAMP": "RAMP",
    "WAYPOINT": "WAYP",
    "MEASURED": "MEAS",
    "ADJUSTED": "ADJU",
    "DETECTED": "DETC",
}
"""Word of 3.0 → code of 2.x. `APRO` and `WAYP` are ours: 2.x has no code for them."""


CLASSIFIER_RULE = "dcsa-classifier@1"
ACTUAL_ONLY = frozenset({"SHIPMENT", "REEFER", "IOT"})
"""Event types whose only classifier is `ACT` (DCSA Event Domain 2.0.2 and 3.1.0: baseShipmentEvent, baseReeferEvent,
baseIoTEvent)."""


def classifier(value: object, allowed: frozenset[str], kind: str) -> str:
    """Return the classifier of an event; rules dcsa-code, dcsa-classifier.

    Args:
        value: Value of `eventClassifierCode`.
        allowed: Allowed codes.
        kind: Event type.

    Raises:
        RuleViolation: It is none of the allowed codes, or the event type does not have it.
    """
    found = code(value, allowed, "eventClassifierCode")
    if kind in ACTUAL_ONLY and found != "ACT":
        raise RuleViolation(
            CLASSIFIER_RULE, f"eventClassifierCode: expected ACT for a {kind} event, got {found}"
        )
    return found


def code(value: object, allowed: frozenset[str], what: str) -> str:
    """Return the code of a value that is a code or a word of 3.0; rule dcsa-code.

    Args:
        value: Value of the member.
        allowed: Allowed codes.
        what: Name of the member, for the reason.

    Raises:
        RuleViolation: It is none of the allowed codes.
    """
    found = WORDS.get(value, value) if isinstance(value, str) else None
    if found is None or found not in allowed:
        raise RuleViolation(
            RULE, f"{what}: expected one of {', '.join(sorted(allowed))}, got {short_repr(value)}"
        )
    return found


def optional_code(value: object, allowed: frozenset[str], what: str) -> str | None:
    """Return the code of a member that may be missing, or None."""
    return None if value is None else code(value, allowed, what)
