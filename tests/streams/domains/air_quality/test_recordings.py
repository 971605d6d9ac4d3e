"""The readers of Seoul's daily and Beijing's files: what is accepted, what is refused and why, what is skipped."""

import csv
import gzip
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import load_catalog
from streams.domains.air_quality.recordings import BEIJING_PRSA, SEOUL_DAILY
from streams.domains.air_quality.tables import TableLayout
from streams.readers.formats import Accepted, Item, Refused, Skipped
from streams.replay.recordings import bundled
from streams.testing import MemoryProducer

SEOUL_HEADER = (
    "측정일시,측정소명,이산화질소농도(ppm),오존농도(ppm),일산화탄소농도(ppm),아황산가스농도(ppm),"
    "미세먼지농도(㎍/㎥),초미세먼지농도(㎍/㎥)"
)
BEIJING_HEADER = "No,year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,O3,TEMP,PRES,DEWP,RAIN,wd,WSPM,station"
BEIJING_ROW = "1,2013,3,1,0,4,4.5,4,7,300,77,-0.7,1023,-18.8,0,NNW,4.4,Aotizhongxin"


def seoul(*rows: str, header: str = SEOUL_HEADER, encoding: str = "cp949") -> bytes:
    """Make a file of Seoul's."""
    return "\n".join([header, *rows, ""]).encode(encoding)


def beijing(*rows: str, header: str = BEIJING_HEADER) -> bytes:
    """Make a file of Beijing's."""
    return "\n".join([header, *rows, ""]).encode()


def read(layout: TableLayout, data: bytes) -> list[Item]:
    """Read what stands below the header of a file; every byte of the file belongs to one item."""
    found = list(layout.read(io.BytesIO(data)))
    at = 0
    for begin, end in sorted(span for item in found for span in item.spans):
        assert begin == at
        at = end
    assert at == len(data)
    return [item for item in found if not (isinstance(item, Skipped) and item.reason == "header")]


def fields(item: Item) -> dict[str, Any]:
    """Tell the fields of the one reading of an accepted record."""
    assert isinstance(item, Accepted)
    return dict(item.drafts[0].fields)


def refusal(item: Item) -> Refused:
    """Tell that an item was refused."""
    assert isinstance(item, Refused)
    return item


def at(item: Item) -> datetime:
    """Tell when an accepted record's reading occurred."""
    assert isinstance(item, Accepted)
    return datetime.fromtimestamp(item.drafts[0].occurred_at / 1e6, UTC)


def test_a_seoul_row_becomes_a_daily_reading() -> None:
    """Station names stay Korean, gases stay ppm, the day begins at midnight in Seoul."""
    (item,) = read(SEOUL_DAILY, seoul("20210301,강남구,0.022,0.022,0.4,0.003,15,8"))
    assert fields(item) == {
        "station": "강남구",
        "city": "Seoul",
        "zone": "Asia/Seoul",
        "averaging": "P1D",
        "gas_unit": "PPM",
        "no2": 0.022,
        "o3": 0.022,
        "co": 0.4,
        "so2": 0.003,
        "pm10": 15.0,
        "pm2_5": 8.0,
        "flags": [],
    }
    assert at(item) == datetime(2021, 2, 28, 15, tzinfo=UTC)


def test_a_beijing_row_becomes_an_hourly_reading() -> None:
    """Pollutants stay µg/m³, weather comes along, the hour is Beijing's."""
    (item,) = read(BEIJING_PRSA, beijing(BEIJING_ROW))
    found = fields(item)
    assert (found["station"], found["city"], found["averaging"]) == ("Aotizhongxin", "Beijing", "PT1H")
    assert (found["zone"], found["gas_temperature"]) == ("Asia/Shanghai", 0.0)
    assert (found["gas_unit"], found["co"], found["pm10"], found["pm2_5"]) == ("UG_M3", 300.0, 4.5, 4.0)
    assert (found["temperature"], found["pressure"], found["dew_point"]) == (-0.7, 1023.0, -18.8)
    assert (found["precipitation"], found["wind_direction"], found["wind_speed"]) == (0.0, "NNW", 4.4)
    assert at(item) == datetime(2013, 2, 28, 16, tzinfo=UTC)


def test_beijing_gases_refer_to_25_degrees_from_september_2018() -> None:
    """The amendment of GB 3095-2012 holds from the first hour of 2018-09-01 in China."""
    rows = [BEIJING_ROW.replace("2013,3,1,0", moment) for moment in ("2018,8,31,23", "2018,9,1,0")]
    assert [fields(item)["gas_temperature"] for item in read(BEIJING_PRSA, beijing(*rows))] == [0.0, 25.0]


def test_what_was_not_measured_is_null() -> None:
    """Empty cells and NA are no values and no reason to refuse."""
    (item,) = read(SEOUL_DAILY, seoul("20210301,강남구,,0.022,,0.003,,8"))
    assert [fields(item)[name] for name in ("no2", "co", "pm10")] == [None, None, None]
    (item,) = read(BEIJING_PRSA, beijing("1,2013,3,1,0,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,Aotizhongxin"))
    assert fields(item)["wind_direction"] is None
    assert fields(item)["pm10"] is None


def test_further_columns_are_passed_over_and_a_position_is_taken() -> None:
    """Two copies of the Beijing files carry lat and long, there empty."""
    header = f"{BEIJING_HEADER},lat,long,remark"
    empty, given_ = read(
        BEIJING_PRSA, beijing(f"{BEIJING_ROW},,,x", f"{BEIJING_ROW},39.98,116.39,y", header=header)
    )
    assert (fields(empty)["latitude"], fields(empty)["longitude"]) == (None, None)
    assert (fields(given_)["latitude"], fields(given_)["longitude"]) == (39.98, 116.39)


def test_the_order_of_columns_does_not_matter() -> None:
    """Columns are found by name."""
    header = ",".join(reversed(BEIJING_HEADER.split(",")))
    row = ",".join(reversed(BEIJING_ROW.split(",")))
    assert fields(read(BEIJING_PRSA, beijing(row, header=header))[0]) == fields(
        read(BEIJING_PRSA, beijing(BEIJING_ROW))[0]
    )


def test_hour_24_is_midnight_of_the_next_day() -> None:
    """2013-02-28 24:00 is 2013-03-01 00:00."""
    (item,) = read(BEIJING_PRSA, beijing(BEIJING_ROW.replace("2013,3,1,0", "2013,2,28,24")))
    assert at(item) == datetime(2013, 2, 28, 16, tzinfo=UTC)


def test_seoul_in_utf_8_is_read_as_well() -> None:
    """The portal offers both encodings; a byte order mark and another spelling of µg/m³ are no hindrance."""
    header = "\ufeff" + SEOUL_HEADER.replace("㎍/㎥", "µg/m³")
    (item,) = read(SEOUL_DAILY, seoul("20210301,강남구,,,,,15,8", header=header, encoding="utf-8"))
    assert fields(item)["pm10"] == 15.0


def test_odd_values_are_accepted_with_flags() -> None:
    """The suspicious ozone day of 2019 and fine particles above coarse ones stay in, flagged."""
    odd, finer = read(SEOUL_DAILY, seoul("20190725,동작대로,,0.204,,,,", "20190725,강남구,,,,,10,11"))
    assert fields(odd)["flags"] == ["OUT_OF_RANGE:o3"]
    assert fields(finer)["flags"] == ["PM2_5_ABOVE_PM10"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("20210301,강남구,0.02,0.02,0.4,0.003,15", "expected 8 cells as in the header, got 7"),
        ("20210301,강남구,0.02,0.02,0.4,0.003,15,8,9", "expected 8 cells as in the header, got 9"),
        ("20210230,강남구,0.02,0.02,0.4,0.003,15,8", "no such day: 2021-2-30"),
        ("2021030,강남구,0.02,0.02,0.4,0.003,15,8", "expected a day YYYYMMDD, got '2021030'"),
        ("202103010100,강남구,0.02,0.02,0.4,0.003,15,8", "expected a day YYYYMMDD, got '202103010100'"),
        ("19690301,강남구,0.02,0.02,0.4,0.003,15,8", "time before 1970"),
        ("20210301,,0.02,0.02,0.4,0.003,15,8", "expected a station, got nothing"),
        ("20210301,강남구,abc,0.02,0.4,0.003,15,8", "expected a number, got 'abc'"),
        ("20210301,강남구,nan,0.02,0.4,0.003,15,8", "expected a number, got 'nan'"),
        ("20210301,강남구,1_0,0.02,0.4,0.003,15,8", "expected a number, got '1_0'"),
        (f"20210301,강남구,{'9' * 305},0.02,0.4,0.003,15,8", "expected a number below 1e+300"),
        ('20210301,"강남구,0.02,0.02,0.4,0.003,15,8', "not a CSV row"),
    ],
)
def test_what_cannot_be_parsed_is_refused_with_the_reason(row: str, reason: str) -> None:
    """One refused row with its number, line, bytes and reason; its neighbours are accepted."""
    good = "20210301,강동구,0.02,0.02,0.4,0.003,15,8"
    first, middle, end = read(SEOUL_DAILY, seoul(good, row, good))
    assert isinstance(first, Accepted)
    assert isinstance(end, Accepted)
    bad = refusal(middle)
    assert reason in bad.reason
    assert (bad.record, bad.line, bad.data) == (2, 3, row.encode("cp949"))
    assert bad.rule == "read-seoul-daily@2"


def test_a_header_in_the_middle_is_skipped() -> None:
    """Two files that were joined: the second header is no row."""
    good = "20210301,강동구,0.02,0.02,0.4,0.003,15,8"
    first, middle, last = read(SEOUL_DAILY, seoul(good, SEOUL_HEADER, good))
    assert (type(first), middle.__class__, type(last)) == (Accepted, Skipped, Accepted)


def test_wrongly_encoded_rows_are_refused_one_by_one() -> None:
    """UTF-8 rows under a CP949 header: each is told, none is guessed."""
    data = seoul("20210301,강동구,,,,,15,8") + "20210301,홍릉로,,,,,15,8\n".encode()
    first, second = read(SEOUL_DAILY, data)
    assert isinstance(first, Accepted)
    assert isinstance(second, Refused) or fields(second)["station"] != "강동구"


def test_bytes_that_are_no_text_are_refused() -> None:
    """The place of the first such byte is told."""
    data = beijing(BEIJING_ROW) + b"2,2013,3,1,\xff\xfe,4,4,4,7,300,77,-0.7,1023,-18.8,0,N,4.4,X\n"
    assert "byte 12 of the line is not utf-8" in refusal(read(BEIJING_PRSA, data)[1]).reason


def test_a_table_without_a_column_is_refused_row_by_row() -> None:
    """Every row is counted, every refusal names the column."""
    header = BEIJING_HEADER.replace("CO,", "")
    rows = [BEIJING_ROW.replace("300,", "")] * 3
    items = read(BEIJING_PRSA, beijing(*rows, header=header))
    assert [refusal(item).reason for item in items] == ["the table lacks the column CO"] * 3


def test_blank_lines_are_no_records() -> None:
    """They are skipped, and the numbers of the records go on without them."""
    items = read(BEIJING_PRSA, beijing(BEIJING_ROW, "", "  ", BEIJING_ROW))
    assert [type(item) for item in items] == [Accepted, Skipped, Skipped, Accepted]
    last = items[-1]
    assert isinstance(last, Accepted)
    assert (last.record, last.line) == (2, 5)


def test_line_ends_of_windows_and_a_missing_last_one_are_fine() -> None:
    """CRLF and no line end at all."""
    data = beijing(BEIJING_ROW, BEIJING_ROW).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    assert [type(item) for item in read(BEIJING_PRSA, data)] == [Accepted, Accepted]


@pytest.mark.parametrize("layout", [SEOUL_DAILY, BEIJING_PRSA])
@given(body=st.binary(max_size=400))
def test_whatever_the_bytes_are_every_line_is_accounted_for(layout: TableLayout, body: bytes) -> None:
    """Rows are numbered 1, 2, 3 …; every byte belongs to a record or a skipped line; nothing is raised."""
    header = seoul() if layout is SEOUL_DAILY else beijing()
    items = read(layout, header + body)
    records = [item.record for item in items if not isinstance(item, Skipped)]
    assert records == list(range(1, len(records) + 1))


def independent_rows(path: Path) -> Iterator[list[str]]:
    """Read a bundled file's data rows with nothing but the standard library."""
    encoding = "cp949" if "cp949" in path.name else "utf-8"
    with gzip.open(path, "rt", encoding=encoding, newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        yield from rows


@pytest.mark.parametrize("path", bundled("air_quality"), ids=lambda path: path.name)
def test_bundled_recordings_are_read_to_the_last_row(path: Path) -> None:
    """As many records as the csv module finds rows, all accepted, and every reading fits its schema."""
    rows = list(independent_rows(path))
    with gzip.open(path) as stream:
        layout = SEOUL_DAILY if "seoul" in path.name else BEIJING_PRSA
        header, *items = layout.read(stream)  # type: ignore[arg-type]
    assert isinstance(header, Skipped)
    assert len(items) == len(rows)
    assert all(isinstance(item, Accepted) for item in items)
    door = MemoryProducer(load_catalog())
    envelope = {"event_id": "018f0000-0000-7000-8000-000000000001", "salt": bytes(16), "source": "replay:0#1"}
    for item in items[:300]:
        assert isinstance(item, Accepted)
        (draft,) = item.drafts
        door.prepare(draft.topic, {**envelope, "occurred_at": draft.occurred_at, **draft.fields})


def test_bundled_recordings_are_small() -> None:
    """All of them together stay under a megabyte, and there are both cities."""
    assert sum(path.stat().st_size for path in bundled("air_quality")) < 1_000_000
    assert {path.name[:5] for path in bundled("air_quality")} == {"seoul", "PRSA_"}
