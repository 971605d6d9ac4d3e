"""The members' shares of a community's day → the community's balance, interval by interval. Pure.

Promises:

- An interval is closed, once, when the community's watermark passes its end. The watermark is that of the slowest
  declared member. In the live city it is at least the fastest one's less `GRACE_US`: a meter that is dead holds nobody
  up for longer, and is named in `missing`. Recordings and scenarios lie in files that may be replayed one behind the
  other, so there only the slowest counts: what is derived is the same in whatever order members come.
- Members end their days themselves (`DAY_END`), the last ones when their session closes; nothing stays pending.
- An interval that no member told anything about is not balanced; there is nothing to say.
- A share that comes again, or behind the closing of its interval, changes nothing; it is counted.

    consumption + grid export = generation + grid import        holds exactly, as it does for each member
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from streams.agents import Input
from streams.domains.energy.communities import Community
from streams.domains.energy.rules import GRACE_US
from streams.domains.energy.units import DAY_US, duration_us

INCOMPLETE = "INCOMPLETE"

ENERGY = ("consumption_wh", "generation_wh", "import_wh", "export_wh")


class Part(NamedTuple):
    """What is kept of a member's share until its interval is closed."""

    energy: tuple[int, ...]
    event_id: str
    salt: str
    source: str
    recorded_at: int | None


@dataclass(slots=True)
class Day:
    """What is kept of a community's day.

    Attributes:
        closed_to: Intervals that end by then are closed, µs since 1970 UTC.
        marks: Watermark of each member that told something.
        open: Parts of the intervals that are not closed, by their start and member.
        late: Shares that came again or too late.
    """

    closed_to: int
    marks: dict[str, int]
    open: dict[int, dict[str, Part]]
    late: int = 0

    @classmethod
    def from_value(cls, value: Mapping[str, Any] | None) -> "Day":
        """Read back what `to_value` spelled; a new day for None."""
        if value is None:
            return cls(0, {}, {})
        parts = {
            int(begins): {meter: Part(tuple(part[0]), *part[1:]) for meter, part in members.items()}
            for begins, members in value["open"].items()
        }
        return cls(value["closed_to"], dict(value["marks"]), parts, value["late"])

    def to_value(self) -> dict[str, Any]:
        """Spell the day as a JSON value."""
        parts = {
            str(begins): {meter: list(part) for meter, part in members.items()}
            for begins, members in self.open.items()
        }
        return {"closed_to": self.closed_to, "marks": self.marks, "open": parts, "late": self.late}


class Closed(NamedTuple):
    """An interval that is closed: its start, its parts by member, sorted, and who is missing."""

    begins_us: int
    parts: tuple[tuple[str, Part], ...]
    missing: tuple[str, ...]

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The shares it is made from, in the members' order."""
        return tuple(Input(part.event_id, bytes.fromhex(part.salt)) for _, part in self.parts)

    def fields(self) -> dict[str, Any]:
        """Spell the sums as fields of `energy.community-balance`."""
        columns = zip(*(part.energy for _, part in self.parts), strict=True)
        consumption, generation, imported, exported = (sum(column) for column in columns)
        shared = min(imported, exported)
        return {
            "members": len(self.parts),
            "missing": list(self.missing),
            "consumption_wh": consumption,
            "generation_wh": generation,
            "import_wh": imported,
            "export_wh": exported,
            "shared_wh": shared,
            "grid_import_wh": imported - shared,
            "grid_export_wh": exported - shared,
            "self_consumption_wh": generation - (exported - shared),
            "flags": [INCOMPLETE] if self.missing else [],
        }


def fold(day: Day, community: Community, share: Mapping[str, Any], *, live: bool) -> list[Closed]:
    """Let one share count.

    Args:
        day: What is kept of the community's day; is changed.
        community: The community.
        share: Envelope and fields of `energy.community-share`, times in µs since 1970 UTC.
        live: Whether it comes from the city itself, not from a recording or a scenario.

    Returns:
        The intervals that this share closed, in order.
    """
    begins, meter, watermark = share["occurred_at"], share["meter"], share["watermark"]
    if meter not in community.members:
        raise ValueError(f"{meter} is no member of {community.name}")
    length = duration_us(community.interval)
    if share["kind"] == "INTERVAL":
        if begins + length <= max(day.closed_to, day.marks.get(meter, 0)):
            day.late += 1
            return []
        day.open.setdefault(begins, {})[meter] = Part(
            tuple(share[name] for name in ENERGY),
            share["event_id"],
            share["salt"].hex(),
            share["source"],
            share["recorded_at"],
        )
    day.marks[meter] = max(watermark, day.marks.get(meter, 0))
    slowest = min(day.marks.get(member, 0) for member in community.members)
    fastest = max(day.marks.values())
    day.closed_to = max(day.closed_to, slowest, fastest - GRACE_US if live else 0)
    closed = list(_close(day, community.members, length))
    if slowest >= (begins // DAY_US + 1) * DAY_US and not day.open:
        day.marks.clear()  # nobody has anything left to tell: `closed_to` alone keeps repeats out
    return closed


def _close(day: Day, members: Sequence[str], length: int) -> Iterator[Closed]:
    for begins in sorted(day.open):
        if begins + length > day.closed_to:
            return
        parts = day.open.pop(begins)
        yield Closed(begins, tuple(sorted(parts.items())), tuple(m for m in members if m not in parts))
