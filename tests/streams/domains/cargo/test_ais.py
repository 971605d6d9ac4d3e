"""AIS: the receiver log against gpsd's decoding of it, sentence groups, clocks, and the US table."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.cargo import ais_csv, ais_nmea
from streams.readers.formats import Accepted, Item, Refused, Skipped
from streams.readers.source import open_source
from streams.replay.recordings import bundled
from tests.recordings import whole
from tests.streams.domains.cargo.files import EXCERPTS, accepted, encode_all, format_of, items, text_of
from tests.streams.readers.accounting import below_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

(LOG,) = (path for path in bundled("cargo") if path.name == "ais-nmea.log.gz")
(TABLE,) = (path for path in bundled("cargo") if "marinecadastre" in path.name)
AIS_NMEA = EXCERPTS / "ais_nmea"
REFERENCE = AIS_NMEA / "ais-nmea.log.chk.gz"
SAMPLE = AIS_NMEA / "sample.aivdm.gz"

POSITION = b"!AIVDM,1,1,,B,13aDp<PP000IwSlN?Wm@0?wN2<1T,0*29"
PARTS = (
    b"!AIVDM,2,1,9,B,55R3Vn82=ILTQ3KKS>1<D60Dq@E918U<F222221J1`?164vc03S1CCAD,0*2A",
    b"!AIVDM,2,2,9,B,`88888888888880,2*76",
)
FIX = b"$GPRMC,213950.00,A,5250.53669,N,00542.34920,E,0.020,,070420,,,A*7D"
FIX_US = 1_586_295_590_000_000
HEADER = (
    "MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,CallSign,VesselType,Status,Length,Width,Draft,Cargo,"
    "TransceiverClass"
)
ROW = "367379190,2022-01-03T00:00:00,30.3706,-88.56408,0.0,336.2,511,EAGLE,IMO8207721,WTD4583,31,0,28,11,3.3,52,A"


def read(*lines: bytes) -> list[Item]:
    """Read a log."""
    return list(ais_nmea.read(io.BytesIO(b"\r\n".join(lines))))


def records(found: list[Item]) -> list[Accepted | Refused]:
    """Leave out the lines that hold no record."""
    return [each for each in found if not isinstance(each, Skipped)]


def draft(item: Item) -> tuple[int, dict[str, Any]]:
    """Tell the time and the fields of an accepted record."""
    assert isinstance(item, Accepted), item
    return item.drafts[0].occurred_at, dict(item.drafts[0].fields)


def reference() -> Iterator[dict[str, Any]]:
    """Read gpsd's decoding of the log; of the messages it tells, each once."""
    for line in text_of(REFERENCE).splitlines():
        if line.startswith('{"class":"AIS"'):
            yield json.loads(line)


def test_every_sentence_group_of_the_log_is_accepted() -> None:
    """As many groups as the log has first sentences; every line is a record's, or skipped."""
    firsts = [
        line for line in text_of(LOG).splitlines() if line.startswith("!") and line.split(",")[2] == "1"
    ]
    found = accepted(LOG)
    assert len(found) == len(firsts) == 171
    assert encode_all(found) == 171


def test_positions_of_the_log_are_those_of_gpsd() -> None:
    """Type, identity, place, speed, course, heading and status of all 144 position reports."""
    theirs = [each for each in reference() if each["type"] in (1, 3, 18)]
    ours = [fields for _, fields in map(draft, accepted(LOG)) if fields["message_type"] in (1, 3, 18)]
    assert len(ours) == len(theirs) == 144
    for our, their in zip(ours, theirs, strict=True):
        assert (our["message_type"], int(our["mmsi"])) == (their["type"], their["mmsi"])
        if their["lat"] == 91 * 600_000:
            assert (our["latitude"], our["longitude"]) == (None, None)
        else:
            assert our["latitude"] == pytest.approx(their["lat"] / 600_000, abs=2e-6)
            assert our["longitude"] == pytest.approx(their["lon"] / 600_000, abs=2e-6)
        assert our["sog"] == (None if their["speed"] == 1023 else pytest.approx(their["speed"] / 10))
        assert our["cog"] == (None if their["course"] >= 3600 else pytest.approx(their["course"] / 10))
        assert our["heading"] == (None if their["heading"] == 511 else their["heading"])
        assert our["nav_status"] == their.get("status")


def test_particulars_of_the_log_are_those_of_gpsd() -> None:
    """Name, call sign, IMO number, type, size, draught and destination of all 12 voyage messages."""
    theirs = [each for each in reference() if each["type"] == 5]
    ours = [fields for _, fields in map(draft, accepted(LOG)) if fields["message_type"] == 5]
    assert len(ours) == len(theirs) == 12
    for our, their in zip(ours, theirs, strict=True):
        assert (our["name"], our["call_sign"]) == (their["shipname"] or None, their["callsign"] or None)
        assert our["imo"] == (f"{their['imo']:07d}" if their["imo"] else None)
        assert (our["ship_type"], our["destination"]) == (
            their["shiptype"] or None,
            their["destination"] or None,
        )
        assert (our["length"] or 0, our["width"] or 0) == (
            their["to_bow"] + their["to_stern"],
            their["to_port"] + their["to_starboard"],
        )
        assert (our["draught"] or 0) == pytest.approx(their["draught"] / 10)


def test_times_of_the_log_are_those_of_its_fixes() -> None:
    """From 21:39:50 to 21:42:33 on 2020-04-07; only the group before the first fix takes a later one."""
    found = [draft(each) for each in accepted(LOG)]
    times = [time for time, _ in found]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (FIX_US, FIX_US + 163_000_000)
    assert [fields["flags"] for _, fields in found if fields["flags"]] == [["TIME_OF_LATER_FIX"]]


def test_a_collection_without_a_clock_says_so() -> None:
    """All groups are accepted, without a time but for those that carry their own; one line is no sentence."""
    found = records(items(SAMPLE))
    refused = [each for each in found if isinstance(each, Refused)]
    assert [(each.line, each.rule) for each in refused] == [(978, "ais-sentence@2")]
    timed = [draft(each) for each in found if isinstance(each, Accepted)]
    assert len(timed) == 102
    assert {time for time, fields in timed if "NO_TIME" in fields["flags"]} == {0}
    assert sum("NO_TIME" not in fields["flags"] for _, fields in timed) == 3
    assert encode_all([each for each in found if isinstance(each, Accepted)]) == 102


def test_reference_decodings_and_licences_are_no_logs() -> None:
    """They lie beside the logs and are of no format of ours."""
    for path in (REFERENCE, AIS_NMEA / "sample.aivdm.chk.gz", LOG.parent / "LICENSE_gpsd.txt"):
        assert format_of(path) is None


def test_a_group_becomes_one_message_when_its_last_sentence_came() -> None:
    """Two sentences, another message in between, one record at the line of the first."""
    first, second = records(read(FIX, PARTS[0], POSITION, PARTS[1]))
    assert (first.line, second.line) == (3, 2)
    assert second.data == b"\n".join(PARTS)
    time, fields = draft(second)
    assert (time, fields["name"], fields["imo"], fields["eta"]) == (
        FIX_US,
        "SEA ENTERPRISE",
        "9266633",
        "03-29T11:00Z",
    )


@pytest.mark.parametrize(
    ("lines", "rule", "accepted_too"),
    [
        ((PARTS[0],), "ais-group@2", 1),
        ((PARTS[1],), "ais-group@2", 1),
        ((PARTS[0], *PARTS), "ais-group@2", 2),
        ((POSITION[:-1] + b"8",), "ais-checksum@1", 1),
        ((POSITION[1:],), "ais-sentence@2", 1),
        ((b"!AIVDM,1,2,,B,13aDp,0*71",), "ais-sentence@2", 1),
        ((b"hello",), "ais-sentence@2", 1),
    ],
)
def test_what_is_no_whole_group_is_refused(lines: tuple[bytes, ...], rule: str, accepted_too: int) -> None:
    """A missing sentence, a wrong checksum, no sentence at all; its neighbours are accepted."""
    found = records(read(FIX, *lines, POSITION))
    assert [each.rule for each in found if isinstance(each, Refused)] == [rule]
    assert sum(isinstance(each, Accepted) for each in found) == accepted_too


def test_comments_fixes_and_blank_lines_are_no_records() -> None:
    """Each is skipped with its line."""
    found = read(b"# a comment", b"", FIX, POSITION)
    assert [type(each) for each in found] == [Skipped, Skipped, Skipped, Accepted]


def test_a_sentence_may_bring_its_own_time() -> None:
    """A tag block in front, or the receiver's seconds behind the checksum."""
    behind, before = records(
        read(POSITION + b",r07RPAL1,1272415370", rb"\s:x,c:1241544035*41" + b"\\" + POSITION)
    )
    assert draft(behind)[0] == 1_272_415_370_000_000
    assert draft(before)[0] == 1_241_544_035_000_000


def test_a_fix_with_a_wrong_checksum_is_no_clock() -> None:
    """Nor one without a position."""
    void = b"$GPRMC,213950.00,V,,,,,,,070420,,,N*7D"
    for line in (FIX[:-1] + b"0", void):
        assert draft(records(read(line, POSITION))[0])[1]["flags"] == ["NO_TIME"]


@given(st.binary(min_size=1, max_size=60))
def test_whatever_a_payload_holds_it_is_a_message_or_refused(payload: bytes) -> None:
    """Wild payloads with a right checksum."""
    armoured = bytes(48 + each % 40 if each % 64 < 40 else 96 + each % 24 for each in payload)
    body = b"AIVDM,1,1,,A," + armoured + b",0"
    checksum = 0
    for each in body:
        checksum ^= each
    (found,) = records(read(FIX, b"!" + body + b"*%02X" % checksum))
    assert not isinstance(found, Accepted) or encode_all([found]) == 1


def table(*rows: str) -> list[Item]:
    """Read a US table."""
    return below_header(ais_csv.read(io.BytesIO("\n".join([HEADER, *rows, ""]).encode())))


def test_a_row_becomes_a_position() -> None:
    """Not available becomes null; the time is UTC."""
    time, fields = draft(table(ROW)[0])
    assert time == 1_641_168_000_000_000
    assert (fields["mmsi"], fields["imo"], fields["heading"], fields["cog"]) == (
        "367379190",
        "8207721",
        None,
        336.2,
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("367379190", "EAGLE", "expected digits"),
        ("2022-01-03T00:00:00", "03.01.2022", "expected YYYY-MM-DDThh:mm:ss"),
        ("2022-01-03T00:00:00", "2022-02-30T00:00:00", "no such time"),
        ("30.3706", "north", "column LAT: expected a number"),
        (",31,", ",3.5,", "column VesselType: expected a whole number"),
        (",A", ",A,B", "expected 17 cells"),
    ],
)
def test_a_row_that_cannot_be_parsed_is_refused(old: str, new: str, reason: str) -> None:
    """With the reason; its neighbours are accepted."""
    good, bad, last = table(ROW, ROW.replace(old, new), ROW)
    assert isinstance(good, Accepted)
    assert isinstance(last, Accepted)
    assert isinstance(bad, Refused)
    assert reason in bad.reason


def check_us_table(path: Path, rows: int, odd_identities: int) -> None:
    """Compare what the reader makes of a US table with what the csv module finds in it."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        told = list(csv.DictReader(stream))
    found = [draft(each)[1] for each in accepted(path)]
    assert len(found) == len(told) == rows
    assert [each["heading"] for each in found] == [
        None if row["Heading"] in ("", "511") else int(row["Heading"]) for row in told
    ]
    for field, column in (("length", "Length"), ("width", "Width"), ("draught", "Draft")):
        numbers = [float(row[column] or 0) or None for row in told]
        assert any(numbers)
        assert [each[field] for each in found] == numbers, column
    odd = [row["MMSI"] for row, each in zip(told, found, strict=True) if "MMSI_FORM" in each["flags"]]
    assert Counter(odd).total() == odd_identities
    assert {each for each in odd if len(each) == 9} >= {"122292919", "191283710", "360000000", "999999999"}
    padded = {row["MMSI"] for row, each in zip(told, found, strict=True) if "MMSI_PADDED" in each["flags"]}
    assert padded == {each["MMSI"] for each in told if len(each["MMSI"]) == 7 and each["MMSI"][0] == "3"}
    for each, row in zip(found, told, strict=True):
        digits = row["IMO"].removeprefix("IMO").lstrip("0")
        assert (each["imo"] is not None) == (0 < len(digits) < 8)
        assert (each["official_number"] or "") == (digits if len(digits) > 7 else "")


def test_the_us_table_is_read_to_the_last_row() -> None:
    """5,000 rows, and the odd values that the table is known for."""
    check_us_table(TABLE, 5_000, 11)


@pytest.mark.nightly
def test_the_whole_us_table_is_read_to_the_last_row() -> None:
    """15,000 rows, 28 of them with identities that are none."""
    (path,) = whole("cargo", "ais_marinecadastre*.csv.gz")
    check_us_table(path, 15_000, 28)


def test_excerpts_are_read_to_the_last_record() -> None:
    """Nothing of what comes along is refused, and all of it goes through the door."""
    ours = bundled("cargo")
    assert sum(path.stat().st_size for path in ours) < 300_000
    assert {form.name for form in map(format_of, ours) if form} == {
        "epcis-json", "epcis-xml", "dcsa-tnt-2.2", "dcsa-tnt-3.0", "ais-nmea", "ais-marinecadastre"
    }  # fmt: skip
    for path in ours:
        assert encode_all(accepted(path)) or "query" in path.name
    with open_source(next(path for path in ours if "marinecadastre" in path.name)) as stream:
        assert sum(1 for _ in stream) == 5001
