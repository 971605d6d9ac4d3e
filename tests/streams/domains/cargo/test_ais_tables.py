"""AIS tables: NOAA's of all years, the Danish Maritime Authority's, and the values that they share with the radio."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pyais
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.cargo import ais_csv, ais_dma, ais_message, ais_values
from streams.readers.formats import Accepted, Item, Refused
from tests.streams.domains.cargo.files import OURS, encode_all

NOAA_2017 = (
    "MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,CallSign,VesselType,Status,Length,Width"
    ",Draft,Cargo"
)
NOAA_2018 = f"{NOAA_2017},TranscieverClass"
NOAA_2022 = f"{NOAA_2017},TransceiverClass"
NOAA_2025 = (
    "mmsi,base_date_time,longitude,latitude,sog,cog,heading,vessel_name,imo,call_sign,vessel_type,status,length,width,"
    "draft,cargo,transceiver"
)
NOAA_2014 = "X,Y,SOG,COG,Heading,ROT,BaseDateTime,Status,VoyageID,MMSI,ReceiverType,ReceiverID"
DANISH = (
    "# Timestamp,Type of mobile,MMSI,Latitude,Longitude,Navigational status,ROT,SOG,COG,Heading,IMO,Callsign,Name,"
    "Ship type,Cargo type,Width,Length,Type of position fixing device,Draught,Destination,ETA,Data source type,A,B,C,D"
)


def read(header: str, *rows: str) -> list[Item]:
    """Read a table in the format that its header is recognised as."""
    data = "\n".join([header, *rows, ""]).encode()
    (form,) = (each for each in OURS.values() if each.matches(data))
    return [each for each in form.read(io.BytesIO(data)) if isinstance(each, Accepted | Refused)]


def one(header: str, row: str) -> dict[str, Any]:
    """Read a table of one row that is accepted; its time is `at`."""
    (found,) = read(header, row)
    assert isinstance(found, Accepted), found
    assert encode_all([found]) == 1
    (draft,) = found.drafts
    return {"at": datetime.fromtimestamp(draft.occurred_at / 1e6, UTC).isoformat(), **draft.fields}


def test_a_row_of_each_year_of_noaa_becomes_the_same_position() -> None:
    """Status as text, the misspelled class, lower case with longitude first, an export of a geodatabase."""
    engine = "under way using engine"
    tail = "TEST TUG,IMO9074729,WTEST1,31"
    rows = [
        (NOAA_2017, f"367000111,2017-01-15T00:00:03,47.6021,-122.3384,0.1,133.6,511.0,{tail},{engine},30,9,3.5,52"),
        (NOAA_2018, f"367000111,2017-01-15T00:00:03,47.6021,-122.3384,0.1,133.6,511.0,{tail},0,30,9,3.5,52,A"),
        (NOAA_2022, f"367000111,2017-01-15T00:00:03,47.6021,-122.3384,0.1,133.6,511,{tail},0.0,30,9,3.5,52,A"),
        (NOAA_2025, f"367000111,2017-01-15 00:00:03,-122.3384,47.6021,0.1,133.6,,{tail},0,30,9,3.5,52,A"),
        (NOAA_2014, "-122.3384,47.6021,0.1,133.6,511,-128,2017/01/15 00:00:03+00,0,7,367000111,r,003669999"),
    ]  # fmt: skip
    for header, row in rows:
        found = one(header, row)
        assert found["at"] == "2017-01-15T00:00:03+00:00", header
        expected = {"mmsi": "367000111", "latitude": 47.6021, "longitude": -122.3384, "sog": 0.1, "cog": 133.6,
                    "heading": None, "nav_status": 0, "station": "VESSEL", "flags": []}  # fmt: skip
        assert {name: found[name] for name in expected} == expected, header
        if header != NOAA_2014:
            assert (found["name"], found["imo"], found["draught"], found["ship_type"]) == (
                "TEST TUG", "9074729", 3.5, 31,
            )  # fmt: skip
            assert found["transceiver_class"] == (None if header == NOAA_2017 else "A")


def noaa(**cells: str) -> dict[str, Any]:
    """Read one row of 2022 with some cells changed."""
    row = {"MMSI": "367000111", "BaseDateTime": "2022-01-03T00:00:00", "LAT": "47.6", "LON": "-122.3"} | cells
    return one(NOAA_2022, ",".join(row.get(name, "") for name in NOAA_2022.split(",")))


@given(st.integers(0, 4095), st.integers(0, 1023))
def test_a_sign_that_was_a_highest_bit_is_corrected(course: int, speed: int) -> None:
    """All 12 bits of the course and all 10 of the speed, packed as signed numbers, come back."""
    signed_course = course - 4096 if course >= 2048 else course
    signed_speed = speed - 1024 if speed >= 512 else speed
    found = noaa(COG=f"{signed_course / 10:.1f}", SOG=f"{signed_speed / 10:.1f}")
    assert found["cog"] == (course / 10 if course < 3600 else None)
    assert found["sog"] == (speed / 10 if speed < 1023 else None)
    assert ("COG_SIGN_CORRECTED" in found["flags"]) == (course >= 2048)
    assert ("COG_OUT_OF_RANGE" in found["flags"]) == (course > 3600)
    assert ("SOG_SIGN_CORRECTED" in found["flags"]) == (speed >= 512)


def test_a_decoder_with_a_signed_course_is_known_to_say_minus_149_6_for_260() -> None:
    """The sentence of eburrows/aislib issue 2; pyais decodes 260.0."""
    message = pyais.decode(b"!AIVDM,1,1,,B,142LTc@vAd0FpS@E?KQ::82V0<0:,0*55")
    assert message.asdict()["course"] == 260.0
    assert noaa(COG="-149.6")["cog"] == 260.0


@pytest.mark.parametrize(
    ("cells", "field", "value", "flags"),
    [
        ({"COG": "-133.6"}, "cog", 276.0, ["COG_SIGN_CORRECTED"]),
        ({"COG": "-204.8"}, "cog", 204.8, ["COG_SIGN_CORRECTED"]),
        ({"COG": "-49.6"}, "cog", None, ["COG_SIGN_CORRECTED"]),
        ({"COG": "-204.9"}, "cog", None, ["COG_OUT_OF_RANGE"]),
        ({"COG": "360.0"}, "cog", None, []),
        ({"COG": "360.1"}, "cog", None, ["COG_OUT_OF_RANGE"]),
        ({"SOG": "-0.1"}, "sog", None, ["SOG_SIGN_CORRECTED"]),
        ({"SOG": "-51.2"}, "sog", 51.2, ["SOG_SIGN_CORRECTED"]),
        ({"SOG": "-51.3"}, "sog", None, ["SOG_OUT_OF_RANGE"]),
        ({"SOG": "102.2"}, "sog", 102.2, []),
        ({"SOG": "102.3"}, "sog", None, []),
        ({"SOG": "102.4"}, "sog", None, ["SOG_OUT_OF_RANGE"]),
        ({"Heading": "511.0"}, "heading", None, []),
        ({"Heading": "360"}, "heading", None, ["HEADING_OUT_OF_RANGE"]),
        ({"Heading": "-1"}, "heading", None, ["HEADING_OUT_OF_RANGE"]),
        ({"Heading": "45.1"}, "heading", 45, ["HEADING_ROUNDED"]),
        ({"Heading": "359.7"}, "heading", 0, ["HEADING_ROUNDED"]),
        ({"VesselType": "1025"}, "ship_type", 1025, ["SHIP_TYPE_OUT_OF_RANGE"]),
        ({"VesselType": "NA"}, "ship_type", None, []),
        ({"IMO": "IMO0000000"}, "imo", None, []),
        ({"IMO": "IMO9074728"}, "imo", "9074728", ["IMO_CHECK_DIGIT"]),
        ({"IMO": "IMO1001301448"}, "official_number", "1001301448", []),
        ({"IMO": "IMO0012345"}, "imo", "0012345", ["IMO_CHECK_DIGIT"]),
        ({"MMSI": "3669884"}, "mmsi", "003669884", ["MMSI_PADDED"]),
        ({"MMSI": "3669884"}, "station", "BASE_STATION", ["MMSI_PADDED"]),
        ({"MMSI": "12345678"}, "mmsi", "12345678", ["MMSI_FORM"]),
        ({"MMSI": "123456789"}, "mmsi", "123456789", ["MMSI_FORM"]),
        ({"LAT": "91.0"}, "latitude", None, []),
        ({"LAT": "90.5"}, "latitude", None, ["POSITION_OUT_OF_RANGE"]),
        ({"VesselName": "NONE"}, "name", "NONE", []),
        ({"Status": "restricted maneuverability"}, "nav_status", 3, []),
        ({"Status": "power-driven vessel towing astern (regional use)"}, "nav_status", 11, []),
        ({"Status": "undefined"}, "nav_status", 15, []),
        ({"Status": "Undefined"}, "nav_status", 15, []),
        ({"Status": "reserved for future use"}, "nav_status", None, ["UNKNOWN_NAV_STATUS"]),
    ],
)  # fmt: skip
def test_what_is_corrected_or_dropped_is_flagged(
    cells: dict[str, str], field: str, value: object, flags: list[str]
) -> None:
    """Not available is null without a flag; all else that changes has one."""
    found = noaa(**cells)
    assert (found[field], found["flags"]) == (value, flags)


DANISH_ROW = (
    "01/02/2024 03:04:05,Class A,219000111,55.1,12.3,Under way using engine,0.0,7.1,81.5,80,9074729,TST1,TESTSHIP,"
    "Cargo,Category X,16,110,GPS,6.5,KOBENHAVN,14/05/2024 20:10:00,AIS,90,20,8,8"
)


def danish(**cells: str) -> dict[str, Any]:
    """Read one Danish row with some cells changed."""
    row = dict(zip(DANISH.split(","), DANISH_ROW.split(","), strict=True))
    row |= {name.replace("_", " "): cell for name, cell in cells.items()}
    return one(DANISH, ",".join(row.values()))


def test_a_danish_row_becomes_a_position() -> None:
    """Day before month, UTC; texts become the codes of AIS."""
    found = danish()
    assert found == {
        "at": "2024-02-01T03:04:05+00:00", "mmsi": "219000111", "station": "VESSEL", "transceiver_class": "A",
        "latitude": 55.1, "longitude": 12.3, "imo": "9074729", "official_number": None, "sog": 7.1, "cog": 81.5,
        "heading": 80, "nav_status": 0, "rate_of_turn": 0.0, "name": "TESTSHIP", "call_sign": "TST1", "ship_type": 71,
        "length": 110.0, "width": 16.0, "draught": 6.5, "destination": "KOBENHAVN", "eta": "05-14T20:10Z", "flags": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"Name": '"A, B ""C"""'}, {"name": 'A, B "C"'}),
        ({"Latitude": '"57,8794"'}, {"latitude": 57.8794}),
        ({"Latitude": "91", "Longitude": "0"}, {"latitude": None, "longitude": None, "flags": []}),
        ({"Type_of_mobile": "Base Station", "MMSI": "2190064", "Navigational_status": "Unknown value"},
         {"mmsi": "002190064", "station": "BASE_STATION", "nav_status": None, "flags": ["MMSI_PADDED"]}),
        ({"Type_of_mobile": "AtoN", "MMSI": "992191234"}, {"station": "AID_TO_NAVIGATION", "transceiver_class": None}),
        ({"Type_of_mobile": "SAR Airborne", "MMSI": "111219501"}, {"station": "SAR_AIRCRAFT"}),
        ({"Type_of_mobile": "Search and Rescue Transponder", "MMSI": "970123456"}, {"station": "SAR_TRANSMITTER"}),
        ({"Type_of_mobile": "Man Overboard Device", "MMSI": "972123456"}, {"station": "MAN_OVERBOARD"}),
        ({"Type_of_mobile": "Class B"}, {"station": "VESSEL", "transceiver_class": "B"}),
        ({"IMO": "Unknown", "Callsign": "Unknown", "Ship_type": "Undefined", "Destination": "Unknown", "ETA": ""},
         {"imo": None, "call_sign": None, "ship_type": None, "destination": None, "eta": None, "flags": []}),
        ({"Ship_type": "Towing long/wide", "Cargo_type": ""}, {"ship_type": 32}),
        ({"Ship_type": "Tanker", "Cargo_type": "No additional information"}, {"ship_type": 89}),
        ({"Ship_type": "Airship", "Cargo_type": "Bananas"},
         {"ship_type": None, "flags": ["UNKNOWN_SHIP_TYPE", "UNKNOWN_CARGO_TYPE"]}),
        ({"Navigational_status": "Reserved for future amendment [HSC]"}, {"nav_status": 9}),
        ({"Navigational_status": "Reserved for future use [13]"}, {"nav_status": 13}),
        ({"Navigational_status": "At sea"}, {"nav_status": None, "flags": ["UNKNOWN_NAV_STATUS"]}),
        ({"ROT": "-720.0"}, {"rate_of_turn": None}),
        ({"ETA": "soon"}, {"eta": None, "flags": ["UNKNOWN_ETA"]}),
    ],
)  # fmt: skip
def test_a_danish_cell_is_read_by_its_meaning(cells: dict[str, str], expected: dict[str, object]) -> None:
    """Quoted commas, base stations, aids, aircraft, beacons, words for nothing, texts that we do not know."""
    found = danish(**cells)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("last", ["Data source type", "ETA", "Name", "Longitude"])
def test_a_danish_table_of_an_older_year_lacks_columns(last: str) -> None:
    """They are null."""
    columns = DANISH.split(",")
    kept = columns.index(last) + 1
    header, row = ",".join(columns[:kept]), ",".join(DANISH_ROW.split(",")[:kept])
    found = one(header.replace("# ", "") if last == "ETA" else header, row)
    assert (found["mmsi"], found["latitude"]) == ("219000111", 55.1)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("01/02/2024 03:04:05", "2024-02-01 03:04:05", "expected dd/mm/yyyy"),
        ("01/02/2024", "31/02/2024", "no such time"),
        ("219000111", "TEST", "expected digits"),
        ("55.1,", "north,", "expected a number"),
        ("110,GPS", "110", "cells as in the header"),
    ],
)
def test_a_danish_row_that_cannot_be_parsed_is_refused(old: str, new: str, reason: str) -> None:
    """With the reason; its neighbours are accepted."""
    good, bad, last = read(DANISH, DANISH_ROW, DANISH_ROW.replace(old, new), DANISH_ROW)
    assert isinstance(good, Accepted)
    assert isinstance(last, Accepted)
    assert isinstance(bad, Refused)
    assert reason in bad.reason
    assert bad.rule == ais_dma.RULE


@pytest.mark.parametrize(
    "header", ["MMSI,LAT,LON", "BaseDateTime,LAT,LON", "MMSI,BaseDateTime,LAT,LATITUDE,LON", "a,b"]
)
def test_a_table_without_identity_time_and_place_is_of_no_format(header: str) -> None:
    """Nor one that has a column twice."""
    assert not ais_csv.matches(header.encode())
    assert not ais_dma.matches(header.encode())


@pytest.mark.parametrize("zero", ["0", "0.0", "-0.0", "", "0e0"])
def test_a_zero_of_static_data_is_not_available(zero: str) -> None:
    """ITU-R M.1371-5, message 5: 0 for type, dimensions, draught; both tables and the radio agree."""
    names = ("ship_type", "length", "width", "draught", "cargo_code")
    found = noaa(
        VesselType=zero, Length=zero, Width=zero, Draft=zero, Cargo=zero, SOG="0.0", COG="0.0", Status="0"
    )
    assert [found[each] for each in names] == [None] * 5
    assert (found["sog"], found["cog"], found["nav_status"], found["flags"]) == (0.0, 0.0, 0, [])
    row = dict.fromkeys(DANISH.split(","), "")
    row |= {"# Timestamp": "31/12/2015 23:59:59", "Type of mobile": "Class A", "MMSI": "219000111"}
    row |= {"Latitude": "55.0", "Longitude": "11.0", "Width": zero, "Length": zero, "Draught": zero}
    danish = one(DANISH, ",".join(row.values()))
    assert [danish[each] for each in names[:4]] == [None] * 4
    lines = pyais.encode_dict({"msg_type": 5, "mmsi": 219000111, "ship_type": 0, "draught": 0.0})
    radio = ais_message.fields_of(ais_message.decode([each.encode() for each in lines]), "A")[1]
    assert [radio[each] for each in names[:4]] == [None] * 4


def test_what_fills_a_text_up_is_no_text() -> None:
    """ITU-R M.1371: `@` is not available; inside a text it stays."""
    found = noaa(VesselName="@@@@@@@@@@", CallSign="@@@@@@@")
    assert (found["name"], found["call_sign"]) == (None, None)
    found = noaa(VesselName="A@B @@@", CallSign="WDJ4420")
    assert (found["name"], found["call_sign"]) == ("A@B", "WDJ4420")


@pytest.mark.parametrize(
    ("values", "field", "value", "flags"),
    [
        ({"course": 360.0}, "cog", None, []),
        ({"course": 360.1}, "cog", None, ["COG_OUT_OF_RANGE"]),
        ({"speed": 102.3}, "sog", None, []),
        ({"heading": 511}, "heading", None, []),
        ({"heading": 400}, "heading", None, ["HEADING_OUT_OF_RANGE"]),
        ({"turn": 200.0}, "rate_of_turn", 200.0, []),
        ({"turn": -128.0}, "rate_of_turn", None, []),
    ],
)
def test_the_radio_has_the_same_values(
    values: dict[str, Any], field: str, value: object, flags: list[str]
) -> None:
    """Messages that pyais encodes; a turn of 200 °/min is no missing one."""
    lines = pyais.encode_dict({"msg_type": 1, "mmsi": 219000111, "lat": 55.0, "lon": 11.0, **values})
    found = ais_message.fields_of(ais_message.decode([each.encode() for each in lines]), "A")[1]
    assert (found[field], found["flags"]) == (pytest.approx(value) if value else value, flags)


@pytest.mark.parametrize(
    ("number", "imo", "official", "flag"),
    [
        ("0000000", None, None, None),
        ("0000001", "0000001", None, "IMO_CHECK_DIGIT"),
        ("0999999", "0999999", None, "IMO_CHECK_DIGIT"),
        ("9074729", "9074729", None, None),
        ("9999999", "9999999", None, "IMO_CHECK_DIGIT"),
        ("10000000", None, "10000000", None),
        ("1073741823", None, "1073741823", None),
    ],
)
def test_the_imo_field_holds_one_of_two_numbers(
    number: str, imo: str | None, official: str | None, flag: str | None
) -> None:
    """ITU-R M.1371, message 5: up to 999999 not used, then IMO numbers, then official numbers of flag states."""
    assert ais_values.ship_number(number) == (imo, official, flag)


@pytest.mark.parametrize(
    ("length", "expected"), [("1,234", None), ("-1,234", None), ("1,5", 1.5), ("0,500", 0.5)]
)
def test_a_comma_before_three_digits_is_not_guessed(length: str, expected: float | None) -> None:
    """1,234 m may be 1234 m; a position cannot."""
    row = f'367000111,2017-01-15T00:00:03,"47,602","-122,338",0.1,133.6,511,T,IMO9074729,W,31,0,"{length}",9,3.5,52,A'
    (found,) = read(NOAA_2022, row)
    if expected is None:
        assert isinstance(found, Refused)
        assert f"column Length: '{length}'" in found.reason
    else:
        assert one(NOAA_2022, row)["length"] == expected
    fields = one(NOAA_2022, row.replace(length, "30"))
    assert (fields["latitude"], fields["longitude"]) == (47.602, -122.338)
