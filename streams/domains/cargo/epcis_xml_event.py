"""One EPCIS event as an XML element → the shape of EPCIS 2.0 JSON. Pure.

Elements of EPCIS have no namespace or that of EPCIS; both mean the same. Elements of another namespace are
extensions and keep the namespace in their name (`http://example.com/ext1/#int`).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.domains.cargo.word_list import word_list

_NAMESPACES = ("urn:epcglobal:epcis:xsd:2", "urn:epcglobal:epcis:xsd:1", "urn:epcglobal:epcis-query:xsd:2")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NUMERIC = word_list("value minValue maxValue meanValue sDev percRank percValue")
_TEXTS = word_list(
    "eventTime recordTime eventTimeZoneOffset eventID action bizStep disposition parentID transformationID"
)
_EPC_LISTS = word_list("epcList childEPCs inputEPCList outputEPCList")
_AMOUNT_LISTS = word_list("quantityList childQuantityList inputQuantityList outputQuantityList")


def name_of(element: Element) -> str:
    """Return an element's name: bare if EPCIS defines it, else with its namespace; empty for a comment."""
    return _name(element.tag) if isinstance(element.tag, str) else ""


def text_of(element: Element) -> str:
    """Return an element's text without surrounding white space."""
    return (element.text or "").strip()


def event_of(element: Element) -> dict[str, Any]:
    """Return an event in the shape of EPCIS 2.0 JSON. `epcis_rules` checks it afterwards.

    Raises:
        RuleViolation: A list holds a foreign element (epcis-unknown-field), or a member occurs twice (epcis-shape).
    """
    found: dict[str, Any] = {"type": name_of(element)}
    certificates: list[str] = []
    for child in element:
        name = name_of(child)
        if name == "certificationInfo":
            certificates.append(text_of(child))
        elif name in found and ":" not in name:
            raise RuleViolation("epcis-shape@1", f"{name}: stands twice")
        else:
            found[name] = _merged(found.get(name), _value(name, child))
    if certificates:
        found["certificationInfo"] = certificates
    return found


def _value(name: str, element: Element) -> Any:
    if name in _TEXTS:
        return text_of(element)
    if name in _EPC_LISTS:
        return [text_of(each) for each in _children_named(element, "epc")]
    if name in _AMOUNT_LISTS:
        return [_amount(each) for each in _children_named(element, "quantityElement")]
    if name in ("readPoint", "bizLocation"):
        return {name_of(each): text_of(each) for each in element}
    reader = _READERS.get(name)
    return reader(element) if reader else _extension(element)


def _name(tag: str) -> str:
    if not tag.startswith("{"):
        return tag
    space, _, local = tag[1:].partition("}")
    return local if space in _NAMESPACES else f"{space}{'' if space[-1:] in '/#:' else '#'}{local}"


def _children_named(element: Element, name: str) -> list[Element]:
    for each in element:
        if name_of(each) != name:
            raise RuleViolation(
                "epcis-unknown-field@1",
                f"{name_of(element)}: expected {name}, got {short_repr(name_of(each))}",
            )
    return list(element)


def _amount(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {name_of(each): text_of(each) for each in element}
    if "quantity" in found:  # an empty element means no quantity
        found["quantity"] = _number(found["quantity"]) if found["quantity"] else None
    return found


def _number(text: str) -> Any:
    return float(text) if _NUMBER.fullmatch(text) else text


def _transactions(element: Element) -> list[Any]:
    return [_typed(each, "bizTransaction") for each in _children_named(element, "bizTransaction")]


def _sources(element: Element) -> list[Any]:
    return [_typed(each, "source") for each in _children_named(element, "source")]


def _destinations(element: Element) -> list[Any]:
    return [_typed(each, "destination") for each in _children_named(element, "destination")]


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
            found[name] = [text_of(one) for one in _children_named(each, "correctiveEventID")]
        else:
            found[name] = text_of(each) if name in ("declarationTime", "reason") else _extension(each)
    return found


def _sensors(element: Element) -> list[dict[str, Any]]:
    return [_sensor(each) for each in _children_named(element, "sensorElement")]


def _sensor(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in element:
        name = name_of(each)
        if name == "sensorMetadata":
            found[name] = _attributes(each)
        elif name == "sensorReport":
            found.setdefault(name, []).append(_attributes(each))
        else:
            found[name] = _merged(found.get(name), _extension(each))
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
        found[name_of(each)] = _merged(found.get(name_of(each)), _extension(each))
    return found


def _extension(element: Element) -> Any:
    """Return an extension unchanged: its text, or an object of its children and attributes."""
    if not len(element) and not element.attrib:
        return text_of(element)
    found: dict[str, Any] = {f"@{_name(tag)}": text for tag, text in element.attrib.items()}
    for each in element:
        found[name_of(each)] = _merged(found.get(name_of(each)), _extension(each))
    if text_of(element):
        found["#text"] = text_of(element)
    return found


def _merged(before: Any, value: Any) -> Any:
    """Return a value, or the list of it and the earlier values of the same name."""
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
