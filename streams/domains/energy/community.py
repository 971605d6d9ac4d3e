"""Folds the members' shares of a community's day into the community's balances, interval by interval. Pure.

Promises:

- An interval is derived when the community's watermark passes its end. The watermark is that of the slowest declared
  member. In the live city it is at least the fastest member's less `GRACE_US`: a dead meter delays the community no
  longer, and is named in `missing`.
- Recordings and scenarios may be replayed one after the other, so no time says that a member does not come. There the
  day is derived when all members that came so far have ended it, and again with each member that comes later: a home
  whose recording is not played is `missing`, and the others still have their community.
- What comes after that changes the interval: a balance with a higher `revision`. That of the last share has the
  same bytes in any order of members. A corrected share also names the balance that it corrects (`corrects`).
- A share that comes again changes nothing; it is counted.
- Members end their days themselves (`DAY_END`), the last ones when their session closes; nothing stays pending.
- An interval without any share has no balance.
- A member of whom only the net exchange is known is `partial`: its exchange is summed, what it used is unattributed.

    generation + grid import + discharge = consumption + grid export + charge + losses + unattributed     exactly
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from streams.agents import Input
from streams.domains.energy.communities import Community
from streams.domains.energy.rules import CORRECTION, GRACE_US
from streams.domains.energy.units import duration_us
from streams.zones import day_bounds, zone_or_utc

INCOMPLETE = "INCOMPLETE"
PARTIAL = "PARTIAL"

ENERGY = (
    "consumption_wh",
    "generation_wh",
    "import_wh",
    "export_wh",
    "charge_wh",
    "discharge_wh",
    "ev_charge_wh",
    "ev_discharge_wh",
    "losses_wh",
    "unattributed_wh",
)

Identify = Callable[[Sequence[Input]], str]
"""Returns the event_id of the balance that is derived from these shares."""


class MemberShare(NamedTuple):
    """A member's share of an interval.

    Attributes:
        energy: Energy in Wh, in the order of `ENERGY`.
        event_id: Id of the share's event.
        salt: Salt of the event, hexadecimal.
        source: Source of the event.
        recorded_at: The recording's own time, µs since 1970 UTC; None if no replay shifted the event's time.
        revision: Number of corrections of the member's balance.
        partial: Whether only the member's net exchange is known.
    """

    energy: tuple[int, ...]
    event_id: str
    salt: str
    source: str
    recorded_at: int | None
    revision: int = 0
    partial: bool = False


@dataclass(slots=True)
class SharedInterval:
    """An interval of a community's day.

    Attributes:
        shares: Newest share of each member.
        derived: Revision of the newest balance that was derived; 0 before the first.
        members: Members in that balance.
        event_id: event_id of that balance.
    """

    shares: dict[str, MemberShare] = field(default_factory=dict)
    derived: int = 0
    members: int = 0
    event_id: str = ""

    @property
    def revision(self) -> int:
        """Shares and their corrections so far."""
        return sum(1 + share.revision for share in self.shares.values())


@dataclass(slots=True)
class CommunityDay:
    """State of a community's day.

    Attributes:
        closed_to: Intervals that end by then are derived, µs since 1970 UTC.
        watermarks: Watermark of each member with a share, µs since 1970 UTC.
        intervals: Intervals with a share, by their start (µs since 1970 UTC).
        late: Number of shares that came again.
    """

    closed_to: int
    watermarks: dict[str, int]
    intervals: dict[int, SharedInterval]
    late: int = 0

    @classmethod
    def from_value(cls, value: Mapping[str, Any] | None) -> "CommunityDay":
        """Return the state that `to_value` wrote; an empty one for None."""
        if value is None:
            return cls(0, {}, {})
        found = {
            int(begins): SharedInterval(
                {meter: MemberShare(tuple(share[0]), *share[1:]) for meter, share in shares.items()}, *derived
            )
            for begins, (shares, *derived) in value["intervals"].items()
        }
        return cls(value["closed_to"], dict(value["marks"]), found, value["late"])

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value; its keys are persisted in the changelog."""
        found = {
            str(begins): [
                {meter: list(share) for meter, share in each.shares.items()},
                each.derived,
                each.members,
                each.event_id,
            ]
            for begins, each in self.intervals.items()
        }
        return {
            "closed_to": self.closed_to,
            "marks": self.watermarks,
            "intervals": found,
            "late": self.late,
        }


class ClosedInterval(NamedTuple):
    """An interval that is derived.

    Attributes:
        begins_us: Its start, µs since 1970 UTC.
        shares: Member and share, sorted by member.
        missing: Members without a share.
        revision: Shares and their corrections in the sums.
        corrects: event_id of the balance of the same members that this one corrects; None: it corrects none.
    """

    begins_us: int
    shares: tuple[tuple[str, MemberShare], ...]
    missing: tuple[str, ...]
    revision: int
    corrects: str | None

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Its shares as inputs of the derived event, in the members' order."""
        return tuple(Input(share.event_id, bytes.fromhex(share.salt)) for _, share in self.shares)

    def fields(self) -> dict[str, Any]:
        """Return the sums as fields of `energy.community-balance`."""
        columns = zip(*(share.energy for _, share in self.shares), strict=True)
        sums = dict(zip(ENERGY, map(sum, columns), strict=True))
        imported, exported = sums["import_wh"], sums["export_wh"]
        shared = min(imported, exported)
        partial = [member for member, share in self.shares if share.partial]
        flags = {INCOMPLETE: self.missing, PARTIAL: partial, CORRECTION: self.corrects}
        return {
            **sums,
            "members": len(self.shares),
            "missing": list(self.missing),
            "partial": partial,
            "shared_wh": shared,
            "grid_import_wh": imported - shared,
            "grid_export_wh": exported - shared,
            "self_consumption_wh": max(sums["generation_wh"] - (exported - shared), 0),
            "revision": self.revision,
            "corrects": self.corrects,
            "flags": [flag for flag, holds in flags.items() if holds],
        }


def fold(
    day: CommunityDay, community: Community, share: Mapping[str, Any], identify: Identify, *, live: bool
) -> list[ClosedInterval]:
    """Add one share to a community's day.

    Args:
        day: State of the day; is changed.
        community: The community.
        share: Envelope and fields of `energy.community-share`, times in µs since 1970 UTC.
        identify: Returns the id of a balance.
        live: Whether the share comes from the live city, not from a recording or a scenario.

    Returns:
        The intervals that this share closed or changed, in order.

    Raises:
        ValueError: The meter is no member of the community.
    """
    begins, meter, watermark = share["occurred_at"], share["meter"], share["watermark"]
    if meter not in community.members:
        raise ValueError(f"{meter} is no member of {community.name}")
    if share["kind"] == "INTERVAL":
        interval = day.intervals.setdefault(begins, SharedInterval())
        known = interval.shares.get(meter)
        if known is not None and known.revision >= share["revision"]:
            day.late += 1
            return []
        interval.shares[meter] = MemberShare(
            tuple(share[name] for name in ENERGY),
            share["event_id"],
            share["salt"].hex(),
            share["source"],
            share["recorded_at"],
            share["revision"],
            share["partial"],
        )
    day.watermarks[meter] = max(watermark, day.watermarks.get(meter, 0))
    slowest = min(day.watermarks.get(member, 0) for member in community.members)
    here = 0
    if live:
        here = max(day.watermarks.values()) - GRACE_US
    elif share["kind"] == "DAY_END":
        ends = _day_end(community, share["community_day"])
        here = ends if min(day.watermarks.values()) >= ends else 0
    day.closed_to = max(day.closed_to, slowest, here)
    return list(_close(day, community, identify))


def _day_end(community: Community, community_day: str) -> int:
    """Return the end of a community's local day, µs since 1970 UTC."""
    text = community_day.rpartition("/")[2]
    return day_bounds(date.fromisoformat(text), zone_or_utc(community.zone))[1]


def _close(day: CommunityDay, community: Community, identify: Identify) -> Iterator[ClosedInterval]:
    """Yield the closed intervals that have something new to tell."""
    length = duration_us(community.interval)
    for begins in sorted(day.intervals):
        if begins + length > day.closed_to:
            return
        interval = day.intervals[begins]
        revision = interval.revision
        if revision == interval.derived:
            continue
        missing = tuple(member for member in community.members if member not in interval.shares)
        again = interval.members == len(interval.shares)
        found = ClosedInterval(
            begins,
            tuple(sorted(interval.shares.items())),
            missing,
            revision,
            interval.event_id if again else None,
        )
        interval.derived, interval.members = revision, len(interval.shares)
        interval.event_id = identify(found.inputs)
        yield found
