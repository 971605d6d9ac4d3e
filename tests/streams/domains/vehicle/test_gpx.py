"""GPX tracks: what becomes a signal, what is skipped, what is refused, and that length does not matter."""

import io
import tracemalloc
from typing import Any

import pytest

from streams.domains.vehicle import gpx
from streams.readers.formats import Accepted, Item, Refused, Skipped

GARMIN = "http://www.garmin.com/xmlschemas/TrackPointExtension/v2"
HEAD_1_1 = f'<gpx version="1.1" creator="c" xmlns="http://www.topografix.com/GPX/1/1" xmlns:g="{GARMIN}">'
HEAD_1_0 = '<gpx version="1.0" creator="c" xmlns="http://www.topografix.com/GPX/1/0">'
NOON = "2024-05-01T12:00:00Z"
NOON_US = 1_714_564_800_000_000


def point(inner: str = "", *, time: str | None = NOON, lat: str = "37.5", lon: str = "127.0") -> str:
    """Write a track point."""
    told = "" if time is None else f"<time>{time}</time>"
    return f'<trkpt lat="{lat}" lon="{lon}">{told}{inner}</trkpt>'


def document(*tracks: str, head: str = HEAD_1_1) -> bytes:
    """Write a document of tracks with one segment each."""
    body = "".join(f"<trk><name>n</name><trkseg>{each}</trkseg></trk>" for each in tracks)
    return f"{head}<metadata/>{body}</gpx>".encode()


def read(data: bytes) -> list[Item]:
    """Read a document and check that every byte belongs to one item."""
    items = list(gpx.read(io.BytesIO(data)))
    spans = sorted(span for item in items for span in item.spans)
    assert [0, *(end for _, end in spans)] == [*(begin for begin, _ in spans), len(data)]
    return items


def signals(data: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Tell time and fields of the accepted points."""
    return [
        (draft.occurred_at, dict(draft.fields))
        for item in read(data)
        if isinstance(item, Accepted)
        for draft in item.drafts
    ]


def test_a_point_of_1_0_has_speed_and_course_of_its_own() -> None:
    """Metres per second become km/h; what has no field keeps its name and unit."""
    inner = "<ele>30.5</ele><course>80</course><speed>10</speed><fix>3d</fix><sat>7</sat><hdop>0.9</hdop>"
    ((at, fields),) = signals(document(point(inner), head=HEAD_1_0))
    vehicle = fields.pop("vehicle")
    assert at == NOON_US
    assert (vehicle[:4], len(vehicle)) == ("gpx:", 16)
    assert fields == {
        "current_location_latitude": 37.5,
        "current_location_longitude": 127.0,
        "current_location_altitude": 30.5,
        "current_location_heading": 80.0,
        "gnss_speed": 36.0,
        "other": {"hdop [1]": 0.9, "sat [1]": 7.0},
        "flags": ["NO_VEHICLE_ID"],
        "ends": "RECORDING_ENDED",
    }


@pytest.mark.parametrize(
    "extension",
    [
        "<g:TrackPointExtension><g:speed>12.5</g:speed><g:course>80</g:course></g:TrackPointExtension>",
        "<speed>12.5</speed><course>80</course>",
        '<o:speed xmlns:o="https://osmand.net">12.5</o:speed><o:bearing xmlns:o="https://osmand.net">80</o:bearing>',
        "<g:e><g:bearing>70</g:bearing><g:course>80</g:course><g:speed> 12.5 </g:speed></g:e>",
    ],
)
def test_speed_and_course_of_1_1_stand_in_extensions(extension: str) -> None:
    """Garmin's version 2, OsmAnd, GPSLogger: a course goes before a bearing."""
    ((_, fields),) = signals(document(point(f"<extensions>{extension}</extensions>")))
    assert (fields["gnss_speed"], fields["current_location_heading"]) == (45.0, 80.0)


def test_a_heart_rate_is_left_out_with_a_flag() -> None:
    """It is the driver's; temperature and cadence of TrackPointExtension 1 are kept."""
    inner = "<g:hr>120</g:hr><g:atemp>21</g:atemp><g:cad>80</g:cad>"
    data = document(point(f"<extensions><g:TrackPointExtension>{inner}</g:TrackPointExtension></extensions>"))
    ((_, fields),) = signals(data.replace(b"/v2", b"/v1"))
    assert fields["other"] == {"atemp [Celsius]": 21.0, "cad [rpm]": 80.0}
    assert fields["flags"] == ["NO_VEHICLE_ID", "LEFT_OUT:hr"]


@pytest.mark.parametrize(
    ("text", "us", "flags"),
    [
        ("2024-05-01T12:00:00Z", NOON_US, []),
        ("2024-05-01T21:00:00+09:00", NOON_US, []),
        ("2024-05-01T12:00:00.25Z", NOON_US + 250_000, []),
        ("2024-05-01T12:00:00.1234567Z", NOON_US + 123_456, []),
        (" 2024-05-01T12:00:00Z ", NOON_US, []),
        ("2024-05-01T12:00:00", NOON_US, ["NO_ZONE"]),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000, []),
        ("2024-04-30T24:00:00Z", NOON_US - 43_200_000_000, []),
        ("2023-12-31T24:00:00.000", 1_704_067_200_000_000, ["NO_ZONE"]),
        ("2024-02-29T24:00:00-05:00", 1_709_269_200_000_000, []),
    ],
)
def test_times_are_utc_to_the_microsecond(text: str, us: int, flags: list[str]) -> None:
    """Zones, fractions of any length, a leap second, the end of a day; a time without a zone is UTC, and flagged."""
    ((at, fields),) = signals(document(point(time=text)))
    assert (at, fields["flags"]) == (us, ["NO_VEHICLE_ID", *flags])


def test_a_point_without_a_time_is_skipped_and_one_record_is_one_point() -> None:
    """Traces of OpenStreetMap have none; numbers and the closing signal go on around it."""
    items = read(document(point() + point(time=None) + point(time="")))
    assert [type(each) for each in items] == [Accepted, Skipped, Skipped, Skipped]
    assert {each.reason for each in items if isinstance(each, Skipped)} == {
        "track point without a time",
        "what stands around the track points",
    }
    assert [
        each.record for each in read(document(point(time=None) + point())) if isinstance(each, Accepted)
    ] == [1]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (point(lat="91"), "lat: expected degrees within 90"),
        (point(lon="-180.1"), "lon: expected degrees within 180"),
        (point(lat="NaN"), "lat: expected degrees within 90"),
        (point(lat="37,5"), "lat: expected degrees within 90"),
        (f"<trkpt lat='1'><time>{NOON}</time></trkpt>", "lon: expected degrees within 180, got ''"),
        (point(time="yesterday"), "time: expected ISO 8601"),
        (point(time="2024-05-01"), "expected a date and a time"),
        (point(time="1969-05-01T00:00:00Z"), "time before 1970"),
        (point(time="2024-13-01T00:00:00Z"), "time: expected ISO 8601"),
        *(
            (point(time=f"2024-05-01T{wrong}Z"), "time: expected ISO 8601")
            for wrong in ("24:00:01", "24:01:00", "24:00:00.001", "25:00:00")
        ),
        (point(time="9999-12-31T24:00:00Z"), "time: expected ISO 8601"),
        (point(time="9999-12-31T23:59:60Z"), "time: expected ISO 8601"),
    ],
)
def test_a_point_that_is_none_is_refused_alone(wrong: str, reason: str) -> None:
    """Its neighbours are accepted, and the last of them closes the track."""
    items = read(document(point() + wrong + point()))
    first, bad, last = items[:3]
    assert isinstance(first, Accepted)
    assert isinstance(bad, Refused)
    assert isinstance(last, Accepted)
    assert reason in bad.reason
    assert (bad.record, bad.rule, bad.data) == (2, "read-gpx-track@1", wrong.encode())
    assert last.drafts[0].fields["ends"] == "RECORDING_ENDED"


def test_a_number_that_is_none_is_flagged() -> None:
    """The point stays."""
    ((_, fields),) = signals(document(point("<ele>high</ele><hdop>NaN</hdop><speed>INF</speed>")))
    assert fields["flags"] == ["NO_VEHICLE_ID", "NO_NUMBER:ele", "NO_NUMBER:hdop", "NO_NUMBER:speed"]
    assert fields["other"] == {}


@pytest.mark.parametrize(
    ("inner", "altitude", "flags"),
    [
        ("<ele>5</ele><ele>9</ele>", 5.0, ["REPEATED:ele"]),
        ("<ele>5</ele><ele>5</ele>", 5.0, []),
        ("<extensions><ele>7</ele></extensions><ele>5</ele>", 5.0, []),
        ("<extensions><ele>7</ele><ele>8</ele></extensions>", 7.0, ["REPEATED:ele"]),
        ("<link><text>a</text></link><link><text>b</text></link><ele>5</ele>", 5.0, []),
    ],
)
def test_of_several_values_the_first_counts(inner: str, altitude: float, flags: list[str]) -> None:
    """Its own before that of an extension; another value is flagged (GPX 1.1 allows one)."""
    ((_, fields),) = signals(document(point(inner)))
    assert fields["current_location_altitude"] == altitude
    assert [each for each in fields["flags"] if each.startswith("REPEATED")] == flags


@pytest.mark.parametrize("time", ["2024-05-01T12:00:01Z", "yesterday"])
def test_a_second_time_refuses_the_point(time: str) -> None:
    """Nobody knows when it was."""
    items = read(document(point(f"<time>{time}</time>") + point(f"<time>{NOON}</time>")))
    refused, accepted = items[:2]
    assert isinstance(refused, Refused)
    assert refused.reason == "time: expected one, got several"
    assert isinstance(accepted, Accepted)


@pytest.mark.parametrize(
    "lost",
    [
        point(lat="0", lon="0"),
        point(lat="-0.000000", lon="0.0"),
        point("<fix>none</fix>"),
        point("<ele>3</ele><fix> None </fix><sat>0</sat>"),
    ],
)
def test_a_point_without_a_fix_has_no_position(lost: str) -> None:
    """Nor does the way of a trip lead over it; one on the equator or with another fix has its own."""
    ((_, fields),) = signals(document(lost))
    assert not {"current_location_latitude", "current_location_longitude"} & set(fields)
    assert fields["flags"] == ["NO_VEHICLE_ID", "NO_FIX"]
    for kept in (
        point(lat="0"),
        point(lon="0"),
        *(point(f"<fix>{fix}</fix>") for fix in ("2d", "3d", "dgps", "pps")),
    ):
        ((_, fields),) = signals(document(kept))
        assert fields["flags"] == ["NO_VEHICLE_ID"]
        assert {"current_location_latitude", "current_location_longitude"} <= set(fields)


def test_digits_in_texts_are_not_kept() -> None:
    """A telephone number in a comment is personal; so is one in an address; a number beside them stays."""
    texts = ("name", "cmt", "desc", "src", "sym", "type", "url", "urlname")
    inner = "".join(f"<{name}>0612345678</{name}>" for name in texts)
    inner += '<link href="1"><text>0612345678</text><type>7</type></link><hdop>2</hdop>'
    inner += "<extensions><g:Address><g:PostalCode>12345</g:PostalCode></g:Address><g:depth>3</g:depth>"
    inner += "<g:PhoneNumber>0612345678</g:PhoneNumber><g:type>7</g:type></extensions>"
    ((_, fields),) = signals(document(point(inner)))
    assert fields["other"] == {"depth [m]": 3.0, "hdop [1]": 2.0}
    assert fields["flags"] == ["NO_VEHICLE_ID"]


def test_a_time_in_the_future_silences_nothing() -> None:
    """A receiver that is once 1,024 weeks ahead (IS-GPS-200): the point is flagged, the others are one trip."""
    times = ["2024-02-28T14:13:50Z", "2043-10-14T14:14:09Z", "2024-02-28T14:14:24Z", "2024-02-28T14:14:44Z"]
    found = [fields for _, fields in signals(document("".join(point(time=each) for each in times)))]
    assert [each["flags"][1:] for each in found] == [[], ["OUT_OF_ORDER"], [], []]
    assert [each.get("ends") for each in found] == [None, None, None, "RECORDING_ENDED"]


def test_each_track_is_a_recording_and_segments_are_not() -> None:
    """Nothing says that two tracks are of one car; a segment begins where reception was lost."""
    data = document(
        point(time="2024-05-01T12:00:00Z") + "</trkseg><trkseg>" + point(time="2024-05-01T12:10:00Z"),
        "",
        point(time="2024-05-01T11:00:00Z") + point(time="2024-05-01T11:00:01Z"),
    )
    found = [(fields["vehicle"].partition("-")[2], fields.get("ends")) for _, fields in signals(data)]
    assert found == [("", None), ("", "RECORDING_ENDED"), ("2", None), ("2", "RECORDING_ENDED")]


def test_waypoints_and_routes_are_no_measurements() -> None:
    """They stand around the track points, however many they are."""
    wpt = f'<wpt lat="1" lon="2"><time>{NOON}</time></wpt><rte><rtept lat="1" lon="2"/></rte>'
    data = document(point()).replace(b"<metadata/>", b"<metadata/>" + wpt.encode() * 5_000)
    assert len(signals(data)) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
@pytest.mark.parametrize(
    "head", [HEAD_1_0, HEAD_1_1, "<gpx>", '<x:gpx xmlns:x="http://www.topografix.com/GPX/1/1">']
)
def test_a_document_is_known_by_its_root_in_any_encoding(head: str, encoding: str) -> None:
    """With or without namespace, prefix, declaration and comments."""
    text = document(point(), head=head).decode()
    if head.startswith("<x:"):
        text = (
            text.replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:").replace("<x:x:", "<x:")
        )
    named = encoding.removesuffix("-sig")
    data = f'<?xml version="1.0" encoding="{named}"?><!-- <gpx> é -->{text}'.encode(encoding)
    assert gpx.matches(data[:300])
    assert len(signals(data)) == 1


@pytest.mark.parametrize(
    "data", [b"", b"<kml/>", b"<gpxx>", b"<a><gpx/></a>", b"gpx", b"{}", b"<html><gpx >"]
)
def test_other_documents_are_not_known(data: bytes) -> None:
    """Neither another root nor a gpx inside it; read all the same, it is refused."""
    assert not gpx.matches(data)
    assert all(isinstance(each, Refused) for each in read(data))


def test_a_cut_document_gives_what_stands_before_the_damage() -> None:
    """And an entity is never expanded."""
    whole = document(point() * 5)
    items = read(whole[: whole.rindex(b"<trkpt") + 20])
    assert [type(each) for each in items if not isinstance(each, Skipped)] == [Accepted] * 4 + [Refused]
    bomb = b'<!DOCTYPE gpx [<!ENTITY a "aaaa">]>' + document(point("<ele>&a;</ele>"))
    assert not any(isinstance(each, Accepted) for each in read(bomb))


@pytest.mark.parametrize("last", [point(), point(lat="999"), point(time="yesterday"), point(time=None)])
def test_documents_that_were_joined_are_refused_behind_the_first(last: str) -> None:
    """Whatever became of the last point of the first: no point is skipped untold."""
    first = document(point() + last)
    items = read(first + document(point() * 6))
    refused = items[-1]
    assert isinstance(refused, Refused)
    assert "not XML" in refused.reason
    assert document(point() * 6) in refused.data
    numbers = [each.record for each in items if not isinstance(each, Skipped)]
    assert numbers == [*range(1, len(numbers) + 1)]


def test_a_long_document_is_read_in_bounded_memory() -> None:
    """Five megabytes on one line: far less memory than bytes."""
    data = document(point(f"<desc>{'x' * 1_000}</desc>") * 5_000)
    stream = io.BytesIO(data)
    tracemalloc.start()
    try:
        count = sum(isinstance(each, Accepted) for each in gpx.read(stream))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 5_000
    assert most < len(data) / 2
