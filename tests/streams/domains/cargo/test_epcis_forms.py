"""EPCIS as it is sent: older versions, encodings, long and damaged messages, numbers and names as JSON allows them."""

from __future__ import annotations

import io
import json
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from streams.domains.cargo import epcis_json, epcis_xml
from streams.domains.cargo.recordings import EPCIS_TOGETHER
from streams.identity.secret import DeploymentSecret
from streams.readers.formats import Accepted, Item, Refused, Skipped
from streams.readers.json_stream import CHUNK_BYTES
from streams.replay.checkpoint import ReplayCheckpoint
from streams.replay.input import Input
from streams.replay.recordings import formats, look
from streams.replay.records import PRODUCE_RULE, RecordWriter
from tests.streams.domains.cargo.files import DOOR, OURS, encode_all, format_of, items, read
from tests.streams.domains.cargo.test_epcis import DOCUMENT, EVENT, fields, read_json, read_xml, rules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADER = (
    '<EPCISHeader><sbdh:StandardBusinessDocumentHeader xmlns:sbdh="http://www.unece.org/cefact/namespaces/'
    'StandardBusinessDocumentHeader"><sbdh:HeaderVersion>1.0</sbdh:HeaderVersion>'
    "</sbdh:StandardBusinessDocumentHeader><extension><EPCISMasterData><VocabularyList/></EPCISMasterData>"
    "</extension></EPCISHeader>"
)
WHEN = "<eventTime>2026-07-22T06:45:00Z</eventTime><eventTimeZoneOffset>+02:00</eventTimeZoneOffset>"
ID = "<eventID>urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8</eventID>"
WRONG = (
    "<errorDeclaration><declarationTime>2026-07-23T06:45:00Z</declarationTime>"
    "<reason>urn:epcglobal:cbv:er:incorrect_data</reason></errorDeclaration>"
)
EPCS = "<epcList><epc>urn:epc:id:bic:CSQU3054383</epc></epcList>"
AMOUNT = (
    "<{0}><quantityElement><epcClass>urn:a:b</epcClass><quantity>5.5</quantity><uom>KGM</uom>"
    "</quantityElement></{0}>"
)
SOURCES = (
    '<sourceList><source type="urn:epcglobal:cbv:sdt:owning_party">urn:a:s</source></sourceList>'
    '<destinationList><destination type="urn:epcglobal:cbv:sdt:location">urn:a:d</destination></destinationList>'
)
LATER = (
    '<sensorElementList><sensorElement><sensorReport type="gs1:Temperature" value="5"/></sensorElement>'
    "</sensorElementList><persistentDisposition><set>urn:epcglobal:cbv:disp:damaged</set></persistentDisposition>"
)
OWN = '<x:a xmlns:x="http://example.com/x/" unit="C">5</x:a>'


def xml(events: str, version: str = "1.2", header: str = HEADER) -> str:
    """Write a document of a version."""
    return (
        f'<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:{version[0]}" schemaVersion="{version}"'
        f' creationDate="2026-07-22T10:00:00">{header}<EPCISBody><EventList>{events}</EventList></EPCISBody>'
        "</epcis:EPCISDocument>"
    )


def element(name: str, *inside: str) -> str:
    """Write an element."""
    return f"<{name}>{''.join(inside)}</{name}>"


def event(kind: str, *inside: str) -> str:
    """Write an event with its time."""
    return element(kind, WHEN, *inside)


PARENT, CHILD = "<parentID>urn:a:p</parentID>", "<childEPCs><epc>urn:a:c</epc></childEPCs>"
ADD = "<action>ADD</action>"
DEAL = "<bizTransactionList><bizTransaction>urn:a:t</bizTransaction></bizTransactionList>"
INPUT, OUTPUT = (element(f"{end}EPCList", f"<epc>urn:a:{end}</epc>") for end in ("input", "output"))
QUANTITY, CHILDREN = AMOUNT.format("quantityList"), AMOUNT.format("childQuantityList")
VERSIONS = {
    "ObjectEvent": (
        event(
            "ObjectEvent",
            element("baseExtension", ID, WRONG) + EPCS + ADD,
            element("extension", QUANTITY, SOURCES, element("extension", LATER)),
            OWN,
        ),
        event("ObjectEvent", ID, WRONG, EPCS, ADD, QUANTITY, SOURCES, LATER, OWN),
    ),
    "AggregationEvent": (
        event("AggregationEvent", PARENT, "<childEPCs/>", ADD, element("extension", CHILDREN, SOURCES)),
        event("AggregationEvent", PARENT, "<childEPCs/>", ADD, CHILDREN, SOURCES),
    ),
    "TransactionEvent": (
        event("TransactionEvent", DEAL, EPCS, ADD, element("extension", QUANTITY)),
        event("TransactionEvent", DEAL, EPCS, ADD, QUANTITY),
    ),
    "TransformationEvent": (
        element(
            "extension",
            event("TransformationEvent", INPUT, OUTPUT, element("ilmd", OWN), element("extension", LATER)),
        ),
        event("TransformationEvent", INPUT, OUTPUT, element("ilmd", OWN), LATER),
    ),
    "AssociationEvent": (
        element("extension", element("extension", event("AssociationEvent", PARENT, CHILD, ADD))),
        event("AssociationEvent", PARENT, CHILD, ADD),
    ),
}
"""An event of each type as 1.2 has it, and as 2.0 has it."""


@pytest.mark.parametrize("kind", VERSIONS)
def test_an_event_is_the_same_in_1_2_and_2_0(kind: str) -> None:
    """What later versions added stands in extensions; the namespace has another number."""
    old, new = VERSIONS[kind]
    (one,) = [each for each in read_xml(xml(old)) if not isinstance(each, Skipped)]
    (other,) = [each for each in read_xml(xml(new, "2.0")) if not isinstance(each, Skipped)]
    assert fields(one) == fields(other)
    assert fields(one)["event_type"] == kind
    assert encode_all([one]) == 1 if isinstance(one, Accepted) else False


def test_events_in_and_out_of_extensions_have_their_own_bytes() -> None:
    """In the order of the document, without the tags around them."""
    found = read_xml(xml("".join(old for old, _ in VERSIONS.values()), "1.1"))
    assert [fields(each)["event_type"] for each in found if isinstance(each, Accepted)] == list(VERSIONS)
    for each, kind in zip(found, VERSIONS, strict=False):
        assert isinstance(each, Accepted)
        assert each.data.startswith(f"<{kind}>".encode())
        assert each.data.endswith(f"</{kind}>".encode())


def test_an_event_as_pharma_sends_it_is_read() -> None:
    """Sources in an extension, a business header, words as URNs."""
    step = "<bizStep>urn:epcglobal:cbv:bizstep:inspecting</bizStep>"
    deal = DEAL.replace("<bizTransaction>", "<bizTransaction type='urn:epcglobal:cbv:btt:po'>")
    one = event("ObjectEvent", EPCS, ADD, step, deal, element("extension", SOURCES))
    for version in ("1.0", "1.1", "1.2"):
        found = fields(read_xml(xml(one, version))[0])
        assert found["biz_step"] == "inspecting"
        assert found["transactions"] == [{"type": "po", "id": "urn:a:t"}]
        assert found["sources"] == [{"type": "owning_party", "id": "urn:a:s"}]
        assert found["extensions"] is None


def test_a_quantity_event_is_an_observation_of_an_amount() -> None:
    """EPCIS 1.x calls the two equal; a flag says what it was."""
    what = "<epcClass>urn:epc:idpat:sgtin:4012345.012345.*</epcClass>"
    for amount in ("200", "0"):
        one = event("QuantityEvent", what, element("quantity", amount))
        for text in (xml(one), one):
            assert epcis_xml.matches(text.encode())
            found = fields(read_xml(text)[0])
            assert (found["event_type"], found["action"]) == ("ObjectEvent", "OBSERVE")
            assert found["flags"] == ["QUANTITY_EVENT"]
            assert [(each["epc_class"], each["quantity"]) for each in found["quantities"]] == [
                ("urn:epc:idpat:sgtin:4012345.012345.*", float(amount))
            ]


def test_what_no_version_knows_in_an_extension_is_kept_under_a_name_that_says_so() -> None:
    """Outside of one it is refused."""
    mine = "<mine>1.50</mine>"
    inside = event("ObjectEvent", EPCS, ADD, element("extension", element("extension", mine)))
    assert json.loads(fields(read_xml(xml(inside))[0])["extensions"]) == {"extension:mine": "1.50"}
    assert rules(read_xml(xml(event("ObjectEvent", EPCS, ADD, mine)))) == ["epcis-unknown-field@1"]
    twice = event("ObjectEvent", EPCS, ADD, ID, element("baseExtension", ID))
    assert rules(read_xml(xml(twice))) == ["epcis-shape@1"]


def test_an_event_id_in_xml_that_is_no_uri_is_flagged() -> None:
    """The XSD takes it, and it is common; JSON wants a URI, and what is empty or two words is none anywhere."""
    bare = "9db05f77-e007-41a2-a6d9-140254b7ce5a"
    one = event("ObjectEvent", EPCS, ADD, element("baseExtension", element("eventID", bare)))
    found = fields(read_xml(xml(one))[0])
    assert (found["epcis_event_id"], found["flags"]) == (bare, ["EVENT_ID_NO_URI"])
    assert rules(read_json({**EVENT, "eventID": bare})) == ["epcis-uri@1"]
    for wrong in ("", "a b"):
        assert rules(read_xml(xml(one.replace(bare, wrong)))) == ["epcis-uri@1"]


PROLOG = (
    '<?xml version="1.0" encoding="{}"?>\n<?xml-stylesheet type="text/xsl" href="a.xsl"?><!-- a -->\n<?b?>'
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "iso-8859-1"])
@pytest.mark.parametrize("declared", [True, False])
def test_xml_is_read_in_its_encoding(encoding: str, declared: bool, tmp_path: Path) -> None:
    """Behind processing instructions and comments; also if a tool converted it and left the declaration."""
    name = encoding.removesuffix("-sig")[:6] if "16" in encoding else encoding.removesuffix("-sig")
    text = xml(VERSIONS["ObjectEvent"][1].replace(">5<", ">é<"), "2.0")
    text = (PROLOG.format(name) if declared else "") + text
    data = text.encode(encoding)
    if "16" in encoding:
        data = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}[encoding] + data
    if encoding == "iso-8859-1" and not declared:
        assert rules(read_xml(data))[-1] == "epcis-xml@1"
        return
    path = tmp_path / "a.xml"
    for each in (data, text.encode()):
        path.write_bytes(each)
        if encoding == "iso-8859-1" and each != data:
            continue  # any bytes are text in it
        form = format_of(path)
        assert form is not None
        assert form.name == "epcis-xml"
        found, rest = items(path)
        assert isinstance(rest, Skipped)
        assert "é" in fields(found)["extensions"]
        assert isinstance(found, Accepted)
        assert found.line == (3 if declared else 1)


def lines_of(number: int, pad: int, syntax: str) -> bytes:
    """Write a message of many events, one on a line."""
    if syntax == "json":
        events = ",\n".join([json.dumps({**EVENT, "ex:pad": "x" * pad})] * number)
        return (
            b'{"epcisBody": {"eventList": [' + events.encode() + b"]}, " + json.dumps(DOCUMENT).encode()[1:]
        )
    event = (
        f"<ObjectEvent>{WHEN}{EPCS}<action>ADD</action><x:p xmlns:x='urn:x'>{'x' * pad}</x:p></ObjectEvent>"
    )
    return xml("\n".join([event] * number)).encode()


class Counting(io.BytesIO):
    """A stream that counts the bytes read from it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read and count."""
        found = super().read(size)
        self.count += len(found)
        return found


@pytest.mark.parametrize("syntax", ["json", "xml"])
def test_a_long_message_is_read_in_bounded_memory(syntax: str) -> None:
    """Event by event, with their lines; its bytes are read twice at most, where the contexts stand at its end."""
    data = lines_of(600, 20_000, syntax)
    stream = Counting(data)
    tracemalloc.start()
    lines = [each.line for each in OURS[f"epcis-{syntax}"].read(stream) if isinstance(each, Accepted)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == list(range(1, 601))
    assert stream.count <= 2 * len(data) + CHUNK_BYTES
    assert peak < 3_000_000 < len(data) / 3


@pytest.mark.parametrize("syntax", ["json", "xml"])
def test_a_message_of_more_than_64_mib_is_read_and_an_event_of_more_than_4_mib_is_not(syntax: str) -> None:
    """The limit is that of an event."""
    data = lines_of(17, 4_000_000, syntax)
    assert len(data) > 64 << 20
    assert sum(isinstance(each, Accepted) for each in OURS[f"epcis-{syntax}"].read(io.BytesIO(data))) == 17
    large = lines_of(1, 5_000_000, syntax)
    found = [each for each in OURS[f"epcis-{syntax}"].read(io.BytesIO(large)) if isinstance(each, Refused)]
    assert [each.rule for each in found] == [f"epcis-{syntax}@1"]
    assert "read are at most 4194304" in found[0].reason


@pytest.mark.parametrize("syntax", ["json", "xml"])
def test_a_message_that_was_cut_off_is_refused_whole(syntax: str) -> None:
    """Wherever it was cut: every event with its bytes, and the rest of it with the reason."""
    data = lines_of(3, 10, syntax)
    events = data.count(b"2026-07-22T06:45:00")
    for at in range(data.index(b"ObjectEvent"), len(data) - 1, 7):
        found = read(OURS[f"epcis-{syntax}"], data[:at])
        assert not any(isinstance(each, Accepted) for each in found)
        assert f"epcis-{syntax}@1" in rules(found)
        assert 1 <= len(rules(found)) <= events + 1
        assert sum(end - begin for each in found for begin, end in each.spans) == at


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "ObjectEvent", %s, "action": "ADD"}',
        '{%s, "ex:a": {"b": 1, "b": 2}}',
        '{%s, "readPoint": {"id": "a:b", "i\\u0064": "a:c"}}',
    ],
)
def test_a_member_that_stands_twice_is_refused(text: str) -> None:
    """In an event or in what stands around it, and its message with it."""
    one = text % json.dumps(EVENT)[1:-1]
    assert rules(read_json(one.encode())) == ["epcis-duplicate-member@1"]
    message = json.dumps({**DOCUMENT, "epcisBody": {"eventList": [EVENT, "?"]}}).replace('"?"', one)
    assert rules(read_json(message.encode())) == [EPCIS_TOGETHER, "epcis-duplicate-member@1"]
    twice = json.dumps({**DOCUMENT, "epcisBody": {"eventList": [EVENT]}})[:-1] + ', "schemaVersion": "2.0"}'
    assert rules(read_json(twice.encode())) == [EPCIS_TOGETHER, "epcis-duplicate-member@1"]


@pytest.mark.parametrize("value", ["NaN", "-Infinity", '"\\ud800"', "[" * 300 + "]" * 300, '"\xff"', "01"])
def test_what_is_no_json_in_an_event_refuses_its_message(value: str) -> None:
    """Under the rule of JSON, with its own bytes."""
    message = json.dumps({**DOCUMENT, "epcisBody": {"eventList": [EVENT, {**EVENT, "ex:a": "?"}, EVENT]}})
    found = read_json(message.replace('"?"', value).encode("latin-1"))
    assert rules(found) == [EPCIS_TOGETHER, "epcis-json@1", EPCIS_TOGETHER]
    refused = found[1]
    assert isinstance(refused, Refused)
    assert value.encode("latin-1") in refused.data


@pytest.mark.parametrize(
    "quantity", ["1e400", "-1e400", pytest.param("1" + "0" * 400, id="an integer of 400 zeros")]
)
def test_an_amount_that_is_no_finite_number_is_refused(quantity: str) -> None:
    """A table cannot hold it."""
    event = json.dumps({**EVENT, "quantityList": [{"epcClass": "a:b", "quantity": "?"}]}).replace(
        '"?"', quantity
    )
    assert rules(read_json(event.encode())) == ["epcis-quantity@1"]


def replayed(path: Path) -> list[Item]:
    """Read a file as a replay does, with all that its producer refuses."""
    recording = look(path, list(formats().values()))
    assert recording.format is not None
    file = Input(recording, ReplayCheckpoint(recording.format.name, 0))
    writer = RecordWriter(DOOR, DeploymentSecret(bytes(32)), 0)
    found = [each.item for each in file.scheduled(partial(writer.check, file)) if each.item is not None]
    for item in found:
        after, records = writer.write(file, item)
        assert after == item
        assert len(records) == (not isinstance(item, Skipped))
    assert file.span() is not None or not any(isinstance(each, Accepted) for each in found)
    return found


def later_refused() -> Iterator[dict[str, Any]]:
    """Make events that their rules accept, and their producer does not."""
    yield {**EVENT, "eventTime": "9999-12-31T23:59:59Z"}
    yield {**EVENT, "eventTime": "2300-01-01T00:00:00Z"}
    yield {**EVENT, "recordTime": "9999-12-31T23:59:59Z"}
    yield {**EVENT, "ex:large": "x" * 2_000_000}


@pytest.mark.parametrize("bad", list(later_refused()), ids=lambda each: str(each)[:60])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_the_producer_would_refuse_refuses_the_message(
    bad: dict[str, Any], place: int, tmp_path: Path
) -> None:
    """Before the first event goes in; the reason names the event, and the one that is wrong keeps its own."""
    events = [EVENT, EVENT]
    events.insert(place, bad)
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**DOCUMENT, "epcisBody": {"eventList": events}}))
    found = replayed(path)
    expected = [EPCIS_TOGETHER] * 3
    expected[place] = PRODUCE_RULE
    assert rules(found) == expected
    path.write_text(json.dumps({**DOCUMENT, "epcisBody": {"eventList": [EVENT, EVENT]}}))
    assert sum(isinstance(each, Accepted) for each in replayed(path)) == 2


def test_the_envelope_is_skipped_with_a_reason() -> None:
    """Members may stand in any order; the document's bytes are all accounted for."""
    message = {
        "epcisBody": {"eventList": [EVENT, EVENT]},
        **DOCUMENT,
        "ex:more": {"a": [1, {"eventList": []}]},
    }
    data = json.dumps(message, indent=2).encode()
    assert epcis_json.matches(data)
    one, other, rest = read_json(data)
    assert isinstance(rest, Skipped)
    assert rest.reason == "envelope of the message"
    assert isinstance(one, Accepted)
    assert isinstance(other, Accepted)
    assert (one.line, other.line) == (4, 14)
    assert json.loads(one.data) == json.loads(other.data) == EVENT


POLL = "<q:Poll xmlns:q='urn:epcglobal:epcis-query:xsd:1'><queryName>SimpleEventQuery</queryName><params/></q:Poll>"


@pytest.mark.parametrize("events", ["", f"<ObjectEvent>{WHEN}{EPCS}<action>ADD</action></ObjectEvent>"])
@pytest.mark.parametrize("place", ["before", "behind", "twice", "in a second body"])
def test_a_poll_stands_alone(events: str, place: str) -> None:
    """A body with results too, or with two polls, is refused: no record number comes twice, no query is lost."""
    results = (
        "<q:QueryResults xmlns:q='urn:epcglobal:epcis-query:xsd:1'><queryName>SimpleEventQuery</queryName>"
        f"<resultsBody><EventList>{events}</EventList></resultsBody></q:QueryResults>"
    )
    body = {
        "before": POLL + results,
        "behind": results + POLL,
        "twice": POLL + POLL,
        "in a second body": f"{results}</EPCISBody><EPCISBody>{POLL}",
    }[place]
    root = "epcis:EPCISQueryDocument xmlns:epcis='urn:epcglobal:epcis-query:xsd:1' schemaVersion='1.2'"
    data = f"<{root} creationDate='2026-07-22T06:45:00Z'><EPCISBody>{body}</EPCISBody></epcis:EPCISQueryDocument>"
    found = read(OURS["epcis-xml"], data.encode())
    records = [each for each in found if isinstance(each, Accepted | Refused)]
    assert {type(each) for each in records} == {Refused}
    assert sorted(each.record for each in records) == [*range(1, len(records) + 1)]
    alone = read(OURS["epcis-xml"], data.replace(body, POLL).encode())
    assert [type(each) for each in alone] == [Accepted]
