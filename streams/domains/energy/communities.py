"""The energy communities of the city: who belongs to one, in what steps it is balanced, what its market allows.

Declared, not learned: a sum over a group is right only if it is known who is in it, and whoever waits for a member
must know that it exists. A change of members or steps changes what is derived: raise the rules' version with it.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Market:
    """Bounds of a local market.

    Attributes:
        currency: ISO 4217 code.
        retail: What the grid takes for a kWh (import price).
        feed_in: What the grid pays for a kWh (export price), not above `retail`.
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
        market: Bounds of its market, where it has one.
    """

    name: str
    members: tuple[str, ...]
    interval: str
    market: Market | None = None


CITYLEARN = Community(
    name="citylearn-2022",
    members=tuple(f"citylearn-building-{number}" for number in range(1, 5)),
    interval="PT1H",
)
"""The four homes of the CityLearn challenge 2022 whose recordings are at hand (of seventeen)."""

MARKET_DAY = Community(
    name="market-day",
    members=tuple(f"market-day-home-{number}" for number in range(1, 7)),
    interval="PT1H",
    market=Market("KRW", retail=Decimal(200), feed_in=Decimal(120)),
)
"""The community of the scenario of that name; prices: docs/fields/energy.md#uniform-price-auction."""

COMMUNITIES = {each.name: each for each in (CITYLEARN, MARKET_DAY)}
