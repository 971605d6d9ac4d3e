"""Folds the members' shares of a community's day into the community's balances, interval by interval. Pure.

Promises:

- An interval closes once, when the community's watermark passes its end. The watermark is that of the slowest
  declared member. In the live city it is at least the fastest member's less `GRACE_US`: a dead meter delays the
  community no longer, and is named in `missing`. Recordings and scenarios may be replayed one after the other, so there
  only the slowest member counts: the derived events are the same in any order of members.
- Members end their days themselves (`DAY_END`), the last ones when their session closes; nothing stays pending.
- An interval without any share has no balance.
- A share that comes again, or after its interval closed, changes nothing; it is counted.

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


class MemberShare(NamedTuple):
    """A member's share, kept until its interval closes.

    Attributes:
        energy: Energy in Wh, in the order of `ENERGY`.
        event_id: Id of the share's event.
        salt: Salt of the event, hexadecimal.
        source: Source of the event.
        recorded_at: The recording's own time, µs since 1970 UTC; None if no replay shifted the event's time.
    """

    energy: tuple[int, ...]
    event_id: str
    salt: str
    source: str
    recorded_at: int | None


@dataclass(slots=True)
class CommunityDay:
    """State of a community's day.

    Attributes:
        closed_to: Intervals that end by then are closed, µs since 1970 UTC.
        watermarks: Watermark of each member with a share, µs since 1970 UTC.
        open: Shares of the open intervals, by the interval's start (µs since 1970 UTC) and member.
        late: Number of shares that came again or too late.
    """

    closed_to: int
    watermarks: dict[str, int]
    open: dict[int, dict[str, MemberShare]]
    late: int = 0

    @classmethod
    def from_value(cls, value: Mapping[str, Any] | None) -> "CommunityDay":
        """Return the state that `to_value` wrote; an empty one for None."""
        if value is None:
            return cls(0, {}, {})
        shares = {
            int(begins): {meter: MemberShare(tuple(share[0]), *share[1:]) for meter, share in members.items()}
            for begins, members in value["open"].items()
        }
        return cls(value["closed_to"], dict(value["marks"]), shares, value["late"])

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value; its keys are persisted in the changelog."""
        shares = {
            str(begins): {meter: list(share) for meter, share in members.items()}
            for begins, members in self.open.items()
        }
        return {"closed_to": self.closed_to, "marks": self.watermarks, "open": shares, "late": self.late}


class ClosedInterval(NamedTuple):
    """An interval that is closed.

    Attributes:
        begins_us: Its start, µs since 1970 UTC.
        shares: Member and share, sorted by member.
        missing: Members without a share.
    """

    begins_us: int
    shares: tuple[tuple[str, MemberShare], ...]
    missing: tuple[str, ...]

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Its shares as inputs of the derived event, in the members' order."""
        return tuple(Input(share.event_id, bytes.fromhex(share.salt)) for _, share in self.shares)

    def fields(self) -> dict[str, Any]:
        """Return the sums as fields of `energy.community-balance`."""
        columns = zip(*(share.energy for _, share in self.shares), strict=True)
        consumption, generation, imported, exported = (sum(column) for column in columns)
        shared = min(imported, exported)
        return {
            "members": len(self.shares),
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


def fold(
    day: CommunityDay, community: Community, share: Mapping[str, Any], *, live: bool
) -> list[ClosedInterval]:
    """Add one share to a community's day.

    Args:
        day: State of the day; is changed.
        community: The community.
        share: Envelope and fields of `energy.community-share`, times in µs since 1970 UTC.
        live: Whether the share comes from the live city, not from a recording or a scenario.

    Returns:
        The intervals that this share closed, in order.

    Raises:
        ValueError: The meter is no member of the community.
    """
    begins, meter, watermark = share["occurred_at"], share["meter"], share["watermark"]
    if meter not in community.members:
        raise ValueError(f"{meter} is no member of {community.name}")
    length = duration_us(community.interval)
    if share["kind"] == "INTERVAL":
        if begins + length <= max(day.closed_to, day.watermarks.get(meter, 0)):
            day.late += 1
            return []
        day.open.setdefault(begins, {})[meter] = MemberShare(
            tuple(share[name] for name in ENERGY),
            share["event_id"],
            share["salt"].hex(),
            share["source"],
            share["recorded_at"],
        )
    day.watermarks[meter] = max(watermark, day.watermarks.get(meter, 0))
    slowest = min(day.watermarks.get(member, 0) for member in community.members)
    fastest = max(day.watermarks.values())
    day.closed_to = max(day.closed_to, slowest, fastest - GRACE_US if live else 0)
    closed = list(_close(day, community.members, length))
    if slowest >= (begins // DAY_US + 1) * DAY_US and not day.open:
        day.watermarks.clear()  # every member has ended the day: `closed_to` alone keeps repeats out
    return closed


def _close(day: CommunityDay, members: Sequence[str], length: int) -> Iterator[ClosedInterval]:
    for begins in sorted(day.open):
        if begins + length > day.closed_to:
            return
        shares = day.open.pop(begins)
        missing = tuple(member for member in members if member not in shares)
        yield ClosedInterval(begins, tuple(sorted(shares.items())), missing)
