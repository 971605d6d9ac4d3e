"""What a reader holds back is bounded by bytes, not only by items: long lines cost no more memory than short ones."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from streams.domains.air_quality import recordings, time_order
from streams.domains.cargo import ais_nmea
from streams.domains.energy import ausgrid_wide, tables
from streams.domains.energy.ausgrid import AUSGRID
from streams.domains.vehicle import car_scanner
from streams.readers.formats import Accepted, Item


def _accepted(items: list[Item]) -> list[dict[str, Any]]:
    return [dict(item.drafts[0].fields) for item in items if isinstance(item, Accepted)]


@pytest.mark.parametrize(("most", "closes"), [(1 << 20, True), (1_000, False)])
def test_refused_rows_behind_the_last_reading(
    monkeypatch: pytest.MonkeyPatch, most: int, *, closes: bool
) -> None:
    """Half hours of Ausgrid: the last reading waits for its session's end only so long."""
    monkeypatch.setattr(tables, "LARGEST_HOLD", most)
    data = b",GC,GG\n2011-09-26 00:00:00,0.3,0.0\n" + (b"x" * 100 + b"\n") * 20
    (found,) = _accepted(list(AUSGRID.read(io.BytesIO(data), Path("customer12.csv"))))
    assert found["closes"] is closes


@pytest.mark.parametrize(("most", "sorts"), [(1 << 20, True), (300, False)])
def test_a_page_that_is_not_in_the_order_of_time(
    monkeypatch: pytest.MonkeyPatch, most: int, *, sorts: bool
) -> None:
    """Air Korea's newest hour first: a page that is too large stays in its own order."""
    monkeypatch.setattr(time_order, "MOST_BYTES", most)
    hours = [
        {"stationName": "종로구", "dataTime": f"2023-01-05 {hour}:00", "pm10Value": "20", "x": "y" * 200}
        for hour in (12, 11, 10)
    ]
    page = json.dumps({"response": {"body": {"items": hours}}}).encode()
    items = list(recordings.read_airkorea_page(io.BytesIO(page)))
    records = [item.record for item in items if isinstance(item, Accepted)]
    assert records == ([3, 2, 1] if sorts else [1, 2, 3])


@pytest.mark.parametrize(("most", "records"), [(1 << 20, 1), (250, 2)])
def test_the_readings_of_one_moment(monkeypatch: pytest.MonkeyPatch, most: int, records: int) -> None:
    """Car Scanner: a further record begins."""
    monkeypatch.setattr(car_scanner, "MOST_BYTES", most)
    rows = [f'"85095.1";"{name * 80}";"1";"km/h";\n' for name in "abcd"]
    data = "".join(['"SECONDS";"PID";"VALUE";"UNITS";\n', *rows]).encode()
    found = _accepted(list(car_scanner.read_named(io.BytesIO(data), Path("2026-01-27 23-38-14.csv"))))
    assert len(found) == records
    assert sum(len(each["other"]) for each in found) == 4


@pytest.mark.parametrize(("most", "flag"), [(1 << 20, "TIME_OF_LATER_FIX"), (1_000, "NO_TIME")])
def test_sentences_before_the_first_time(monkeypatch: pytest.MonkeyPatch, most: int, flag: str) -> None:
    """AIS: they go on without a time."""
    monkeypatch.setattr(ais_nmea, "MAX_WAITING_BYTES", most)
    fix = b"GPRMC,081836,A,3751.65,S,14507.36,E,000.0,360.0,130998,011.3,E"
    checksum = 0
    for byte in fix:
        checksum ^= byte
    data = (
        b"!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\n"
        + (b"x" * 100 + b"\n") * 20
        + b"$%b*%02X\n" % (fix, checksum)
    )
    (found,) = _accepted(list(ais_nmea.read(io.BytesIO(data))))
    assert flag in found["flags"]


@pytest.mark.parametrize(("most", "records"), [(1 << 20, 1), (200, 2)])
def test_the_rows_of_one_customer(monkeypatch: pytest.MonkeyPatch, most: int, records: int) -> None:
    """Ausgrid's own files: the days that are held go out."""
    monkeypatch.setattr(ausgrid_wide, "MOST_BYTES", most)
    times = [f"{half // 2}:{half % 2 * 30:02}" for half in range(1, 48)] + ["0:00"]
    head = ",".join(["Customer,Generator Capacity,Postcode,Consumption Category,date", *times])
    rows = [",".join([f"1,1.5,2000,{channel},1/07/2012", *["0.1"] * 48]) for channel in ("GC", "GG")]
    found = _accepted(list(ausgrid_wide.read(io.BytesIO("\n".join([head, *rows, ""]).encode()))))
    assert len(found) == records
