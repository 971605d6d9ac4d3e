"""Moves every date of a source to an end of the calendar, in the form in which the source writes it."""

import re
from collections.abc import Iterator
from itertools import product

YEARS = ("0001", "1969", "9999")
DAYS = (
    (("01", "01"), ("00", "00", "00")),
    (("12", "31"), ("23", "59", "59")),
    (("12", "31"), ("23", "59", "60")),
    (("12", "31"), ("24", "00", "00")),
)
"""Month and day, with hour to second."""
OFFSETS = ("+14:00", "-14:00", "Z", "")

Instant = tuple[str, tuple[str, str], tuple[str, str, str], str]
"""Year, month and day, hour to second, and offset."""

_ZONE = rb"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?"
_CLOCK = (
    rb"(?:(?P<t>[T ]?)(?P<h>\d\d)(?:(?P<c>:?)(?P<i>\d\d)(?:(?P=c)(?P<s>\d\d))?)?(?P<f>\.\d+)?"
    + _ZONE
    + rb")?"
)
_YEAR_FIRST = re.compile(
    rb"(?<!\d)(?:19|20)\d\d(?P<d>[-/.]?)(?:0[1-9]|1[0-2])(?P=d)(?:0[1-9]|[12]\d|3[01])" + _CLOCK
)
_DAY_FIRST = re.compile(
    rb"(?<!\d)\d{1,2}(?P<d>[/])\d{1,2}/(?:19|20)\d\d(?:(?P<t> )(?P<h>\d{1,2}):(?P<i>\d\d)(?::(?P<s>\d\d))?)?"
)
_MONTH_NAME = re.compile(rb"(?<!\d)\d{1,2}-[A-Z][a-z]{2}-(?:19|20)\d\d(?P<t>[ T])\d\d:\d\d:\d\d")
_JAVA = re.compile(rb"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d (?P<zone>\S+) (?:19|20)\d\d")
_COLUMNS = re.compile(rb"(?m)^(?P<n>\d+),(?:19|20)\d\d,\d{1,2},\d{1,2},\d{1,2}(?=,)")
_MONTHS = {"01": "Jan", "12": "Dec"}


def instants() -> Iterator[Instant]:
    """Yield the ends of the calendar, leap seconds, and midnights of the day before."""
    for year, (day, time), offset in product(YEARS, DAYS, OFFSETS):
        yield year, day, time, offset


def moved(data: bytes, instant: Instant) -> bytes:
    """Return a source with every date replaced.

    Args:
        data: The source.
        instant: What its dates become.
    """
    year, (month, day), (hour, minute, second), offset = instant
    zone = offset or "GMT"

    def year_first(found: re.Match[bytes]) -> bytes:
        d = found["d"].decode()
        text = d.join((year, month, day))
        if found["h"] is None:
            return text.encode()
        clock = [hour, *([minute] if found["i"] else []), *([second] if found["s"] else [])]
        text += found["t"].decode() + (found["c"] or b"").decode().join(clock) + (found["f"] or b"").decode()
        return (text + (offset if found["t"] and found["i"] else "")).encode()

    def day_first(found: re.Match[bytes]) -> bytes:
        clock = [hour, *([minute] if found["i"] else []), *([second] if found["s"] else [])]
        return f"{day}/{month}/{year}{' ' + ':'.join(clock) if found['h'] else ''}".encode()

    data = _COLUMNS.sub(
        lambda found: b",".join(
            (found["n"], year.encode(), str(int(month)).encode(), str(int(day)).encode(), hour.encode())
        ),
        data,
    )
    data = _JAVA.sub(
        f"Sat {_MONTHS[month]} {day} {hour}:{minute}:{second} "
        f"{'GMT' + zone if zone[0] in '+-' else 'GMT'} {year}".encode(),
        data,
    )
    data = _MONTH_NAME.sub(f"{day}-{_MONTHS[month]}-{year} {hour}:{minute}:{second}".encode(), data)
    return _YEAR_FIRST.sub(year_first, _DAY_FIRST.sub(day_first, data))
