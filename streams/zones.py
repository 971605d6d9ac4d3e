"""Days, hours and months of a place: instants in the place's time zone (docs/events.md#local-days). Pure.

An instant is µs since 1970 UTC. A zone is an IANA name, such as `Asia/Seoul`. A local day begins at the first instant
of its date, and has 23, 24 or 25 hours where clocks change; a day that a zone skipped does not exist.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UTC = ZoneInfo("UTC")

LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The last instant that a calendar date has: the end of the year 9999 in UTC."""


def zone_of(name: str | None) -> ZoneInfo | None:
    """Return a zone by its IANA name; None if there is no name or no such zone."""
    return _zone(name) if name else None


def zone_or_utc(name: str | None) -> ZoneInfo:
    """Return a zone by its IANA name; UTC if there is no name or no such zone."""
    return zone_of(name) or _UTC


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a path, a folder of zones, or no such zone
        return None


def micros(time: datetime) -> int:
    """Return the µs since 1970 UTC of an aware time."""
    return (time - _EPOCH) // _MICROSECOND


def local_time(at_us: int, zone: ZoneInfo) -> datetime:
    """Return the local time of an instant.

    Raises:
        OverflowError: The instant is outside the years 1 to 9999.
    """
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone)


def local_day(at_us: int, zone: ZoneInfo) -> date:
    """Return the local date of an instant."""
    return local_time(at_us, zone).date()


def day_bounds(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """Return where a local day begins and where the next one begins, in µs since 1970 UTC.

    Midnight that a change to summer time skips becomes the instant of the change; of two midnights the first counts.
    """
    return _begin(day, zone), _begin(day + DAY, zone)


def month_bounds(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """Return where the local month of a day begins and where the next one begins, in µs since 1970 UTC."""
    first = day.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    return _begin(first, zone), _begin(after, zone)


def _begin(day: date, zone: ZoneInfo) -> int:
    """Return the first instant of a local date, or of the one after it if the zone skipped it."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    first, second = (micros(midnight.replace(fold=fold).astimezone(UTC)) for fold in (0, 1))
    if first == second:
        return first
    if first < second:  # midnight comes twice
        return first
    early, late = second, first  # midnight is skipped: find the instant of the change
    while late - early > 1:
        middle = (early + late) // 2
        if local_day(middle, zone) < day:
            early = middle
        else:
            late = middle
    return late
