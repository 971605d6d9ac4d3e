"""Declares the energy communities of the city: members, length of intervals, bounds of the market.

Members are declared, not inferred: a sum over a group is complete only if its members are known, and a rule can wait
only for a member that it knows. A change of members or intervals changes derived events: raise the rules' version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Market:
    """Bounds of a local market.

    Attributes:
        currency: ISO 4217 code.
        retail: Price of a kWh from the grid (import), in `currency`.
        feed_in: Price of a kWh to the grid (export), in `currency`; not above `retail`.
    """

    currency: str
    retail: Decimal
    feed_in: Decimal


@dataclass(frozen=True, slots=True)
class Community:
    """A group of meters.

    Attributes:
        name: Its identifier.
        members: Its meters, sorted.
        interval: Length of its intervals, ISO 8601.
        zone: IANA time zone of the place, by whose days its shares are folded.
        market: Bounds of its market; None without a market.
        sources: Source that speaks for a member, if it is not the meter itself.
    """

    name: str
    members: tuple[str, ...]
    interval: str
    zone: str
    market: Market | None = None
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)

    def source_of(self, meter: str) -> str:
        """Return the source that speaks for a member: `device:<meter>`, or the declared one."""
        return self.sources.get(meter, f"device:{meter}")


CITYLEARN = Community(
    name="citylearn-2022",
    members=tuple(f"citylearn-building-{number}" for number in range(1, 5)),
    interval="PT1H",
    zone="Etc/GMT+8",
)
"""Four of the seventeen homes of the CityLearn challenge 2022: those with a bundled recording.

Its clock has no summer time: UTC-8, which the time zone database spells `Etc/GMT+8`.
"""

MARKET_DAY = Community(
    name="market-day",
    members=tuple(f"market-day-home-{number}" for number in range(1, 7)),
    interval="PT1H",
    zone="Asia/Seoul",
    market=Market("KRW", retail=Decimal(200), feed_in=Decimal(120)),
)
"""Community of the scenario `market_day`; prices: docs/fields/energy.md#uniform-price-auction."""

COMMUNITIES = {each.name: each for each in (CITYLEARN, MARKET_DAY)}
