"""Checks an order against the rules of its market: it is open, or rejected with every rule that it violates. Pure.

The rules (docs/fields/energy.md#uniform-price-auction): market and member are known; currency and interval are the
market's; the quantity is positive; the price lies within feed-in and retail, beyond them one side is better off with
the grid; the order comes before its delivery begins; its participant uses its identifier once. The open orders of a
delivery interval are its book, best price first, ties by time and then identifier. `clearing` says what it clears.
**No trade and no settlement follow from it yet.**

A participant is a member's meter, and its own source orders for it: `device:<meter>`, or the one that its community
declares (`Community.source_of`). An order of any other source is rejected (`NOT_THE_METERS_SOURCE`) and uses up no
identifier. Register a key for that source that must sign: what is signed wrongly, or not at all, is then refused before
any rule (streams/provenance); a source without a key can be imitated. A recording or a scenario speaks for the meters
in it; its orders are simulated. A meter that is no member has no source that we know: it is `NOT_A_MEMBER`, whatever
its source. The state of this rule is kept for each source.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from streams.domains.energy.communities import Community
from streams.domains.energy.units import DAY_US, duration_us
from streams.identity.event_ids import is_simulated, stream_of

PRICE_SCALE = 3
"""Decimal places of a price (energy.order)."""

GRACE_US = DAY_US
"""Age, behind the newest order of its market, beyond which an order derives nothing. Its identifier is dropped then."""


@dataclass(slots=True)
class MarketState:
    """State of a market.

    Attributes:
        frontier: When the newest order of a member was placed, µs since 1970 UTC.
        seen: event_id of the first order and when it was placed (µs since 1970 UTC), by member's meter and order
            identifier.
        late: Number of orders that came too late to be checked.
    """

    frontier: int = 0
    seen: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    late: int = 0

    def to_value(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        return {
            "frontier": self.frontier,
            "seen": {
                meter: {name: list(found) for name, found in own.items()} for meter, own in self.seen.items()
            },
            "late": self.late,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any] | None) -> "MarketState":
        """Return the state that `to_value` wrote; an empty one for None."""
        if value is None:
            return cls()
        seen = {
            meter: {name: (str(found[0]), int(found[1])) for name, found in own.items()}
            for meter, own in value["seen"].items()
        }
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
    member = community is not None and order["meter"] in community.members and _speaks(community, order)
    if member:  # what strangers say of the time makes nobody late
        state.frontier = max(state.frontier, placed_at)
    if placed_at < state.frontier - GRACE_US:
        state.late += 1
        return None
    violations = list(_violations(community, order))
    if not member:
        return violations  # a stranger's identifiers fill no state
    own = state.seen.setdefault(order["meter"], {})
    first, _ = own.setdefault(order["order_ref"], (order["event_id"], placed_at))
    oldest = state.frontier - GRACE_US
    recent = {
        meter: {name: found for name, found in each.items() if found[1] >= oldest}
        for meter, each in state.seen.items()
    }
    state.seen = {meter: each for meter, each in recent.items() if each}
    return [*violations, "ORDER_EXISTS"] if first != order["event_id"] else violations


def _speaks(community: Community, order: Mapping[str, Any]) -> bool:
    """Return whether an order's source speaks for the member's meter."""
    source = order["source"]
    return is_simulated(source) or stream_of(source) == community.source_of(order["meter"])


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
    elif not _speaks(community, order):
        yield "NOT_THE_METERS_SOURCE"
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


class Clearing(NamedTuple):
    """What a book clears at one price for all.

    Attributes:
        quantity_wh: Energy that is traded, in Wh.
        lowest: Lowest price at which supply and demand of the book agree; None if nothing is traded.
        highest: Highest such price; None if nothing is traded.
    """

    quantity_wh: int
    lowest: Decimal | None
    highest: Decimal | None


def clearing(bids: Sequence[OpenOrder], asks: Sequence[OpenOrder]) -> Clearing:
    """Return the quantity and the prices at which a book clears (docs/fields/energy.md#uniform-price-auction).

    A price clears if nobody whose order is better than it goes without: it is at least the last ask that trades and
    the best bid that does not trade in full, and at most the last bid that trades and the best ask left over.

    Args:
        bids: The book's bids, best price first.
        asks: The book's asks, best price first.
    """
    wanted, offered = [each.quantity_wh for each in bids], [each.quantity_wh for each in asks]
    bid = ask = traded = 0
    last_bid = last_ask = Decimal()
    while bid < len(bids) and ask < len(asks) and bids[bid].price >= asks[ask].price:
        quantity = min(wanted[bid], offered[ask])
        traded += quantity
        if quantity:
            last_bid, last_ask = bids[bid].price, asks[ask].price
        wanted[bid] -= quantity
        offered[ask] -= quantity
        bid += not wanted[bid]
        ask += not offered[ask]
    if not traded:
        return Clearing(0, None, None)
    unmatched_bids = [each.price for each, left in zip(bids, wanted, strict=True) if left]
    unmatched_asks = [each.price for each, left in zip(asks, offered, strict=True) if left]
    lowest = max([last_ask, *unmatched_bids[:1]])
    highest = min([last_bid, *unmatched_asks[:1]])
    return Clearing(traded, lowest, highest)
