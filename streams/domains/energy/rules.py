"""Derives a balance and the community's shares from a reading and the state of its meter. Pure.

Promises:

- Grace is 0: the derived events depend on the order of one meter's readings alone, not on batches, partitions, workers
  or redeliveries.
- A reading that begins before the end of the meter's last one is late. It is compared with the remembered intervals
  (`intervals`). If it says something else of a balanced interval, it corrects that balance: a balance of its own with
  the next revision and the ids of what it corrects. If its interval has no balance yet, it gets one (`LATE`). A repeat,
  and a reading that overlaps others or is older than the memory, derives nothing; it is counted. A reading that names
  what it `corrects` is taken up however old it is.
- Cumulative registers never go back: the difference to the interval before is this interval's energy. A lower register
  is an error: the reading becomes a dead letter and the state stays as it was. After a reading that `closes`, the meter
  starts anew. After a gap the difference covers the gap as well: its balance begins where the last one ended, is that
  much longer and has the flag `GAP_BEFORE`, so no energy is lost and none is moved into an hour. A correction of
  registers would change two intervals: it is refused, and is sent as `DELTA` instead.
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
from streams.domains.energy.balance import QUANTITIES, Balance, ImpossibleEnergyError, balance_of
from streams.domains.energy.communities import COMMUNITIES, Community
from streams.domains.energy.intervals import Interval
from streams.domains.energy.units import HOUR_US, duration_us
from streams.zones import day_bounds, local_day, zone_or_utc

GRACE_US = 2 * HOUR_US
"""Time that a community waits for a member (`grace_s` of energy.community-share)."""

MOST_DAYS = 31
"""Most day ends that are shared after a gap, oldest first. The gap's later days have no share that would wait."""

GAP = "GAP_BEFORE"
LATE = "LATE"
CORRECTION = "CORRECTION"
UNKNOWN_COMMUNITY = "UNKNOWN_COMMUNITY"
OTHER_INTERVAL = "NOT_THE_COMMUNITYS_INTERVAL"
NOT_A_MEMBER = "NOT_A_MEMBER"


@dataclass(frozen=True, slots=True)
class MeterState:
    """State of a meter, per recording or live source.

    Attributes:
        frontier: End of the last interval, µs since 1970 UTC.
        days_ended: Ordinal of the last local day whose end was shared with the community.
        registers: Cumulative registers at the frontier in Wh, by field of the reading.
        late: Number of readings that derived nothing: repeated, overlapping or too old ones.
        balanced: Memory of the last balanced intervals (`intervals`).
    """

    frontier: int
    days_ended: int
    registers: Mapping[str, int] = field(default_factory=dict)
    late: int = 0
    balanced: str = ""

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value; its keys are persisted in the changelog."""
        return {
            "frontier": self.frontier,
            "days_told": self.days_ended,
            "registers": dict(self.registers),
            "late": self.late,
            "balanced": self.balanced,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "MeterState":
        """Return the state that `to_value` wrote."""
        return cls(
            value["frontier"], value["days_told"], value["registers"], value["late"], value["balanced"]
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
        ValueError: The duration is invalid, energy is impossible, a cumulative register went back, or cumulative
            registers are corrected.
    """
    begins: int = reading["occurred_at"]
    ends = begins + duration_us(reading["duration"])
    declared = COMMUNITIES.get(reading["community"] or "")
    # A meter that is no member shares nothing: a sum over declared members has no place for it.
    community = declared if declared and reading["meter"] in declared.members else None
    state = state or MeterState(begins, days_ended=_day(begins, community).toordinal() - 1)
    if begins < state.frontier:
        return _late(state, reading, Interval.first(begins, ends, *_reading(reading)), declared)
    energy, flags = _energy(state, reading)
    balance = balance_of(energy)
    if balance is not None and ends == begins and not any(balance.fields().values()):
        balance = None
    last_day_ended = _last_day_ended(state, reading, begins, ends, community)
    shared = None if GAP in flags else balance
    shares = _shares(state, reading, (begins, ends), shared, last_day_ended, community) if community else ()
    flags = (*reading["flags"], *flags, *_doubts(reading, declared), *(balance.flags if balance else ()))
    gap = (state.frontier, ends - state.frontier) if GAP in flags and balance is not None else None
    balanced = state.balanced
    if balance is not None:
        since = gap[0] if gap else begins
        balanced = memory.remember(balanced, Interval.first(since, ends, *_reading(reading)))
    after = MeterState(ends, last_day_ended, _registers(state, reading, ends), state.late, balanced)
    corrected = reading.get("corrects")
    return after, Assessment(
        balance, tuple(dict.fromkeys(flags)), tuple(shares), corrects_reading_id=corrected, gap=gap
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
    if any(memory.tail(new.reading_id) in each.seen for each in known):
        return nothing
    spans = new.ends > new.begins
    same = next((each for each in known if spans and each[:2] == new[:2]), None)
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
    after = same.corrected(new.reading_id, new.salt, new.content) if same else new
    correction = same is not None or named is not None
    if same is None and correction:
        after = after._replace(revision=1)
    kept = memory.replace(state.balanced, same, after) if same else memory.remember(state.balanced, after)
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
    return replace(state, balanced=kept), assessment


def _energy(state: MeterState, reading: Mapping[str, Any]) -> tuple[dict[str, int | None], tuple[str, ...]]:
    """Return the energy of the interval in Wh, and its flags."""
    shown = {name: reading.get(name) for name in QUANTITIES}
    if reading["accumulation"] == "DELTA":
        return shown, ()
    if not duration_us(reading["duration"]):
        return {}, ()
    energy: dict[str, int | None] = {}
    for name, now in shown.items():
        before = state.registers.get(name)
        energy[name] = None if now is None or before is None else now - before
        if now is not None and before is not None and now < before:
            raise ImpossibleEnergyError(f"{name}: a cumulative register went back, from {before} to {now} Wh")
    gap = bool(state.registers) and reading["occurred_at"] > state.frontier
    return energy, (GAP,) if gap else ()


def _registers(state: MeterState, reading: Mapping[str, Any], ends: int) -> Mapping[str, int]:
    """Return the cumulative registers to keep; none once the session is closed."""
    if reading["closes"]:
        return {}
    if reading["accumulation"] == "DELTA" or ends == reading["occurred_at"]:
        return state.registers
    shown = {name: reading[name] for name in QUANTITIES if reading.get(name) is not None}
    return {**state.registers, **shown}


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
