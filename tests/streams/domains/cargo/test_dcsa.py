"""DCSA Track & Trace 2.2 and 3.0: the conformance messages, and what each rule refuses."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.cargo.dcsa import ATOMICITY_RULE
from streams.readers.formats import Accepted, Item, Refused
from tests.streams.domains.cargo.files import EXCERPTS, OURS, accepted, encode_all, format_of, items, text_of

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted(EXCERPTS.glob("dcsa_track_and_trace/*.json.gz"))
WRONG = {
    "tnt-220-response-wrong-attribute-values.json.gz": ["un-locode@1", ATOMICITY_RULE, "un-locode@1"],
    "tnt-220-response-wrong-structure.json.gz": ["dcsa-message@1", "dcsa-message@1"],
}

EVENT_2_2: dict[str, Any] = {
    "eventID": "3cecb101-7a1a-43a4-9d62-e88a131651e4",
    "eventCreatedDateTime": "2021-01-09T14:12:56Z",
    "eventType": "EQUIPMENT",
    "eventClassifierCode": "ACT",
    "eventDateTime": "2019-11-12T07:41:00+08:30",
    "equipmentEventTypeCode": "LOAD",
    "equipmentReference": "APZU4812090",
    "emptyIndicatorCode": "LADEN",
    "transportCall": {
        "transportCallID": "x",
        "modeOfTransport": "VESSEL",
        "UNLocationCode": "KRPUS",
        "vessel": {"vesselIMONumber": "9321483"},
    },
}
EVENT_3_0: dict[str, Any] = {
    "eventID": "evt-1",
    "eventDateTime": "2026-01-20T14:15:00Z",
    "eventClassification": {
        "eventTypeCode": "EQUIPMENT",
        "eventClassifierCode": "ACT",
        "equipmentEventTypeCode": "GTIN",
    },
    "equipmentDetails": {"equipmentReference": "APZU4812090", "emptyIndicatorCode": "LADEN"},
}


def read(version: str, value: Any) -> list[Item]:
    """Read a message."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(OURS[f"dcsa-tnt-{version}"].read(io.BytesIO(data)))


def one(version: str, event: Any) -> Item:
    """Read a message of one event."""
    (found,) = read(version, [event] if version == "2.2" else {"events": [event]})
    return found


def fields(item: Item) -> dict[str, Any]:
    """Tell the fields of an accepted event."""
    assert isinstance(item, Accepted), item
    return dict(item.drafts[0].fields)


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name not in WRONG], ids=lambda path: path.name
)
def test_sound_messages_are_accepted_to_the_last_event(path: Path) -> None:
    """As many events as the text has event times, all through the door."""
    found = accepted(path)
    assert encode_all(found) == len(found) == text_of(path).count('"eventDateTime"')


@pytest.mark.parametrize("path", [path for path in FILES if path.name in WRONG], ids=lambda path: path.name)
def test_wrong_messages_are_refused_with_the_rule_they_break(path: Path) -> None:
    """Nothing of them is accepted."""
    found = items(path)
    assert [each.rule for each in found if isinstance(each, Refused)] == WRONG[path.name]
    assert len(found) == len(WRONG[path.name])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_message_is_told_by_its_beginning(path: Path) -> None:
    """2.2 is an array, 3.0 an object with events."""
    form = format_of(path)
    assert form is not None
    assert form.name == ("dcsa-tnt-2.2" if "220" in path.name else "dcsa-tnt-3.0")


def test_an_equipment_event_is_about_its_container() -> None:
    """Key, place of the call, ship and time in UTC."""
    item = one("2.2", EVENT_2_2)
    found = fields(item)
    assert isinstance(item, Accepted)
    assert item.drafts[0].occurred_at == 1_573_513_860_000_000
    assert (found["subject"], found["subject_kind"]) == ("APZU4812090", "CONTAINER")
    assert (found["un_location_code"], found["vessel_imo"], found["flags"]) == ("KRPUS", "9321483", [])


def test_words_of_3_0_become_codes() -> None:
    """GATED_OUT is GTOT, ACTUAL is ACT, PORT_TERMINAL is POTE."""
    words = {
        "eventTypeCode": "EQUIPMENT",
        "eventClassifierCode": "ACTUAL",
        "equipmentEventTypeCode": "GATED_OUT",
    }
    event = {
        **EVENT_3_0,
        "eventClassification": words,
        "eventLocation": {"facilityTypeCode": "PORT_TERMINAL"},
    }
    found = fields(one("3.0", event))
    assert (found["code"], found["classifier"], found["facility_type"]) == ("GTOT", "ACT", "POTE")


def test_addresses_are_left_out() -> None:
    """A person's name and street do not come along."""
    event = {**EVENT_2_2, "eventLocation": {"UNLocationCode": "FRPAR", "address": {"name": "Henrik"}}}
    found = fields(one("2.2", event))
    assert "Henrik" not in json.dumps(found)
    assert found["un_location_code"] == "FRPAR"


def test_wrong_check_digits_and_placeholders_are_flagged_and_accepted() -> None:
    """What is implausible comes in, and says so."""
    ship = {**EVENT_2_2["transportCall"], "vessel": {"vesselIMONumber": "7654321", "vesselName": "string"}}
    event = {**EVENT_2_2, "equipmentReference": "APZU2134567", "transportCall": ship, "eventID": None}
    assert fields(one("2.2", event))["flags"] == [
        "CONTAINER_CHECK_DIGIT",
        "IMO_CHECK_DIGIT",
        "NO_EVENT_ID",
        "PLACEHOLDER",
    ]


@pytest.mark.parametrize(
    ("version", "change", "rule"),
    [
        ("2.2", {"eventDateTime": None}, "dcsa-required@1"),
        ("2.2", {"eventCreatedDateTime": "2021-01-09"}, "dcsa-time@1"),
        ("2.2", {"eventType": "CUSTOMS"}, "dcsa-code@1"),
        ("2.2", {"equipmentEventTypeCode": "CUSR"}, "dcsa-code@1"),
        ("2.2", {"emptyIndicatorCode": "FULL"}, "dcsa-code@1"),
        ("2.2", {"emptyIndicatorCode": None}, "dcsa-required@1"),
        ("2.2", {"eventID": 123456789}, "dcsa-event-id@1"),
        ("2.2", {"equipmentReference": "APZU48120901234567"}, "dcsa-value@1"),
        ("2.2", {"eventLocation": {"UNLocationCode": "XYABC"}}, "un-locode@1"),
        ("2.2", {"seals": [{"sealType": "BLT"}]}, "dcsa-required@1"),
        ("3.0", {"eventID": None}, "dcsa-required@1"),
        ("3.0", {"equipmentDetails": None}, "dcsa-required@1"),
        ("3.0", {"isRetracted": "yes"}, "dcsa-value@1"),
        ("3.0", {"eventUpdatedDateTime": "yesterday"}, "dcsa-time@1"),
        ("3.0", {"eventLocation": {"geoCoordinate": {"latitude": "north"}}}, "dcsa-value@1"),
    ],
)
def test_each_rule_has_something_that_breaks_it(version: str, change: dict[str, Any], rule: str) -> None:
    """One event, one change, one rule."""
    found = one(version, {**(EVENT_2_2 if version == "2.2" else EVENT_3_0), **change})
    assert isinstance(found, Refused)
    assert found.rule == rule


@pytest.mark.parametrize("version", ["2.2", "3.0"])
def test_a_message_without_a_list_of_events_is_one_refused_record(version: str) -> None:
    """With all its bytes."""
    for data in (b"{}", b"[1", b'{"events": 5}', b"5"):
        (found,) = read(version, data)
        assert isinstance(found, Refused)
        assert found.data == data


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["2.2", "3.0"]),
    st.dictionaries(
        st.sampled_from([*EVENT_2_2, *EVENT_3_0, "eventLocation", "seals", "references", "reeferDetails"]),
        values,
        max_size=4,
    ),
)
def test_whatever_an_event_holds_it_is_accepted_or_refused(version: str, change: dict[str, Any]) -> None:
    """Never anything else; what is accepted fits its schema."""
    found = one(version, {**(EVENT_2_2 if version == "2.2" else EVENT_3_0), **change})
    assert not isinstance(found, Accepted) or encode_all([found]) == 1
