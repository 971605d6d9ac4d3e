"""Checks an order against the rules of its market: it is open, or rejected with every rule that it violates. Pure.

The rules (docs/fields/energy.md#uniform-price-auction): market and member are known; currency and interval are the
market's; the quantity is positive; the price lies within feed-in and retail, beyond them one side is better off with
the grid; the order comes before its delivery begins; its identifier is used once. The open orders of a delivery
interval are its book, best price first, ties by time and then identifier.
**Clearing is not done here**: no trade, no price, no settlement follows from the book yet.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from streams.domains.energy.communities import Community
from streams.domains.energy.units import DAY_US, duration_us

PRICE_SCALE = 3
"""Decimal places of a price (energy.order)."""

GRACE_US = DAY_US
"""Age, behind the newest order of its market, beyond which an order derives nothing. Its identifier is dropped then."""


@dataclass(slots=True)
class MarketState:
    """State of a market.

    Attributes:
        frontier: When the newest order was placed, µs since 1970 UTC.
        seen: event_id of the first order and when it was placed (µs since 1970 UTC), by order identifier.
        late: Number of orders that came too late to be checked.
    """

    frontier: int = 0
    seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    late: int = 0

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        return {
            "frontier": self.frontier,
            "seen": {k: list(v) for k, v in self.seen.items()},
            "late": self.late,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any] | None) -> "MarketState":
        """Return the state that `to_value` wrote; an empty one for None."""
        if value is None:
            return cls()
        seen = {name: (str(found[0]), int(found[1])) for name, found in value["seen"].items()}
        return cls(value["frontier"], seen, value["late"])


def price_of(unscaled: bytes) -> Decimal:
    """Return a price from its Avro datum.

    Args:
        unscaled: Two's complement, big-endian, in thousandths.
    """
    return Decimal(int.from_bytes(unscaled, "big", signed=True)).scaleb(-PRICE_SCALE)


def check_order(
    state: MarketState, community: Community | None, order: Mapping[str, Any]
) -> list[str] | None:
    """Check one order against the rules of its market.

    Args:
        state: State of the market; is changed.
        community: The market's community; None if no community has that name.
        order: Envelope and fields of `energy.order`, times in µs since 1970 UTC, `price` a Decimal.

    Returns:
        The rules that the order violates, empty for an open order; None if it came too late to be checked.
    """
    placed_at = order["occurred_at"]
    state.frontier = max(state.frontier, placed_at)
    if placed_at < state.frontier - GRACE_US:
        state.late += 1
        return None
    first, _ = state.seen.setdefault(order["order_ref"], (order["event_id"], placed_at))
    state.seen = {name: found for name, found in state.seen.items() if found[1] >= state.frontier - GRACE_US}
    violations = list(_violations(community, order))
    return [*violations, "ORDER_EXISTS"] if first != order["event_id"] else violations


def _violations(community: Community | None, order: Mapping[str, Any]) -> Iterator[str]:
    if order["quantity_wh"] <= 0:
        yield "QUANTITY_NOT_POSITIVE"
    if order["occurred_at"] >= order["delivery_at"]:
        yield "GATE_CLOSED"
    market = community.market if community is not None else None
    if community is None or market is None:
        yield "UNKNOWN_MARKET"
        return
    if order["meter"] not in community.members:
        yield "NOT_A_MEMBER"
    if order["duration"] != community.interval or order["delivery_at"] % duration_us(community.interval):
        yield "NOT_THE_MARKETS_INTERVAL"
    if order["currency"] != market.currency:
        yield "NOT_THE_MARKETS_CURRENCY"
    elif order["price"] > market.retail:
        yield "PRICE_ABOVE_RETAIL"
    elif order["price"] < market.feed_in:
        yield "PRICE_BELOW_FEED_IN"


class OpenOrder(NamedTuple):
    """An open order in the book of a delivery interval.

    Attributes:
        side: `BID` or `ASK`.
        price: Price of a kWh, in the market's currency.
        placed_us: When it was placed, µs since 1970 UTC.
        order_ref: Identifier of the order.
        quantity_wh: Quantity in Wh.
    """

    side: str
    price: Decimal
    placed_us: int
    order_ref: str
    quantity_wh: int


def book(orders: Iterable[OpenOrder]) -> tuple[list[OpenOrder], list[OpenOrder]]:
    """Return the book of one delivery interval.

    Args:
        orders: Open orders of the interval.

    Returns:
        Bids and asks, each with the best price first, ties by time and then identifier.
    """
    found = list(orders)
    bids = [each for each in found if each.side == "BID"]
    asks = [each for each in found if each.side == "ASK"]
    return (
        sorted(bids, key=lambda each: (-each.price, each.placed_us, each.order_ref)),
        sorted(asks, key=lambda each: (each.price, each.placed_us, each.order_ref)),
    )
