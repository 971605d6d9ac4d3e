"""Keeps the live city's entries by local day, with encrypted codes, until the day is closed. Pure.

- A period is a local day of the city (`ZONE`). An entry belongs to the one day in which it was measured. Days do not
  overlap, and a day is counted once and never again, so no two published counts share an entry.
- A day closes by event time: as soon as five persons (`AT_LEAST`) have been measured at or after `GRACE_S` past its
  end, at least one in each half of the pseudonyms. One person closes nothing, and no clock of fewer than five persons
  does. A wrong clock that five persons share, such as a gym's analyser, closes every day up to its date too early: the
  days count who had come until then, or nobody, and days are whole again when the true date has passed the wrong one.
  Events have no other clock by which it could be known. The halves are
  those of Kafka's hash: where measurements have two partitions, neither runs so far ahead that the other comes late.
  Five persons of one half close the day `FAR_DAYS` later.
- An entry of a closed day comes too late: it is classified, and in no count. Entries that come before their day closes
  are counted in any order, so the count is the same for any partitions, batches, and kills.
- The watermark is the latest instant that five persons have reached. An entry more than `FAR_DAYS` later has no
  credible date and is in no count. This bounds a shared wrong clock, but for the first five persons of a cycle.
- A day of more than `LARGEST_DAY` persons is counted by a fair sample: those with the smallest pseudonyms.
- If more than `LARGEST_OPEN` entries or `OPEN_DAYS` days wait, the oldest day closes at once: the state must fit a
  record of the changelog.
"""

import base64
import datetime as dt
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from aiokafka.partitioner import murmur2

from streams.domains.health.cohorts import LatestEntry
from streams.domains.health.counts import AT_LEAST

ZONE = "Asia/Seoul"
"""Time zone of the city's days (docs/fields/health.md#live-days)."""

GRACE_S = 6 * 3600
"""Seconds that a day waits past its end: at midnight a measurement is still on its way."""

FAR_DAYS = 31
OPEN_DAYS = 62
HALVES = 2
"""Parts of the pseudonyms that a day waits for: the partitions of the embedded stack's topics."""

LARGEST_DAY = 1_000
LARGEST_OPEN = 5_000

_SECOND_US = 1_000_000
_DAY = dt.timedelta(days=1)
_FAR_US = FAR_DAYS * 86_400 * _SECOND_US


class FirstEntry(NamedTuple):
    """The earliest entry of a day, from which the day's counts are derived.

    Attributes:
        occurred_at: When it occurred, µs since 1970 UTC.
        event_id: Id of the entry's event.
        salt: Salt of that event, 16 bytes.
    """

    occurred_at: int
    event_id: str
    salt: bytes


@dataclass
class Day:
    """An open day.

    Attributes:
        first: Its earliest entry.
        persons: Latest entry of each person, by pseudonym.
        sampled: Whether persons were left out.
    """

    first: FirstEntry
    persons: dict[str, LatestEntry] = field(default_factory=dict)
    sampled: bool = False

    def add(self, person: str, entry: LatestEntry, first: FirstEntry) -> None:
        """Add an entry; a repeated one changes nothing."""
        self.first = min(self.first, first)
        known = self.persons.get(person)
        if known is None or known[:2] < entry[:2]:
            self.persons[person] = entry
        if len(self.persons) > LARGEST_DAY:
            self.sampled = True
            del self.persons[max(self.persons)]


class ClosedDay(NamedTuple):
    """A day that is closed.

    Attributes:
        date: The local day, ISO 8601.
        ends_us: Its end, µs since 1970 UTC.
        day: Its entries.
    """

    date: str
    ends_us: int
    day: Day


@dataclass
class LiveDays:
    """Open days of one cycle of the live city.

    Attributes:
        days: Open days by local date, ISO 8601.
        watermark: Latest instant that `AT_LEAST` persons have reached, µs since 1970 UTC; None before.
        reached: Latest instant of each half of the pseudonyms, µs since 1970 UTC; 0 before.
        closed: Newest closed day; entries of it and of earlier days come too late.
    """

    days: dict[str, Day] = field(default_factory=dict)
    watermark: int | None = None
    reached: list[int] = field(default_factory=lambda: [0] * HALVES)
    closed: str = ""

    def add(self, person: str, entry: LatestEntry, salt: bytes) -> list[ClosedDay]:
        """Add an entry, and return the days that it closes, oldest first.

        Args:
            person: Pseudonym of the person.
            entry: The entry.
            salt: Salt of the entry's event, 16 bytes.
        """
        date = local_day(entry.occurred_at)
        if date is None or date <= self.closed or self._far(entry.occurred_at):
            return []
        first = FirstEntry(entry.occurred_at, entry.entry_id, salt)
        self.days.setdefault(date, Day(first)).add(person, entry, first)
        half = half_of(person)
        self.reached[half] = max(self.reached[half], entry.occurred_at)
        self._advance()
        closed = [self._close(day) for day in sorted(self.days) if self._is_over(day)]
        while (
            len(self.days) > OPEN_DAYS or sum(len(day.persons) for day in self.days.values()) > LARGEST_OPEN
        ):
            closed.append(self._close(min(self.days)))
        return closed

    def _far(self, occurred_at: int) -> bool:
        """Return whether an entry is too far ahead of the others to be dated."""
        return self.watermark is not None and occurred_at > self.watermark + _FAR_US

    def _advance(self) -> None:
        """Raise the watermark to the latest instant that `AT_LEAST` persons have reached."""
        latest: dict[str, int] = {}
        for day in self.days.values():
            for person, entry in day.persons.items():
                latest[person] = max(latest.get(person, 0), entry.occurred_at)
        if len(latest) >= AT_LEAST:
            instant = sorted(latest.values())[-AT_LEAST]
            self.watermark = instant if self.watermark is None else max(self.watermark, instant)

    def _is_over(self, date: str) -> bool:
        ends = end_of_day(date) + GRACE_S * _SECOND_US
        if self.watermark is None or self.watermark < ends:
            return False
        return min(self.reached) >= ends or self.watermark >= ends + _FAR_US

    def _close(self, date: str) -> ClosedDay:
        self.closed = max(self.closed, date)
        return ClosedDay(date, end_of_day(date), self.days.pop(date))

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        return {
            "days": {
                date: {
                    "first": [day.first.occurred_at, day.first.event_id, day.first.salt.hex()],
                    "persons": {
                        person: [each.occurred_at, each.entry_id, base64.b64encode(each.ciphertext).decode()]
                        for person, each in sorted(day.persons.items())
                    },
                    "sampled": day.sampled,
                }
                for date, day in sorted(self.days.items())
            },
            "watermark": self.watermark,
            "reached": self.reached,
            "closed": self.closed,
        }

    @classmethod
    def from_value(cls, value: Any) -> Self:
        """Return the state that `to_value` wrote; an empty one for None."""
        if value is None:
            return cls()
        days = {}
        for date, each in value["days"].items():
            occurred_at, event_id, salt = each["first"]
            days[date] = Day(
                FirstEntry(occurred_at, event_id, bytes.fromhex(salt)),
                {
                    person: LatestEntry(at, entry_id, base64.b64decode(ciphertext))
                    for person, (at, entry_id, ciphertext) in each["persons"].items()
                },
                each["sampled"],
            )
        return cls(days, value["watermark"], value["reached"], value["closed"])


def half_of(person: str) -> int:
    """Return the half of a pseudonym, 0 or 1: its partition in a topic of two."""
    return int(murmur2(person.encode()) & 0x7FFFFFFF) % HALVES


def local_day(occurred_at: int) -> str | None:
    """Return the city's date of an instant, ISO 8601; None if it is none of the years 1 to 9998.

    Args:
        occurred_at: µs since 1970 UTC.
    """
    try:
        instant = dt.datetime.fromtimestamp(occurred_at // _SECOND_US, dt.UTC)
        day = instant.astimezone(ZoneInfo(ZONE)).date()
    except (OverflowError, ValueError, OSError):
        return None
    return day.isoformat() if day.year < dt.MAXYEAR else None


def end_of_day(date: str) -> int:
    """Return the end of a local day of the city, µs since 1970 UTC: midnight of the next day by the city's clock."""
    following = dt.date.fromisoformat(date) + _DAY
    midnight = dt.datetime.combine(following, dt.time.min, ZoneInfo(ZONE))
    return int(midnight.timestamp()) * _SECOND_US
