"""DCSA Track & Trace 2.2 and 3.0: the conformance messages, and what each rule refuses."""

from __future__ import annotations

import inspect
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.cargo import dcsa_2_2, dcsa_3_0, dcsa_values
from streams.domains.cargo.container_history import equipment_event
from streams.domains.cargo.containers import Position, Step, transition
from streams.domains.cargo.dcsa import ATOMICITY_RULE, MESSAGE, WRAPPERS
from streams.domains.cargo.dcsa_document import document, event
from streams.domains.cargo.dcsa_members import MEMBER_SPELLING, NAMES
from streams.readers import json_value
from streams.readers.formats import Accepted, Item, Refused, Skipped
from streams.readers.source import open_source
from streams.replay.recordings import bundled, formats
from streams.replay.records import PRODUCE_RULE
from tests.streams.domains.cargo import files
from tests.streams.domains.cargo.files import EXCERPTS, OURS, accepted, encode_all, format_of, items, text_of
from tests.streams.domains.cargo.test_epcis_forms import replayed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

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


def read_all(version: str, value: Any) -> list[Item]:
    """Read a message, with what stands around its events."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    found = files.read(OURS[f"dcsa-tnt-{version}"], data)
    spans = sorted(span for each in found for span in each.spans)
    assert [begin for begin, _ in spans] == [0, *(end for _, end in spans)][: len(spans)]
    assert not data or spans[-1][1] == len(data)
    return found


def read(version: str, value: Any) -> list[Item]:
    """Read a message's records."""
    return [each for each in read_all(version, value) if not isinstance(each, Skipped)]


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
    found = [each for each in accepted(path) if isinstance(each, Accepted)]
    assert encode_all(found) == len(found) == text_of(path).count('"eventDateTime"')


@pytest.mark.parametrize("path", [path for path in FILES if path.name in WRONG], ids=lambda path: path.name)
def test_wrong_messages_are_refused_with_the_rule_they_break(path: Path) -> None:
    """Nothing of them is accepted."""
    found = items(path)
    assert [each.rule for each in found if isinstance(each, Refused)] == WRONG[path.name]
    assert not any(isinstance(each, Accepted) for each in found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_message_is_told_by_its_beginning(path: Path) -> None:
    """Each version has its own members, whatever the shape."""
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


def test_an_address_stands_in_the_event_as_sent_only() -> None:
    """No field of its own, so no board and no rule sees it."""
    event = {**EVENT_2_2, "eventLocation": {"UNLocationCode": "FRPAR", "address": {"name": "Henrik"}}}
    found = fields(one("2.2", event))
    assert "Henrik" in found.pop("dcsa_event")
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
        (
            "2.2",
            {
                "eventType": "SHIPMENT",
                "shipmentEventTypeCode": "CONF",
                "documentTypeCode": "BKG",
                "documentID": "B1",
                "eventClassifierCode": "EST",
            },
            "dcsa-classifier@1",
        ),
        (
            "3.0",
            {
                "eventClassification": {
                    "eventTypeCode": "SHIPMENT",
                    "eventClassifierCode": "PLN",
                    "shipmentEventTypeCode": "CONF",
                },
                "shipmentDetails": {"documentReference": {"typeCode": "BKG", "reference": "B1"}},
            },
            "dcsa-classifier@1",
        ),
        *(
            (
                "3.0",
                {
                    "eventClassification": {
                        "eventTypeCode": kind,
                        "eventClassifierCode": classifier,
                        f"{kind.lower()}EventTypeCode": code,
                    },
                    f"{kind.lower()}Details": {"equipmentReference": "APZU4812090"},
                },
                "dcsa-classifier@1",
            )
            for kind, code in (("REEFER", "MEAS"), ("REEFER", "ADJUSTED"), ("IOT", "DETC"))
            for classifier in ("EST", "PLN", "REQ", "ESTIMATED")
        ),
        ("2.2", {"transportCall": {"transportCallID": "x", "modeOfTransport": "MULTIMODAL"}}, "dcsa-code@1"),
        ("2.2", {"eventLocation": {"latitude": "1_0"}}, "dcsa-value@1"),
        ("2.2", {"eventLocation": {"latitude": True}}, "dcsa-value@1"),
        ("3.0", {"eventLocation": {"latitude": "inf"}}, "dcsa-value@1"),
        ("2.2", {"equipmentEventTypeCode": "CUSR"}, "dcsa-code@1"),
        ("2.2", {"emptyIndicatorCode": "FULL"}, "dcsa-code@1"),
        ("2.2", {"emptyIndicatorCode": None}, "dcsa-required@1"),
        ("2.2", {"eventID": 123456789}, "dcsa-event-id@1"),
        ("2.2", {"eventID": "x" * 101}, "dcsa-event-id@1"),
        ("2.2", {"eventID": ""}, "dcsa-event-id@1"),
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
    for data in (b"{}", b'{"events": 5}', b"5", b'{"data": {"events": {}}}', b"nothing"):
        (found,) = read(version, data)
        assert isinstance(found, Refused)
        assert found.data == data


SHAPES: dict[str, Any] = {
    "one event": lambda event: event,
    "a list": lambda event: [event],
    "events": lambda event: {"events": [event], "feedbackElements": []},
    "an event": lambda event: {"event": event},
    "data": lambda event: {"data": [event]},
    "events in data": lambda event: {"status": 200, "data": {"page": 1, "events": [event]}, "next": None},
    "an event in data": lambda event: {"data": {"event": event}},
    "a list of wrapped events": lambda event: [{"payload": event}],
    "a list in a member of its own name": lambda event: {"meta": {}, "results": [event], "total": 1},
}


@pytest.mark.parametrize("version", ["2.2", "3.0"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("indent", [None, 1])
def test_a_message_is_read_in_every_shape(version: str, shape: str, bom: bytes, indent: int | None) -> None:
    """Single, listed or wrapped; recognised by one format only; the same event each time."""
    sent = EVENT_2_2 if version == "2.2" else EVENT_3_0
    data = bom + json.dumps(SHAPES[shape](sent), indent=indent).encode()
    assert [each.name for each in formats().values() if each.matches(data)] == [f"dcsa-tnt-{version}"]
    (found,) = read(version, data)
    direct = fields(one(version, sent))
    wrapped = fields(found)
    assert event({**wrapped, "occurred_at": 0}) == sent
    del direct["dcsa_event"], wrapped["dcsa_event"]
    assert wrapped == direct


@pytest.mark.parametrize("outer", WRAPPERS)
def test_every_wrapper_is_looked_into(outer: str) -> None:
    """Two of them, one inside the other; the events keep their numbers, what stands around them is skipped."""
    inner = "events"
    for listed in ([EVENT_2_2, EVENT_2_2], []):
        first, *others = read_all("2.2", {"a": 1, outer: {inner: listed, "page": 1}, "b": 2})[::-1]
        assert isinstance(first, Skipped)
        assert first.reason == "envelope of the message"
        assert [each.record for each in others if isinstance(each, Accepted)] == [*range(len(listed), 0, -1)]


def test_other_lists_of_a_message_hold_no_events() -> None:
    """`events` is meant where there is one; what is left out is told."""
    found = read_all("3.0", {"items": [{"a": 1}], "events": [EVENT_3_0]})
    assert [type(each) for each in found] == [Skipped, Accepted, Skipped]
    assert isinstance(found[0], Skipped)
    assert found[0].reason == "items is not the list of events"


@pytest.mark.parametrize("version", ["2.2", "3.0"])
@pytest.mark.parametrize(
    "shape",
    [
        lambda one: {"data": {"events": [one]}, "payload": {"events": [one, one]}},
        lambda one: {"events": [one], "data": [one]},
        lambda one: {"data": [one], "records": [one]},
        lambda one: {"events": [], "data": [one]},
        lambda one: {"data": [], "records": [{"event": one}]},
    ],
    ids=["events twice", "events and data", "data and records", "an empty list first", "wrapped ones"],
)
def test_events_in_two_lists_refuse_the_message(version: str, shape: Callable[[Any], Any]) -> None:
    """None of them is lost: nobody knows which list counts."""
    message = shape(EVENT_2_2 if version == "2.2" else EVENT_3_0)
    found = read(version, message)
    assert {each.rule for each in found if isinstance(each, Refused)} <= {MESSAGE, ATOMICITY_RULE}
    assert [type(each) for each in found] == [Refused] * json.dumps(message).count('"eventDateTime"')
    assert "expected one list of events, got" in str(found[-1])


@pytest.mark.parametrize("version", ["2.2", "3.0"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_event_with_a_list_of_its_own_is_read_in_every_encoding(
    version: str, encoding: str, tmp_path: Path
) -> None:
    """The end of UTF-16 is not known before it is read."""
    sent = {**(EVENT_2_2 if version == "2.2" else EVENT_3_0), "items": [1, 2]}
    path = tmp_path / "message.json"
    path.write_bytes(json.dumps(sent).encode(encoding))
    with open_source(path) as stream:
        (found,) = OURS[f"dcsa-tnt-{version}"].read(stream)
    with open_source(path) as stream:
        assert found.spans == ((0, len(stream.read())),)
    assert event({**fields(found), "occurred_at": 0}) == sent


def test_an_event_may_have_a_list_of_its_own() -> None:
    """A member that is named like a wrapper is no list of events."""
    sent = {**EVENT_2_2, "data": [1, 2]}
    (found,) = read("2.2", sent)
    assert event({**fields(found), "occurred_at": 0}) == sent


def _camel(part: re.Match[str]) -> str:
    """Write a run of capitals as serialisers do: `unLocationCode`, `eventId`."""
    return part[0].lower() if part.start() == 0 else part[0].capitalize()


def _words(name: str) -> list[str]:
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "camel case": lambda name: re.sub(r"^[A-Z]+(?=[A-Z][a-z])|ID$|IMO", _camel, name),
    "pascal case": lambda name: name[:1].upper() + name[1:],
    "snake case": lambda name: "_".join(each.lower() for each in _words(name)),
    "kebab case": lambda name: "-".join(each.lower() for each in _words(name)),
    "lower case": str.lower,
    "upper case": str.upper,
}


def spelled(value: Any, way: Callable[[str], str]) -> Any:
    """Spell the members of a JSON value in another way."""
    if isinstance(value, dict):
        return {way(name): spelled(each, way) for name, each in value.items()}
    return [spelled(each, way) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("way", SPELLINGS)
@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name not in WRONG], ids=lambda path: path.name
)
def test_a_member_is_known_in_every_spelling(path: Path, way: str) -> None:
    """The conformance messages with other names: one format, equal fields and a flag, written back as sent."""
    version = "2.2" if "220" in path.name else "3.0"
    sent = json.loads(text_of(path))
    other = spelled(sent, SPELLINGS[way])
    if isinstance(other, dict):
        other = {"events": next(each for name, each in other.items() if name.lower() == "events")}
    data = json.dumps(other).encode()
    assert [each.name for each in formats().values() if each.matches(data)] == [f"dcsa-tnt-{version}"]
    expected, found = map(fields, read(version, sent)), [fields(each) for each in read(version, data)]
    for was, now in zip(expected, found, strict=True):
        assert was.pop("dcsa_event") != now.pop("dcsa_event")
        assert now.pop("flags") == [*was.pop("flags"), MEMBER_SPELLING]
        assert now == was


@pytest.mark.parametrize("module", [dcsa_2_2, dcsa_3_0, dcsa_values])
def test_every_member_that_is_read_is_known(module: ModuleType) -> None:
    """Names in the source of the readers, as far as they stand in quotes behind an access."""
    source = inspect.getsource(module)
    read_names = set(re.findall(r'(?:\.get\(|\[|in |, )"([a-zA-Z0-9]{4,})"[\])]', source))
    names = {each for each in read_names if re.search(r"[a-z]", each)} - {"eventType"}
    assert len(names) > 5
    assert names - NAMES <= {"value"}


def test_the_spelling_of_the_standard_counts() -> None:
    """Where an object has both; a member that no version has is left alone; a webhook's envelope is no event."""
    both = {**EVENT_2_2, "eventId": "other", "EquipmentReference": "CSQU3054383"}
    found = fields(one("2.2", both))
    assert (found["dcsa_event_id"], found["subject"]) == (EVENT_2_2["eventID"], "APZU4812090")
    assert found["flags"] == [MEMBER_SPELLING]
    assert fields(one("2.2", {**EVENT_2_2, "Description": "x", "event_name": 1}))["flags"] == []
    (item,) = read("2.2", {"event_type": "tnt.changed", "data": EVENT_2_2})
    assert fields(item)["flags"] == []
    (item,) = read("2.2", {"Data": {"Events": [spelled(EVENT_2_2, SPELLINGS["pascal case"])]}})
    assert fields(item)["un_location_code"] == "KRPUS"


def test_a_carriers_spelling_of_a_place_takes_part_in_the_rules() -> None:
    """Gated in at Shanghai, loaded at Busan: the load contradicts, as in the spelling of the standard."""

    def told(code: str, place: str, mode: str) -> Step:
        call = {"modeOfTransport": mode, "unLocationCode": place, "facilityTypeCode": "POTE"}
        sent = {**EVENT_2_2, "equipmentEventTypeCode": code, "transportCall": call}
        sent["eventLocation"] = {"unLocationCode": place}
        return equipment_event({"occurred_at": 0, "event_id": "e", **fields(one("2.2", sent))}).step

    position, problem = transition(Position(), told("GTIN", "CNSHA", "TRUCK"))
    assert problem is None
    assert transition(position, told("LOAD", "CNSHA", "VESSEL")).problem is None
    assert "CNSHA" in str(transition(position, told("LOAD", "KRPUS", "VESSEL")).problem)
    assert transition(position, told("GTIN", "CNNGB", "TRUCK")).problem is None


@pytest.mark.parametrize("version", ["2.2", "3.0"])
def test_a_damaged_message_is_refused_as_a_whole(version: str) -> None:
    """Cut off, a member that stands twice, no JSON in one event: the others under the rule of the message."""
    good = json.dumps(EVENT_2_2 if version == "2.2" else EVENT_3_0)
    for text, rules in (
        (f"[{good}, {good}", [ATOMICITY_RULE, ATOMICITY_RULE, "dcsa-json@1"]),
        (f"[{good}, {good[:-9]}", [ATOMICITY_RULE, "dcsa-json@1", "dcsa-json@1"]),
        (f'[{good}, {{"eventID": 1, "eventID": 2}}]', [ATOMICITY_RULE, "dcsa-duplicate-member@1"]),
        (f'{{"events": [{good}], "events": [{good}]}}', [ATOMICITY_RULE] * 2 + ["dcsa-duplicate-member@1"]),
        (f'[{good}, {good[:-1]}, "a": NaN}}]', [ATOMICITY_RULE, "dcsa-json@1"]),
        (f"[{good}] tail", [ATOMICITY_RULE, "dcsa-json@1"]),
        (f'[{good}, "no event"]', [ATOMICITY_RULE, "dcsa-message@1"]),
    ):
        assert [getattr(each, "rule", None) for each in read(version, text.encode())] == rules, text[-40:]


@pytest.mark.parametrize(
    "wrong",
    [
        {"eventDateTime": "9999-12-31T23:59:59Z"},
        {"eventCreatedDateTime": "2300-01-01T00:00:00Z"},
        {"x": "y" * 2_000_000},
    ],
    ids=["year 9999", "made in 2300", "two megabytes"],
)
@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("wrap", [False, True])
def test_what_the_producer_would_refuse_refuses_the_message(
    wrong: dict[str, Any], place: int, wrap: bool, tmp_path: Path
) -> None:
    """Before the first event goes in: an instant that no table holds, a record that Kafka does not take."""
    sent = [EVENT_2_2, EVENT_2_2]
    sent.insert(place, {**EVENT_2_2, **wrong})
    path = tmp_path / "message.json"
    path.write_text(json.dumps({"data": sent} if wrap else sent))
    expected = [ATOMICITY_RULE] * 3
    expected[place] = PRODUCE_RULE
    assert [each.rule for each in replayed(path) if isinstance(each, Refused)] == expected


def test_a_single_event_with_a_duplicate_member_is_refused() -> None:
    """RFC 8259 leaves open which of them counts."""
    text = json.dumps(EVENT_2_2)[:-1] + ', "reason": "a", "reason": "b"}'
    (found,) = read("2.2", text.encode())
    assert isinstance(found, Refused)
    assert found.rule == "dcsa-duplicate-member@1"


@pytest.mark.parametrize("number", ["1e400", "10.00", "0.1000000000000000055511151231257827", "-0", "1E5"])
def test_numbers_keep_their_digits(number: str) -> None:
    """Also those that no double can hold."""
    text = f'[{json.dumps(EVENT_2_2)[:-1]}, "x": {{"y": [{number}]}}}}]'
    (found,) = read("2.2", text.encode())
    assert f'"x": {{"y": [{number}]}}' in fields(found)["dcsa_event"]
    assert f'"x": {{"y": [{number}]}}' in document([{**fields(found), "occurred_at": 0}])


VALID = [path for path in FILES if path.name not in WRONG]
VALID += [path for path in bundled("cargo") if path.name.startswith("dcsa_")]


def without_text(item: Accepted) -> tuple[int, dict[str, Any]]:
    """Take time and fields of an event but its text, whose layout may differ."""
    draft = item.drafts[0]
    return draft.occurred_at, {name: value for name, value in draft.fields.items() if name != "dcsa_event"}


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_an_event_loses_no_member(path: Path) -> None:
    """Message → our events → message: equal, number for number, whatever the order of the members."""
    found = accepted(path)
    ours = [{**each.drafts[0].fields, "occurred_at": each.drafts[0].occurred_at} for each in found]
    sent = json_value.parse(text_of(path).encode(), exact=True)
    assert json_value.parse(document(ours).encode(), exact=True) == sent
    again = files.read(OURS[f"dcsa-tnt-{ours[0]['dcsa_version']}"], document(ours).encode())
    assert [without_text(each) for each in again if isinstance(each, Accepted)] == list(
        map(without_text, found)
    )


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_an_event_that_was_never_a_message_is_written_from_its_fields(path: Path) -> None:
    """What is read from it has the same fields."""
    for each in accepted(path):
        occurred_at, ours = without_text(each)
        (again,) = read(ours["dcsa_version"], document([{**ours, "occurred_at": occurred_at}]).encode())
        assert isinstance(again, Accepted)
        assert without_text(again) == (occurred_at, ours)


def test_a_retraction_needs_no_details() -> None:
    """3.0: any data other than the eventID is irrelevant; the time of the retraction stands in."""
    about = EVENT_3_0["eventClassification"]
    sent = {"eventID": "evt-1", "isRetracted": True, "eventUpdatedDateTime": "2026-02-01T00:00:00Z"}
    item = one("3.0", {**sent, "eventClassification": about})
    found = fields(item)
    assert (found["retracted"], found["subject_kind"], found["subject"]) == (True, "DOCUMENT", "evt-1")
    assert isinstance(item, Accepted)
    assert item.drafts[0].occurred_at == found["told_at"]
    kept = one("3.0", {**sent, "isRetracted": False, "eventClassification": about})
    assert isinstance(kept, Refused)
    assert kept.rule == "dcsa-required@1"


def test_one_message_holds_one_version() -> None:
    """An array of 2.2 cannot hold an event of 3.0."""
    mixed = [{"dcsa_version": each, "dcsa_event": "{}"} for each in ("2.2", "3.0")]
    with pytest.raises(ValueError, match=r"2\.2, 3\.0"):
        document(mixed)
    assert document([]) == '{"events": []}'


@pytest.mark.parametrize(
    ("ahead_s", "classifier", "flagged"),
    [
        (300, "ACT", False),
        (301, "ACT", True),
        (315_360_000, "ACT", True),
        (315_360_000, "PLN", False),
        (-1, "ACT", False),
    ],
)
def test_an_actual_event_ahead_of_its_making_is_flagged(ahead_s: int, classifier: str, flagged: bool) -> None:
    """Five minutes are clocks that differ; ten years are not. A plan may lie ahead."""
    made = 1_700_000_000
    times = {
        name: datetime.fromtimestamp(at, UTC).isoformat()
        for name, at in (("eventCreatedDateTime", made), ("eventDateTime", made + ahead_s))
    }
    found = fields(one("2.2", {**EVENT_2_2, **times, "eventClassifierCode": classifier}))
    assert ("ACTUAL_IN_FUTURE" in found["flags"]) is flagged


def test_what_carriers_leave_out_is_flagged() -> None:
    """Digests as eventID, `transportCallId`, vessels without an IMO number: events of the two largest feeds."""
    call = {"modeOfTransport": "VESSEL", "vessel": {"vesselName": "IDA RAMBOW", "vesselIMONumber": None}}
    digest = "726e480af8f7d9635e7b216d5c17cfae28343285"
    found = fields(one("2.2", {**EVENT_2_2, "eventID": digest, "transportCall": call}))
    assert found["flags"] == ["EVENT_ID_FORM", "NO_TRANSPORT_CALL_ID", "NO_IMO_NUMBER"]
    spelled = {**call, "transportCallId": "1deef68c", "carrierSpecificData": {"internalEventCode": "PVA"}}
    found = fields(one("2.2", {**EVENT_2_2, "transportCall": spelled}))
    assert (found["transport_call_id"], found["flags"]) == (
        "1deef68c",
        ["NO_IMO_NUMBER", "MEMBER_SPELLING"],
    )


def test_numbers_that_cannot_be_are_flagged() -> None:
    """IMO 0000000 fits its check digit, and no ship has it; latitude 91 is nowhere."""
    call = {**EVENT_2_2["transportCall"], "vessel": {"vesselIMONumber": "0000000"}}
    place = {"latitude": "91", "longitude": "2.5"}
    found = fields(one("2.2", {**EVENT_2_2, "transportCall": call, "eventLocation": place}))
    assert found["flags"] == ["IMO_CHECK_DIGIT", "POSITION_OUT_OF_RANGE"]


def test_members_that_newer_versions_added_are_read() -> None:
    """2.3: facility type and transshipment at the event. 3.0.0: BORD, the facility object, seals, MULTIMODAL."""
    newer = fields(one("2.2", {**EVENT_2_2, "facilityTypeCode": "INTE", "isTransshipmentMove": True}))
    assert (newer["facility_type"], newer["transport_phase"]) == ("INTE", "TRANSSHIPMENT")
    event = {
        **EVENT_3_0,
        "eventLocation": {
            "facilityTypeCode": "BORD",
            "facility": {"facilityCode": "ADT", "facilityCodeListProvider": "SMDG"},
        },
        "equipmentDetails": {
            "equipmentReference": "APZU4812090",
            "emptyIndicatorCode": "LADEN",
            "seals": [{"number": "VET123", "source": "TER", "type": "WIR", "placement": "DOOR"}],
        },
        "transportDetails": {
            "delayReasonCodes": ["STR", "WEA"],
            "transportCall": {
                "modeOfTransport": "MULTIMODAL",
                "vesselTransport": {"vesselIMONumber": "9321483"},
            },
        },
        "shipmentDetails": {"shipmentReferences": [{"typeCode": "FF", "reference": "r"}]},
    }
    found = fields(one("3.0", event))
    assert (found["facility_type"], found["facility_code"], found["facility_code_list"]) == (
        "BOCR",
        "ADT",
        "SMDG",
    )
    assert found["seals"] == [{"number": "VET123", "source": "TER", "type": "WIR"}]
    assert (found["delay_reason_code"], found["mode_of_transport"]) == ("STR", "MULTIMODAL")
    assert found["references"] == [{"type": "FF", "value": "r"}]


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
