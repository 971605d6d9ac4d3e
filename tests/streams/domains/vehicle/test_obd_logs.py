"""Logs of Torque and Car Scanner: sessions, missing values, units, languages, and the time of a row."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streams.domains.vehicle import car_scanner, torque
from streams.domains.vehicle.months import month_number
from streams.readers.formats import Accepted, Item, Refused, Skipped

HEADER = (
    "GPS Time, Device Time, Longitude, Latitude,GPS Speed (Meters/second), Horizontal Dilution of Precision,"
    " Altitude, Bearing, G(x), G(calibrated),Speed (OBD)(km/h),Engine RPM(rpm)"
)
ROW = "Sat Jun 15 10:31:42 GMT+09:00 2019,15-Jun-2019 10:31:42.123,127.0,37.5,10.0,4.0,30.5,80.0,0.1,9.8,36,1500"


def utc(text: str) -> int:
    """Tell an instant in µs since 1970."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def accounted(items: list[Item], data: bytes) -> list[Item]:
    """Check that every byte belongs to one item; return those that are no header."""
    spans = sorted(span for item in items for span in item.spans)
    assert [0, *(end for _, end in spans)] == [*(begin for begin, _ in spans), len(data)]
    return [item for item in items if not (isinstance(item, Skipped) and item.reason == "header")]


def read(*lines: str, encoding: str = "utf-8") -> list[Item]:
    """Read the lines of a Torque log."""
    data = ("\n".join(lines) + "\n").encode(encoding)
    return accounted(list(torque.read(io.BytesIO(data))), data)


def signal(item: Item) -> tuple[int, dict[str, Any]]:
    """Tell time and fields of an accepted record, without its vehicle."""
    assert isinstance(item, Accepted), item
    (draft,) = item.drafts
    fields = dict(draft.fields)
    assert fields.pop("vehicle").partition(":")[0] in ("torque", "car-scanner")
    assert fields["flags"][0] == "NO_VEHICLE_ID"
    return draft.occurred_at, {**fields, "flags": fields["flags"][1:]}


# Torque


def test_a_row_becomes_a_signal() -> None:
    """Header names with spaces; metres per second; local time with the zone of the receiver's."""
    (item,) = read(HEADER, ROW)
    assert signal(item) == (
        utc("2019-06-15T01:31:42.123"),
        {
            "current_location_longitude": 127.0,
            "current_location_latitude": 37.5,
            "gnss_speed": 36.0,
            "current_location_altitude": 30.5,
            "current_location_heading": 80.0,
            "speed": 36.0,
            "powertrain_combustion_engine_speed": 1500.0,
            "other": {"Horizontal Dilution of Precision []": 4.0, "G(x) []": 0.1, "G(calibrated) []": 9.8},
            "flags": [],
            "ends": "RECORDING_ENDED",
        },
    )


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_below_a_header_that_is_not_read_every_row_is_refused(bom: str) -> None:
    """Its cells would be read under the names of the one before; a header that is read ends that."""
    first = "GPS Time,Device Time,Speed (OBD)(km/h),Engine RPM(rpm)"
    swapped = f"{bom}GPS Date,Device Date,Engine RPM(rpm),Speed (OBD)(km/h)"
    time = "Sat Jun 15 10:31:42 GMT+09:00 2019,15-Jun-2019 10:31:42.123"
    text = f"Sat Jun 15 10:31:42 GMT+09:00 2019,-,n/a,{chr(0x221E)}"
    items = read(first, text, f"{time},36,1500", swapped, f"{time},1500,36", first, f"{time},36,1500")
    assert [type(item) for item in items] == [Accepted, Accepted, Refused, Refused, Accepted]
    assert {item.reason for item in items if isinstance(item, Refused)} == {
        "no header of a Torque log stands above it"
    }
    assert [signal(item)[1].get("speed") for item in items if isinstance(item, Accepted)] == [
        None,
        36.0,
        36.0,
    ]


def test_a_header_in_the_middle_begins_a_session_with_its_own_columns() -> None:
    """The last row before it closes the drive; the next ones are read by it."""
    items = read(HEADER, ROW, ROW, HEADER, ROW, "Device Time,Speed (OBD)(mph)", "15-Jun-2019 11:00:00,30")
    found = [signal(item)[1] for item in items]
    assert [each.get("ends") for each in found] == [None, *["RECORDING_ENDED"] * 3]
    assert found[3]["speed"] == pytest.approx(48.28032)
    assert signal(items[3])[0] == utc("2019-06-15T02:00:00")


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("Speed (OBD)(mph)", "60", "speed", 96.56064),
        ("Speed (GPS)(km/h)", "60", "gnss_speed", 60.0),
        ("GPS Speed(km/h)", "60", "gnss_speed", 60.0),
        ("GPS Speed (Meters/second)", "1e1", "gnss_speed", 36.0),
        ("Altitude(ft)", "100", "current_location_altitude", 30.48),
        ("Fuel flow rate/hour(gal/hr)", "1", "fuel_consumption", 3.785411784),
        ("Fuel flow rate/minute(cc/min)", "100", "fuel_consumption", 6.0),
    ],
)
def test_units_stand_in_the_header(column: str, cell: str, field: str, value: float) -> None:
    """Those of the same kind are converted."""
    (item,) = read(f"Device Time,Longitude,Latitude,{column}", f"15-Jun-2019 10:31:42,1,2,{cell}")
    assert signal(item)[1][field] == pytest.approx(value)


def test_a_unit_that_is_not_known_is_not_guessed() -> None:
    """The value keeps its name and unit; so does a second column of the same field."""
    (item,) = read(
        "Device Time,Speed (OBD)(km/h),Speed (OBD)(furlong),GPS Speed(km/h),Speed (GPS)(km/h)",
        "15-Jun-2019 10:31:42,50,3,51,52",
    )
    _, fields = signal(item)
    assert (fields["speed"], fields["gnss_speed"]) == (50.0, 51.0)
    assert fields["other"] == {"Speed (OBD) [furlong]": 3.0, "Speed (GPS) [km/h]": 52.0}


def test_missing_values_are_null_and_what_is_no_number_is_flagged() -> None:
    """A hyphen, nothing; infinity, NaN, text; no fix."""
    row = "-,15-Jun-2019 10:31:42,0.0,0.0,-,,∞,NaN,on,-,-,"
    (item,) = read(HEADER, row)
    _, fields = signal(item)
    assert fields["other"] == {}
    assert fields["flags"] == [
        "NO_ZONE",
        "NO_FIX",
        "NO_NUMBER:Altitude",
        "NO_NUMBER:Bearing",
        "NO_NUMBER:G(x)",
    ]
    assert not fields.keys() & {"speed", "gnss_speed", "current_location_latitude"}


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("GMT+09:00", 9),
        ("GMT-03:30", -3.5),
        ("GMT+01:00", 1),
        ("UTC", 0),
        ("GMT", 0),
        ("EDT", -4),
        ("CST", -6),
        ("CEST", 2),
        ("PDT", -7),
        ("+0530", 5.5),
    ],
)
def test_the_zone_is_that_of_the_receivers_time(zone: str, hours: float) -> None:
    """Java's `Date.toString()`; it holds for the rows without a fix, before and behind, too."""
    plain = "-,15-Jun-2019 10:31:41,-,-,-,-,-,-,-,-,-,-"
    items = read(HEADER, plain, ROW.replace("GMT+09:00", zone), plain.replace(":41", ":43"))
    found = [signal(item) for item in items]
    begin = utc("2019-06-15T10:31:41") - round(hours * 3600 * 1_000_000)
    assert [at - begin for at, _ in found] == [0, 1_123_000, 2_000_000]
    assert all(fields["flags"] == [] for _, fields in found)


@pytest.mark.parametrize("zone", ["IST", "BST", "XYZ", "GMT+99:00"])
def test_a_zone_of_several_meanings_is_none(zone: str) -> None:
    """Local time is taken as UTC, with the zone in the flag."""
    (item,) = read(HEADER, ROW.replace("GMT+09:00", zone))
    at, fields = signal(item)
    assert at == utc("2019-06-15T10:31:42.123")
    assert fields["flags"] == [f"NO_ZONE:{zone}"]


def test_the_two_clocks_may_differ() -> None:
    """A receiver without a fix repeats its last time; a phone of another calendar is decades off."""
    (stale,) = read(HEADER, ROW.replace("10:31:42 GMT", "08:00:00 GMT"))
    assert signal(stale)[0] == utc("2019-06-15T01:31:42.123")
    assert signal(stale)[1]["flags"] == ["CLOCKS_DIFFER"]
    (buddhist,) = read(HEADER, ROW.replace("15-Jun-2019", "15-Jun-2562"))
    assert signal(buddhist)[0] == utc("2019-06-15T01:31:42")
    assert signal(buddhist)[1]["flags"] == ["CLOCKS_DIFFER"]


@pytest.mark.parametrize(
    ("gps", "device", "utc_time"),
    [
        ("Tue Sep 05 10:00:00 GMT+02:00 2000", "21-Apr-2020 10:00:00.120", "2020-04-21T08:00:00.120"),
        ("Tue Sep 05 10:04:00 GMT+02:00 2000", "21-Apr-2020 10:00:00.120", "2020-04-21T08:00:00.120"),
        ("Thu Jan 20 10:00:00 GMT+02:00 1981", "21-Apr-2020 10:00:00.120", "2020-04-21T08:00:00.120"),
        ("Tue Apr 17 11:00:00 GMT+02:00 2001", "01-Dec-2020 10:00:00.120", "2020-12-01T09:00:00.120"),
        ("Wed Dec 06 09:00:00 CET 2000", "22-Jul-2020 10:00:00.120", "2020-07-22T08:00:00.120"),
        ("Tue Apr 17 11:00:00 GMT+02:00 2001", "2020-12-01T10:00:00.120+01:00", "2020-12-01T09:00:00.120"),
        ("Wed Dec 06 09:00:00 CET 2000", "2020-07-22T10:00:00.120+01:00", "2020-07-22T09:00:00.120"),
        ("Tue Dec 06 10:00:00 GMT+02:00 2039", "21-Apr-2020 10:00:00.120", "2020-04-21T08:00:00.120"),
    ],
)
def test_a_receiver_of_another_era_has_rolled_over(gps: str, device: str, utc_time: str) -> None:
    """About n times 1,024 weeks (IS-GPS-200): the phone's time counts, in summer as in winter."""
    (item,) = read(
        HEADER, ROW.replace("Sat Jun 15 10:31:42 GMT+09:00 2019,15-Jun-2019 10:31:42.123", f"{gps},{device}")
    )
    at, fields = signal(item)
    assert (at, fields["flags"]) == (utc(utc_time), ["CLOCKS_DIFFER", "WEEK_ROLLOVER"])


@pytest.mark.parametrize("gps", ["Sun Sep 03 09:00:00 GMT+02:00 2000", "Thu Sep 07 10:00:00 GMT+02:00 2000"])
def test_a_phone_that_was_never_set_is_not_believed(gps: str) -> None:
    """Two days beside a rollover it is something else: the receiver's time counts."""
    (item,) = read(HEADER, f"{gps},21-Apr-2020 10:00:00.120,127.0,37.5,10.0,4.0,30.5,80.0,0.1,9.8,36,1500")
    at, fields = signal(item)
    assert (datetime.fromtimestamp(at / 1e6, UTC).year, fields["flags"]) == (2000, ["CLOCKS_DIFFER"])


def test_a_row_out_of_order_closes_no_session() -> None:
    """The phone's clock is set while the log is written: one row is ahead, and the session closes at the last other."""
    ahead = ROW.replace("2019", "2024")
    items = read(HEADER, ROW, ROW, ahead, HEADER, ROW, ROW)
    found = [signal(item)[1] for item in items]
    assert [each["flags"] for each in found] == [[], [], ["OUT_OF_ORDER"], [], []]
    assert [each.get("ends") for each in found] == [None, "RECORDING_ENDED", None, None, "RECORDING_ENDED"]


def test_without_a_month_that_is_known_the_receivers_time_counts() -> None:
    """To the second, and flagged; without it the row is refused."""
    (item,) = read(HEADER, ROW.replace("15-Jun-2019", "15-Foo-2019"))
    assert signal(item)[0] == utc("2019-06-15T01:31:42")
    assert signal(item)[1]["flags"] == ["NO_TIME:Device Time"]
    (bad,) = read(HEADER, "-,15-Foo-2019 10:31:42,1,2,-,-,-,-,-,-,-,-")
    assert isinstance(bad, Refused)
    assert bad.reason == "Device Time: expected a month, got 'Foo'"


@pytest.mark.parametrize(
    "names",
    [
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
        "jan. feb. mrt. apr. mei jun. jul. aug. sep. okt. nov. dec.",
        "sty lut mar kwi maj cze lip sie wrz paź lis gru",
        "янв. февр. мар. апр. мая июн. июл. авг. сент. окт. нояб. дек.",
        "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
        "1월 2월 3월 4월 5월 6월 7월 8월 9월 10월 11월 12월",
        "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
        "01 02 03 04 05 06 07 08 09 10 11 12",
    ],
)
def test_months_are_known_in_the_languages_of_phones(names: str) -> None:
    """The abbreviations of CLDR: English, German, French, Spanish, Italian, Dutch, Polish, Russian, and others."""
    found = names.replace("lis", "nov").split()
    assert [month_number(name) for name in found] == list(range(1, 13))
    for number, name in enumerate(found, start=1):
        (item,) = read("Device Time,Engine RPM(rpm)", f"15-{name}-2019 10:31:42.5,800")
        assert signal(item)[0] == utc(f"2019-{number:02}-15T10:31:42.5")


@pytest.mark.parametrize("name", ["", "-", "lis", "srp", "13", "0월", "xx"])
def test_other_names_are_no_months(name: str) -> None:
    """Also those that two languages use for different months."""
    with pytest.raises(ValueError, match="expected a month"):
        month_number(name)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ROW + ",1", "expected 12 cells as in the header, got 13"),
        (ROW.rpartition(",")[0], "expected 12 cells as in the header, got 11"),
        (
            ROW.replace("GMT+09:00 2019", "").replace("15-Jun-2019 10", "15-Jun-2019 25"),
            "Device Time: hour must",
        ),
        ("-,-,1,2,-,-,-,-,-,-,-,-", "Device Time: expected a time such as 15-Jun-2019 10:31:42.123, got '-'"),
        ("-,15-Jun-1969 10:31:42,1,2,-,-,-,-,-,-,-,-", "time before 1970"),
        ('"' + ROW, "not a CSV row"),
    ],
)
def test_a_row_that_is_none_is_refused_alone(row: str, reason: str) -> None:
    """Its neighbours are accepted; a decimal comma makes two cells of one."""
    first, bad, last = read(HEADER, ROW, row, ROW)
    assert isinstance(first, Accepted)
    assert isinstance(last, Accepted)
    assert isinstance(bad, Refused)
    assert reason in bad.reason
    assert (bad.record, bad.line, bad.rule) == (2, 3, "read-torque-log@1")


@pytest.mark.parametrize(
    ("gps", "device", "at", "flags"),
    [
        ("", "2026-06-25 14:30:00.5", "2026-06-25T14:30:00.5", ["NO_ZONE"]),
        ("", "2026-06-25T14:30:00+09:00", "2026-06-25T05:30:00", []),
        ("2026-06-25 14:30:01+02:00", "2026-06-25 14:30:00", "2026-06-25T12:30:00", []),
        ("2026-06-25T14:30:00Z", "-", "2026-06-25T14:30:00", []),
    ],
)
def test_times_of_iso_8601_are_read(gps: str, device: str, at: str, flags: list[str]) -> None:
    """As programs export that write Torque's columns; also their shorter names."""
    (item,) = read("GPS Time,Device Time,Speed (MPH),RPM (RPM)", f"{gps},{device},10,800")
    found, fields = signal(item)
    assert (found, fields["flags"]) == (utc(at), flags)
    assert fields["speed"] == pytest.approx(16.09344)
    assert fields["powertrain_combustion_engine_speed"] == 800.0


def test_empty_cells_at_the_end_and_decimal_commas_behind_semicolons_are_read() -> None:
    """A comma more than the header has; a spreadsheet's export."""
    (item,) = read(HEADER, ROW + ",,")
    assert signal(item)[1]["speed"] == 36.0
    (item,) = read("Device Time;Speed (OBD)(km/h)", "15-Jun-2019 10:31:42;36,5")
    assert signal(item)[1]["speed"] == 36.5


@pytest.mark.parametrize(
    ("speed", "rpm", "expected"),
    [
        ("36,5", "1,500", (36.5, 1.5)),
        ("0,500", "1,500", (0.5, 1.5)),
        ("36", "1,500", (36.0, None)),
        ("36.5", "1,500", (36.5, None)),
        ("-", "-12,000", (None, None)),
    ],
)
def test_a_comma_before_three_digits_is_not_guessed(
    speed: str, rpm: str, expected: tuple[float | None, float | None]
) -> None:
    """It is a decimal one if another cell says so; else there is no number, and a flag."""
    head = "Device Time;Speed (OBD)(km/h);Engine RPM(rpm)"
    (item,) = read(head, f"15-Jun-2019 10:31:42;{speed};{rpm}")
    _, found = signal(item)
    assert (found.get("speed"), found.get("powertrain_combustion_engine_speed")) == expected
    assert ("NO_NUMBER:Engine RPM(rpm)" in found["flags"]) == (expected[1] is None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_a_log_is_known_by_its_header(encoding: str) -> None:
    """In any encoding of phones; a table of something else is not."""
    header = "Device Time,Engine Coolant Temperature(°C),Speed (OBD)(km/h)"
    assert torque.matches(header.encode(encoding))
    (item,) = read(header, "15-Jun-2019 10:31:42,80,50", encoding=encoding)
    assert signal(item)[1]["other"] == {"Engine Coolant Temperature [°C]": 80.0}
    for other in (
        b"",
        b"time,speed\n",
        b"Device Time,Temperature\n",
        b"Longitude,Latitude\n",
        HEADER[:40].encode(),
    ):
        assert not torque.matches(other)


# Car Scanner

NAME = "2026-01-27 23-38-14.csv"
READINGS = (
    '"SECONDS";"PID";"VALUE";"UNITS";"LATITUDE";"LONGTITUDE";',
    '"85095.5";"Speed (GPS)";"10";"mph";"45.79";"15.72";',
    '"85095.5";"Vehicle speed";"17,5";"km/h";"45.79";"15.72";',
    '"85095.5";"Engine coolant temperature";"80";"°C";"45.79";"15.72";',
    '"86401";"Engine RPM";"900";"rpm";"0";"0";',
)


def scanned(*lines: str, name: str = NAME) -> list[Item]:
    """Read the lines of a Car Scanner log."""
    data = ("\r\n".join(lines) + "\r\n").encode()
    assert car_scanner.matches(data)
    return accounted(list(car_scanner.read_named(io.BytesIO(data), Path(name))), data)


def test_the_readings_of_one_moment_are_one_signal() -> None:
    """Its day stands in the name; the seconds go on behind midnight."""
    first, second = scanned(*READINGS)
    assert signal(first) == (
        utc("2026-01-27T23:38:15.5"),
        {
            "current_location_latitude": 45.79,
            "current_location_longitude": 15.72,
            "gnss_speed": 16.09344,
            "speed": 17.5,
            "other": {"Engine coolant temperature [°C]": 80.0},
            "flags": ["NO_ZONE"],
        },
    )
    at, fields = signal(second)
    assert at == utc("2026-01-28T00:00:01")
    assert (fields["flags"], fields["ends"]) == (["NO_ZONE", "NO_FIX"], "RECORDING_ENDED")


@pytest.mark.parametrize(
    ("seconds", "value", "rpm"),
    [("85095,1", "1,500", 1.5), ("85095.1", "1,500", None), ("85095.1", "750,5", 750.5)],
)
def test_a_comma_before_three_digits_is_not_guessed_here_either(
    seconds: str, value: str, rpm: float | None
) -> None:
    """The seconds tell how the log writes its numbers."""
    head = '"SECONDS";"PID";"VALUE";"UNITS";'
    (item,) = scanned(head, f'"{seconds}";"Engine RPM";"{value}";"rpm";')
    _, found = signal(item)
    assert found.get("powertrain_combustion_engine_speed") == rpm
    assert ("NO_NUMBER:Engine RPM" in found["flags"]) == (rpm is None)


def test_a_header_that_is_not_read_ends_the_one_above_it() -> None:
    """Columns of another file are not read under the names of this one."""
    first = '"SECONDS";"PID";"VALUE";"UNITS";"LATITUDE";"LONGTITUDE";'
    other = '"SECONDS";"NAME";"VALUE";"UNITS";"LONGTITUDE";"LATITUDE";'
    row = '"85095.1";"Vehicle speed";"36";"km/h";"15.72";"45.79";'
    items = scanned(first, row, other, row, first, row)
    assert [type(item) for item in items] == [Accepted, Refused, Refused, Accepted]


def test_seconds_that_do_not_fit_the_name_count_from_the_beginning() -> None:
    """And a reading that comes twice begins a moment of its own."""
    row = '"{}";"Vehicle speed";"{}";"km/h";'
    items = scanned(
        '"SECONDS";"PID";"VALUE";"UNITS";', row.format(5, 10), row.format(5, 11), row.format(6.5, 12)
    )
    assert [signal(item)[0] - utc("2026-01-27T23:38:14") for item in items] == [0, 0, 1_500_000]
    assert [signal(item)[1]["speed"] for item in items] == [10.0, 11.0, 12.0]


def test_a_log_without_a_day_in_its_name_is_refused_row_by_row() -> None:
    """And a row that is none alone."""
    assert [type(item) for item in scanned(*READINGS, name="log.csv")] == [Refused] * 4
    items = scanned(*READINGS[:2], '"x";"Vehicle speed";"1";"km/h";', '"1";"2"', *READINGS[2:])
    assert [type(item) for item in items] == [Accepted, Refused, Refused, Accepted, Accepted]
    assert [item.record for item in items if not isinstance(item, Skipped)] == [1, 2, 3, 4, 5]
