"""AIS sentences inside JSON lines, as AIS-catcher writes them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from streams.domains.cargo import ais_json, ais_nmea
from streams.readers.formats import Accepted, Refused, Skipped
from streams.replay.recordings import formats
from tests.streams.domains.cargo.files import encode_all
from tests.streams.domains.cargo.test_ais_logs import FIX, ONE, OTHER, tag, voyage

FIRST, SECOND = ONE.decode(), OTHER.decode()
PAIR = [each.decode() for each in voyage(1, 1)]


def caught(sentences: Any, **members: Any) -> dict[str, Any]:
    """Return an object as AIS-catcher's JSON_NMEA has it."""
    return {"class": "AIS", "device": "AIS-catcher", "channel": "A", **members, "nmea": sentences}


def read(*objects: Any) -> list[Any]:
    """Read a file of JSON lines; every byte belongs to one item."""
    data = "\n".join([each if isinstance(each, str) else json.dumps(each) for each in objects]).encode()
    found = list(ais_json.read(io.BytesIO(data)))
    spans = sorted(span for each in found for span in each.spans)
    assert [begin for begin, _ in spans] == [0, *(end for _, end in spans)][: len(spans)]
    assert spans[-1][1] == len(data)
    encode_all([each for each in found if isinstance(each, Accepted)])
    return found


def events(*objects: Any) -> list[tuple[str, str, list[str]]]:
    """Return sender, time and flags of each event."""
    drafts = [draft for each in read(*objects) if isinstance(each, Accepted) for draft in each.drafts]
    return [
        (
            each.fields["mmsi"],
            datetime.fromtimestamp(each.occurred_at / 1e6, UTC).isoformat(),
            [flag for flag in each.fields["flags"] if flag != "IMO_CHECK_DIGIT"],
        )
        for each in drafts
    ]


def test_the_events_are_those_of_the_sentences() -> None:
    """As a log of the same sentences gives them; one record for each line."""
    log = b"\n".join([ONE, *voyage(1, 1), OTHER])
    expected = [
        each.drafts[0].fields for each in ais_nmea.read(io.BytesIO(log)) if isinstance(each, Accepted)
    ]
    found = read(caught([FIRST]), caught(PAIR), "", caught(SECOND))
    assert [each.record for each in found if isinstance(each, Accepted)] == [1, 2, 3]
    assert [each.drafts[0].fields for each in found if isinstance(each, Accepted)] == expected
    assert [each.reason for each in found if isinstance(each, Skipped)] == ["blank line"]


@pytest.mark.parametrize(
    ("members", "at", "flags"),
    [
        ({"rxtime": "20231114221320"}, "2023-11-14T22:13:20+00:00", ["TIME_WITHOUT_ZONE"]),
        ({"rxuxtime": 1700000000}, "2023-11-14T22:13:20+00:00", []),
        ({"rxuxtime": 1700000000.25, "rxtime": "20231114221320"}, "2023-11-14T22:13:20.250000+00:00", []),
        ({"timestamp": "2023-11-14T23:13:20+01:00"}, "2023-11-14T22:13:20+00:00", []),
        ({"timestamp": 17, "time": 1700000000123}, "2023-11-14T22:13:20.123000+00:00", []),
        ({"timestamp": 17}, "1970-01-01T00:00:00+00:00", ["TIME_NOT_READ", "NO_TIME"]),
        ({"rxtime": "20231314221320"}, "1970-01-01T00:00:00+00:00", ["TIME_IMPLAUSIBLE", "NO_TIME"]),
        ({"rxtime": None, "rxuxtime": True}, "1970-01-01T00:00:00+00:00", ["NO_TIME"]),
    ],
)
def test_the_time_is_that_of_the_receiver(members: dict[str, Any], at: str, flags: list[str]) -> None:
    """Epochs and dates, in the members that decoders use."""
    assert events(caught([FIRST], **members)) == [("219000111", at, flags)]


def test_a_line_may_hold_several_messages_and_tag_blocks() -> None:
    """Other sentences say nothing; `NMEA` and `message` are read too."""
    time = "2023-11-14T22:13:20+00:00"
    tagged = tag("c:1700000000", ONE).decode()
    assert events({"NMEA": [tagged, *PAIR, FIX.decode()], "timestamp": 17}) == [
        ("219000111", time, []),
        ("219000001", time, []),
    ]
    assert events({"message": f"{FIRST}\r\n{SECOND}\r\n", "time": "2023-11-14T22:13:20Z"}) == [
        ("219000111", time, []),
        ("265000222", time, []),
    ]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("no JSON", "read-ais-json@1"),
        ("[1]", "read-ais-json@1"),
        ({"class": "AIS"}, "read-ais-json@1"),
        (caught([1]), "read-ais-json@1"),
        (caught([]), "read-ais-json@1"),
        (caught(["text"]), "read-ais-json@1"),
        (caught([FIX.decode()]), "read-ais-json@1"),
        (caught([FIRST[:-1] + "F"]), "ais-checksum@1"),
        (caught([FIRST[:-9]]), "ais-sentence@2"),
        (caught(PAIR[:1]), "ais-group@2"),
        (caught(PAIR[::-1]), "ais-group@2"),
        (caught([PAIR[0], FIRST]), "ais-group@2"),
    ],
)
def test_what_is_no_message_is_refused_alone(line: Any, rule: str) -> None:
    """With the rule of the log, or the file's own."""
    before, bad, behind = read(caught([FIRST]), line, caught([SECOND]))
    assert isinstance(before, Accepted)
    assert isinstance(behind, Accepted)
    assert isinstance(bad, Refused)
    assert bad.rule == rule
    assert bad.data == (line if isinstance(line, str) else json.dumps(line)).encode()


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_file_is_recognised_by_most_of_its_lines(bom: bytes, end: bytes) -> None:
    """As one format only; a log of sentences, or objects without any, is another file."""
    rows = [json.dumps(each).encode() for each in (caught([FIRST]), caught(PAIR), {"message": [SECOND]})]
    for head in (end.join([*rows, b""]), end.join([rows[0], b"x", rows[1]]), end.join(rows)[:-30]):
        assert [each.name for each in formats().values() if each.matches(bom + head)] == ["ais-json"]
    for head in (b"", ONE, b'{"nmea": 1}', b'{"a": "!AIVDM,"}', end.join([rows[0], b"x", b"y"])):
        assert not ais_json.matches(bom + head)
