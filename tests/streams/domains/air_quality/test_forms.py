"""Forms of air-quality files that people have: hourly Seoul, Air Korea's tables and pages, OpenAQ; BOM and quotes."""

import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streams.domains.air_quality.recordings import FORMATS
from streams.domains.air_quality.rules import assess
from streams.readers.formats import Accepted, Format, Item, Refused, Skipped
from streams.replay.recordings import formats
from tests.streams.domains.air_quality.test_recordings import (
    BEIJING_HEADER,
    BEIJING_ROW,
    beijing,
    seoul,
)

AIRKOREA_HEADER = "지역,망,측정소코드,측정소명,측정일시,SO2,CO,O3,NO2,PM10,PM25,주소"
AIRKOREA_ROW = "서울 강남구,도시대기,111261,강남구,2021100124,0.003,0.5,0.002,0.038,30,17,서울 강남구"
ARCHIVE_HEADER = "location_id,sensors_id,location,datetime,lat,lon,parameter,units,value"


def kst(text: str) -> int:
    """Return an instant of Korea's clock."""
    return round(datetime.fromisoformat(f"{text}+09:00").timestamp()) * 1_000_000


def form_of(data: bytes) -> Format:
    """Return the one format that recognises a file."""
    found = [form for form in FORMATS if form.matches(data[: 1 << 16])]
    assert len(found) == 1, [form.name for form in found]
    return found[0]


def read(data: bytes, name: str = "page.json", form: str | None = None) -> list[Item]:
    """Read a file by the format that recognises it; every byte of it belongs to one item."""
    found_form = form_of(data)
    assert form in (None, found_form.name)
    found = list(found_form.items(io.BytesIO(data), Path(name)))
    at = 0
    for begin, end in sorted(span for item in found for span in item.spans):
        assert begin == at
        at = end
    assert at == len(data)
    return found


def drafts(items: list[Item]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the events of the accepted records, in order."""
    for item in items:
        if isinstance(item, Accepted):
            for draft in item.drafts:
                yield draft.occurred_at, dict(draft.fields)


def refused(items: list[Item]) -> list[str]:
    """Return the reasons of the refused records."""
    return [item.reason for item in items if isinstance(item, Refused)]


def table(header: str, *rows: str, encoding: str = "utf-8", end: str = "\n") -> bytes:
    """Make a table."""
    return end.join([header, *rows, ""]).encode(encoding)


# Air Korea's confirmed hours


@pytest.mark.parametrize("encoding", ["cp949", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_hour_24_of_air_korea_is_the_last_of_its_day(encoding: str, end: str) -> None:
    """The stamp is the end of the hour: 2021-10-01 24 is 23:00 to 24:00 in Seoul."""
    items = read(table(AIRKOREA_HEADER, AIRKOREA_ROW, encoding=encoding, end=end), form="airkorea-hourly")
    [(at, fields)] = drafts(items)
    assert at == kst("2021-10-01T23:00")
    assert fields == {
        "zone": "Asia/Seoul", "averaging": "PT1H", "gas_unit": "PPM", "station": "강남구", "city": "Seoul",
        "network": "urban", "so2": 0.003, "co": 0.5, "o3": 0.002, "no2": 0.038, "pm10": 30.0, "pm2_5": 17.0,
        "flags": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stamp", "begin"),
    [
        ("2021100101", "2021-10-01T00:00"),
        ("2021100100", "2021-09-30T23:00"),
        ("2021123124", "2021-12-31T23:00"),
        ("2020022924", "2020-02-29T23:00"),
        ("2021100124.0", "2021-10-01T23:00"),
        ("202110012400", "2021-10-01T23:00"),
        ("2021-10-01 24", "2021-10-01T23:00"),
        ("2021-10-01 24:00", "2021-10-01T23:00"),
        ("2021-10-01 05:00:00", "2021-10-01T04:00"),
        ("2021.10.01 05시", "2021-10-01T04:00"),
    ],
)
def test_every_spelling_of_an_hour_ends_with_its_stamp(stamp: str, begin: str) -> None:
    """Hours 00 to 24, with and without minutes, as tables and pages spell them."""
    items = read(table(AIRKOREA_HEADER, AIRKOREA_ROW.replace("2021100124", stamp)))
    assert [at for at, _ in drafts(items)] == [kst(begin)]


NO_HOURS = [
    "2021100125",
    "2021-10-01 24:30",
    "2021-10-01 05:60",
    "20211001",
    "2.0211E+09",
    "1969123124",
    "2021130101",
    "9999123124",
]


@pytest.mark.parametrize("stamp", NO_HOURS)
def test_what_is_no_hour_is_refused(stamp: str) -> None:
    """One row with the reason; its neighbours are read."""
    row = AIRKOREA_ROW.replace("2021100124", stamp)
    items = read(table(AIRKOREA_HEADER, AIRKOREA_ROW, row, AIRKOREA_ROW.replace("100124", "100201")))
    assert len(refused(items)) == 1
    assert len(list(drafts(items))) == 2


def test_tables_of_other_years_are_read() -> None:
    """Without 망 and 주소, with units in the header, without PM2.5, quoted, behind a title."""
    header = '"지역","측정소코드","측정소명","측정일시","SO2","CO","O3","NO2","PM10"'
    row = '"서울 중구","111121","중구","2014010101","0.006","0.7","0.011","0.031","65"'
    old = table(header, row, encoding="cp949")
    [(at, fields)] = drafts(read(old))
    assert (at, fields["station"], fields["city"], fields["network"]) == (
        kst("2014-01-01T00:00"),
        "중구",
        "Seoul",
        None,
    )
    assert (fields["pm10"], fields["pm2_5"]) == (65.0, None)
    header = "지역,망,측정소ID,측정소명,측정일시,SO2(ppm),CO(ppm),O3(ppm),NO2(ppm),PM10(㎍/㎥),PM2.5(㎍/㎥)"
    row = "경기 성남시 수정구,도로변대기,131111,단대동,2018010124,,0.7,0.011,-,65,30"
    with_units = table("최종확정 측정자료", header, row)
    [(at, fields)] = drafts(read(with_units))
    assert (at, fields["city"], fields["network"]) == (kst("2018-01-01T23:00"), "성남시", "roadside")
    assert (fields["so2"], fields["no2"], fields["pm2_5"]) == (None, None, 30.0)


def test_stations_of_one_name_do_not_mix() -> None:
    """The event's key is the station: the second of a name has its code behind it."""
    busan = AIRKOREA_ROW.replace("서울 강남구,도시대기,111261,강남구", "부산 강서구,도시대기,221999,강남구")
    found = [fields for _, fields in drafts(read(table(AIRKOREA_HEADER, AIRKOREA_ROW, busan, AIRKOREA_ROW)))]
    assert [(fields["station"], fields["city"]) for fields in found] == [
        ("강남구", "Seoul"),
        ("강남구 (221999)", "Busan"),
        ("강남구", "Seoul"),
    ]


# Seoul's hours


@pytest.mark.parametrize("encoding", ["cp949", "utf-8", "utf-8-sig"])
def test_hours_of_seoul_are_told_from_its_days(encoding: str) -> None:
    """The same header; the time has twelve digits."""
    hours = ("202103010100,강남구,0.02,0.02,0.4,0.003,15,8", "202103012400,강남구,,,,,16,9")
    items = read(seoul(*hours, encoding=encoding), form="seoul-hourly")
    found = list(drafts(items))
    assert [at for at, _ in found] == [kst("2021-03-01T00:00"), kst("2021-03-01T23:00")]
    assert {fields["averaging"] for _, fields in found} == {"PT1H"}
    days = seoul("20210301,강남구,0.02,0.02,0.4,0.003,15,8", encoding=encoding)
    assert form_of(days).name == form_of(seoul(encoding=encoding)).name == "seoul-daily"


# Air Korea's interface


def page(*items: dict[str, Any], **body: Any) -> bytes:
    """Make a page of the interface."""
    content = {"response": {"body": {"items": list(items), "totalCount": len(items), **body}}}
    return json.dumps(content, ensure_ascii=False).encode()


ITEM = {
    "stationName": "강남구",
    "dataTime": "2023-01-05 24:00",
    "so2Value": "0.003",
    "coValue": "-",
    "o3Value": "0.002",
    "no2Value": "0.038",
    "pm10Value": "30",
    "pm25Value": "17",
    "pm10Flag": "점검및교정",
    "khaiValue": "-",
}


def test_a_page_of_air_korea_is_read() -> None:
    """24:00 is the end of the day's last hour, - is null, and the flag of the source is kept."""
    [(at, fields)] = drafts(read(page(ITEM), form="airkorea-api"))
    assert at == kst("2023-01-05T23:00")
    assert (fields["station"], fields["city"], fields["zone"]) == ("강남구", "Seoul", "Asia/Seoul")
    assert (fields["so2"], fields["co"], fields["pm10"], fields["pm2_5"]) == (0.003, None, 30.0, 17.0)
    assert fields["flags"] == ["SOURCE_FLAG:pm10:점검및교정"]


def test_a_value_that_its_source_doubts_enters_no_index() -> None:
    """It stays in the reading."""
    hours = [{**ITEM, "dataTime": f"2023-01-05 {hour:02d}:00", "pm10Value": "900"} for hour in range(1, 13)]
    state, assessment = None, None
    for at, fields in drafts(read(page(*hours))):
        assert fields["pm10"] == 900
        state, assessment = assess(state, {**fields, "occurred_at": at})
    assert assessment is not None
    assert set(assessment.kr.parts) == {"pm2_5", "no2", "o3", "so2"}
    assert "SOURCE_FLAG:pm10:점검및교정" in assessment.flags


def test_pages_of_every_version_are_read() -> None:
    """Items in an object, the list of 2020 with the station of the request, networks, codes and provinces."""
    item = {**ITEM, "mangName": "도로변대기", "stationCode": "111262", "sidoName": "서울"}
    [(_, fields)] = drafts(read(json.dumps({"response": {"body": {"items": {"item": [item]}}}}).encode()))
    assert (fields["network"], fields["city"]) == ("roadside", "Seoul")
    old = {
        "list": [{**ITEM, "stationName": "", "stationCode": ""}],
        "parm": {"stationName": "복정동"},
        "totalCount": 1,
    }
    [(_, fields)] = drafts(read(json.dumps(old).encode()))
    assert (fields["station"], fields["city"]) == ("복정동", "unknown")


def test_one_bad_item_takes_no_other_along() -> None:
    """Without a station, without a time, with NaN, no object: each is refused with its reason."""
    bad: list[dict[str, Any]] = [
        {**ITEM, "stationName": None},
        {**ITEM, "dataTime": ""},
        {**ITEM, "pm10Value": float("nan")},
        {**ITEM, "pm10Value": [30]},
        {**ITEM, "pm10Value": "thirty"},
    ]
    items = read(page(ITEM, *bad, ITEM))
    assert len(list(drafts(items))) == 2
    assert len(refused(items)) == len(bad)
    assert "nobody knows where" in refused(items)[0]


def test_hours_come_in_the_order_of_time_although_the_page_begins_with_the_newest() -> None:
    """Each keeps its number and its bytes; twelve hours give the index of the twelfth."""
    hours = [{**ITEM, "dataTime": f"2023-01-05 {hour:02d}:00", "pm10Flag": None} for hour in range(12, 0, -1)]
    items = read(page(*hours, {**ITEM, "dataTime": "?"}))
    assert [at for at, _ in drafts(items)] == [kst(f"2023-01-05T{hour:02d}:00") for hour in range(12)]
    accepted = [item for item in items if isinstance(item, Accepted)]
    assert [item.record for item in accepted] == list(range(12, 0, -1))
    assert json.loads(accepted[0].data)["dataTime"] == "2023-01-05 01:00"
    assert len(refused(items)) == 1
    state, assessment = None, None
    for at, fields in drafts(items):
        state, assessment = assess(state, {**fields, "occurred_at": at})
    assert assessment is not None
    assert assessment.kr.value == 63  # NO2 of 0.038 ppm


def test_tables_that_begin_with_the_newest_hour_are_read_in_order_too() -> None:
    """Of Seoul and of Air Korea; stations one after the other are in order as they are."""
    newest_first = [AIRKOREA_ROW.replace("100124", f"1001{hour:02d}") for hour in range(24, 0, -1)]
    assert [at for at, _ in drafts(read(table(AIRKOREA_HEADER, *newest_first)))] == [
        kst(f"2021-10-01T{hour:02d}:00") for hour in range(24)
    ]
    rows = [f"20210301{hour:02d}00,{name},,,,,15,8" for name in ("강남구", "종로구") for hour in (1, 2, 3)]
    items = read(seoul(*rows))
    assert [item.record for item in items if isinstance(item, Accepted)] == [1, 2, 3, 4, 5, 6]
    items = read(seoul(*reversed(rows)))
    assert [item.record for item in items if isinstance(item, Accepted)] == [3, 6, 2, 5, 1, 4]


# Seoul's interface


SEOUL_ROW = {
    "MSRDT": "202211301500", "MSRRGN_NM": "도심권", "MSRSTE_NM": "중구", "PM10": 27.0, "PM25": 13.0, "O3": 0.021,
    "NO2": 0.029, "CO": 0.4, "SO2": 0.003, "IDEX_NM": "보통", "IDEX_MVL": 79.0, "ARPLT_MAIN": "PM25",
}  # fmt: skip


def seoul_page(*rows: dict[str, Any], service: str = "RealtimeCityAir") -> bytes:
    """Make a page of Seoul's interface."""
    return json.dumps(
        {service: {"list_total_count": len(rows), "row": list(rows)}}, ensure_ascii=False
    ).encode()


def test_pages_of_seoul_are_read() -> None:
    """Now and by hours, whose members are spelled otherwise; a station that is being checked tells nothing."""
    [(at, fields)] = drafts(read(seoul_page(SEOUL_ROW), form="seoul-api"))
    assert at == kst("2022-11-30T14:00")
    assert (fields["station"], fields["city"], fields["pm10"], fields["no2"]) == (
        "중구",
        "Seoul",
        27.0,
        0.029,
    )
    hours = {**SEOUL_ROW, "MSRMT_DT": "202401012400", "MSRSTN_NM": "종로구", "PM10": None}
    del hours["MSRDT"], hours["MSRSTE_NM"]
    [(at, fields)] = drafts(read(seoul_page(hours, service="TimeAverageCityAir"), form="seoul-api"))
    assert (at, fields["station"], fields["pm10"]) == (kst("2024-01-01T23:00"), "종로구", None)
    checked = {**SEOUL_ROW, "IDEX_NM": "점검중", "PM10": 0.0, "PM25": ""}
    [(_, fields)] = drafts(read(seoul_page(checked)))
    assert "SOURCE_FLAG:pm10:점검중" in fields["flags"]
    assert fields["pm2_5"] is None
    assert len(refused(read(seoul_page({**SEOUL_ROW, "MSRSTE_NM": ""}, {**SEOUL_ROW, "MSRDT": "now"})))) == 2


# OpenAQ's archive


def day(*sensors: tuple[int, str, str], hours: int = 24, offset: str = "-07:00") -> list[str]:
    """Make a day of the archive: sensor by sensor, each hour stamped with its end."""
    rows = []
    for sensor, parameter, units in sensors:
        for hour in range(1, hours + 1):
            stamp = f"2023-02-22T{hour:02d}:00:00{offset}" if hour < 24 else f"2023-02-23T00:00:00{offset}"
            rows.append(
                f"2178,{sensor},Del Norte-2178,{stamp},35.1353,-106.584702,{parameter},{units},{hour}.5"
            )
    return rows


@pytest.mark.parametrize("quoted", [False, True])
def test_a_day_of_the_archive_becomes_a_reading_for_each_hour(quoted: bool) -> None:
    """Sensors of one location come together; the stamp is the end; the zone is that of the place."""
    rows = [ARCHIVE_HEADER, *day((3919, "pm10", "µg/m³"), (3917, "o3", "ppm"), (3916, "no2", "ppb"))]
    if quoted:
        rows = [",".join(f'"{cell}"' for cell in row.split(",")) for row in rows]
    items = read(table(rows[0], *rows[1:]), form="openaq-archive")
    assert sum(isinstance(item, Accepted) for item in items) == 72
    found = list(drafts(items))
    begins = [datetime(2023, 2, 22, 7 + hour, tzinfo=UTC) for hour in range(17)]
    begins += [datetime(2023, 2, 23, hour, tzinfo=UTC) for hour in range(7)]
    assert [at for at, _ in found] == [round(begin.timestamp()) * 1_000_000 for begin in begins]
    assert found[0][1] == {
        "station": "Del Norte-2178", "city": "unknown", "zone": "America/Denver", "averaging": "PT1H",
        "gas_unit": "PPM", "latitude": 35.1353, "longitude": -106.584702, "pm10": 1.5, "o3": 1.5, "no2": 0.0015,
        "flags": ["OUT_OF_RANGE:o3"],
    }  # fmt: skip


def test_readings_come_in_the_order_of_time_where_a_sensor_has_holes() -> None:
    """A reading waits until the earlier ones of its station are complete, or its index would be lost."""
    rows = day((3919, "pm10", "µg/m³")) + day((3917, "pm25", "µg/m³"))[5:9]
    found = list(drafts(read(table(ARCHIVE_HEADER, *rows))))
    assert [at for at, _ in found] == sorted(at for at, _ in found)
    assert len(found) == 24
    assert sum(fields.get("pm2_5") is not None for _, fields in found) == 4


def test_half_hour_zones_and_parts_of_an_hour() -> None:
    """Delhi's hours begin at half past in UTC; four quarters are one hour; two are too few."""
    stamps = ["00:15", "00:30", "00:45", "01:00", "01:15", "01:30"]
    rows = [
        f"8118,23534,New Delhi-8118,2024-01-01T{at}:00+05:30,28.63576,77.22445,pm25,µg/m³,{value}"
        for value, at in enumerate(stamps)
    ]
    (first, fields), (second, later) = drafts(read(table(ARCHIVE_HEADER, *rows)))
    assert first == round(datetime(2023, 12, 31, 18, 30, tzinfo=UTC).timestamp()) * 1_000_000
    assert second == first + 3_600_000_000
    assert (fields["zone"], fields["pm2_5"], fields["flags"]) == ("Asia/Kolkata", 1.5, ["MEAN_OF:pm2_5:4"])
    assert (later["pm2_5"], later["flags"]) == (None, ["INCOMPLETE:pm2_5:2_OF_4"])


def test_a_second_sensor_and_a_repeated_time_do_not_mix() -> None:
    """Another sensor for the same pollutant is a station of its own; a repeat is flagged, and the first one counts."""
    rows = day((3919, "pm10", "µg/m³"), (4000, "pm10", "µg/m³"), hours=2)
    again = [rows[0], rows[1].replace(",2.5", ",99")]
    found = list(drafts(read(table(ARCHIVE_HEADER, *rows, *again))))
    assert {fields["station"] for _, fields in found} == {"Del Norte-2178", "Del Norte-2178 (sensor 4000)"}
    main = [fields for _, fields in found if fields["station"] == "Del Norte-2178"]
    assert [fields["pm10"] for fields in main] == [1.5, 2.5]
    assert [fields["flags"] for fields in main] == [["REPEATED:pm10"], ["CONFLICT:pm10:99"]]


def test_other_spellings_and_units_of_the_archive() -> None:
    """No location id, Z, a bare +00, exports of the earlier interface, µg/m³ beside ppm, what no reading has."""
    header = "locationId,location,city,country,utc,local,parameter,value,unit,latitude,longitude"
    stamps = "2019-01-01T01:00:00.000Z,2018-12-31T18:00:00-07:00"
    measured = ("no2,0.02,ppm", "so2,26.19,µg/m³", "bc,1,µg/m³", "no2,5,furlong")
    rows = [f"2178,Del Norte,Albuquerque,US,{stamps},{each},35.1353,-106.584702" for each in measured]
    items = read(table(header, *rows))
    [(at, fields)] = drafts(items)
    assert at == round(datetime(2019, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert (fields["station"], fields["city"]) == ("Del Norte-2178", "Albuquerque")
    assert (fields["gas_unit"], fields["no2"], fields["so2"]) == (
        "PPM",
        0.02,
        pytest.approx(0.010001, abs=1e-6),
    )
    assert "CONVERTED_AT_25_C:so2" in fields["flags"]
    assert "INTERVAL_ASSUMED:no2" in fields["flags"]
    bare = "1,2,loc,2026-03-28 05:00:00+00,,,pm25,µg/m³,NaN"
    [(_, fields)] = drafts(read(table(ARCHIVE_HEADER, bare)))
    assert (fields["zone"], fields["pm2_5"]) == (None, None)


def test_rows_that_cannot_be_read_are_refused_one_by_one() -> None:
    """No place, no offset, no number, a year out of range."""
    good = day((3919, "pm10", "µg/m³"), hours=2)
    bad = [
        good[0].replace("2178,3919,Del Norte-2178", ",3919,"),
        good[0].replace("-07:00,35", ",35"),
        good[0].replace(",1.5", ",x"),
        good[0].replace("2023-02-22T", "9999-12-31T"),
        good[0].replace("2023-02-22T", "1970-01-01T"),
    ]
    items = read(table(ARCHIVE_HEADER, good[0], *bad, good[1]))
    assert len(refused(items)) == len(bad)
    assert len(list(drafts(items))) == 2


# OpenAQ's interface


def stamps_at(hour: int) -> dict[str, str]:
    """Return an hour of 2024-03-10 as the interface spells it."""
    return {"utc": f"2024-03-10T{hour:02d}:00:00Z", "local": f"2024-03-10T{hour - 5:02d}:00:00-05:00"}


def result(hour: int, **more: Any) -> dict[str, Any]:
    """Make a result of the interface, version 3."""
    return {
        "value": 12.1,
        "flagInfo": {"hasFlags": False},
        "parameter": {"id": 2, "name": "pm25", "units": "µg/m³", "displayName": None},
        "period": {
            "label": "1hour",
            "interval": "01:00:00",
            "datetimeFrom": stamps_at(hour),
            "datetimeTo": stamps_at(hour + 1),
        },
        "coordinates": None,
        "summary": None,
        **more,
    }


def results(*found: Any) -> bytes:
    """Make a page of the interface, version 3."""
    return json.dumps(
        {"meta": {"name": "openaq-api", "page": 1}, "results": list(found)}, ensure_ascii=False
    ).encode()


def test_a_result_without_a_place_is_refused_and_says_what_to_do() -> None:
    """A page of measurements names no station; it is a known format all the same."""
    thin = {
        "value": 12.1,
        "parameter": {"id": 2, "name": "pm25", "units": "µg/m³"},
        "period": {"datetimeFrom": {"utc": "2024-01-01T00:00:00Z"}},
    }
    for data in (results(thin), results(result(6))):
        [reason] = refused(read(data, form="openaq-api"))
        assert "does not name its station" in reason
        assert "sensor-<id>.json" in reason


@pytest.mark.parametrize(
    ("name", "station"),
    [
        ("sensor-3919-page-1.json", "OpenAQ sensor 3919"),
        ("sensors_3919_measurements.json", "OpenAQ sensor 3919"),
        ("location-2178-20240310.json", "OpenAQ location 2178"),
        ("openaq locationid=2178.json", "OpenAQ location 2178"),
    ],
)
def test_the_name_of_a_file_may_say_the_place(name: str, station: str) -> None:
    """As the archive names its files."""
    found = list(drafts(read(results(result(6), result(7)), name)))
    assert [(at, fields["station"], fields["pm2_5"]) for at, fields in found] == [
        (round(datetime(2024, 3, 10, hour, tzinfo=UTC).timestamp()) * 1_000_000, station, 12.1)
        for hour in (6, 7)
    ]


def test_results_that_name_their_place_are_read() -> None:
    """By location, by ids, or by coordinates; a sensor's flag keeps a value out of the indices."""
    named = [
        (result(6, location="Del Norte", locationId=2178), "Del Norte-2178"),
        (result(6, location={"id": 2178, "name": "Del Norte"}), "Del Norte-2178"),
        (result(6, sensorsId=3919), "OpenAQ sensor 3919"),
        (result(6, coordinates={"latitude": 40.7, "longitude": -74.0}), "OpenAQ 40.7,-74"),
    ]
    for each, station in named:
        [(_, fields)] = drafts(read(results({**each, "flagInfo": {"hasFlags": True}})))
        assert (fields["station"], fields["flags"]) == (station, ["SOURCE_FLAG:pm2_5:hasFlags"])
    assert fields["zone"] == "America/New_York"


def test_days_of_the_interface_are_days() -> None:
    """23 hours in New York on the day of the change to summer time; a month is refused."""
    period = {"datetimeFrom": {"utc": "2024-03-10T05:00:00Z"}, "datetimeTo": {"utc": "2024-03-11T04:00:00Z"}}
    month = {"datetimeFrom": {"utc": "2024-03-01T05:00:00Z"}, "datetimeTo": {"utc": "2024-04-01T04:00:00Z"}}
    items = read(results({**result(6), "period": period}, {**result(6), "period": month}), "sensor-1.json")
    [(at, fields)] = drafts(items)
    assert (at, fields["averaging"]) == (
        round(datetime(2024, 3, 10, 5, tzinfo=UTC).timestamp()) * 1_000_000,
        "P1D",
    )
    assert "expected an hour, a part of one, or a day" in refused(items)[0]


# Every table


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("seoul-daily", seoul("20210301,강남구,0.022,0.022,0.4,0.003,15,11", encoding="utf-8")),
        ("seoul-hourly", seoul("202103010100,강남구,0.022,0.022,0.4,0.003,15,11", encoding="utf-8")),
        ("beijing-prsa", beijing(f"{BEIJING_ROW},,", header=f"{BEIJING_HEADER},lat,long")),
        ("airkorea-hourly", table(AIRKOREA_HEADER, AIRKOREA_ROW)),
        ("openaq-archive", table(ARCHIVE_HEADER, *day((1, "pm10", "µg/m³"), hours=1))),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("quotes", [False, True])
def test_a_byte_order_mark_and_quotes_change_nothing(
    name: str, data: bytes, mark: bytes, quotes: bool
) -> None:
    """Before a quoted header as well."""
    plain = list(drafts(read(data)))
    if quotes:
        rows = data.decode().splitlines()
        data = "\n".join(",".join(f'"{cell}"' for cell in row.split(",")) for row in rows).encode()
    assert list(drafts(read(mark + data, form=name))) == plain
    assert len(plain) == 1


def test_every_format_has_a_sample_here_and_none_takes_anothers() -> None:
    """`form_of` asserts that exactly one format recognises each; none recognises what is nothing."""
    samples = [
        seoul("20210301,강남구,,,,,15,11"),
        seoul("202103010100,강남구,,,,,15,11"),
        beijing(BEIJING_ROW),
        table(AIRKOREA_HEADER, AIRKOREA_ROW),
        page(ITEM),
        seoul_page(SEOUL_ROW),
        table(ARCHIVE_HEADER, *day((1, "pm10", "µg/m³"))),
        results(result(6)),
    ]
    assert [form_of(sample).name for sample in samples] == [
        "seoul-daily",
        "seoul-hourly",
        "beijing-prsa",
        "airkorea-hourly",
        "airkorea-api",
        "seoul-api",
        "openaq-archive",
        "openaq-api",
    ]
    assert {form_of(sample).name for sample in samples} == {form.name for form in FORMATS}
    for nothing in (b"", b"\n", b"{}", b"[]", b"a,b\n1,2\n", gzip.compress(b"x"), b'{"results": []}'):
        assert not any(form.matches(nothing) for form in FORMATS)


def test_what_stands_around_the_records_of_a_page_is_skipped_or_refused() -> None:
    """An envelope is a skipped part; a page that ends in the middle is refused where it was cut."""
    whole = page(ITEM, ITEM)
    assert [type(item) for item in read(whole)] == [Accepted, Accepted, Skipped]
    cut = whole[: whole.rindex(b"pm25Value")]
    items = read(cut)
    assert isinstance(items[0], Accepted)
    assert len(refused(items)) >= 1


PAGES: dict[str, dict[str, Any]] = {
    "openaq-api": {
        "results": [
            {"parameter": {"name": "pm25"}, "value": 1, "period": {"datetimeFrom": {}, "datetimeTo": {}}}
        ]
    },
    "airkorea-api": {"response": {"body": {"items": [{"dataTime": "2023-01-05 12:00", "pm10Value": "1"}]}}},
    "airkorea-api before 2020": {"list": [{"dataTime": "2023-01-05 12:00", "pm10Value": "1"}]},
    "seoul-api": {"RealtimeCityAir": {"row": [{"MSRDT": "202211301500"}]}},
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("place", ["an extension", "the event", "beside the body", "before the context"])
def test_a_page_inside_another_document_is_none(name: str, place: str) -> None:
    """An EPCIS document that carries the interface's answer stays EPCIS."""
    page = PAGES[name]
    assert form_of(json.dumps(page, indent=1).encode()).name == name.split(maxsplit=1)[0]
    event = {"type": "ObjectEvent", "action": "OBSERVE"}
    context = {"@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]}
    document = {**context, "type": "EPCISDocument", "schemaVersion": "2.0"}
    body = {"epcisBody": {"eventList": [event]}}
    sent = {
        "an extension": {**document, "epcisBody": {"eventList": [{**event, "ex:answer": page}]}},
        "the event": {**document, "epcisBody": {"eventList": [{**event, **page}]}},
        "beside the body": {**document, **body, **page},
        "before the context": {**page, "type": "EPCISDocument", **body, **context},
    }[place]
    data = json.dumps(sent).encode()
    assert [form.name for form in formats().values() if form.matches(data)] == ["epcis-json"]
