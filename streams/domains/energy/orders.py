"""An order at the market's door: into the book, or rejected with every rule it breaks. Pure.

Checked are (docs/fields/energy.md#uniform-price-auction): a market and a member that are known, the market's
currency and interval, a quantity that is something, a price within feed-in and retail (beyond them somebody is
better off with the grid), the gate (an order comes before its delivery begins), and an order's identifier, which is
used once. The open orders of a delivery interval are its book, best price first, ties by time and then identifier.
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
"""An order that is told later than this behind the newest one of its market gives nothing; its identifier is forgotten
then, too."""


@dataclass(slots=True)
class Desk:
    """What is kept of a market.

    Attributes:
        frontier: When the newest order was given, µs since 1970 UTC.
        seen: event_id of the first order with an identifier and when it was given, by identifier.
        late: Orders that came too late to be judged.
    """

    frontier: int = 0
    seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    late: int = 0

    def to_value(self) -> dict[str, Any]:
        """Spell the desk as a JSON value."""
        return {
            "frontier": self.frontier,
            "seen": {k: list(v) for k, v in self.seen.items()},
            "late": self.late,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any] | None) -> "Desk":
        """Read back what `to_value` spelled; a new desk for None."""
        if value is None:
            return cls()
        seen = {name: (str(found[0]), int(found[1])) for name, found in value["seen"].items()}
        return cls(value["frontier"], seen, value["late"])


def price_of(unscaled: bytes) -> Decimal:
    """Read a price as it lies in an Avro datum: two's complement, big-endian, in thousandths."""
    return Decimal(int.from_bytes(unscaled, "big", signed=True)).scaleb(-PRICE_SCALE)


def judge(desk: Desk, community: Community | None, order: Mapping[str, Any]) -> list[str] | None:
    """Judge one order.

    Args:
        desk: What is kept of the market; is changed.
        community: The market's community, None if there is none of that name.
        order: Envelope and fields of `energy.order`, times in µs since 1970 UTC, `price` a Decimal.

    Returns:
        The rules that it breaks, none for an open order; None for one that came too late to be judged.
    """
    given = order["occurred_at"]
    desk.frontier = max(desk.frontier, given)
    if given < desk.frontier - GRACE_US:
        desk.late += 1
        return None
    first, _ = desk.seen.setdefault(order["order_ref"], (order["event_id"], given))
    desk.seen = {name: found for name, found in desk.seen.items() if found[1] >= desk.frontier - GRACE_US}
    broken = list(_broken(community, order))
    return [*broken, "ORDER_EXISTS"] if first != order["event_id"] else broken


def _broken(community: Community | None, order: Mapping[str, Any]) -> Iterator[str]:
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


class Entry(NamedTuple):
    """An open order in the book of a delivery interval."""

    side: str
    price: Decimal
    given_us: int
    order_ref: str
    quantity_wh: int


def book(entries: Iterable[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Sort open orders of one delivery interval: bids and asks, best first, ties by time, then identifier."""
    found = list(entries)
    bids = [each for each in found if each.side == "BID"]
    asks = [each for each in found if each.side == "ASK"]
    return (
        sorted(bids, key=lambda each: (-each.price, each.given_us, each.order_ref)),
        sorted(asks, key=lambda each: (each.price, each.given_us, each.order_ref)),
    )
