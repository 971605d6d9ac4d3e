"""Keeps a cohort's entries, with encrypted codes, until its end and all entries have come. Pure.

- The code of a person stays encrypted under the person's key. Nobody can read a person who is forgotten before the
  count, so that person is not counted.
- Entries come in any order, since partitions spread them. The count waits for the number of entries that the end
  gives, so it is the same for any order. A repeated entry counts once.
- Of a cohort with more than `LARGEST_SAMPLE` persons, those with the smallest pseudonyms are counted. Pseudonyms are
  pseudorandom, so this is a fair sample, and the same in any order.
- A cohort of more than `LARGEST_COHORT` entries is not counted: its state would not fit a record of the changelog.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

LARGEST_SAMPLE = 2_500
LARGEST_COHORT = 25_000


class LatestEntry(NamedTuple):
    """A person's latest entry.

    Attributes:
        occurred_at: When it occurred, µs since 1970 UTC.
        entry_id: Id of the entry's event.
        ciphertext: The encrypted code (`counts.encode`).
    """

    occurred_at: int
    entry_id: str
    ciphertext: bytes


class CohortEnd(NamedTuple):
    """A cohort's end.

    Attributes:
        expected: Number of the cohort's other entries.
        event_id: Id of the event that ends the cohort.
        salt: Salt of that event, 16 bytes.
        source: Source of that event.
        occurred_at: When that event occurred, µs since 1970 UTC.
    """

    expected: int
    event_id: str
    salt: bytes
    source: str
    occurred_at: int


@dataclass
class Cohort:
    """State of a cohort.

    Attributes:
        seen: Shortened ids of the entries that came.
        persons: Latest entry of each person, by pseudonym.
        cycle: Survey cycle, study or scenario; the smallest name if entries differ.
        end: The cohort's end; None until it comes.
        sampled: Whether persons were left out.
        done: Whether it was counted, or never will be; nothing else is kept then.
    """

    seen: set[str] = field(default_factory=set)
    persons: dict[str, LatestEntry] = field(default_factory=dict)
    cycle: str | None = None
    end: CohortEnd | None = None
    sampled: bool = False
    done: bool = False

    @property
    def complete(self) -> bool:
        """Whether the end and all entries have come."""
        return self.end is not None and len(self.seen) >= self.end.expected

    def add(self, entry_id: str, cycle: str | None, person: str | None, entry: LatestEntry | None) -> None:
        """Add an entry; a repeated one changes nothing.

        Args:
            entry_id: Id of the entry's event.
            cycle: Survey cycle, study or scenario.
            person: Pseudonym of the person; None if the person was forgotten.
            entry: The entry to keep; None if the person was forgotten.
        """
        short = _short(entry_id)
        if short in self.seen:
            return
        self.seen.add(short)
        if cycle is not None:
            self.cycle = cycle if self.cycle is None else min(self.cycle, cycle)
        if person is not None and entry is not None:
            known = self.persons.get(person)
            if known is None or known[:2] < entry[:2]:
                self.persons[person] = entry
            if len(self.persons) > LARGEST_SAMPLE:
                self.sampled = True
                del self.persons[max(self.persons)]
        if len(self.seen) > LARGEST_COHORT:
            self.finish()

    def finish(self) -> None:
        """Mark the cohort as done and drop its entries."""
        self.seen, self.persons, self.done = set(), {}, True

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        if self.done:
            return {"done": True}
        return {
            "seen": sorted(self.seen),
            "persons": {
                person: [entry.occurred_at, entry.entry_id, base64.b64encode(entry.ciphertext).decode()]
                for person, entry in sorted(self.persons.items())
            },
            "cycle": self.cycle,
            "end": None if self.end is None else [*self.end[:2], self.end.salt.hex(), *self.end[3:]],
            "sampled": self.sampled,
        }

    @classmethod
    def from_value(cls, value: Any) -> Self:
        """Return the state that `to_value` wrote; an empty one for None."""
        if value is None:
            return cls()
        if value.get("done"):
            return cls(done=True)
        end = value["end"]
        return cls(
            seen={*value["seen"]},
            persons={
                person: LatestEntry(occurred_at, entry_id, base64.b64decode(ciphertext))
                for person, (occurred_at, entry_id, ciphertext) in value["persons"].items()
            },
            cycle=value["cycle"],
            end=None if end is None else CohortEnd(end[0], end[1], bytes.fromhex(end[2]), end[3], end[4]),
            sampled=value["sampled"],
        )


def _short(entry_id: str) -> str:
    """Shorten an id to 72 bits: unique within a cohort, and small in the state."""
    return base64.b64encode(hashlib.sha256(entry_id.encode()).digest()[:9]).decode()
