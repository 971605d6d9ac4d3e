"""Values inside a DCSA event, each checked by its own rule. Pure.

| rule | requires |
|---|---|
| dcsa-required | the members that the event's type needs |
| dcsa-time | ISO 8601 with an offset |
| dcsa-value | text, numbers, lists and objects where the standard has them, not longer than it allows |
| un-locode | five characters that begin with a country of ISO 3166-1 |

Each function returns the value as `cargo.transport-event` stores it, or raises `RuleViolation`. `what` names the member
in the reason.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from streams.domains.cargo.dcsa_codes import FACILITIES, SEAL_SOURCES, SEAL_TYPES, optional_code
from streams.domains.cargo.identifiers import is_locode
from streams.domains.cargo.instants import micros
from streams.domains.cargo.rule_violation import RuleViolation, short_repr

Members = Mapping[str, Any]
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LONGEST_TEXT = 5000


def require(value: Members, *names: str) -> None:
    """Raise RuleViolation if an object lacks one of the members; rule dcsa-required."""
    for name in names:
        if value.get(name) in (None, ""):
            raise RuleViolation("dcsa-required@1", f"{name} is missing")


def time(value: object, what: str) -> int:
    """Return an instant in µs since 1970 UTC; rule dcsa-time."""
    try:
        return micros(value)
    except ValueError as error:
        raise RuleViolation("dcsa-time@1", f"{what}: {error}") from None


def text(value: object, what: str, longest: int = LONGEST_TEXT) -> str | None:
    """Return text of at most `longest` characters, or None if missing or empty; rule dcsa-value."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise RuleViolation(
            "dcsa-value@1", f"{what}: expected text of at most {longest} characters, got {short_repr(value)}"
        )
    return value or None


def number(value: object, what: str) -> float | None:
    """Return a finite number, or None if missing; coordinates may be text; rule dcsa-value."""
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_text = isinstance(value, str) and _DECIMAL.fullmatch(value.strip())
    try:
        found = float(value) if is_number or is_text else math.nan  # type: ignore[arg-type]
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise RuleViolation("dcsa-value@1", f"{what}: expected a number, got {short_repr(value)}")
    return found


def integer(value: object, what: str) -> int | None:
    """Return a whole number of 32 bits, or None if missing; rule dcsa-value."""
    if value is None:
        return None
    if type(value) is not int or abs(value) >= 2**31:
        raise RuleViolation("dcsa-value@1", f"{what}: expected a whole number, got {short_repr(value)}")
    return value


def members(value: object, what: str) -> Members:
    """Return the members of an object, none if missing; rule dcsa-value."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RuleViolation("dcsa-value@1", f"{what}: expected an object, got {short_repr(value)}")
    return value


def array(value: object, what: str) -> list[Any]:
    """Return a list, empty if missing; rule dcsa-value."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise RuleViolation("dcsa-value@1", f"{what}: expected a list, got {short_repr(value)}")
    return value


def locode(value: object, what: str) -> str | None:
    """Return a UN/LOCODE, or None if missing; rule un-locode."""
    if value is None:
        return None
    if not isinstance(value, str) or not is_locode(value):
        raise RuleViolation(
            "un-locode@1", f"{what}: expected country and place of a UN/LOCODE, got {short_repr(value)}"
        )
    return value


def pairs(value: object, what: str, kind: str, name: str, as_name: str) -> list[dict[str, str]]:
    """Return the types and values of a list of objects, such as references.

    Args:
        value: The list, or None.
        what: Name of the list.
        kind: Member that holds the type.
        name: Member that holds the value.
        as_name: Name of the value in `cargo.transport-event`.
    """
    found = []
    for each in array(value, what):
        one = members(each, what)
        require(one, kind, name)
        found.append({"type": str(text(one[kind], kind)), as_name: str(text(one[name], name))})
    return found


def seals(value: object) -> list[dict[str, Any]]:
    """Return number, source and type of each seal; 3.0.0 names the members without `seal`."""
    found = []
    for each in array(value, "seals"):
        one = members(each, "seals")
        name = "number" if "number" in one and "sealNumber" not in one else "sealNumber"
        require(one, name)
        source, kind = one.get("sealSource", one.get("source")), one.get("sealType", one.get("type"))
        found.append(
            {
                "number": text(one[name], name),
                "source": optional_code(source, SEAL_SOURCES, "sealSource"),
                "type": optional_code(kind, SEAL_TYPES, "sealType"),
            }
        )
    return found


_NOWHERE = dict.fromkeys(
    (
        "un_location_code",
        "location_name",
        "facility_code",
        "facility_code_list",
        "facility_type",
        "latitude",
        "longitude",
    )
)


def location(value: object, what: str) -> dict[str, Any]:
    """Return the fields of a location. Postal addresses have none: `dcsa_event` holds them."""
    if value is None or value == {}:
        return dict(_NOWHERE)
    one = members(value, what)
    at = members(one.get("geoCoordinate"), "geoCoordinate") or one
    facility = members(one.get("facility"), "facility")
    provider = facility.get("facilityCodeListProvider", one.get("facilityCodeListProvider"))
    return {
        "un_location_code": locode(one.get("UNLocationCode"), f"{what} UNLocationCode"),
        "location_name": text(one.get("locationName"), "locationName"),
        "facility_code": text(facility.get("facilityCode", one.get("facilityCode")), "facilityCode"),
        "facility_code_list": text(provider, "facilityCodeListProvider"),
        "facility_type": optional_code(one.get("facilityTypeCode"), FACILITIES, "facilityTypeCode"),
        "latitude": number(at.get("latitude"), "latitude"),
        "longitude": number(at.get("longitude"), "longitude"),
    }
