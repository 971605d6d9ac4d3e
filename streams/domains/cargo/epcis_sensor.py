"""The sensor elements of an EPCIS event, both ways: EPCIS JSON ↔ fields of `cargo.supply-event`. Pure.

One table says which field holds which member, so that what is read can be written again. The members are those of
sensorMetadata and sensorReport in EPCIS §7.3.7. Members of other namespaces stay in the event's `members`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from streams.domains.cargo import epcis_words as words
from streams.domains.cargo import instants
from streams.domains.cargo.epcis_values import Members, array, members, number, time, uri
from streams.domains.cargo.rule_violation import RuleViolation, short_repr

RULE = "epcis-sensor@1"


class _Member(NamedTuple):
    """A member, the field that holds it, and how its value is checked and written."""

    field: str
    name: str
    read: Callable[[Any, str], Any]
    write: Callable[[Any], Any]


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise RuleViolation(RULE, f"{what}: expected text, got {short_repr(value)}")
    return value


def _boolean(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise RuleViolation(RULE, f"{what}: expected true or false, got {short_repr(value)}")
    return value


def _number(value: object, what: str) -> float | None:
    return number(value, what, RULE)


def _component(value: object, _: str) -> str:
    return words.COMPONENT.word(value)


def _alert(value: object, _: str) -> str:
    return words.ALERT.word(value)


def _measurement(value: object, what: str) -> str:
    """Return the measurement type. An unknown word is no error: GS1 adds words between versions."""
    return words.MEASUREMENT.bare(_text(value, what))


def _as_is(value: Any) -> Any:
    return value


def _table(*rows: tuple[str, str, Callable[[Any, str], Any]]) -> Mapping[str, _Member]:
    return {
        name: _Member(field, name, read, instants.text if read is time else _as_is)
        for field, name, read in rows
    }


_COMMON = (
    ("time", "time", time),
    ("device_id", "deviceID", uri),
    ("device_metadata", "deviceMetadata", _text),
    ("raw_data", "rawData", _text),
    ("data_processing_method", "dataProcessingMethod", _text),
    ("biz_rules", "bizRules", _text),
)
_METADATA = _table(*_COMMON, ("start_time", "startTime", time), ("end_time", "endTime", time))
_REPORT = _table(
    ("type", "type", _measurement),
    ("exception", "exception", _alert),
    *_COMMON,
    ("microorganism", "microorganism", _text),
    ("chemical_substance", "chemicalSubstance", _text),
    ("coordinate_reference_system", "coordinateReferenceSystem", _text),
    ("component", "component", _component),
    ("value", "value", _number),
    ("string_value", "stringValue", _text),
    ("boolean_value", "booleanValue", _boolean),
    ("hex_binary_value", "hexBinaryValue", _text),
    ("uri_value", "uriValue", _text),
    ("min_value", "minValue", _number),
    ("max_value", "maxValue", _number),
    ("mean_value", "meanValue", _number),
    ("s_dev", "sDev", _number),
    ("perc_rank", "percRank", _number),
    ("perc_value", "percValue", _number),
    ("uom", "uom", _text),
)
_ELEMENT = frozenset({"sensorMetadata", "sensorReport"})
_OTHER_VALUES = ("string_value", "boolean_value", "hex_binary_value", "uri_value")
_FLAT = (
    *(
        "type",
        "time",
        "device_id",
        "component",
        "value",
        "min_value",
        "max_value",
        "mean_value",
        "s_dev",
        "uom",
    ),
    *("string_value", "exception"),
)


def read(value: object) -> list[dict[str, Any]]:
    """Return the sensor elements of an event, empty if missing; rule epcis-sensor.

    Args:
        value: The member `sensorElementList`.
    """
    return [_element(each) for each in array(value, "sensorElementList")]


def flat(elements: Sequence[Members]) -> list[dict[str, Any]]:
    """Return the reports of all elements in order, with the time and device of the element where they have none."""
    return [_flat(report, element) for element in elements for report in element["reports"]]


def written(elements: Sequence[Members]) -> list[dict[str, Any]]:
    """Return sensor elements as EPCIS JSON: the member `sensorElementList`."""
    found = []
    for element in elements:
        metadata = _written(element, _METADATA)
        reports = [_written(each, _REPORT) for each in element["reports"]]
        found.append({**({"sensorMetadata": metadata} if metadata else {}), "sensorReport": reports})
    return found


def _element(value: object) -> dict[str, Any]:
    one = members(value, "sensorElement", _ELEMENT, ("sensorReport",), RULE)
    found = _read(one.get("sensorMetadata") or {}, "sensorMetadata", _METADATA)
    reports = array(one["sensorReport"], "sensorReport")
    if not reports:
        raise RuleViolation(RULE, "sensorElement: sensorReport is empty")
    found["reports"] = [_report(each) for each in reports]
    return found


def _report(value: object) -> dict[str, Any]:
    found = _read(value, "sensorReport", _REPORT)
    if found["type"] is None and found["exception"] is None:
        raise RuleViolation(RULE, "sensorReport: type is missing")
    return found


def _read(value: object, what: str, table: Mapping[str, _Member]) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(each.field for each in table.values())
    for name, given in members(value, what, table.keys(), (), RULE).items():
        if name in table and given is not None:
            found[table[name].field] = table[name].read(given, f"{what} {name}")
    return found


def _flat(report: Members, element: Members) -> dict[str, Any]:
    found = {name: report[name] for name in _FLAT}
    for name in ("time", "device_id"):
        if found[name] is None:
            found[name] = element[name]
    other = next((report[name] for name in _OTHER_VALUES if report[name] is not None), None)
    found["string_value"] = str(other).lower() if isinstance(other, bool) else other
    return found


def _written(fields: Members, table: Mapping[str, _Member]) -> dict[str, Any]:
    return {
        each.name: each.write(fields[each.field])
        for each in table.values()
        if fields.get(each.field) is not None
    }
