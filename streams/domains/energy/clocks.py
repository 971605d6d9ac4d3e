"""Converts local times of files to instants, with a flag where the local clock is ambiguous. Pure.

- A nonexistent local time is skipped by the change to summer time (Sydney, first Sunday of October, 02:00 to 02:59).
  It becomes the instant of the jump, with the flag `NONEXISTENT_LOCAL_TIME`. Its interval has no length, so its energy
  is not moved into an hour in which other energy was measured; it counts for the day all the same.
- An ambiguous local time comes twice (first Sunday of April). It becomes the first of the two, with the flag
  `AMBIGUOUS_LOCAL_TIME`: the file does not state which of them was measured, or whether both were.
- Where a file has both passes, `LocalClock` makes the second one the second instant: `REPEATED_LOCAL_TIME`. The passes
  may follow each other (02:00, 02:30, 02:00, 02:30) or lie side by side, as in a sorted file.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from streams.zones import LAST_US

SYDNEY = ZoneInfo("Australia/Sydney")
SAN_FRANCISCO = ZoneInfo("America/Los_Angeles")

NONEXISTENT = "NONEXISTENT_LOCAL_TIME"
AMBIGUOUS = "AMBIGUOUS_LOCAL_TIME"
REPEATED = "REPEATED_LOCAL_TIME"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_DAY_US = 86_400_000_000


class Instant(NamedTuple):
    """Instant of a local time.

    Attributes:
        at_us: µs since 1970 UTC.
        flags: `NONEXISTENT`, `AMBIGUOUS` or `REPEATED`, where one applies.
    """

    at_us: int
    flags: tuple[str, ...] = ()


def micros(time: datetime) -> int:
    """Return the µs since 1970 UTC of an aware time.

    Raises:
        ValueError: The time is before 1970 or after 9999 in UTC.
    """
    if time < _EPOCH:
        raise ValueError(f"time before 1970: {time.isoformat()}")
    found = (time - _EPOCH) // timedelta(microseconds=1)
    if found > LAST_US:
        raise ValueError(f"time after the year 9999 UTC: {time.isoformat()}")
    return found


def instant(local: datetime, zone: ZoneInfo) -> Instant:
    """Return the instant of a local time.

    Args:
        local: Wall clock, without zone.
        zone: The zone.

    Raises:
        ValueError: The instant is before 1970.
    """
    before, after = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    low, high = before.utcoffset(), after.utcoffset()
    if low is None or high is None or low == high:
        return Instant(micros(before))
    if low > high:
        return Instant(micros(before), (AMBIGUOUS,))
    return Instant(micros(_jump(after.astimezone(UTC), before.astimezone(UTC), zone)), (NONEXISTENT,))


class LocalClock:
    """The wall clock of one meter's rows: tells the two passes of a repeated hour apart.

    Args:
        zone: The zone.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._passed: set[int] = set()

    def instant(self, local: datetime) -> Instant:
        """Return the instant of a row's local time: of an ambiguous one that came before, the second.

        Args:
            local: Wall clock, without zone.

        Raises:
            ValueError: The instant is before 1970.
        """
        found = instant(local, self._zone)
        if AMBIGUOUS not in found.flags:
            return found
        if not any(abs(each - found.at_us) < _DAY_US for each in self._passed):
            self._passed.clear()  # another year's
        if found.at_us not in self._passed:
            self._passed.add(found.at_us)
            return found
        return Instant(micros(local.replace(tzinfo=self._zone, fold=1)), (REPEATED,))


def _jump(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant between two UTC times at which the zone's offset changes, to the second."""
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
