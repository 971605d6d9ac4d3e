"""EPCIS 2.0 in JSON and XML: what is accepted, what is refused and by which rule, and that nothing is fetched."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.cargo import epcis_xml
from streams.domains.cargo.recordings import EPCIS_TOGETHER
from streams.readers.formats import Accepted, Item, Refused, Skipped
from tests.streams.domains.cargo.files import (
    EXCERPTS,
    OURS,
    accepted,
    encode_all,
    format_of,
    items,
    read,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = EXCERPTS / "epcis_2.0"
FILES = sorted(ROOT.rglob("*.gz"))
INVALID = [path for path in FILES if "Invalid" in path.parts]
SOUND = [path for path in FILES if path not in INVALID]

BROKEN = {
    "JSON/Capture/Invalid/Combination_of_events_with_missing_mandatory_fields.json": ["epcis-required@1"] * 2,
    "JSON/Capture/Invalid/Combination_of_non_standard_bizStep_and_disposition.json": [
        "epcis-biz-step@1",
        "epcis-disposition@1",
    ],
    "JSON/Capture/Invalid/EPCISDocument_without_context.json": [EPCIS_TOGETHER, "epcis-document@1"],
    "JSON/Capture/Invalid/ObjectEvent_with_ilmd_field_without_namespace.json": ["epcis-ilmd@1"],
    "JSON/Capture/Invalid/ObjectEvent_with_invalid_action.json": ["epcis-action@1"],
    "JSON/Capture/Invalid/ObjectEvent_with_invalid_certificationInfo.json": ["epcis-certification@1"],
    "JSON/Capture/Invalid/ObjectEvent_with_invalid_eventTime_format.json": ["epcis-time@1"],
    "JSON/Capture/Invalid/ObjectEvent_with_non_standard_bizStep.json": ["epcis-biz-step@1"],
    "JSON/Capture/Invalid/ObjectEvent_with_non_standard_disposition.json": ["epcis-disposition@1"],
    "JSON/Capture/Invalid/ObjectEvent_with_unknown_field_in_quantityList.json": ["epcis-quantity@1"],
    "JSON/Capture/Invalid/ObjectEvent_without_action_and_eventTime.json": ["epcis-required@1"],
    "JSON/Query/Invalid/QueryDocument_with_invalid_action.json": ["epcis-action@1"],
    "JSON/Query/Invalid/QueryDocument_with_invalid_eventType.json": ["epcis-event-type@1"],
    "JSON/Query/Queries/Invalid/Query_with_invalid_values.json": ["epcis-query@1"],
    "JSON/Query/Queries/Invalid/Query_with_unknown_parameter.json": ["epcis-query@1"],
    "XML/Capture/Invalid/ObjectEvent_bare_event_without_action.xml": ["epcis-required@1"],
    "XML/Capture/Invalid/ObjectEvent_with_invalid_action.xml": ["epcis-action@1"],
    "XML/Capture/Invalid/ObjectEvent_with_invalid_eventTime_format.xml": ["epcis-time@1"],
    "XML/Capture/Invalid/ObjectEvent_with_unknown_element.xml": ["epcis-unknown-field@1"],
    "XML/Capture/Invalid/ObjectEvent_without_eventTime.xml": ["epcis-required@1"],
    "XML/Query/Invalid/QueryDocument_with_invalid_action.xml": ["epcis-action@1"],
    "XML/Query/Invalid/QueryDocument_with_invalid_eventType.xml": ["epcis-event-type@1"],
    "XML/Query/Invalid/QueryDocument_with_missing_value.xml": ["epcis-query@1"],
    "XML/Query/Queries/Invalid/Query_without_queryName.xml": ["epcis-query@1"],
}
"""The rule that each invalid file of the test resources breaks."""

EVENT = {
    "@context": "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    "type": "ObjectEvent",
    "eventTime": "2026-07-22T06:45:00.5+02:00",
    "eventTimeZoneOffset": "+02:00",
    "action": "ADD",
    "epcList": ["urn:epc:id:bic:CSQU3054383"],
}
DOCUMENT = {
    "@context": EVENT["@context"],
    "type": "EPCISDocument",
    "schemaVersion": "2.0",
    "creationDate": "2026-07-22T10:30:00Z",
}


def read_json(value: Any) -> list[Item]:
    """Read a message in JSON."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read(OURS["epcis-json"], data)


def read_xml(text: str | bytes) -> list[Item]:
    """Read a message in XML."""
    return read(OURS["epcis-xml"], text.encode() if isinstance(text, str) else text)


def fields(item: Item) -> Mapping[str, Any]:
    """Tell the fields of the one event of an accepted record."""
    assert isinstance(item, Accepted), item
    return item.drafts[0].fields


def rules(found: list[Item]) -> list[str]:
    """Tell the rules that refused records broke; nothing may be accepted beside them."""
    assert not any(isinstance(each, Accepted) for each in found)
    return [each.rule for each in found if isinstance(each, Refused)]


def syntax(path: Path) -> str:
    """Tell a file's syntax by its name."""
    return path.suffixes[-2].removeprefix(".")


def count_events(path: Path) -> int:
    """Count the events of a file with nothing but text search."""
    text = text_of(path)
    if syntax(path) == "json":
        return sum(text.count(f'"eventTime"{blank}:') for blank in ("", " "))
    return sum(text.count(f"<{space}eventTime>") for space in ("", "epcis:"))


@pytest.mark.parametrize("path", SOUND, ids=lambda path: "/".join(path.parts[-3:]))
def test_sound_files_are_accepted_to_the_last_event(path: Path) -> None:
    """As many events as the text has event times, all through the door; a query is one record without an event."""
    found = accepted(path)
    expected = count_events(path)
    assert encode_all(found) == expected
    assert len(found) == max(1, expected)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: "/".join(path.parts[-3:]))
def test_invalid_files_are_refused_with_the_rule_they_break(path: Path) -> None:
    """Every file of every folder named Invalid, nothing of it accepted, every refusal with bytes and reason."""
    found = [each for each in items(path) if not isinstance(each, Skipped)]
    assert rules(found) == BROKEN[path.relative_to(ROOT).with_suffix("").as_posix()]
    for number, each in enumerate(found, 1):
        assert isinstance(each, Refused)
        assert (each.record, bool(each.data), bool(each.reason)) == (number, True, True)


def twin_of(path: Path) -> Path:
    """Name the file that tells the same in XML."""
    return Path(str(path).replace("/JSON/", "/XML/").replace(".json.gz", ".xml.gz"))


TWINS = [
    path
    for path in SOUND
    if syntax(path) == "json"
    and twin_of(path).exists()
    and 0 < count_events(path) == count_events(twin_of(path))
]
assert len(TWINS) == 41
SAME = "event_type action biz_step disposition time_zone_offset biz_location transactions persistent_set quantities"


@pytest.mark.parametrize("path", TWINS, ids=lambda path: "/".join(path.parts[-3:]))
def test_the_same_content_in_json_and_xml_is_the_same(path: Path) -> None:
    """The same words, amounts, documents and times, however they are spelled."""
    for one, other in zip(accepted(path), accepted(twin_of(path)), strict=True):
        assert one.drafts[0].occurred_at == other.drafts[0].occurred_at
        for name in SAME.split():
            assert fields(one)[name] == fields(other)[name], name


def test_words_have_one_spelling() -> None:
    """The bare word, the URN, the web URI and the CURIE of a step are the same word."""
    spellings = (
        "shipping",
        "urn:epcglobal:cbv:bizstep:shipping",
        "https://ref.gs1.org/cbv/BizStep-shipping",
        "cbv:BizStep-shipping",
    )
    found = {fields(read_json({**EVENT, "bizStep": each})[0])["biz_step"] for each in spellings}
    assert found == {"shipping"}
    (own,) = read_json({**EVENT, "bizStep": "https://example.com/step/weighing"})
    assert fields(own)["biz_step"] == "https://example.com/step/weighing"


def test_a_bare_event_becomes_one_event() -> None:
    """Time in UTC, the object as its key, extensions kept as they stand."""
    (item,) = read_json({**EVENT, "ext:colour": {"ext:name": "red"}})
    found = fields(item)
    assert isinstance(item, Accepted)
    assert item.drafts[0].occurred_at == 1_784_695_500_500_000
    assert (found["epc"], found["syntax"], found["flags"]) == ("urn:epc:id:bic:CSQU3054383", "JSON", [])
    assert json.loads(found["extensions"]) == {"ext:colour": {"ext:name": "red"}}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"action": None}, "epcis-required@1"),
        ({"eventTimeZoneOffset": "2:00"}, "epcis-offset@1"),
        ({"eventTimeZoneOffset": "+14:30"}, "epcis-offset@1"),
        ({"eventTime": "2026-02-30T00:00:00Z"}, "epcis-time@1"),
        ({"eventTime": "2026-07-22T06:45:00"}, "epcis-time@1"),
        ({"epcList": ["CSQU3054383"]}, "epcis-uri@1"),
        ({"epcList": "urn:a:b"}, "epcis-shape@1"),
        ({"colour": "red"}, "epcis-unknown-field@1"),
        ({"action": "OBSERVE", "ilmd": {"ext:a": 1}}, "epcis-ilmd@1"),
        ({"readPoint": {"id": 5}}, "epcis-uri@1"),
        ({"sourceList": [{"type": "owner", "source": "urn:a:b"}]}, "epcis-party@1"),
        ({"bizTransactionList": [{"type": "po"}]}, "epcis-biz-transaction@1"),
        ({"quantityList": [{"epcClass": "urn:a:b", "quantity": "5"}]}, "epcis-quantity@1"),
        ({"quantityList": [{"epcClass": "urn:a:b", "uom": "kilogram"}]}, "epcis-quantity@1"),
        ({"sensorElementList": [{"sensorReport": []}]}, "epcis-sensor@1"),
        ({"sensorElementList": [{"sensorReport": [{"value": 5}]}]}, "epcis-sensor@1"),
        ({"errorDeclaration": {"reason": "did_not_occur"}}, "epcis-error-declaration@1"),
        ({"type": "TransformationEvent", "action": None, "epcList": None}, "epcis-unknown-field@1"),
    ],
)
def test_each_rule_has_something_that_breaks_it(change: dict[str, Any], rule: str) -> None:
    """One event, one change, one rule."""
    event = {**EVENT, **change}
    assert rules(read_json(event)) == [rule]


def test_a_document_stands_or_falls_as_a_whole() -> None:
    """The broken event with its rule, its neighbours with the rule of the whole, each with its own bytes."""
    events = [EVENT, {**EVENT, "action": "CREATE"}, EVENT]
    found = read_json({**DOCUMENT, "epcisBody": {"eventList": events}})
    assert rules(found) == [EPCIS_TOGETHER, "epcis-action@1", EPCIS_TOGETHER]
    assert [json.loads(each.data) for each in found if isinstance(each, Refused)] == events


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b'"x"',
        b"{}x",
        b"\xff{}",
        b'{"type": NaN}',
        b'{"a":' * 100_000,
        json.dumps({**DOCUMENT, "epcisBody": {}}).encode(),
    ],
)
def test_a_message_without_events_to_tell_apart_is_one_refused_record(data: bytes) -> None:
    """No JSON, no object, no event list: one record with all its bytes."""
    (found,) = read_json(data)
    assert isinstance(found, Refused)
    assert (found.record, found.data) == (1, data)


def test_a_query_is_a_record_without_an_event() -> None:
    """It asks; nothing happened."""
    (found,) = read_json({"@context": EVENT["@context"], "eventType": ["ObjectEvent"], "GE_quantity": 1})
    assert isinstance(found, Accepted)
    assert found.drafts == ()


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>',
    ],
)
def test_document_types_and_entities_are_refused(head: str) -> None:
    """Nothing is expanded, nothing is fetched."""
    text = f"{head}<ObjectEvent><eventTime>&x;</eventTime></ObjectEvent>"
    assert epcis_xml.matches(text.encode())
    assert rules(read_xml(text)) == ["epcis-xml@1"]


def test_elements_of_the_epcis_namespace_are_its_own() -> None:
    """With or without a prefix; those of another namespace are extensions."""
    text = (
        '<e:ObjectEvent xmlns:e="urn:epcglobal:epcis:xsd:2" xmlns:x="http://example.com/x/">'
        "<e:eventTime>2026-07-22T06:45:00Z</e:eventTime><e:eventTimeZoneOffset>+02:00</e:eventTimeZoneOffset>"
        "<e:epcList><e:epc>urn:epc:id:bic:CSQU3054383</e:epc></e:epcList><e:action>ADD</e:action><x:a>5</x:a></e:ObjectEvent>"
    )
    found = fields(read_xml(text)[0])
    assert (found["action"], json.loads(found["extensions"])) == ("ADD", {"http://example.com/x/a": "5"})


def test_xml_nested_too_deeply_is_refused() -> None:
    """Depth is bounded, whatever comes."""
    assert rules(read_xml("<ObjectEvent>" + "<a>" * 5000 + "</a>" * 5000 + "</ObjectEvent>")) == [
        "epcis-xml@1"
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_every_file_is_told_by_its_beginning(path: Path) -> None:
    """One format and no other, whatever its name."""
    form = format_of(path)
    assert form is not None
    assert form.name == f"epcis-{syntax(path)}"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["urn:a:b", "ADD", "x:y"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "x:y", "epcClass", "set"]), inner, max_size=3)
    ),
    max_leaves=8,
)
members = st.sampled_from(
    [
     *EVENT, "bizStep", "disposition", "readPoint", "bizLocation", "quantityList", "sourceList", "sensorElementList",
     "persistentDisposition", "errorDeclaration", "certificationInfo", "ilmd", "bizTransactionList", "eventID",
     "recordTime"]
)  # fmt: skip


@given(st.dictionaries(members, values, max_size=4))
def test_whatever_an_event_holds_it_is_accepted_or_refused(change: dict[str, Any]) -> None:
    """Never anything else; what is accepted fits its schema."""
    (found,) = read_json({**EVENT, **change})
    assert not isinstance(found, Accepted) or encode_all([found]) == 1


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_a_message_is_read_or_refused(data: bytes) -> None:
    """Both readers, whole and behind a sound beginning."""
    for name in ("epcis-json", "epcis-xml"):
        for each in (data, b"<ObjectEvent>" + data, b'{"type":"ObjectEvent",' + data):
            assert list(OURS[name].read(io.BytesIO(each)))
