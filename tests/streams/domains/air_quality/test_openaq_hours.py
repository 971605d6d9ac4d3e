"""Hours of OpenAQ: what enters a mean, how long an interval is, how much of it is covered, and in which unit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.streams.domains.air_quality.test_forms import (
    ARCHIVE_HEADER,
    drafts,
    read,
    refused,
    result,
    results,
    stamps_at,
    table,
)

NOON = datetime(2025, 8, 31, 12, tzinfo=UTC)


def archive(
    values: list[str], every: timedelta = timedelta(minutes=1), parameter: str = "pm25"
) -> list[dict[str, Any]]:
    """Return the readings of a sensor whose rows begin at noon; an empty value is a missing row."""
    return at_times(
        [(NOON + every * number, value) for number, value in enumerate(values, 1) if value], parameter
    )


def at_times(
    rows: list[tuple[datetime, str]], parameter: str = "pm25", unit: str = "µg/m³"
) -> list[dict[str, Any]]:
    """Return the readings of a sensor's rows."""
    lines = [f"7,8,Here-7,{at.isoformat()},43.7,-79.5,{parameter},{unit},{value}" for at, value in rows]
    return [fields for _, fields in drafts(read(table(ARCHIVE_HEADER, *lines), form="openaq-archive"))]


# Means


@pytest.mark.parametrize(
    "code", ["-999", "-9999", "-999.0", "9999", "999", "999.9", "9999.0", "65535", "-99"]
)
def test_a_code_for_no_value_is_in_no_mean(code: str) -> None:
    """59 minutes of 8 and one code are a mean of 8 (openaq-api, issue 8); it is told how many were left out."""
    [fields] = archive(["8"] * 59 + [code])
    assert (fields["pm2_5"], fields["flags"]) == (8.0, ["LEFT_OUT:pm2_5:1", "MEAN_OF:pm2_5:59"])
    [fields] = archive(["40", "42", code, "41"], timedelta(minutes=15))
    assert (fields["pm2_5"], fields["flags"]) == (41.0, ["LEFT_OUT:pm2_5:1", "MEAN_OF:pm2_5:3"])


def test_parts_that_are_left_out_count_against_completeness() -> None:
    """Two of four quarters are too few; an hour of codes is null."""
    [fields] = archive(["40", "-999", "-999", "41"], timedelta(minutes=15))
    assert (fields["pm2_5"], fields["flags"]) == (None, ["LEFT_OUT:pm2_5:2", "INCOMPLETE:pm2_5:2_OF_4"])
    for code in ("-999", "9999"):
        [fields] = archive([code] * 60)
        assert (fields["pm2_5"], fields["flags"]) == (None, ["LEFT_OUT:pm2_5:60", "INCOMPLETE:pm2_5:0_OF_60"])
    for left, value in ((15, 8.0), (16, None)):
        [fields] = archive(["8"] * (60 - left) + ["-999"] * left)
        assert fields["pm2_5"] == value


def test_drift_below_zero_stays_and_so_does_a_storm() -> None:
    """An instrument at zero shows -0.3; dust above every plausible value for most of an hour is no code."""
    [fields] = archive(["-0.3", "0.3", "0.4", "0.4"], timedelta(minutes=15))
    assert (fields["pm2_5"], fields["flags"]) == (0.2, ["MEAN_OF:pm2_5:4"])
    [fields] = archive(["1500", "1600", "1700", "900"], timedelta(minutes=15))
    assert (fields["pm2_5"], fields["flags"]) == (1425.0, ["MEAN_OF:pm2_5:4", "OUT_OF_RANGE:pm2_5"])
    [fields] = archive(["90", "1600", "99", "99"], timedelta(minutes=15))
    assert fields["pm2_5"] == 96.0


@pytest.mark.parametrize(
    ("parameter", "unit", "field", "code", "good"),
    [
        ("no2", "ppb", "no2", "-999", "20"),
        ("o3", "ppm", "o3", "-0.999", "0.02"),
        ("co", "µg/m³", "co", "-999", "999"),
        ("no2", "µg/m³", "no2", "9999", "20"),
        ("temperature", "c", "temperature", "-999", "20"),
        ("pressure", "hpa", "pressure", "0", "1000"),
    ],
)
def test_codes_are_known_in_every_unit(parameter: str, unit: str, field: str, code: str, good: str) -> None:
    """999 µg/m³ of carbon monoxide are 0.9 ppm and no code."""
    rows = [(NOON + timedelta(minutes=15 * number), good) for number in (1, 2, 3)]
    [fields] = at_times([*rows, (NOON + timedelta(hours=1), code)], parameter, unit)
    scale = 0.001 if unit == "ppb" else 1
    assert fields[field] == pytest.approx(float(good) * scale)
    assert f"LEFT_OUT:{field}:1" in fields["flags"]


# Time covered


def test_a_sensor_of_five_to_ten_minutes_keeps_its_hours() -> None:
    """The parts cover the time since the row before; the commonest gap alone would call each hour incomplete."""
    at, rows = NOON, []
    for number in range(3 * 8):
        at += timedelta(minutes=5 if number % 2 else 10)
        rows.append((at, "10"))
    found = at_times(rows)
    assert [fields["pm2_5"] for fields in found] == [10.0] * 3
    assert [fields["flags"] for fields in found] == [["MEAN_OF:pm2_5:8"]] * 3


def test_a_jittering_sensor_keeps_its_hours_and_one_with_holes_does_not() -> None:
    """A row after a hole covers no more than the usual gap: :15 and :45 are half an hour, not a whole one."""
    jitter = [1052, 1031, 1075, 990, 1049, 1061, 1043, 1058, 1012, 1070, 1040]
    at, rows = NOON, []
    for seconds in jitter:
        at += timedelta(seconds=seconds)
        rows.append((at, "6"))
    assert [fields["pm2_5"] for fields in at_times(rows)][:3] == [6.0] * 3
    quarters = ["1"] * 8 + ["2", "", "2", ""] + ["3"] * 8
    assert [fields["pm2_5"] for fields in archive(quarters, timedelta(minutes=15))] == [
        1.0,
        1.0,
        None,
        3.0,
        3.0,
    ]
    late = [(NOON + timedelta(minutes=10 + 30 * number), "4") for number in range(6)]
    assert [fields["pm2_5"] for fields in at_times(late)] == [4.0] * 3


@pytest.mark.parametrize("stated", ["interval", "datetimes"])
def test_intervals_that_are_stated_cover_what_they_state(stated: str) -> None:
    """Five and ten minutes in turn, whichever is the last; without every second one an hour is incomplete."""
    rows, at = [], datetime(2024, 3, 10, 12, tzinfo=UTC)
    for number in range(8):
        minutes = 10 if number % 2 else 5
        begin, at = at, at + timedelta(minutes=minutes)
        period: dict[str, Any] = {
            "datetimeFrom": {"utc": begin.isoformat()},
            "datetimeTo": {"utc": at.isoformat()},
        }
        if stated == "interval":
            period = {"datetimeTo": {"utc": at.isoformat()}, "interval": f"00:{minutes:02d}:00"}
        rows.append(result(6, period=period, sensorsId=8))
    for order in (rows, rows[::-1]):
        [(_, fields)] = drafts(read(results(*order)))
        assert (fields["pm2_5"], fields["flags"]) == (12.1, ["MEAN_OF:pm2_5:8"])
    [(_, fields)] = drafts(read(results(*rows[1::2])))
    assert (fields["pm2_5"], fields["flags"]) == (None, ["INCOMPLETE:pm2_5:4_OF_6"])


def test_parts_in_two_units_are_not_averaged() -> None:
    """Sensors without an id: ppm and µg/m³ of one gas in one hour; the first unit counts."""
    header = "location_id,location,datetime,lat,lon,parameter,units,value"
    rows = [
        f"7,Here,2025-08-31T12:{minute}:00+00:00,43.7,-79.5,no2,{value}"
        for minute, value in ((15, "ppm,0.02"), (30, "ppm,0.02"), (45, "µg/m³,38"), (50, "ppm,0.02"))
    ]
    rows.append("7,Here,2025-08-31T13:00:00+00:00,43.7,-79.5,no2,ppm,0.02")
    [(_, fields)] = drafts(read(table(header, *rows)))
    assert fields["no2"] == 0.02
    assert "OTHER_UNIT:no2:UG_M3" in fields["flags"]


# Intervals of version 1


def v1(hour: int, value: Any, period: Any, parameter: str = "pm10") -> dict[str, Any]:
    """Make a result of the interface, version 1."""
    return {
        "location": "Here", "parameter": parameter, "value": value, "unit": "µg/m³", "averagingPeriod": period,
        "date": stamps_at(hour), "coordinates": {"latitude": 34.5, "longitude": 69.2}, "city": "Kabul",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("period", "averaging", "hours"),
    [
        ({"value": 24, "unit": "hours"}, "P1D", 24),
        ({"value": 1, "unit": "days"}, "P1D", 24),
        ({"value": 1440, "unit": "minutes"}, "P1D", 24),
        ({"value": 1, "unit": "hours"}, "PT1H", 1),
        ({"value": 1.0, "unit": "hour"}, "PT1H", 1),
        ({"value": "3600", "unit": "Seconds"}, "PT1H", 1),
    ],
)
def test_the_averaging_period_of_version_1_is_the_interval(period: Any, averaging: str, hours: int) -> None:
    """A day is a day, and nothing is assumed."""
    [(at, fields)] = drafts(read(results(v1(12, 31, period)), form="openaq-api"))
    end = datetime(2024, 3, 10, 12, tzinfo=UTC)
    assert at == round((end - timedelta(hours=hours)).timestamp()) * 1_000_000
    assert (fields["averaging"], fields["pm10"], fields["flags"]) == (averaging, 31.0, [])


def test_other_averaging_periods_are_refused_or_parts_of_an_hour() -> None:
    """Two rows of 8 h are no hours; four quarters are one; what is not stated is assumed."""
    eight = {"value": 8, "unit": "hours"}
    page = results(
        v1(11, 5500, eight, "co"), v1(12, 5600, eight, "co"), v1(12, 1, {"value": 1, "unit": "moons"})
    )
    reasons = refused(read(page))
    assert ["expected an hour, a part of one, or a day" in reason for reason in reasons] == [
        True,
        True,
        False,
    ]
    assert "averagingPeriod.unit" in reasons[2]
    quarter = {"value": 0.25, "unit": "hours"}
    [(_, fields)] = drafts(read(results(v1(12, 31, quarter))))
    assert fields["flags"] == ["INCOMPLETE:pm10:1_OF_4"]
    for nothing in (None, {}, {"value": None, "unit": "hours"}):
        [(_, fields)] = drafts(read(results(v1(12, 31, nothing))))
        assert fields["flags"] == ["INTERVAL_ASSUMED:pm10"]


def test_exported_tables_state_the_averaging_period_too() -> None:
    """As two columns."""
    header = "location,utc,local,parameter,value,unit,latitude,longitude,averagingPeriod.value,averagingPeriod.unit"
    stamps = "2019-01-02T00:00:00.000Z,2019-01-01T17:00:00-07:00"
    [(_, fields)] = drafts(read(table(header, f"Here,{stamps},pm10,20,µg/m³,35.1,-106.6,24,hours")))
    assert (fields["averaging"], fields["flags"]) == ("P1D", [])


# Coverage of version 3


@pytest.mark.parametrize(
    ("coverage", "value", "flags"),
    [
        (
            {"expectedCount": 60, "observedCount": 1, "percentComplete": 1.7, "percentCoverage": 1.7},
            None,
            "1_OF_60",
        ),
        ({"expectedCount": 60, "observedCount": 44}, None, "44_OF_60"),
        ({"expectedCount": 60, "observedCount": 45}, 12.1, None),
        (
            {"expectedCount": 1, "observedCount": 1, "percentComplete": 100.0, "percentCoverage": 1.7},
            None,
            "1.7_OF_100",
        ),
        ({"percentCoverage": 74.9}, None, "74.9_OF_100"),
        ({"percentCoverage": 75}, 12.1, None),
        ({"percentComplete": "50"}, None, "50_OF_100"),
        ({"expectedCount": 0, "observedCount": 0, "percentComplete": None}, 12.1, None),
        ({"expectedCount": 4, "observedCount": 5, "percentCoverage": 125.0}, 12.1, None),
        (None, 12.1, None),
    ],
)
def test_a_mean_of_too_little_is_no_hour(coverage: Any, value: float | None, flags: str | None) -> None:
    """As raw rows of the same sensor would be; 75 % by every share that is stated."""
    [(_, fields)] = drafts(read(results(result(6, coverage=coverage, sensorsId=8))))
    assert (fields["pm2_5"], fields["flags"]) == (value, [f"INCOMPLETE:pm2_5:{flags}"] if flags else [])


def test_a_result_without_a_value_is_refused_and_null_is_not() -> None:
    """A member that is missing is another format; null was not measured."""
    bare = {name: value for name, value in result(6, sensorsId=8).items() if name != "value"}
    items = read(results(result(6, sensorsId=8, value=None), {**bare, "values": 3}))
    assert refused(items) == ["result without a value"]
    assert [fields["pm2_5"] for _, fields in drafts(items)] == [None]


# Units


@pytest.mark.parametrize(
    ("parameter", "unit", "value", "field", "want"),
    [
        ("no2", "ppt", "20000", "no2", 0.02),
        ("no2", "µmol/mol", "0.02", "no2", 0.02),
        ("o3", "nmol/mol", "20", "o3", 0.02),
        ("co", "PPB", "400", "co", 0.4),
        ("pm25", "ng/m³", "12500", "pm2_5", 12.5),
        ("pm25", "㎍/㎥", "12.5", "pm2_5", 12.5),
        ("pm25", "μg m⁻³", "12.5", "pm2_5", 12.5),
        ("pm10", "mg/m3", "0.05", "pm10", 50.0),
        ("temperature", "°F", "50", "temperature", 10.0),
        ("temperature", "f", "-40", "temperature", -40.0),
        ("temperature", "℃", "21.5", "temperature", 21.5),
        ("temperature", "K", "283.15", "temperature", 10.0),
        ("pressure", "Pa", "101325", "pressure", 1013.25),
        ("pressure", "kPa", "101.325", "pressure", 1013.25),
        ("pressure", "inHg", "30", "pressure", 1015.9167),
        ("wind_speed", "km/h", "36", "wind_speed", 10.0),
        ("wind_speed", "mph", "10", "wind_speed", 4.4704),
        ("wind_speed", "knots", "10", "wind_speed", 5.144444),
    ],
)
def test_units_are_converted(parameter: str, unit: str, value: str, field: str, want: float) -> None:
    """Factors of NIST SP 811."""
    [fields] = at_times([(NOON, value)], parameter, unit)
    assert fields[field] == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize(
    ("parameter", "unit"),
    [
        ("no2", "furlong"),
        ("pm25", "ppm"),
        ("pm25", ""),
        ("pm10", "particles/cm³"),
        ("temperature", "hPa"),
        ("o3", "%"),
    ],
)
def test_a_known_pollutant_in_an_unknown_unit_is_refused(parameter: str, unit: str) -> None:
    """The reason names the unit; a parameter that no reading has is accepted without an event."""
    row = "7,8,Here-7,2025-08-31T12:00:00Z,43.7,-79.5,{},{},5"
    items = read(table(ARCHIVE_HEADER, row.format(parameter, unit), row.format("um003", "particles/cm³")))
    [reason] = refused(items)
    assert f"{parameter} in " in reason
    assert (repr(unit) if unit else "no unit") in reason
    assert list(drafts(items)) == []
    [reason] = refused(
        read(results(result(6, parameter={"name": parameter, "units": unit or None}, sensorsId=8)))
    )
    assert f"{parameter} in " in reason


# Names


def test_a_place_has_one_name_in_the_explorer_and_in_the_archive() -> None:
    """The Explorer's downloads call the location `location_name`."""
    header = (
        "location_id,location_name,parameter,value,unit,datetimeUtc,datetimeLocal,timezone,latitude,longitude,"
        "country_iso,isMobile,isMonitor,owner_name,provider"
    )
    stamps = "2025-09-01T01:00:00Z,2025-08-31T21:00:00-04:00,America/Toronto"
    row = f'1274950,"Toronto West","no2",0.012,"ppm",{stamps},43.709444,-79.5435,,,,"Unknown","AirNow"'
    [(at, fields)] = drafts(read(table(header, row), form="openaq-archive"))
    line = "1274950,1,Toronto West-1274950,2025-08-31T21:00:00-04:00,43.709444,-79.5435,no2,ppm,0.012"
    [(same, archived)] = drafts(read(table(ARCHIVE_HEADER, line)))
    assert fields["station"] == archived["station"] == "Toronto West-1274950"
    assert at == same
    assert fields == archived
