"""Values inside a DCSA event, each judged by its own rule. Pure.

| rule | asks |
|---|---|
| dcsa-required | the members that the event's type needs |
| dcsa-time | ISO 8601 with an offset |
| dcsa-value | text, numbers, lists and objects where the standard has them, not longer than it allows |
| un-locode | five characters that begin with a country of ISO 3166-1 |
"""

import math
from collections.abc import Mapping
from typing import Any

from streams.domains.cargo.dcsa_codes import FACILITIES, SEAL_SOURCES, SEAL_TYPES, maybe_code
from streams.domains.cargo.identifiers import is_locode
from streams.domains.cargo.instants import micros
from streams.domains.cargo.rule_violation import BrokenRule, shown

Members = Mapping[str, Any]
LONGEST_TEXT = 5000


def needed(value: Members, *names: str) -> None:
    """Refuse an object that lacks a member; rule dcsa-required."""
    for name in names:
        if value.get(name) in (None, ""):
            raise BrokenRule("dcsa-required@1", f"{name} is missing")


def time(value: object, what: str) -> int:
    """Read an instant; rule dcsa-time."""
    try:
        return micros(value)
    except ValueError as error:
        raise BrokenRule("dcsa-time@1", f"{what}: {error}") from None


def text(value: object, what: str, longest: int = LONGEST_TEXT) -> str | None:
    """Read text, or nothing; rule dcsa-value."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise BrokenRule(
            "dcsa-value@1", f"{what}: expected text of at most {longest} characters, got {shown(value)}"
        )
    return value or None


def number(value: object, what: str) -> float | None:
    """Read a number, or nothing; coordinates may stand as text."""
    if value is None:
        return None
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise BrokenRule("dcsa-value@1", f"{what}: expected a number, got {shown(value)}")
    return found


def whole(value: object, what: str) -> int | None:
    """Read a whole number, or nothing."""
    if value is None:
        return None
    if type(value) is not int or abs(value) >= 2**31:
        raise BrokenRule("dcsa-value@1", f"{what}: expected a whole number, got {shown(value)}")
    return value


def members(value: object, what: str) -> Members:
    """Read an object; nothing is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BrokenRule("dcsa-value@1", f"{what}: expected an object, got {shown(value)}")
    return value


def array(value: object, what: str) -> list[Any]:
    """Read a list; nothing is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise BrokenRule("dcsa-value@1", f"{what}: expected a list, got {shown(value)}")
    return value


def locode(value: object, what: str) -> str | None:
    """Read a UN/LOCODE, or nothing; rule un-locode."""
    if value is None:
        return None
    if not isinstance(value, str) or not is_locode(value):
        raise BrokenRule(
            "un-locode@1", f"{what}: expected country and place of a UN/LOCODE, got {shown(value)}"
        )
    return value


def pairs(value: object, what: str, kind: str, name: str, as_name: str) -> list[dict[str, str]]:
    """Read a list of objects with a type and a value."""
    found = []
    for each in array(value, what):
        one = members(each, what)
        needed(one, kind, name)
        found.append({"type": str(text(one[kind], kind)), as_name: str(text(one[name], name))})
    return found


def seals(value: object) -> list[dict[str, Any]]:
    """Read the seals."""
    found = []
    for each in array(value, "seals"):
        one = members(each, "seals")
        needed(one, "sealNumber")
        found.append(
            {
                "number": text(one["sealNumber"], "sealNumber"),
                "source": maybe_code(one.get("sealSource"), SEAL_SOURCES, "sealSource"),
                "type": maybe_code(one.get("sealType"), SEAL_TYPES, "sealType"),
            }
        )
    return found


def location(value: object, what: str) -> dict[str, Any]:
    """Read where it happened; postal addresses are left out."""
    one = members(value, what)
    at = members(one.get("geoCoordinate"), "geoCoordinate") or one
    return {
        "un_location_code": locode(one.get("UNLocationCode"), f"{what} UNLocationCode"),
        "location_name": text(one.get("locationName"), "locationName"),
        "facility_code": text(one.get("facilityCode"), "facilityCode"),
        "facility_code_list": text(one.get("facilityCodeListProvider"), "facilityCodeListProvider"),
        "facility_type": maybe_code(one.get("facilityTypeCode"), FACILITIES, "facilityTypeCode"),
        "latitude": number(at.get("latitude"), "latitude"),
        "longitude": number(at.get("longitude"), "longitude"),
    }
