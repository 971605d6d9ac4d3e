"""The fold of a cohort: its persons' codes, still encrypted, until its end is told and all entries are there. Pure.

- What is kept of a person is the ciphertext of their code as it came, under their own key: who is forgotten before
  the count can be read by nobody, and is not counted.
- Entries come in any order (they were spread over partitions); the count waits for as many as the end says, so it
  is the same for any order. An entry that comes twice counts once.
- A cohort of more than `LARGEST_SAMPLE` persons is counted by those whose pseudonyms are smallest: pseudonyms are
  as good as random, so this is a fair sample, and the same in any order. Above `LARGEST_COHORT` entries a cohort is
  not counted at all: what is kept would not fit a record of the changelog.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

LARGEST_SAMPLE = 2_500
LARGEST_COHORT = 25_000


class Held(NamedTuple):
    """A person's latest entry: when it occurred, its id, and the encrypted code."""

    occurred_at: int
    entry_id: str
    sealed: bytes


class End(NamedTuple):
    """A cohort's end: the entry that told it, and how many others there are."""

    expected: int
    event_id: str
    salt: bytes
    source: str
    occurred_at: int


@dataclass
class Cohort:
    """What is kept of a cohort.

    Attributes:
        seen: Shortened ids of the entries that came.
        persons: Latest entry of each person, by pseudonym.
        cycle: Survey cycle, study or scenario; the smallest name where entries differ.
        end: The cohort's end, once it was told.
        sampled: Whether persons were left out.
        done: Whether it was counted, or will never be; nothing else is kept then.
    """

    seen: set[str] = field(default_factory=set)
    persons: dict[str, Held] = field(default_factory=dict)
    cycle: str | None = None
    end: End | None = None
    sampled: bool = False
    done: bool = False

    @property
    def complete(self) -> bool:
        """Whether the end was told and all entries came."""
        return self.end is not None and len(self.seen) >= self.end.expected

    def add(self, entry_id: str, cycle: str | None, person: str | None, held: Held | None) -> None:
        """Take an entry; of who was forgotten, only that it came."""
        short = _short(entry_id)
        if short in self.seen:
            return
        self.seen.add(short)
        if cycle is not None:
            self.cycle = cycle if self.cycle is None else min(self.cycle, cycle)
        if person is not None and held is not None:
            known = self.persons.get(person)
            if known is None or known[:2] < held[:2]:
                self.persons[person] = held
            if len(self.persons) > LARGEST_SAMPLE:
                self.sampled = True
                del self.persons[max(self.persons)]
        if len(self.seen) > LARGEST_COHORT:
            self.finish()

    def finish(self) -> None:
        """Keep nothing but that it is done."""
        self.seen, self.persons, self.done = set(), {}, True

    def to_value(self) -> dict[str, Any]:
        """Spell it as JSON."""
        if self.done:
            return {"done": True}
        return {
            "seen": sorted(self.seen),
            "persons": {
                person: [held.occurred_at, held.entry_id, base64.b64encode(held.sealed).decode()]
                for person, held in sorted(self.persons.items())
            },
            "cycle": self.cycle,
            "end": None if self.end is None else [*self.end[:2], self.end.salt.hex(), *self.end[3:]],
            "sampled": self.sampled,
        }

    @classmethod
    def from_value(cls, value: Any) -> Self:
        """Read back what `to_value` spelled; None is a cohort of which nothing came yet."""
        if value is None:
            return cls()
        if value.get("done"):
            return cls(done=True)
        end = value["end"]
        return cls(
            seen={*value["seen"]},
            persons={
                person: Held(occurred_at, entry_id, base64.b64decode(sealed))
                for person, (occurred_at, entry_id, sealed) in value["persons"].items()
            },
            cycle=value["cycle"],
            end=None if end is None else End(end[0], end[1], bytes.fromhex(end[2]), end[3], end[4]),
            sampled=value["sampled"],
        )


def _short(entry_id: str) -> str:
    """Shorten an id to 72 bits: enough for a cohort, and small in the state."""
    return base64.b64encode(hashlib.sha256(entry_id.encode()).digest()[:9]).decode()
