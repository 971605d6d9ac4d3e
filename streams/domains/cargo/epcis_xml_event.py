"""One EPCIS event as an XML element → the shape of EPCIS 2.0 JSON. Pure.

Elements of EPCIS stand without a namespace or in the namespace of EPCIS; both are the same. Elements of another
namespace are extensions: they keep their namespace in their name (`http://example.com/ext1/#int`).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from streams.domains.cargo.rule_violation import BrokenRule, shown
from streams.domains.cargo.word_list import listed

_NAMESPACES = ("urn:epcglobal:epcis:xsd:2", "urn:epcglobal:epcis:xsd:1", "urn:epcglobal:epcis-query:xsd:2")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NUMERIC = listed("value minValue maxValue meanValue sDev percRank percValue")
_TEXTS = listed(
    "eventTime recordTime eventTimeZoneOffset eventID action bizStep disposition parentID transformationID"
)
_EPC_LISTS = listed("epcList childEPCs inputEPCList outputEPCList")
_AMOUNT_LISTS = listed("quantityList childQuantityList inputQuantityList outputQuantityList")


def name_of(element: Element) -> str:
    """Name an element: bare where it is EPCIS's, with its namespace where it is not."""
    return _name(element.tag) if isinstance(element.tag, str) else ""


def text_of(element: Element) -> str:
    """Return an element's text."""
    return (element.text or "").strip()


def event_of(element: Element) -> dict[str, Any]:
    """Bring an event into the shape of EPCIS 2.0 JSON.

    Raises:
        BrokenRule: A list holds something that does not belong there, or a member stands twice.
    """
    found: dict[str, Any] = {"type": name_of(element)}
    certificates: list[str] = []
    for child in element:
        name = name_of(child)
        if name == "certificationInfo":
            certificates.append(text_of(child))
        elif name in found and ":" not in name:
            raise BrokenRule("epcis-shape@1", f"{name}: stands twice")
        else:
            found[name] = _merged(found.get(name), _value(name, child))
    if certificates:
        found["certificationInfo"] = certificates
    return found


def _value(name: str, element: Element) -> Any:
    if name in _TEXTS:
        return text_of(element)
    if name in _EPC_LISTS:
        return [text_of(each) for each in _only(element, "epc")]
    if name in _AMOUNT_LISTS:
        return [_amount(each) for each in _only(element, "quantityElement")]
    if name in ("readPoint", "bizLocation"):
        return {name_of(each): text_of(each) for each in element}
    reader = _READERS.get(name)
    return reader(element) if reader else _free(element)


def _name(tag: str) -> str:
    if not tag.startswith("{"):
        return tag
    space, _, local = tag[1:].partition("}")
    return local if space in _NAMESPACES else f"{space}{'' if space[-1:] in '/#:' else '#'}{local}"


def _only(element: Element, name: str) -> list[Element]:
    for each in element:
        if name_of(each) != name:
            raise BrokenRule(
                "epcis-unknown-field@1", f"{name_of(element)}: expected {name}, got {shown(name_of(each))}"
            )
    return list(element)


def _amount(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {name_of(each): text_of(each) for each in element}
    if "quantity" in found:  # an empty element tells no quantity
        found["quantity"] = _number(found["quantity"]) if found["quantity"] else None
    return found


def _number(text: str) -> Any:
    return float(text) if _NUMBER.fullmatch(text) else text


def _transactions(element: Element) -> list[Any]:
    return [_typed(each, "bizTransaction") for each in _only(element, "bizTransaction")]


def _sources(element: Element) -> list[Any]:
    return [_typed(each, "source") for each in _only(element, "source")]


def _destinations(element: Element) -> list[Any]:
    return [_typed(each, "destination") for each in _only(element, "destination")]


def _typed(element: Element, name: str) -> dict[str, str]:
    kind = element.get("type")
    return {name: text_of(element)} if kind is None else {"type": kind, name: text_of(element)}


def _dispositions(element: Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in element:
        found.setdefault(name_of(each), []).append(text_of(each))
    return found


def _declaration(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in element:
        name = name_of(each)
        if name == "correctiveEventIDs":
            found[name] = [text_of(one) for one in _only(each, "correctiveEventID")]
        else:
            found[name] = text_of(each) if name in ("declarationTime", "reason") else _free(each)
    return found


def _sensors(element: Element) -> list[dict[str, Any]]:
    return [_sensor(each) for each in _only(element, "sensorElement")]


def _sensor(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in element:
        name = name_of(each)
        if name == "sensorMetadata":
            found[name] = _attributes(each)
        elif name == "sensorReport":
            found.setdefault(name, []).append(_attributes(each))
        else:
            found[name] = _merged(found.get(name), _free(each))
    return found


def _attributes(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tag, text in element.attrib.items():
        name = _name(tag)
        found[name] = _number(text.strip()) if name in _NUMERIC else text.strip()
    return found


def _ilmd(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in element:
        found[name_of(each)] = _merged(found.get(name_of(each)), _free(each))
    return found


def _free(element: Element) -> Any:
    """Keep an extension as it stands: text, or an object of its children and attributes."""
    if not len(element) and not element.attrib:
        return text_of(element)
    found: dict[str, Any] = {f"@{_name(tag)}": text for tag, text in element.attrib.items()}
    for each in element:
        found[name_of(each)] = _merged(found.get(name_of(each)), _free(each))
    if text_of(element):
        found["#text"] = text_of(element)
    return found


def _merged(before: Any, value: Any) -> Any:
    """Put a further value of the same name beside those before it."""
    if before is None:
        return value
    return [*before, value] if isinstance(before, list) else [before, value]


_READERS: Mapping[str, Callable[[Element], Any]] = {
    "bizTransactionList": _transactions,
    "sourceList": _sources,
    "destinationList": _destinations,
    "persistentDisposition": _dispositions,
    "errorDeclaration": _declaration,
    "sensorElementList": _sensors,
    "ilmd": _ilmd,
}
