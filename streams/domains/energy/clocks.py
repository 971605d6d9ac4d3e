"""Local times of files → instants, told honestly where the local clock jumps. Pure.

- A local time that summer time left out (Sydney, first Sunday of October, 02:00 to 02:59) never was. A row that
  carries one is stamped with the instant of the jump, its interval has no length, and it says
  `NONEXISTENT_LOCAL_TIME`: nothing is moved into an hour in which something else was measured.
- A local time that came twice (first Sunday of April) is taken for the first of the two and says
  `AMBIGUOUS_LOCAL_TIME`: which of them the row measured, or both, the file does not tell.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

SYDNEY = ZoneInfo("Australia/Sydney")
SAN_FRANCISCO = ZoneInfo("America/Los_Angeles")

NONEXISTENT = "NONEXISTENT_LOCAL_TIME"
AMBIGUOUS = "AMBIGUOUS_LOCAL_TIME"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class Instant(NamedTuple):
    """When a local time was: µs since 1970 UTC, and what is doubtful about it."""

    at_us: int
    flags: tuple[str, ...] = ()


def micros(time: datetime) -> int:
    """Return µs since 1970 of an aware time.

    Raises:
        ValueError: It lies before 1970.
    """
    if time < _EPOCH:
        raise ValueError(f"time before 1970: {time.isoformat()}")
    return (time - _EPOCH) // timedelta(microseconds=1)


def instant(local: datetime, zone: ZoneInfo) -> Instant:
    """Place a local time of a zone.

    Args:
        local: Wall clock, without zone.
        zone: The zone.

    Raises:
        ValueError: It lies before 1970.
    """
    before, after = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    low, high = before.utcoffset(), after.utcoffset()
    if low is None or high is None or low == high:
        return Instant(micros(before))
    if low > high:
        return Instant(micros(before), (AMBIGUOUS,))
    return Instant(micros(_jump(after.astimezone(UTC), before.astimezone(UTC), zone)), (NONEXISTENT,))


def _jump(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """Find, to the second, the instant between two UTC times at which the zone's offset changes."""
    offset = early.astimezone(zone).utcoffset()
    while late - early > _SECOND:
        middle = early + (late - early) // 2 // _SECOND * _SECOND
        if middle == early:
            break
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late
