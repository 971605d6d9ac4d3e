"""EPCIS → event → EPCIS: no member is lost, whatever the message was written in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.catalog import load_catalog
from schemas.codec import decode
from streams.domains.cargo import instants
from streams.domains.cargo.epcis_document import document, event
from streams.readers.formats import Accepted
from tests.streams.domains.cargo.files import DOOR, ENVELOPE, OURS, accepted, read
from tests.streams.domains.cargo.test_epcis import (
    DOCUMENT,
    EVENT,
    SOUND,
    TWINS,
    count_events,
    fields,
    read_json,
    syntax,
    twin_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

WITH_EVENTS = [path for path in SOUND if count_events(path)]
DIFFERENT_TWINS = {
    "ObjectEvent_with_comment",  # the comment is an XML comment in one, a member in the other
    "TransactionEvent",  # an element without text in one
    "TransformationEvent",  # another declarationTime
    "TransformationEvent_with_error_declaration",
    "Combination_of_different_event",
    "epcisDocWithSensorComponent",  # URNs in one, web URIs in the other
    "queryDocument",
    "JumbledFieldsOrder",  # other extensions
    "ObjectEventWithAllPossibleFields",
}
"""Files of the test resources that do not tell the same in JSON and XML."""


def identify(path: Path) -> str:
    """Name a file in a test."""
    return "/".join(path.parts[-3:])


def whole(item: Accepted) -> dict[str, Any]:
    """Tell an event's fields with its time."""
    (draft,) = item.drafts
    return {**draft.fields, "occurred_at": draft.occurred_at}


def written(item: Accepted) -> dict[str, Any]:
    """Write an event."""
    return event(whole(item))


def lost(source: Any, found: Any, path: str = "") -> Iterator[str]:
    """Tell the members of a source that are nowhere in what was written of it."""
    if isinstance(source, dict):
        for name, value in source.items():
            if not isinstance(found, dict) or name not in found:
                yield f"{path}/{name}"
            else:
                yield from lost(value, found[name], f"{path}/{name}")
    elif isinstance(source, list):
        if len(source) != len(found):
            yield path
        for number, pair in enumerate(zip(source, found, strict=False)):
            yield from lost(*pair, f"{path}/{number}")


@pytest.mark.parametrize("path", [each for each in WITH_EVENTS if syntax(each) == "json"], ids=identify)
def test_an_event_in_json_loses_no_member(path: Path) -> None:
    """Every member of every event of every sound file."""
    for item in accepted(path):
        source = json.loads(item.data)
        source.pop("@context", None)
        assert list(lost(source, written(item))) == []


@pytest.mark.parametrize("path", WITH_EVENTS, ids=identify)
def test_what_is_written_is_read_as_the_same_events(path: Path) -> None:
    """Whatever it was written in: all fields, but for the syntax."""
    found = [whole(item) for item in accepted(path)]
    again = read(OURS["epcis-json"], document(found, 0).encode())
    assert [whole(item) | {"syntax": "-"} for item in again if isinstance(item, Accepted)] == [
        each | {"syntax": "-"} for each in found
    ]


def prefixes(contexts: list[Any]) -> dict[str, str]:
    """Tell what the prefixes of JSON-LD contexts stand for."""
    found = {"cbvmda": "urn:epcglobal:cbv:mda"}
    for each in contexts:
        if isinstance(each, dict):
            found |= {name: value for name, value in each.items() if isinstance(value, str)}
    return found


def meaning(value: Any, known: Mapping[str, str]) -> Any:
    """Tell a value without its spelling: names and words whole, numbers and times as such, no types of XML schema."""
    if isinstance(value, dict):
        full = {
            expanded(name, known): meaning(each, known) for name, each in value.items() if name != "@context"
        }
        kept = {name: each for name, each in full.items() if "XMLSchema-instance" not in name}
        return kept["text"] if kept.keys() == {"text"} else kept
    if isinstance(value, list):
        return [meaning(each, known) for each in value]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    for form in (instants.micros, float):
        try:
            return form(text)
        except ValueError:
            continue
    return expanded(text, known)


def expanded(name: str, known: Mapping[str, str]) -> str:
    """Tell a name without its prefix. XML joins namespace and name by `#`, JSON-LD by nothing."""
    prefix, _, local = name.partition(":")
    return (known[prefix] + local if prefix in known else name).replace("#", "").removeprefix("@")


@pytest.mark.parametrize(
    "path", [each for each in TWINS if each.name.split(".")[0] not in DIFFERENT_TWINS], ids=identify
)
def test_an_event_in_xml_is_written_as_its_twin_in_json(path: Path) -> None:
    """Every member and every value, extensions and sensor data among them."""
    for one, other in zip(accepted(path), accepted(twin_of(path)), strict=True):
        twin = written(one)
        known = prefixes(twin["@context"])
        assert meaning(written(other), known) == meaning(twin, known)


SENSED = {
    **EVENT,
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00005.0", "ex:gate": "G4", "ex:deep": {"ex:a": [1.50, {}]}},
    "bizLocation": {"id": "geo:55.1,12.3", "ex:floor": 2},
    "sensorElementList": [
        {
            "sensorMetadata": {
                "time": "2026-07-22T04:00:00Z",
                "startTime": "2026-07-22T03:00:00.000001Z",
                "endTime": "2026-07-22T04:00:00Z",
                "deviceID": "urn:epc:id:giai:4000001.111",
                "deviceMetadata": "https://id.example.com/d",
                "rawData": "https://id.example.com/r",
                "dataProcessingMethod": "https://id.example.com/m",
                "bizRules": "https://id.example.com/b",
                "ex:own": True,
            },
            "sensorReport": [
                {
                    "type": "Temperature",
                    "time": "2026-07-22T04:30:00Z",
                    "deviceID": "urn:epc:id:giai:4000001.112",
                    "deviceMetadata": "https://id.example.com/d2",
                    "rawData": "https://id.example.com/r2",
                    "dataProcessingMethod": "https://id.example.com/m2",
                    "bizRules": "https://id.example.com/b2",
                    "microorganism": "https://id.example.com/o",
                    "chemicalSubstance": "urn:epcglobal:cbv:inchikey:AAAAAAAAAAAAAA-BBBBBBBBBB-N",
                    "coordinateReferenceSystem": "https://www.opengis.net/def/crs/EPSG/0/4326",
                    "component": "x",
                    "value": -5,
                    "stringValue": "LOW",
                    "booleanValue": False,
                    "hexBinaryValue": "F0F0",
                    "uriValue": "https://id.example.com/alarm/7",
                    "minValue": -6.5,
                    "maxValue": 0,
                    "meanValue": 1.5,
                    "sDev": 0.1,
                    "percRank": 95,
                    "percValue": 7.5,
                    "uom": "CEL",
                    "exception": "ALARM_CONDITION",
                    "ex:calibrated": "2026-01-01",
                },
                {"type": "Temperature", "value": 1e2},
            ],
            "ex:note": None,
        },
        {"sensorReport": [{"type": "Speed", "ex:a/b~c": 1}]},
    ],
    "errorDeclaration": {"declarationTime": "2026-07-22T05:00:00Z", "correctiveEventIDs": [], "ex:why": "x"},
    "quantityList": [],
}


def test_every_member_of_the_standard_has_a_field() -> None:
    """Values are typed, and those of a sensor element stay apart from those of its reports."""
    (item,) = read_json(SENSED)
    found = fields(item)
    element, _ = found["sensor_elements"]
    assert [name for name, value in element.items() if value is None] == []
    assert [name for name, value in element["reports"][0].items() if value is None] == []
    assert element["reports"][0]["boolean_value"] is False
    assert element["reports"][0]["perc_rank"] == 95
    assert element["reports"][1]["time"] is None
    assert [each["time"] for each in found["sensor_reports"]] == [
        instants.micros("2026-07-22T04:30:00Z"),
        instants.micros("2026-07-22T04:00:00Z"),
        None,
    ]
    assert [each["path"] for each in found["members"]] == [
        "/bizLocation/ex:floor",
        "/errorDeclaration/correctiveEventIDs",
        "/errorDeclaration/ex:why",
        "/quantityList",
        "/readPoint/ex:deep",
        "/readPoint/ex:gate",
        "/sensorElementList/0/ex:note",
        "/sensorElementList/0/sensorMetadata/ex:own",
        "/sensorElementList/0/sensorReport/0/ex:calibrated",
        "/sensorElementList/1/sensorReport/0/ex:a~1b~0c",
    ]
    assert isinstance(item, Accepted)
    again = written(item)
    assert list(lost(SENSED, again)) == []
    assert meaning(again["sensorElementList"], {}) == meaning(SENSED["sensorElementList"], {})


def test_an_event_is_written_from_what_a_subscriber_receives() -> None:
    """Encoded and decoded, with its instants as `datetime`."""
    (item,) = read_json(SENSED)
    assert isinstance(item, Accepted)
    (draft,) = item.drafts
    record = DOOR.prepare(draft.topic, {**ENVELOPE, "occurred_at": draft.occurred_at, **draft.fields})
    _, received = decode(record.value, load_catalog())
    assert event(received) == written(item)


def test_an_event_of_the_first_schema_version_keeps_what_it_has() -> None:
    """Its sensor reports were flat, with the time of their element."""
    (item,) = read_json(SENSED)
    assert isinstance(item, Accepted)
    old = {
        name: value
        for name, value in whole(item).items()
        if name not in ("sensor_elements", "members", "context")
    }
    (element,) = event(old)["sensorElementList"]
    assert [each["type"] for each in element["sensorReport"]] == ["Temperature", "Temperature", "Speed"]
    assert element["sensorReport"][1] == {
        "type": "Temperature",
        "time": "2026-07-22T04:00:00.000Z",
        "deviceID": "urn:epc:id:giai:4000001.111",
        "value": 100.0,
    }


@pytest.mark.parametrize(
    "number", ["1e400", "-1E400", "10.00", "0.1234567890123456789012345", "-0", "-0.0", "1E5", "9" * 40, "5"]
)
def test_numbers_of_extensions_stay_as_they_were_written(number: str) -> None:
    """In extensions, master data, and inside members; the text is JSON in the end."""
    base = json.dumps(
        {**EVENT, "ex:n": "?", "ilmd": {"ex:n": ["?"]}, "readPoint": {"id": "a:b", "ex:n": "?"}}
    )
    (item,) = read_json(base.replace('"?"', number).encode())
    found = fields(item)
    assert found["extensions"] == f'{{"ex:n": {number}}}'
    assert found["ilmd"] == f'{{"ex:n": [{number}]}}'
    assert [each["value"] for each in found["members"]] == [number]
    assert isinstance(item, Accepted)
    assert document([whole(item)], 0).count(number) >= 3


def test_contexts_stay_with_the_events_that_need_them() -> None:
    """The document's and the event's own; that of the standard is told by none."""
    events = [{**EVENT, "ex:n": 1}, {**EVENT, "@context": [{"in": "https://in.example.com/"}], "in:n": 1}]
    head = [
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        {"ex": "https://ex.example.com/"},
    ]
    for order in (["@context", "epcisBody"], ["epcisBody", "@context"]):
        message = {**DOCUMENT, "@context": head, "epcisBody": {"eventList": events}}
        for name in order:
            message[name] = message.pop(name)
        one, other = (each for each in read_json(message) if isinstance(each, Accepted))
        assert json.loads(fields(one)["context"]) == [{"ex": "https://ex.example.com/"}]
        assert json.loads(fields(other)["context"]) == [
            {"ex": "https://ex.example.com/"},
            {"in": "https://in.example.com/"},
        ]
        again = json.loads(document([whole(one), whole(other)], datetime(2026, 1, 1, tzinfo=UTC)))
        assert again["creationDate"] == "2026-01-01T00:00:00.000Z"
        assert "@context" not in again["epcisBody"]["eventList"][0]
        assert "@context" in again["epcisBody"]["eventList"][1]
