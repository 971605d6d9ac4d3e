"""ISO 8601 instants with an offset ↔ microseconds since 1970 UTC. Pure.

Seconds may be left out. Digits after the microsecond are cut, because EPCIS files carry nanoseconds. 24:00 is
refused.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from streams.zones import LAST_US

_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,12}))?(Z|[+-]\d{2}:\d{2})", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(text: object) -> int:
    """Parse an instant.

    Returns:
        Microseconds since 1970 UTC.

    Raises:
        ValueError: It is not an ISO 8601 date and time with an offset, or lies before 1970 or after 9999 in UTC.
    """
    match = _INSTANT.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"expected an ISO 8601 date and time with an offset, got {str(text)[:40]!r}")
    day, time, fraction, offset = match.groups()
    try:
        found = datetime.fromisoformat(f"{day}T{time}{'+00:00' if offset == 'Z' else offset}")
    except ValueError as error:
        raise ValueError(f"no such instant: {text} ({error})") from None
    return of(found) + int((fraction or "0")[:6].ljust(6, "0"))


def of(instant: datetime) -> int:
    """Return the microseconds since 1970 UTC of an aware `datetime`.

    Raises:
        ValueError: It lies before 1970 or after 9999 in UTC.
    """
    found = (instant - _EPOCH) // _MICROSECOND
    if found < 0:
        raise ValueError(f"time before 1970: {instant.isoformat()}")
    if found > LAST_US:
        raise ValueError(f"time after the year 9999 UTC: {instant.isoformat()}")
    return found


def text(instant: datetime | int, offset: str = "+00:00") -> str:
    """Write an instant.

    Args:
        instant: An aware `datetime`, or µs since 1970 UTC.
        offset: The offset that it is written with, ±hh:mm.

    Returns:
        An ISO 8601 date and time with milliseconds, or microseconds where it has them. UTC is written `Z`. In the last
        hours of the year 9999 it is written in UTC.
    """
    at = instant if isinstance(instant, datetime) else _EPOCH + instant * _MICROSECOND
    sign = -1 if offset[0] == "-" else 1
    zone = timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6])))
    digits = "microseconds" if at.microsecond % 1000 else "milliseconds"
    try:
        local = at.astimezone(zone)
    except OverflowError:
        local = at.astimezone(UTC)
    return local.isoformat(timespec=digits).replace("+00:00", "Z")
