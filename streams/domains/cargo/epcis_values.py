"""Values inside an EPCIS event, each judged by its own rule. Pure.

An event is judged in the shape of EPCIS 2.0 JSON; `epcis_xml` brings XML into it. Every function returns the
value as it goes into `cargo.supply-event`, or raises `BrokenRule`.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from streams.domains.cargo import epcis_words as words
from streams.domains.cargo.epcis_words import is_uri
from streams.domains.cargo.instants import micros
from streams.domains.cargo.rule_violation import BrokenRule, shown
from streams.domains.cargo.word_list import listed

Members = Mapping[str, Any]

_UOM = re.compile(r"[A-Z0-9]{2,3}", re.ASCII)
_REPORT = listed("""
    type exception deviceID deviceMetadata rawData dataProcessingMethod bizRules time microorganism
    chemicalSubstance coordinateReferenceSystem value component stringValue booleanValue hexBinaryValue uriValue
    minValue maxValue meanValue sDev percRank percValue uom
    """)
_METADATA = listed("time deviceID deviceMetadata rawData startTime endTime dataProcessingMethod bizRules")


def time(value: object, what: str) -> int:
    """Read an instant; rule epcis-time."""
    try:
        return micros(value)
    except ValueError as error:
        raise BrokenRule("epcis-time@1", f"{what}: {error}") from None


def uri(value: object, what: str) -> str:
    """Read a URI; rule epcis-uri."""
    if not is_uri(value):
        raise BrokenRule("epcis-uri@1", f"{what}: expected a URI, got {shown(value)}")
    return str(value)


def uris(value: object, what: str) -> list[str]:
    """Read a list of URIs."""
    return [uri(each, what) for each in array(value, what)]


def array(value: object, what: str) -> list[Any]:
    """Read a list, or nothing; rule epcis-shape."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise BrokenRule("epcis-shape@1", f"{what}: expected a list, got {shown(value)}")
    return value


def members(value: object, what: str, known: frozenset[str], needed: tuple[str, ...], rule: str) -> Members:
    """Read an object that has certain members; of others, only those of a namespace are let through."""
    if not isinstance(value, Mapping):
        raise BrokenRule("epcis-shape@1", f"{what}: expected an object, got {shown(value)}")
    check_names(value, what, known)
    for name in needed:
        if value.get(name) is None:
            raise BrokenRule(rule, f"{what}: {name} is missing")
    return value


def check_names(value: Members, what: str, known: frozenset[str]) -> None:
    """Refuse a member that the standard does not know and that has no namespace; rule epcis-unknown-field."""
    for name in value:
        if name not in known and not is_uri(name):
            raise BrokenRule(
                "epcis-unknown-field@1", f"{what}: {shown(name)} is no member of it, and has no namespace"
            )


def number(value: object, what: str, rule: str) -> float | None:
    """Read a number, or nothing."""
    if value is None:
        return None
    try:
        found = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise BrokenRule(rule, f"{what}: expected a number, got {shown(value)}")
    return found


def place(value: object, what: str) -> str | None:
    """Read a read point or business location."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise BrokenRule("epcis-shape@1", f"{what}: expected an object with an id, got {shown(value)}")
    return uri(value.get("id"), f"{what} id")


def quantities(value: object, what: str, role: str) -> list[dict[str, Any]]:
    """Read amounts of classes of goods; rule epcis-quantity."""
    rule, found = "epcis-quantity@1", []
    for each in array(value, what):
        if isinstance(each, Mapping) and (extra := each.keys() - {"epcClass", "quantity", "uom"}):
            raise BrokenRule(rule, f"{what}: {', '.join(sorted(extra))} is no member of an amount")
        one = members(each, what, frozenset({"epcClass", "quantity", "uom"}), ("epcClass",), rule)
        uom = one.get("uom")
        if uom is not None and not (isinstance(uom, str) and _UOM.fullmatch(uom)):
            raise BrokenRule(
                rule, f"{what} uom: expected a unit of UN/ECE Recommendation 20, got {shown(uom)}"
            )
        found.append(
            {
                "role": role,
                "epc_class": uri(one["epcClass"], f"{what} epcClass"),
                "quantity": number(one.get("quantity"), f"{what} quantity", rule),
                "uom": uom,
            }
        )
    return found


def transactions(value: object) -> list[dict[str, Any]]:
    """Read business transactions; rule epcis-biz-transaction."""
    found = []
    for each in array(value, "bizTransactionList"):
        one = members(
            each,
            "bizTransactionList",
            frozenset({"type", "bizTransaction"}),
            ("bizTransaction",),
            words.TRANSACTION_TYPE.rule,
        )
        kind = one.get("type")
        found.append(
            {
                "type": None if kind is None else words.TRANSACTION_TYPE.word(kind),
                "id": uri(one["bizTransaction"], "bizTransaction"),
            }
        )
    return found


def parties(value: object, what: str, name: str) -> list[dict[str, Any]]:
    """Read sources or destinations; rule epcis-party."""
    found = []
    for each in array(value, what):
        one = members(each, what, frozenset({"type", name}), ("type", name), words.PARTY_TYPE.rule)
        found.append({"type": words.PARTY_TYPE.word(one["type"]), "id": uri(one[name], name)})
    return found


def dispositions(value: object) -> tuple[list[str], list[str]]:
    """Read what a persistentDisposition sets and unsets; rule epcis-disposition."""
    if value is None:
        return [], []
    known = frozenset({"set", "unset"})
    one = members(value, "persistentDisposition", known, (), words.DISPOSITION.rule)
    found = [
        [words.DISPOSITION.word(each) for each in array(one.get(name), f"persistentDisposition {name}")]
        for name in ("set", "unset")
    ]
    if not any(found):
        raise BrokenRule(words.DISPOSITION.rule, "persistentDisposition: sets and unsets nothing")
    return found[0], found[1]


def certifications(value: object) -> list[str]:
    """Read certificates: one URI or several; rule epcis-certification."""
    found: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
    for each in found:
        if not is_uri(each):
            raise BrokenRule(
                "epcis-certification@1",
                f"certificationInfo: expected the URI of a certificate, got {shown(each)}",
            )
    return found


def error_declaration(value: object) -> dict[str, Any]:
    """Read an error declaration; rule epcis-error-declaration."""
    if value is None:
        return {}
    rule, known = words.ERROR_REASON.rule, frozenset({"declarationTime", "reason", "correctiveEventIDs"})
    one = members(value, "errorDeclaration", known, ("declarationTime",), rule)
    reason = one.get("reason")
    return {
        "declared_wrong_at": time(one["declarationTime"], "errorDeclaration declarationTime"),
        "declared_wrong_reason": None if reason is None else words.ERROR_REASON.word(reason),
        "corrective_event_ids": uris(one.get("correctiveEventIDs"), "correctiveEventIDs"),
    }


def sensor_reports(value: object) -> list[dict[str, Any]]:
    """Read the reports of all sensor elements; rule epcis-sensor."""
    found = []
    for element in array(value, "sensorElementList"):
        known = frozenset({"sensorMetadata", "sensorReport"})
        one = members(element, "sensorElement", known, ("sensorReport",), "epcis-sensor@1")
        about = members(one.get("sensorMetadata") or {}, "sensorMetadata", _METADATA, (), "epcis-sensor@1")
        for name in ("time", "startTime", "endTime"):
            if about.get(name) is not None:
                time(about[name], f"sensorMetadata {name}")
        reports = array(one["sensorReport"], "sensorReport")
        if not reports:
            raise BrokenRule("epcis-sensor@1", "sensorElement: sensorReport is empty")
        found += [_report(each, about) for each in reports]
    return found


def _report(value: object, about: Members) -> dict[str, Any]:
    rule = "epcis-sensor@1"
    one = members(value, "sensorReport", _REPORT, (), rule)
    if one.get("type") is None and one.get("exception") is None:
        raise BrokenRule(rule, "sensorReport: type is missing")
    measured = one.get("time", about.get("time"))
    others = (one.get(name) for name in ("stringValue", "booleanValue", "hexBinaryValue", "uriValue"))
    other = next((each for each in others if each is not None), None)
    text = str(other).lower() if isinstance(other, bool) else other
    if text is not None and not isinstance(text, str):
        raise BrokenRule(rule, f"sensorReport: expected text, got {shown(other)}")
    for name in ("percRank", "percValue"):
        number(one.get(name), f"sensorReport {name}", rule)
    device = one.get("deviceID", about.get("deviceID"))
    uom = one.get("uom")
    if uom is not None and not isinstance(uom, str):
        raise BrokenRule(rule, f"sensorReport uom: expected text, got {shown(uom)}")
    return {
        "type": _measurement(one.get("type")),
        "time": None if measured is None else time(measured, "sensorReport time"),
        "device_id": None if device is None else uri(device, "deviceID"),
        "component": _word(words.COMPONENT, one.get("component")),
        "value": number(one.get("value"), "sensorReport value", rule),
        "min_value": number(one.get("minValue"), "sensorReport minValue", rule),
        "max_value": number(one.get("maxValue"), "sensorReport maxValue", rule),
        "mean_value": number(one.get("meanValue"), "sensorReport meanValue", rule),
        "s_dev": number(one.get("sDev"), "sensorReport sDev", rule),
        "uom": uom,
        "string_value": text,
        "exception": _word(words.ALERT, one.get("exception")),
    }


def _measurement(value: object) -> str | None:
    """Read what was measured; GS1 adds words to this list between versions, so a new one is no error."""
    if value is not None and not isinstance(value, str):
        raise BrokenRule("epcis-sensor@1", f"sensorReport type: expected a word, got {shown(value)}")
    return None if value is None else words.MEASUREMENT.bare(value)


def _word(vocabulary: words.Vocabulary, value: object) -> str | None:
    return None if value is None else vocabulary.word(value)
