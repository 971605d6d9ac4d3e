"""One EPCIS event as an XML element → the shape of EPCIS 2.0 JSON. Pure.

Elements of EPCIS have no namespace or one of EPCIS; both mean the same. Elements and attributes of another namespace
are extensions and keep the namespace in their name (`http://example.com/ext1/#int`).

EPCIS 1.x keeps what a version added in `extension` elements, one inside the other, and in `baseExtension`.
They are opened at any depth: an event is the same in 1.0, 1.1, 1.2 and 2.0. A QuantityEvent, which 2.0 dropped, is an
observation of one amount.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element

from streams.domains.cargo.epcis_rules import NAMES
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.domains.cargo.word_list import word_list

QUANTITY_EVENT = "QuantityEvent"

_NAMESPACES = re.compile(r"urn:epcglobal:epcis(-query)?:xsd:[12]")
_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_OF_DOCUMENT = word_list("schemaVersion creationDate")
_EXTENSIONS = frozenset({"extension", "baseExtension"})
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NUMERIC = word_list("value minValue maxValue meanValue sDev percRank percValue")
_TEXTS = word_list(
    "eventTime recordTime eventTimeZoneOffset eventID action bizStep disposition parentID transformationID"
)
_OF_QUANTITY_EVENT = word_list("epcClass quantity")
_EPC_LISTS = word_list("epcList childEPCs inputEPCList outputEPCList")
_AMOUNT_LISTS = word_list("quantityList childQuantityList inputQuantityList outputQuantityList")


def name_of(element: Element) -> str:
    """Return an element's name: bare if EPCIS defines it, else with its namespace; empty for a comment."""
    return bare_name(element.tag) if isinstance(element.tag, str) else ""


def text_of(element: Element) -> str:
    """Return an element's text without surrounding white space."""
    return (element.text or "").strip()


def event_of(element: Element) -> dict[str, Any]:
    """Return an event in the shape of EPCIS 2.0 JSON. `epcis_rules` checks it afterwards.

    Raises:
        RuleViolation: A list holds a foreign element (epcis-unknown-field), or a member occurs twice (epcis-shape).
    """
    found: dict[str, Any] = {"type": name_of(element), **_foreign_attributes(element)}
    for name in _OF_DOCUMENT & found.keys():  # a bare event is its own document
        del found[name]
    certificates: list[str] = []
    for name, child in _children(element):
        if name == "certificationInfo":
            certificates.append(text_of(child))
        elif name in found and ":" not in name:
            raise RuleViolation("epcis-shape@1", f"{name}: stands twice")
        else:
            found[name] = _merged(found.get(name), _value(name, child))
    if certificates:
        found["certificationInfo"] = certificates
    return _observation(found) if found["type"] == QUANTITY_EVENT else found


def _observation(event: dict[str, Any]) -> dict[str, Any]:
    """Return a QuantityEvent as the ObjectEvent that says the same: an amount of a class was observed."""
    amount = {"epcClass": event.pop("epcClass", None), "quantity": _number(event.pop("quantity", ""))}
    return {**event, "type": "ObjectEvent", "action": "OBSERVE", "quantityList": [amount]}


def _value(name: str, element: Element) -> Any:
    if name in _TEXTS or name in _OF_QUANTITY_EVENT:
        return text_of(element)
    if name in _EPC_LISTS:
        return [text_of(each) for each in _children_named(element, "epc")]
    if name in _AMOUNT_LISTS:
        return [_amount(each) for each in _children_named(element, "quantityElement")]
    if name in ("readPoint", "bizLocation"):
        return _members(element)
    reader = _READERS.get(name)
    return reader(element) if reader else _extension(element)


@lru_cache(maxsize=4096)
def bare_name(tag: str) -> str:
    """Return a tag's name: bare if EPCIS defines it, else with its namespace as one URI."""
    if not tag.startswith("{"):
        return tag
    space, _, local = tag[1:].partition("}")
    return local if _NAMESPACES.fullmatch(space) else f"{space}{'' if space[-1:] in '/#:' else '#'}{local}"


def _children(element: Element, *, extended: bool = False) -> Iterator[tuple[str, Element]]:
    """Yield the elements inside one with their names, and in place of an `extension` those inside it.

    What has no namespace in an `extension`, and is no member of any version, is named `extension:…`.
    """
    for each in element:
        name = name_of(each)
        if name in _EXTENSIONS:
            yield from _children(each, extended=True)
        else:
            foreign = extended and ":" not in name and name not in NAMES
            yield f"extension:{name}" if foreign else name, each


def _foreign_attributes(element: Element) -> dict[str, Any]:
    """Return the attributes of an element, without those for schema validators."""
    return {
        bare_name(tag): text for tag, text in element.attrib.items() if not tag.startswith(_SCHEMA_INSTANCE)
    }


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
    quantity = found.pop("quantity", "")
    return (
        {**found, "quantity": _number(quantity)} if quantity else found
    )  # an empty element means no quantity


def _number(text: str) -> Any:
    return float(text) if _NUMBER.fullmatch(text) else text


def _transactions(element: Element) -> list[Any]:
    return [_typed(each, "bizTransaction") for each in _children_named(element, "bizTransaction")]


def _sources(element: Element) -> list[Any]:
    return [_typed(each, "source") for each in _children_named(element, "source")]


def _destinations(element: Element) -> list[Any]:
    return [_typed(each, "destination") for each in _children_named(element, "destination")]


def _typed(element: Element, name: str) -> dict[str, Any]:
    return {**_foreign_attributes(element), name: text_of(element)}


def _dispositions(element: Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, each in _children(element):
        found.setdefault(name, []).append(text_of(each))
    return found


def _declaration(element: Element) -> dict[str, Any]:
    found = _members(element)
    for name, each in _children(element):
        if name == "correctiveEventIDs":
            found[name] = [text_of(one) for one in _children_named(each, "correctiveEventID")]
    return found


def _sensors(element: Element) -> list[dict[str, Any]]:
    return [_sensor(each) for each in _children_named(element, "sensorElement")]


def _sensor(element: Element) -> dict[str, Any]:
    found = _foreign_attributes(element)
    for name, each in _children(element):
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
        name, value = bare_name(tag), text.strip()
        if name in _NUMERIC:
            found[name] = _number(value)
        else:
            found[name] = _BOOLEANS.get(value, value) if name == "booleanValue" else value
    return found


def _members(element: Element) -> dict[str, Any]:
    """Return the attributes and children of an element, those of the same name as a list."""
    found = _foreign_attributes(element)
    for name, each in _children(element):
        found[name] = _merged(found.get(name), _extension(each))
    return found


def _extension(element: Element) -> Any:
    """Return an extension unchanged: its text, or an object of its children and attributes."""
    if not len(element) and not element.attrib:
        return text_of(element)
    found: dict[str, Any] = {f"@{bare_name(tag)}": text for tag, text in element.attrib.items()}
    for each in element:
        found[name_of(each)] = _merged(found.get(name_of(each)), _extension(each))
    texts = (text.strip() for text in (element.text, *(each.tail for each in element)) if text)
    if text := " ".join(filter(None, texts)):
        found["#text"] = text
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
    "ilmd": _members,
}
