"""Forms of Seoul's air quality: the services and members of its interface by year, and the headers of its tables."""

from typing import Any

import pytest

from streams.domains.air_quality.plausibility import doubted
from streams.domains.air_quality.rules import assess
from tests.streams.domains.air_quality.test_forms import (
    AIRKOREA_HEADER,
    AIRKOREA_ROW,
    ITEM,
    SEOUL_ROW,
    drafts,
    form_of,
    kst,
    page,
    read,
    refused,
    seoul_page,
    table,
)
from tests.streams.domains.air_quality.test_recordings import SEOUL_HEADER

TODAY = {
    "MSRMT_DT": "202605181500", "SAREA_NM": "도심권", "MSRSTN_NM": "중구", "PM": 41.0, "FPM": 26.0, "OZON": 0.054,
    "NTDX": 0.028, "CBMX": 0.4, "SPDX": 0.003, "CAI_GRD": "보통", "CAI_IDX": 70.0,
}  # fmt: skip
VALUES = {"pm10": 41.0, "pm2_5": 26.0, "o3": 0.054, "no2": 0.028, "co": 0.4, "so2": 0.003}
HOUR = {
    "MSRDT": "202403010900", "MSRSTE_NM": "종로구", "PM10": 41.0, "PM25": 26.0, "O3": 0.054, "NO2": 0.028, "CO": 0.4,
    "SO2": 0.003,
}  # fmt: skip
DISTRICT = {
    "MSRDATE": "202009021600", "MSRADMCODE": "111123", "MSRSTENAME": "종로구", "MAXINDEX": "70", "GRADE": "보통",
    "NITROGEN": "0.028", "OZONE": "0.054", "CARBON": "0.4", "SULFUROUS": "0.003", "PM10": "41", "PM25": "26",
}  # fmt: skip


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a row without some of its members."""
    return {name: value for name, value in row.items() if name not in names}


def one(row: dict[str, Any], service: str = "RealtimeCityAir") -> tuple[int, dict[str, Any]]:
    """Return the one reading of a page of one row."""
    [found] = drafts(read(seoul_page(row, service=service), form="seoul-api"))
    return found


@pytest.mark.parametrize(
    ("service", "row", "begin", "averaging"),
    [
        ("RealtimeCityAir", TODAY, "2026-05-18T14:00", "PT1H"),
        (
            "RealtimeCityAir",
            {**without(TODAY, "MSRMT_DT"), "MSRDT": "202605181500"},
            "2026-05-18T14:00",
            "PT1H",
        ),
        (
            "TimeAverageCityAir",
            {**without(TODAY, "PM"), "PM_HOUR": 41.0, "PM_ALDY": 33.0, "MSRMT_DT": "202605182400"},
            "2026-05-18T23:00",
            "PT1H",
        ),
        ("TimeAverageAirQuality", HOUR, "2024-03-01T08:00", "PT1H"),
        ("TimeAverageAirQuality", {**TODAY, "MSRMT_DT": "202605181500"}, "2026-05-18T14:00", "PT1H"),
        (
            "DailyAverageAirQuality",
            {**without(HOUR, "MSRDT"), "MSRDT_DE": "20181113"},
            "2018-11-13T00:00",
            "P1D",
        ),
        ("DailyAverageAirQuality", {**TODAY, "MSRMT_DT": "20260518"}, "2026-05-18T00:00", "P1D"),
        ("DailyAverageAirQuality", {**TODAY, "MSRMT_DT": "202605180000"}, "2026-05-18T00:00", "P1D"),
        (
            "DailyAverageCityAir",
            {**without(TODAY, "MSRMT_DT"), "MSRMT_YMD": "2026-05-18"},
            "2026-05-18T00:00",
            "P1D",
        ),
        ("RealtimeRoadsideStation", {**TODAY, "ROAD": "일반도로"}, "2026-05-18T14:00", "PT1H"),
        ("DailyAverageRoadside", {**TODAY, "MSRMT_DT": 20260518}, "2026-05-18T00:00", "P1D"),
        ("ListAirQualityByDistrictService", DISTRICT, "2020-09-02T15:00", "PT1H"),
    ],
)
def test_each_service_is_read_with_the_members_of_its_year(
    service: str, row: dict[str, Any], begin: str, averaging: str
) -> None:
    """All six values; an hour is stamped with its end, a day with itself; PM10's hour counts, not its day so far."""
    at, fields = one(row, service)
    assert (at, fields["averaging"]) == (kst(begin), averaging)
    assert {name: fields[name] for name in VALUES} == VALUES
    assert fields["flags"] == []
    assert fields["network"] == ("roadside" if "Roadside" in service else None)


@pytest.mark.parametrize(
    ("service", "stamp"),
    [
        ("DailyAverageAirQuality", "202605181500"),
        ("DailyAverageAirQuality", "20261318"),
        ("RealtimeCityAir", "20260518"),
        ("TimeAverageAirQuality", ""),
    ],
)
def test_an_hour_is_no_day_and_a_day_no_hour(service: str, stamp: str) -> None:
    """The row is refused; it names the member."""
    [reason] = refused(read(seoul_page({**TODAY, "MSRMT_DT": stamp}, service=service)))
    assert "MSR" in reason or "no such day" in reason


def test_a_row_without_any_known_value_is_refused() -> None:
    """Members that were renamed again must not become a reading of nulls; a value may be missing."""
    renamed = without(TODAY, "PM", "FPM", "OZON", "NTDX", "CBMX", "SPDX")
    [reason] = refused(read(seoul_page({**renamed, "PMX": 41.0})))
    assert "row without a value" in reason
    item = {name: value for name, value in ITEM.items() if not name.endswith("Value")}
    [reason] = refused(read(page(ITEM, {**item, "pm10": "30"})))
    assert "item without a value" in reason
    _, fields = one({**TODAY, "PM": None, "FPM": "", "CBMX": "-"})
    assert [fields[name] for name in ("pm10", "pm2_5", "co", "o3")] == [None, None, None, 0.054]


@pytest.mark.parametrize("grade", ["IDEX_NM", "CAI_GRD", "GRADE"])
def test_values_of_a_station_that_is_being_checked_are_flagged(grade: str) -> None:
    """By the grade of each year; none enters an index."""
    at, fields = one({**TODAY, "PM": 0.0, "OZON": 0.0, grade: "점검중"})
    assert doubted(fields["flags"]) == set(VALUES)
    _, assessment = assess(None, {**fields, "occurred_at": at})
    assert assessment is None or not assessment.kr.parts


@pytest.mark.parametrize("doubt", ["점검중", "점검 중", "자료이상", "통신장애", "장비점검", "점검및교정"])
def test_a_doubt_in_the_place_of_a_value_is_null_and_flagged(doubt: str) -> None:
    """In the interfaces and in the tables; the other values stay."""
    flag = f"SOURCE_FLAG:pm10:{doubt.replace(' ', '')}"
    rows = (
        read(seoul_page({**TODAY, "PM": doubt})),
        read(seoul_page({**SEOUL_ROW, "PM10": doubt})),
        read(page({**ITEM, "pm10Value": doubt, "pm10Flag": None})),
        read(table(AIRKOREA_HEADER, AIRKOREA_ROW.replace(",30,", f",{doubt},"))),
        read(table(SEOUL_HEADER, f"20210301,강남구,0.022,0.022,0.4,0.003,{doubt},8")),
    )
    for items in rows:
        [(_, fields)] = drafts(items)
        assert (fields["pm10"], fields["flags"]) == (None, [flag])
        assert fields["no2"] is not None


def test_a_zero_of_the_interface_is_no_measurement_of_particles() -> None:
    """A PM2.5 of 0 for hours would be an index of 0; a gas may be 0, unless everything is."""
    _, fields = one({**TODAY, "FPM": 0.0, "SPDX": 0.0})
    assert (fields["pm2_5"], fields["so2"], fields["flags"]) == (0.0, 0.0, ["SOURCE_FLAG:pm2_5:0"])
    _, fields = one({**SEOUL_ROW, "PM10": 0, "PM25": "0"})
    assert doubted(fields["flags"]) == {"pm10", "pm2_5"}
    _, fields = one({**TODAY, **dict.fromkeys(("PM", "FPM", "OZON", "NTDX", "CBMX", "SPDX"), 0.0)})
    assert doubted(fields["flags"]) == set(VALUES)
    [(_, fields)] = drafts(read(table(SEOUL_HEADER, "20210301,강남구,0.022,0.022,0.4,0.003,0,8")))
    assert "SOURCE_FLAG:pm10:0" not in fields["flags"]  # the tables leave such cells empty


MISLABELLED = "이산화탄소농도(ppm)"


@pytest.mark.parametrize("encoding", ["cp949", "utf-8-sig"])
@pytest.mark.parametrize("stamp", ["20180101", "201801010100"])
@pytest.mark.parametrize(
    ("header", "carbon"),
    [
        (
            "측정일시,측정소명,이산화질소농도(ppm),오존농도(ppm),이산화탄소농도(ppm),아황산가스(ppm),미세먼지(㎍/㎥),초미세먼지(㎍/㎥)",
            MISLABELLED,
        ),
        (
            "측정일시,측정소명,이산화질소(ppm),오존(ppm),일산화탄소(ppm),아황산가스(ppm),미세먼지(㎍/㎥),초미세먼지(㎍/㎥)",
            None,
        ),
        ("측정일시,측정소명,이산화질소농도,오존농도,일산화탄소농도,아황산가스농도,미세먼지,초미세먼지", None),
        (
            "측정일시,측정소명,이산화질소 농도 (PPM),오존 농도,일산화탄소,아황산가스,미세먼지 농도 (㎍/㎥),초미세먼지",
            None,
        ),
    ],
)
def test_headers_of_other_years_are_read(header: str, carbon: str | None, stamp: str, encoding: str) -> None:
    """The file of 2018 calls carbon monoxide carbon dioxide: 0.6 ppm; the column is read and flagged."""
    data = table(header, f"{stamp},강남구,0.033,0.01,0.6,0.006,34,22", encoding=encoding)
    [(_, fields)] = drafts(read(data))
    assert [fields[name] for name in ("no2", "o3", "co", "so2", "pm10", "pm2_5")] == [
        0.033, 0.01, 0.6, 0.006, 34.0, 22.0,
    ]  # fmt: skip
    assert fields["flags"] == ([f"READ_AS:co:{carbon}"] if carbon else [])


def test_a_table_with_carbon_monoxide_reads_no_carbon_dioxide_and_another_unit_is_refused() -> None:
    """The right column counts where both stand; ppb are not ppm."""
    header = f"{SEOUL_HEADER},{MISLABELLED}"
    [(_, fields)] = drafts(read(table(header, "20210301,강남구,0.022,0.022,0.4,0.003,15,8,410")))
    assert (fields["co"], fields["flags"]) == (0.4, [])
    other = SEOUL_HEADER.replace("오존농도(ppm)", "오존농도(ppb)")
    [reason] = refused(read(table(other, "20210301,강남구,0.022,22,0.4,0.003,15,8")))
    assert "lacks the column 오존농도(ppm)" in reason
    assert form_of(table(other)).name == "seoul-daily"
