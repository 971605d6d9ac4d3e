"""Derives a balance and the community's shares from a reading and the state of its meter. Pure.

Promises:

- Grace is 0: the derived events depend on the order of one meter's readings alone, not on batches, partitions, workers
  or redeliveries.
- A reading that begins before the end of the meter's last one is late. It is compared with the remembered intervals
  (`intervals`). If it says something else of a balanced interval, it corrects that balance: a balance of its own with
  the next revision and the ids of what it corrects. If its interval has no balance yet, it gets one (`LATE`). A repeat,
  and a reading that overlaps others or is older than the memory, derives nothing; it is counted. A reading that names
  what it `corrects` is taken up however old it is. The last of these have a memory of their own. A correction of what
  is no longer remembered has a higher revision than all before it, so of two the later one wins.
- The difference of cumulative registers to the interval before is this interval's energy. Where a register goes back
  or jumps (`registers`), or the differences contradict one another (`REGISTERS_DISAGREE`), nothing is known of the
  interval: its balance has the flag, identity `UNSPECIFIED` and no energy, and it is shared with nobody. The registers
  are the base of what follows all the same. After a reading that `closes`, the meter starts anew.
- After a gap the difference covers the gap as well: its balance begins where the last one ended, is that much longer
  and has the flag `GAP_BEFORE`, so no energy is lost and none is moved into an hour. A correction of registers would
  change two intervals: it is refused, and is sent as `DELTA` instead.
- An interval without length (a local half hour that summer time skipped) leaves the registers. Energy that is booked
  there all the same has a balance without length at the instant of the jump, so a day's energy is whole.
- A member shares with its community every balance of the community's interval, and the end of each of the community's
  local days: when its readings are `GRACE_US` beyond the day, or when its session closes.

It leaves identity, time stamps and topics to `agents.py`, the sums over members to `community.py`.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from streams.agents import Input
from streams.domains.energy import intervals as memory
from streams.domains.energy.balance import QUANTITIES, UNKNOWN, Balance, ImpossibleEnergyError, balance_of
from streams.domains.energy.communities import COMMUNITIES, Community
from streams.domains.energy.intervals import Interval
from streams.domains.energy.registers import Registers
from streams.domains.energy.units import HOUR_US, duration_us
from streams.zones import day_bounds, local_day, zone_or_utc

GRACE_US = 2 * HOUR_US
"""Time that a community waits for a member (`grace_s` of energy.community-share)."""

MOST_DAYS = 31
"""Most day ends that are shared after a gap, oldest first. The gap's later days have no share that would wait."""

GAP = "GAP_BEFORE"
LATE = "LATE"
CORRECTION = "CORRECTION"
REGISTERS_DISAGREE = "REGISTERS_DISAGREE"
UNKNOWN_COMMUNITY = "UNKNOWN_COMMUNITY"
OTHER_INTERVAL = "NOT_THE_COMMUNITYS_INTERVAL"
NOT_A_MEMBER = "NOT_A_MEMBER"


@dataclass(frozen=True, slots=True)
class MeterState:
    """State of a meter, per recording or live source.

    Attributes:
        frontier: End of the last interval, µs since 1970 UTC.
        days_ended: Ordinal of the last local day whose end was shared with the community.
        registers: Cumulative registers at the frontier.
        late: Number of readings that derived nothing: repeated, overlapping or too old ones.
        balanced: Memory of the last balanced intervals (`intervals`).
        corrected: Memory of the last corrections of older intervals (`intervals`).
        revised: Highest revision that a correction had.
    """

    frontier: int
    days_ended: int
    registers: Registers = field(default_factory=Registers)
    late: int = 0
    balanced: str = ""
    corrected: str = ""
    revised: int = 0

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value; its keys are persisted in the changelog."""
        return {
            "frontier": self.frontier,
            "days_told": self.days_ended,
            "registers": self.registers.to_value(),
            "late": self.late,
            "balanced": self.balanced,
            "corrected": self.corrected,
            "revised": self.revised,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "MeterState":
        """Return the state that `to_value` wrote."""
        return cls(
            value["frontier"],
            value["days_told"],
            Registers.from_value(value["registers"]),
            value["late"],
            value["balanced"],
            value["corrected"],
            value["revised"],
        )


@dataclass(frozen=True, slots=True)
class Share:
    """A member's share of its community's day: a balance, or the end of the day.

    Attributes:
        day: Local day of the community.
        begins_us: First instant of the day, µs since 1970 UTC.
        watermark: Time before which no further reading of the member comes, µs since 1970 UTC.
        balance: Energy of an interval; None for the end of the day.
        revision: Number of corrections of the balance.
    """

    day: date
    begins_us: int
    watermark: int
    balance: Balance | None
    revision: int = 0

    def group(self, community: str) -> str:
        """Return the key of a community's day, by which shares are folded: `citylearn-2022/2016-08-01`."""
        return f"{community}/{self.day.isoformat()}"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one reading derives.

    Attributes:
        balance: Its balance; None if too little was measured.
        flags: Anomalies and assumptions of the reading and its balance.
        shares: Shares for the community, in order.
        revision: Number of corrections of the balance.
        corrects: The reading whose balance this one corrects; None: none, or one that is no longer remembered.
        corrects_reading_id: event_id of the reading that was corrected; None: none.
        gap: Begin and length of the balance in µs, if it covers a gap before its reading; None: the reading's.
    """

    balance: Balance | None
    flags: tuple[str, ...]
    shares: tuple[Share, ...]
    revision: int = 0
    corrects: Input | None = None
    corrects_reading_id: str | None = None
    gap: tuple[int, int] | None = None


NOTHING = Assessment(None, (), ())


def assess(state: MeterState | None, reading: Mapping[str, Any]) -> tuple[MeterState, Assessment]:
    """Assess one reading against the state of its meter.

    Args:
        state: State of the reading's meter and stream; None before its first reading.
        reading: Envelope and fields of `energy.reading`, `occurred_at` in µs since 1970 UTC.

    Returns:
        The new state, and what the reading derives.

    Raises:
        ValueError: The duration is invalid, the energy of an interval is impossible, or cumulative registers are
            corrected.
    """
    begins: int = reading["occurred_at"]
    ends = begins + duration_us(reading["duration"])
    declared = COMMUNITIES.get(reading["community"] or "")
    # A meter that is no member shares nothing: a sum over declared members has no place for it.
    community = declared if declared and reading["meter"] in declared.members else None
    state = state or MeterState(begins, days_ended=_day(begins, community).toordinal() - 1)
    if begins < state.frontier:
        return _late(state, reading, Interval.first(begins, ends, *_reading(reading)), declared)
    balance, flags, registers = _counted(state, reading, ends)
    if balance is not None and ends == begins and not any(balance.fields().values()):
        balance = None
    last_day_ended = _last_day_ended(state, reading, begins, ends, community)
    shared = None if GAP in flags or balance is UNKNOWN else balance
    shares = _shares(state, reading, (begins, ends), shared, last_day_ended, community) if community else ()
    named: str | None = reading.get("corrects")
    revised = state.revised + 1 if named and balance is not None else state.revised
    revision = revised if named and balance is not None else 0
    flags = (
        *reading["flags"],
        *flags,
        *((CORRECTION,) if revision else ()),
        *_doubts(reading, declared),
        *(balance.flags if balance else ()),
    )
    gap = (state.frontier, ends - state.frontier) if GAP in flags and balance is not None else None
    balanced = state.balanced
    if balance is not None:
        since = gap[0] if gap else begins
        own = Interval.first(since, ends, *_reading(reading))._replace(revision=revision)
        balanced = memory.remember(balanced, own)
    after = replace(
        state,
        frontier=ends,
        days_ended=last_day_ended,
        registers=registers,
        balanced=balanced,
        revised=revised,
    )
    return after, Assessment(
        balance, tuple(dict.fromkeys(flags)), tuple(shares), revision, corrects_reading_id=named, gap=gap
    )


def _reading(reading: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return a reading's id and salt, and a digest of what it says."""
    content = [reading.get(name) for name in ("accumulation", "quality", *QUANTITIES)]
    return reading["event_id"], reading["salt"].hex(), f"{zlib.crc32(repr(content).encode()):08x}"


def _late(
    state: MeterState, reading: Mapping[str, Any], new: Interval, declared: Community | None
) -> tuple[MeterState, Assessment]:
    """Assess a reading that begins before the end of the last one."""
    nothing = replace(state, late=state.late + 1), NOTHING
    named: str | None = reading.get("corrects")
    known = list(memory.intervals(state.balanced))
    older = list(memory.intervals(state.corrected))
    if any(memory.tail(new.reading_id) in each.seen for each in (*known, *older)):
        return nothing
    spans = new.ends > new.begins
    same = next((each for each in (*known, *older) if spans and each[:2] == new[:2]), None)
    if same is not None and same.content == new.content:
        return nothing
    if same is None and named is None:
        overlaps = any(each.begins < new.ends and new.begins < each.ends for each in known)
        if overlaps or not known or new.begins < min(each.begins for each in known):
            return nothing
    if reading["accumulation"] != "DELTA":
        if same is None and named is None:
            return nothing
        raise ValueError(
            "a correction of cumulative registers would change two intervals: send the interval's energy as DELTA"
        )
    balance = balance_of({name: reading.get(name) for name in QUANTITIES})
    if balance is None or not (spans or any(balance.fields().values())):
        return nothing
    correction = same is not None or named is not None
    if same is not None:
        after = same.corrected(new.reading_id, new.salt, new.content)
    else:
        after = new._replace(revision=state.revised + 1 if correction else 0)
    kept = _kept(state, same, after)
    flags = (
        *reading["flags"],
        CORRECTION if correction else LATE,
        *_doubts(reading, declared),
        *balance.flags,
    )
    shares: tuple[Share, ...] = ()
    member = declared is not None and reading["meter"] in declared.members
    if declared is not None and member and reading["duration"] == declared.interval:
        shares = (_share(declared, new.begins, new.ends, balance, after.revision),)
    assessment = Assessment(
        balance,
        tuple(dict.fromkeys(flags)),
        shares,
        after.revision,
        Input(same.reading_id, bytes.fromhex(same.salt)) if same else None,
        same.reading_id if same else named,
    )
    return kept, assessment


def _kept(state: MeterState, same: Interval | None, after: Interval) -> MeterState:
    """Return the state that remembers a late interval: in place of `same`, or behind the others of its kind."""
    balanced, corrected = state.balanced, state.corrected
    if same is not None:
        balanced = memory.replace(balanced, same, after)
        corrected = memory.replace(corrected, same, after)
    elif after.revision:
        corrected = memory.remember(corrected, after)
    else:
        balanced = memory.remember(balanced, after)
    return replace(state, balanced=balanced, corrected=corrected, revised=max(state.revised, after.revision))


def _counted(
    state: MeterState, reading: Mapping[str, Any], ends: int
) -> tuple[Balance | None, tuple[str, ...], Registers]:
    """Return the balance of the interval, its flags, and the registers to keep; none once the session is closed."""
    shown: dict[str, int | None] = {name: reading.get(name) for name in QUANTITIES}
    kept = Registers() if reading["closes"] else state.registers
    if reading["accumulation"] == "DELTA":
        return balance_of(shown), (), kept
    if ends == reading["occurred_at"]:
        return None, (), kept
    registers, energy, flags = state.registers.moved(shown, ends)
    try:
        balance = UNKNOWN if flags else balance_of(energy)
    except (
        ImpossibleEnergyError
    ):  # the registers go on from here, or each later difference would be as impossible
        balance, flags = UNKNOWN, (REGISTERS_DISAGREE,)
    gap = bool(state.registers) and reading["occurred_at"] > state.frontier
    return balance, (*((GAP,) if gap else ()), *flags), Registers() if reading["closes"] else registers


def _day(at_us: int, community: Community | None) -> date:
    """Return the community's local day of an instant; the UTC day without a community."""
    return local_day(at_us, zone_or_utc(community.zone if community else None))


def _last_day_ended(
    state: MeterState, reading: Mapping[str, Any], begins: int, ends: int, community: Community | None
) -> int:
    """Return the ordinal of the last local day that is over for this meter."""
    if reading["closes"]:
        return max(state.days_ended, _day(max(ends, begins + 1) - 1, community).toordinal())
    return max(state.days_ended, _day(begins - GRACE_US, community).toordinal() - 1)


def _shares(
    state: MeterState,
    reading: Mapping[str, Any],
    interval: tuple[int, int],
    balance: Balance | None,
    last_day_ended: int,
    community: Community,
) -> Iterator[Share]:
    """Yield the ends of earlier days, the interval's balance, and the ends of the session's last days."""
    begins, ends = interval
    behind = min(last_day_ended, _day(begins - GRACE_US, community).toordinal() - 1)
    for ordinal in list(range(state.days_ended + 1, behind + 1))[:MOST_DAYS]:
        yield _day_end(community, ordinal, begins)
    if balance is not None and reading["duration"] == community.interval:
        yield _share(community, begins, ends, balance)
    for ordinal in list(range(max(behind, state.days_ended) + 1, last_day_ended + 1))[:MOST_DAYS]:
        yield _day_end(community, ordinal, ends)


def _share(community: Community, begins: int, ends: int, balance: Balance, revision: int = 0) -> Share:
    day = _day(begins, community)
    return Share(day, day_bounds(day, zone_or_utc(community.zone))[0], ends, balance, revision)


def _day_end(community: Community, ordinal: int, watermark: int) -> Share:
    day = date.fromordinal(ordinal)
    begins, ends = day_bounds(day, zone_or_utc(community.zone))
    return Share(day, begins, max(watermark, ends), None)


def _doubts(reading: Mapping[str, Any], community: Community | None) -> Iterator[str]:
    if reading["community"] is None:
        return
    if community is None:
        yield UNKNOWN_COMMUNITY
    elif reading["meter"] not in community.members:
        yield NOT_A_MEMBER
    elif reading["duration"] != community.interval:
        yield OTHER_INTERVAL
