"""Derives a balance and the community's shares from a reading and the state of its meter. Pure.

Promises:

- A reading that does not begin at or after the end of the meter's last one (a repeat, a late one, one that overlaps)
  derives nothing; it is counted. Grace is 0: the derived events depend on the order of one meter's readings alone, not
  on batches, partitions, workers or redeliveries.
- Cumulative registers never go back: the difference to the interval before is this interval's energy. A lower register
  is an error: the reading becomes a dead letter and the state stays as it was. After a reading that `closes`, the meter
  starts anew. After a gap the difference covers more than the interval, so there is no balance.
- An interval without length (a local half hour that summer time skipped) has no balance and leaves the registers.
- A member shares with its community every balance of the community's interval, and the end of each UTC day: when its
  readings are `GRACE_US` beyond the day, or when its session closes.

It leaves identity, time stamps and topics to `agents.py`, the sums over members to `community.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.domains.energy.balance import QUANTITIES, Balance, ImpossibleEnergyError, balance_of
from streams.domains.energy.communities import COMMUNITIES, Community
from streams.domains.energy.units import DAY_US, HOUR_US, duration_us

GRACE_US = 2 * HOUR_US
"""Time that a community waits for a member (`grace_s` of energy.community-share)."""

MOST_DAYS = 31
"""Most day ends that are shared after a gap, oldest first. The gap's later days have no share that would wait."""

GAP = "GAP_BEFORE"
UNKNOWN_COMMUNITY = "UNKNOWN_COMMUNITY"
OTHER_INTERVAL = "NOT_THE_COMMUNITYS_INTERVAL"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MeterState:
    """State of a meter, per recording or live source.

    Attributes:
        frontier: End of the last interval, µs since 1970 UTC.
        days_ended: Last UTC day, counted from 1970, whose end was shared with the community.
        registers: Cumulative registers at the frontier in Wh, by field of the reading.
        late: Number of readings that derived nothing: repeated, late or overlapping ones.
    """

    frontier: int
    days_ended: int
    registers: Mapping[str, int] = field(default_factory=dict)
    late: int = 0

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value; its keys are persisted in the changelog."""
        return {
            "frontier": self.frontier,
            "days_told": self.days_ended,
            "registers": dict(self.registers),
            "late": self.late,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "MeterState":
        """Return the state that `to_value` wrote."""
        return cls(value["frontier"], value["days_told"], value["registers"], value["late"])


@dataclass(frozen=True, slots=True)
class Share:
    """A member's share of its community's day: a balance, or the end of the day.

    Attributes:
        day: UTC day, counted from 1970.
        watermark: Time before which no further reading of the member comes, µs since 1970 UTC.
        balance: Energy of an interval; None for the end of the day.
    """

    day: int
    watermark: int
    balance: Balance | None

    @property
    def begins_us(self) -> int:
        """First instant of the day, µs since 1970 UTC."""
        return self.day * DAY_US

    def group(self, community: str) -> str:
        """Return the key of a community's day, by which shares are folded: `citylearn-2022/2016-08-01`."""
        return f"{community}/{(_EPOCH + timedelta(days=self.day)).date().isoformat()}"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one reading derives.

    Attributes:
        balance: Its balance; None if too little was measured.
        flags: Anomalies and assumptions of the reading and its balance.
        shares: Shares for the community, in order.
    """

    balance: Balance | None
    flags: tuple[str, ...]
    shares: tuple[Share, ...]


NOTHING = Assessment(None, (), ())


def assess(state: MeterState | None, reading: Mapping[str, Any]) -> tuple[MeterState, Assessment]:
    """Assess one reading against the state of its meter.

    Args:
        state: State of the reading's meter and stream; None before its first reading.
        reading: Fields of `energy.reading`, `occurred_at` in µs since 1970 UTC.

    Returns:
        The new state, and what the reading derives.

    Raises:
        ValueError: The duration is invalid, energy is negative, or a cumulative register went back.
    """
    begins: int = reading["occurred_at"]
    ends = begins + duration_us(reading["duration"])
    state = state or MeterState(begins, days_ended=begins // DAY_US - 1)
    if begins < state.frontier:
        return replace(state, late=state.late + 1), NOTHING
    community = COMMUNITIES.get(reading["community"] or "")
    energy, flags = ({}, ()) if ends == begins else _energy(state, reading)
    balance = balance_of(energy)
    last_day_ended = _last_day_ended(state, reading, begins, ends)
    shares = _shares(state, reading, (begins, ends), balance, last_day_ended) if community else ()
    flags = (*reading["flags"], *flags, *_doubts(reading, community), *(balance.flags if balance else ()))
    after = MeterState(ends, last_day_ended, _registers(state, reading), state.late)
    return after, Assessment(balance, tuple(dict.fromkeys(flags)), tuple(shares))


def _energy(state: MeterState, reading: Mapping[str, Any]) -> tuple[dict[str, int | None], tuple[str, ...]]:
    """Return the energy of the interval in Wh, and its flags."""
    shown = {name: reading.get(name) for name in QUANTITIES}
    if reading["accumulation"] == "DELTA":
        return shown, ()
    energy: dict[str, int | None] = {}
    for name, now in shown.items():
        before = state.registers.get(name)
        energy[name] = None if now is None or before is None else now - before
        if now is not None and before is not None and now < before:
            raise ImpossibleEnergyError(f"{name}: a cumulative register went back, from {before} to {now} Wh")
    gap = bool(state.registers) and reading["occurred_at"] > state.frontier
    return ({}, (GAP,)) if gap else (energy, ())


def _registers(state: MeterState, reading: Mapping[str, Any]) -> Mapping[str, int]:
    """Return the cumulative registers to keep; none once the session is closed."""
    if reading["closes"]:
        return {}
    if reading["accumulation"] == "DELTA":
        return state.registers
    shown = {name: reading[name] for name in QUANTITIES if reading.get(name) is not None}
    return {**state.registers, **shown}


def _last_day_ended(state: MeterState, reading: Mapping[str, Any], begins: int, ends: int) -> int:
    """Return the last UTC day that is over for this meter, counted from 1970."""
    if reading["closes"]:
        return max(state.days_ended, (max(ends, begins + 1) - 1) // DAY_US)
    return max(state.days_ended, (begins - GRACE_US) // DAY_US - 1)


def _shares(
    state: MeterState,
    reading: Mapping[str, Any],
    interval: tuple[int, int],
    balance: Balance | None,
    last_day_ended: int,
) -> Iterator[Share]:
    """Yield the ends of earlier days, the interval's balance, and the ends of the session's last days."""
    begins, ends = interval
    today = begins // DAY_US
    behind = min(last_day_ended, (begins - GRACE_US) // DAY_US - 1)
    for day in list(range(state.days_ended + 1, behind + 1))[:MOST_DAYS]:
        yield Share(day, begins, None)
    if balance is not None and reading["duration"] == COMMUNITIES[reading["community"]].interval:
        yield Share(today, ends, balance)
    for day in list(range(max(behind, state.days_ended) + 1, last_day_ended + 1))[:MOST_DAYS]:
        yield Share(day, max(ends, (day + 1) * DAY_US), None)


def _doubts(reading: Mapping[str, Any], community: Community | None) -> Iterator[str]:
    if reading["community"] is None:
        return
    if community is None:
        yield UNKNOWN_COMMUNITY
    elif reading["duration"] != community.interval:
        yield OTHER_INTERVAL
