"""Remembers the last balanced intervals of a meter, to tell a repeat, a correction and a late reading apart. Pure.

The memory is one text: it is written with every reading and read only when a reading comes late.
"""

from collections.abc import Iterator
from typing import NamedTuple

REMEMBERED = 64
"""Intervals that a meter remembers: more than a day of half hours, more than two days of hours."""

_ID_TAIL = 12
"""Hexadecimal digits of an event's id that tell the readings of one interval apart."""


class Interval(NamedTuple):
    """A balanced interval.

    Attributes:
        begins: Its start, µs since 1970 UTC.
        ends: Its end, µs since 1970 UTC.
        revision: Number of corrections of its balance.
        reading_id: event_id of the reading of its newest balance.
        salt: Salt of that reading, hexadecimal.
        content: Digest of what that reading says.
        seen: Tails of the ids of all its readings.
    """

    begins: int
    ends: int
    revision: int
    reading_id: str
    salt: str
    content: str
    seen: tuple[str, ...]

    @classmethod
    def first(cls, begins: int, ends: int, reading_id: str, salt: str, content: str) -> "Interval":
        """Return an interval of one reading."""
        return cls(begins, ends, 0, reading_id, salt, content, (tail(reading_id),))

    def corrected(self, reading_id: str, salt: str, content: str) -> "Interval":
        """Return the interval after a correction."""
        return self._replace(
            revision=self.revision + 1,
            reading_id=reading_id,
            salt=salt,
            content=content,
            seen=(*self.seen, tail(reading_id)),
        )

    def text(self) -> str:
        """Return the interval as text of the memory."""
        return ",".join((*map(str, self[:-1]), ".".join(self.seen)))


def tail(reading_id: str) -> str:
    """Return the digits of a reading's id by which its repeats are known."""
    return reading_id[-_ID_TAIL:]


def intervals(memory: str) -> Iterator[Interval]:
    """Yield the remembered intervals, the oldest first."""
    for text in memory.split(";") if memory else ():
        begins, ends, revision, reading_id, salt, content, seen = text.split(",")
        yield Interval(
            int(begins), int(ends), int(revision), reading_id, salt, content, tuple(seen.split("."))
        )


def remember(memory: str, interval: Interval) -> str:
    """Return the memory with one more interval, without the oldest ones beyond `REMEMBERED`."""
    memory = f"{memory};{interval.text()}" if memory else interval.text()
    for _ in range(memory.count(";") + 1 - REMEMBERED):
        memory = memory[memory.index(";") + 1 :]
    return memory


def replace(memory: str, before: Interval, after: Interval) -> str:
    """Return the memory with one interval corrected."""
    return ";".join((after if each == before else each).text() for each in intervals(memory))
