"""One reading and what came before it at the same meter → its balance, and what its community is told. Pure.

Promises:

- A reading that does not begin at or behind the end of the last one of its meter (a repeat, a late one, one that
  overlaps) changes nothing and gives nothing; it is counted. Grace is 0: what is derived depends on the order of one
  meter's readings alone, not on batches, partitions, workers or redeliveries.
- Cumulative registers never go back: the difference to the interval before is this interval's energy. A register that
  stands lower is refused (the reading becomes a dead letter and nothing is remembered of it); after a reading that
  `closes`, the meter begins anew. Behind a gap the difference covers more than the interval, so there is no balance.
- An interval without length (a local half hour that summer time left out) has no balance and moves nothing.
- A member of a community tells it every balance of the community's interval, and the end of each UTC day: when its
  own readings are `GRACE_US` beyond it, or when its session closes.

It leaves identity, time stamps and topics to `agents.py`, the sums over members to `community.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.domains.energy.balance import QUANTITIES, Balance, ImpossibleEnergyError, balance_of
from streams.domains.energy.communities import COMMUNITIES, Community
from streams.domains.energy.units import DAY_US, HOUR_US, duration_us

GRACE_US = 2 * HOUR_US
"""How long a community waits for a member (`grace_s` of energy.community-share)."""

MOST_DAYS = 31
"""Days whose end is told after a gap; what lies further back stays open, as nothing came for it."""

GAP = "GAP_BEFORE"
UNKNOWN_COMMUNITY = "UNKNOWN_COMMUNITY"
OTHER_INTERVAL = "NOT_THE_COMMUNITYS_INTERVAL"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of a meter, per recording or live source.

    Attributes:
        frontier: End of the last interval, µs since 1970 UTC.
        days_told: UTC days since 1970 whose end the community was told, up to and with this one.
        registers: What the cumulative registers showed at the frontier, by field of the reading.
        late: Readings that gave nothing because they came again, late, or over an interval that was there.
    """

    frontier: int
    days_told: int
    registers: Mapping[str, int] = field(default_factory=dict)
    late: int = 0

    def to_value(self) -> dict[str, Any]:
        """Spell the memory as a JSON value."""
        return asdict(self)

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "Memory":
        """Read back what `to_value` spelled."""
        return cls(**value)


@dataclass(frozen=True, slots=True)
class Share:
    """What a community is told by a member.

    Attributes:
        day: UTC day since 1970.
        watermark: Nothing of the member before this moment comes any more, µs since 1970 UTC.
        balance: Its energy; None for the end of the day.
    """

    day: int
    watermark: int
    balance: Balance | None

    @property
    def begins_us(self) -> int:
        """First instant of the day, µs since 1970 UTC."""
        return self.day * DAY_US

    def group(self, community: str) -> str:
        """Name what is folded together: a community's day."""
        return f"{community}/{(_EPOCH + timedelta(days=self.day)).date().isoformat()}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one reading means.

    Attributes:
        balance: Its balance, where there is one.
        flags: What the reader of the balance must know.
        shares: What the community is told, in order.
    """

    balance: Balance | None
    flags: tuple[str, ...]
    shares: tuple[Share, ...]


NOTHING = Verdict(None, (), ())


def assess(memory: Memory | None, reading: Mapping[str, Any]) -> tuple[Memory, Verdict]:
    """Let one reading count.

    Args:
        memory: What is kept of its meter and stream; None for the first reading.
        reading: Fields of `energy.reading`, `occurred_at` in µs since 1970 UTC.

    Returns:
        What is to be kept, and what the reading means.

    Raises:
        ValueError: The reading breaks a rule: no duration, negative energy, a register that went back.
    """
    begins: int = reading["occurred_at"]
    ends = begins + duration_us(reading["duration"])
    memory = memory or Memory(begins, days_told=begins // DAY_US - 1)
    if begins < memory.frontier:
        return replace(memory, late=memory.late + 1), NOTHING
    community = COMMUNITIES.get(reading["community"] or "")
    energy, flags = ({}, ()) if ends == begins else _energy(memory, reading)
    balance = balance_of(energy)
    last_told = _last_told(memory, reading, begins, ends)
    shares = _shares(memory, reading, (begins, ends), balance, last_told) if community else ()
    flags = (*reading["flags"], *flags, *_doubts(reading, community), *(balance.flags if balance else ()))
    kept = Memory(ends, last_told, _registers(memory, reading), memory.late)
    return kept, Verdict(balance, tuple(dict.fromkeys(flags)), tuple(shares))


def _energy(memory: Memory, reading: Mapping[str, Any]) -> tuple[dict[str, int | None], tuple[str, ...]]:
    """Tell the energy of the interval, and what is doubtful about it."""
    shown = {name: reading.get(name) for name in QUANTITIES}
    if reading["accumulation"] == "DELTA":
        return shown, ()
    energy: dict[str, int | None] = {}
    for name, now in shown.items():
        before = memory.registers.get(name)
        energy[name] = None if now is None or before is None else now - before
        if now is not None and before is not None and now < before:
            raise ImpossibleEnergyError(f"{name}: a cumulative register went back, from {before} to {now} Wh")
    gap = bool(memory.registers) and reading["occurred_at"] > memory.frontier
    return ({}, (GAP,)) if gap else (energy, ())


def _registers(memory: Memory, reading: Mapping[str, Any]) -> Mapping[str, int]:
    """Tell what to remember of cumulative registers; nothing once the session is closed."""
    if reading["closes"]:
        return {}
    if reading["accumulation"] == "DELTA":
        return memory.registers
    shown = {name: reading[name] for name in QUANTITIES if reading.get(name) is not None}
    return {**memory.registers, **shown}


def _last_told(memory: Memory, reading: Mapping[str, Any], begins: int, ends: int) -> int:
    """Tell the last UTC day that is over for this meter."""
    if reading["closes"]:
        return max(memory.days_told, (max(ends, begins + 1) - 1) // DAY_US)
    return max(memory.days_told, (begins - GRACE_US) // DAY_US - 1)


def _shares(
    memory: Memory,
    reading: Mapping[str, Any],
    interval: tuple[int, int],
    balance: Balance | None,
    last_told: int,
) -> Iterator[Share]:
    """Tell the community: the ends of days that lie behind, the interval, the end of the session's last days."""
    begins, ends = interval
    today = begins // DAY_US
    behind = min(last_told, (begins - GRACE_US) // DAY_US - 1)
    for day in list(range(memory.days_told + 1, behind + 1))[:MOST_DAYS]:
        yield Share(day, begins, None)
    if balance is not None and reading["duration"] == COMMUNITIES[reading["community"]].interval:
        yield Share(today, ends, balance)
    for day in list(range(max(behind, memory.days_told) + 1, last_told + 1))[:MOST_DAYS]:
        yield Share(day, max(ends, (day + 1) * DAY_US), None)


def _doubts(reading: Mapping[str, Any], community: Community | None) -> Iterator[str]:
    if reading["community"] is None:
        return
    if community is None:
        yield UNKNOWN_COMMUNITY
    elif reading["duration"] != community.interval:
        yield OTHER_INTERVAL
