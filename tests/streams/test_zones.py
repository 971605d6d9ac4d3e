"""Local days and months: 23, 24 and 25 hours, half-hour zones, midnights that are skipped or come twice."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.zones import day_bounds, local_day, micros, month_bounds, zone_of, zone_or_utc

HOUR_US = 3_600_000_000
ZONES = (
    "Asia/Seoul",
    "Asia/Shanghai",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Pacific/Apia",
)


def test_a_seoul_day_begins_at_midnight_in_seoul() -> None:
    """15:00 UTC of the day before."""
    begin, end = day_bounds(date(2021, 3, 1), ZoneInfo("Asia/Seoul"))
    assert begin == micros(datetime(2021, 2, 28, 15, tzinfo=UTC))
    assert end - begin == 24 * HOUR_US


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", date(2024, 3, 10), 23),
        ("America/New_York", date(2024, 11, 3), 25),
        ("America/New_York", date(2024, 7, 1), 24),
        ("Asia/Kolkata", date(2024, 3, 10), 24),
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # 00:00 was skipped
        ("America/Sao_Paulo", date(2018, 2, 17), 25),  # 23:00 came twice
        ("Asia/Beirut", date(2022, 3, 27), 23),
        ("Europe/London", date(2024, 3, 31), 23),
    ],
)
def test_a_day_is_as_long_as_its_clock_says(zone: str, day: date, hours: float) -> None:
    """Changes of the clock make short and long days."""
    begin, end = day_bounds(day, ZoneInfo(zone))
    assert (end - begin) / HOUR_US == hours


def test_a_month_follows_the_zone_too() -> None:
    """November in New York has 721 hours."""
    begin, end = month_bounds(date(2024, 11, 20), ZoneInfo("America/New_York"))
    assert begin == micros(datetime(2024, 11, 1, 4, tzinfo=UTC))
    assert (end - begin) // HOUR_US == 721


def test_an_unknown_zone_is_utc() -> None:
    """No name, a wrong name, and what is no name at all."""
    assert zone_of("Asia/Seoul") == ZoneInfo("Asia/Seoul")
    for name in (None, "", "Asia/Nowhere", "../etc/passwd", "/etc", "a\0b", "Asia"):
        assert zone_of(name) is None
        assert str(zone_or_utc(name)) == "UTC"


@given(st.sampled_from(ZONES), st.integers(0, 4_102_444_800))
def test_an_instant_lies_in_its_own_day(name: str, second: int) -> None:
    """The bounds of an instant's local day enclose it, and days follow on each other."""
    zone = ZoneInfo(name)
    day = local_day(second * 1_000_000, zone)
    begin, end = day_bounds(day, zone)
    assert begin <= second * 1_000_000 < end
    assert day_bounds(day + timedelta(days=1), zone)[0] == end
