"""Values inside an EPCIS event, each checked by its own rule. Pure.

Events are in the shape of EPCIS 2.0 JSON; `epcis_xml_event` converts XML to it. Each function returns the value as
`cargo.supply-event` stores it, or raises `RuleViolation`. `what` names the member in the reason.
"""

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from streams.domains.cargo import epcis_words as words
from streams.domains.cargo.epcis_words import is_uri
from streams.domains.cargo.instants import micros
from streams.domains.cargo.rule_violation import RuleViolation, short_repr

Members = Mapping[str, Any]
Names = Collection[str]

_UOM = re.compile(r"[A-Z0-9]{2,3}", re.ASCII)


def time(value: object, what: str) -> int:
    """Return an instant in µs since 1970 UTC; rule epcis-time."""
    try:
        return micros(value)
    except ValueError as error:
        raise RuleViolation("epcis-time@1", f"{what}: {error}") from None


def uri(value: object, what: str) -> str:
    """Return a URI; rule epcis-uri."""
    if not is_uri(value):
        raise RuleViolation("epcis-uri@1", f"{what}: expected a URI, got {short_repr(value)}")
    return str(value)


def uris(value: object, what: str) -> list[str]:
    """Return a list of URIs, empty if missing; rules epcis-shape and epcis-uri."""
    return [uri(each, what) for each in array(value, what)]


def array(value: object, what: str) -> list[Any]:
    """Return a list, empty if missing; rule epcis-shape."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise RuleViolation("epcis-shape@1", f"{what}: expected a list, got {short_repr(value)}")
    return value


def members(value: object, what: str, known: Names, needed: tuple[str, ...], rule: str) -> Members:
    """Return the members of an object.

    Args:
        value: The object.
        what: Its name, for the reason.
        known: Members that the standard knows. Others need a namespace.
        needed: Members that are required.
        rule: Rule that a missing member violates.

    Raises:
        RuleViolation: No object (epcis-shape), an unknown member (epcis-unknown-field) or a missing one (`rule`).
    """
    if not isinstance(value, Mapping):
        raise RuleViolation("epcis-shape@1", f"{what}: expected an object, got {short_repr(value)}")
    check_names(value, what, known)
    for name in needed:
        if value.get(name) is None:
            raise RuleViolation(rule, f"{what}: {name} is missing")
    return value


def check_names(value: Members, what: str, known: Names) -> None:
    """Raise RuleViolation for a member that is unknown and has no namespace; rule epcis-unknown-field."""
    for name in value:
        if name not in known and not is_uri(name):
            raise RuleViolation(
                "epcis-unknown-field@1",
                f"{what}: {short_repr(name)} is no member of it, and has no namespace",
            )


def number(value: object, what: str, rule: str) -> float | None:
    """Return a finite number, or None if missing; `rule` names the rule."""
    if value is None:
        return None
    try:
        found = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise RuleViolation(rule, f"{what}: expected a number, got {short_repr(value)}")
    return found


def location_uri(value: object, what: str) -> str | None:
    """Return the URI of a read point or business location, or None; rules epcis-shape and epcis-uri."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise RuleViolation(
            "epcis-shape@1", f"{what}: expected an object with an id, got {short_repr(value)}"
        )
    return uri(value.get("id"), f"{what} id")


def quantities(value: object, what: str, role: str) -> list[dict[str, Any]]:
    """Return the quantity elements of a list; rule epcis-quantity.

    Args:
        value: The list, or None.
        what: Name of the list.
        role: Role of its quantities in the event: `quantity`, `child`, `input` or `output`.
    """
    rule, found = "epcis-quantity@1", []
    for each in array(value, what):
        if isinstance(each, Mapping) and (extra := each.keys() - {"epcClass", "quantity", "uom"}):
            raise RuleViolation(rule, f"{what}: {', '.join(sorted(extra))} is no member of an amount")
        one = members(each, what, frozenset({"epcClass", "quantity", "uom"}), ("epcClass",), rule)
        uom = one.get("uom")
        if uom is not None and not (isinstance(uom, str) and _UOM.fullmatch(uom)):
            raise RuleViolation(
                rule, f"{what} uom: expected a unit of UN/ECE Recommendation 20, got {short_repr(uom)}"
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
    """Return the types and ids of business transactions; rule epcis-biz-transaction."""
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
    """Return the types and ids of sources or destinations; rule epcis-party."""
    found = []
    for each in array(value, what):
        one = members(each, what, frozenset({"type", name}), ("type", name), words.PARTY_TYPE.rule)
        found.append({"type": words.PARTY_TYPE.word(one["type"]), "id": uri(one[name], name)})
    return found


def dispositions(value: object) -> tuple[list[str], list[str]]:
    """Return what a persistentDisposition sets, and what it unsets; rule epcis-disposition."""
    if value is None:
        return [], []
    known = frozenset({"set", "unset"})
    one = members(value, "persistentDisposition", known, (), words.DISPOSITION.rule)
    found = [
        [words.DISPOSITION.word(each) for each in array(one.get(name), f"persistentDisposition {name}")]
        for name in ("set", "unset")
    ]
    if not any(found):
        raise RuleViolation(words.DISPOSITION.rule, "persistentDisposition: sets and unsets nothing")
    return found[0], found[1]


def certifications(value: object) -> list[str]:
    """Return the URIs of certificates, given as one or as a list; rule epcis-certification."""
    found: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
    for each in found:
        if not is_uri(each):
            raise RuleViolation(
                "epcis-certification@1",
                f"certificationInfo: expected the URI of a certificate, got {short_repr(each)}",
            )
    return found


def error_declaration(value: object) -> dict[str, Any]:
    """Return the fields of an error declaration, none if missing; rule epcis-error-declaration."""
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
