"""Orders at the market's door: which rules they break, and the book that the open ones make."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.energy import agents
from streams.domains.energy.communities import MARKET_DAY
from streams.domains.energy.orders import (
    Clearing,
    MarketState,
    OpenOrder,
    book,
    check_order,
    clearing,
    price_of,
)
from streams.replay.recordings import bundled_scenarios
from streams.testing import assert_repeats_change_nothing
from tests.streams.domains.energy.facts import (
    BEGIN_US,
    CATALOG,
    DAY_US,
    HANDLERS,
    HOUR_US,
    Event,
    event,
    of_topic,
    run,
)

ENVELOPE = ("event_id", "salt", "source", "occurred_at", "recorded_at")
NOON_US = 1_777_863_600_000_000
"""2026-05-04 12:00 in Korea."""


def order(**changes: Any) -> Event:
    """Make an order that breaks no rule, but for the changes."""
    return {
        "event_id": "019df0a1-2c00-7b1e-9d0a-5f2e8c71a604",
        "source": f"device:{changes.get('meter', 'market-day-home-1')}#1",
        "occurred_at": BEGIN_US,
        "market": "market-day",
        "order_ref": "a",
        "meter": "market-day-home-1",
        "side": "BID",
        "price": Decimal(150),
        "currency": "KRW",
        "quantity_wh": 1000,
        "delivery_at": BEGIN_US + HOUR_US,
        "duration": "PT1H",
        **changes,
    }


def own_fields(order: Event) -> Event:
    """Take an event's fields without its envelope."""
    return {name: value for name, value in order.items() if name not in ENVELOPE}


def scenario_orders() -> list[Event]:
    """Take the orders of the market day."""
    return of_topic(agents.ORDER, bundled_scenarios("energy"))


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({}, []),
        ({"price": Decimal(200)}, []),
        ({"price": Decimal(120)}, []),
        ({"price": Decimal("200.001")}, ["PRICE_ABOVE_RETAIL"]),
        ({"price": Decimal("119.999")}, ["PRICE_BELOW_FEED_IN"]),
        ({"quantity_wh": 0}, ["QUANTITY_NOT_POSITIVE"]),
        ({"quantity_wh": -5}, ["QUANTITY_NOT_POSITIVE"]),
        ({"occurred_at": BEGIN_US + HOUR_US - 1}, []),
        ({"occurred_at": BEGIN_US + HOUR_US}, ["GATE_CLOSED"]),
        ({"currency": "USD"}, ["NOT_THE_MARKETS_CURRENCY"]),
        ({"duration": "PT15M"}, ["NOT_THE_MARKETS_INTERVAL"]),
        ({"delivery_at": BEGIN_US + HOUR_US + 1}, ["NOT_THE_MARKETS_INTERVAL"]),
        ({"meter": "elsewhere"}, ["NOT_A_MEMBER"]),
        (
            {"quantity_wh": 0, "meter": "x", "currency": "EUR"},
            ["QUANTITY_NOT_POSITIVE", "NOT_A_MEMBER", "NOT_THE_MARKETS_CURRENCY"],
        ),
    ],
)
def test_an_order_is_told_every_rule_that_it_breaks(changes: dict[str, Any], broken: list[str]) -> None:
    """Prices within feed-in and retail, both included; before the gate; the market's own interval and currency."""
    assert check_order(MarketState(), MARKET_DAY, order(**changes)) == broken


def test_a_market_that_is_not_declared_is_told() -> None:
    """Nothing else can be said of such an order's price."""
    assert check_order(MarketState(), None, order()) == ["UNKNOWN_MARKET"]


def test_an_identifier_is_used_once_and_a_repeat_is_no_second_use() -> None:
    """The same event again is judged the same; another event of that name is rejected."""
    state = MarketState()
    other = order(event_id="019df0a1-2c00-7b1e-9d0a-5f2e8c71a605")
    assert [check_order(state, MARKET_DAY, each) for each in (order(), order(), other)] == [
        [],
        [],
        ["ORDER_EXISTS"],
    ]


def test_a_stranger_cannot_use_up_somebodys_identifier() -> None:
    """Another member's, a stranger's and another source's orders of the same name leave it free; so does their time."""
    state = MarketState()
    others = [
        order(event_id="019df0a1-2c00-7b1e-9d0a-5f2e8c71a606", meter="market-day-home-2"),
        order(event_id="019df0a1-2c00-7b1e-9d0a-5f2e8c71a607", meter="elsewhere-1"),
        order(
            event_id="019df0a1-2c00-7b1e-9d0a-5f2e8c71a608",
            meter="elsewhere-1",
            occurred_at=BEGIN_US + 9 * DAY_US,
        ),
    ]
    for other in others:
        check_order(state, MARKET_DAY, other)
    assert check_order(state, MARKET_DAY, order()) == []
    assert set(state.seen) == {"market-day-home-1", "market-day-home-2"}
    taken = {**scenario_orders()[0], "order_ref": "x", "meter": "market-day-home-1"}
    sources = ("device:stranger#1", "device:market-day-home-1#1")
    found = run(agents.ORDER, [event(taken["occurred_at"], source, own_fields(taken)) for source in sources])
    assert [each.event["reasons"] for each in found] == [["NOT_THE_METERS_SOURCE"], []]


@pytest.mark.parametrize(
    ("source", "broken"),
    [
        ("device:market-day-home-1", []),
        ("device:market-day-home-1#12", []),
        ("scenario:3f9d2c5ab1e07864#9", []),
        ("replay:3f9d2c5ab1e07864#9", []),
        ("device:evil", ["NOT_THE_METERS_SOURCE"]),
        ("device:market-day-home-2", ["NOT_THE_METERS_SOURCE"]),
        ("device:market-day-home-10", ["NOT_THE_METERS_SOURCE"]),
        ("device:evil#device:market-day-home-1", ["NOT_THE_METERS_SOURCE"]),
        ("DEVICE:market-day-home-1", ["NOT_THE_METERS_SOURCE"]),
        ("market-day-home-1", ["NOT_THE_METERS_SOURCE"]),
        ("", ["NOT_THE_METERS_SOURCE"]),
    ],
)
def test_only_the_meters_own_source_orders_for_it(source: str, broken: list[str]) -> None:
    """Whatever else is wrong is told beside it; such an order makes nobody late and uses up no identifier."""
    state = MarketState()
    far = {"occurred_at": BEGIN_US + 9 * DAY_US, "delivery_at": BEGIN_US + 10 * DAY_US}
    assert check_order(state, MARKET_DAY, order(source=source, **far)) == broken
    assert check_order(MarketState(), MARKET_DAY, order(source=source, quantity_wh=0)) == [
        "QUANTITY_NOT_POSITIVE",
        *broken,
    ]
    if broken:
        assert check_order(state, MARKET_DAY, order()) == []


def test_a_community_may_declare_another_source_for_a_member() -> None:
    """Then the gateway orders, and the meter does not."""
    declared = replace(MARKET_DAY, sources={"market-day-home-1": "device:gateway-7"})
    assert check_order(MarketState(), declared, order(source="device:gateway-7#1")) == []
    assert check_order(MarketState(), declared, order()) == ["NOT_THE_METERS_SOURCE"]


def test_a_meter_that_is_no_member_has_no_source() -> None:
    """One reason is enough: whoever asks for it, it is no member."""
    stranger = order(meter="elsewhere-1", source="device:evil#1")
    assert check_order(MarketState(), MARKET_DAY, stranger) == ["NOT_A_MEMBER"]


@given(st.lists(st.tuples(st.sampled_from(["BID", "ASK"]), st.integers(1, 9), st.integers(0, 4)), max_size=9))
def test_a_clearing_price_is_one_at_which_demand_meets_supply(orders: list[tuple[str, int, int]]) -> None:
    """Found by trying every half won: most energy is traded, and only orders of exactly that price are cut."""
    bids, asks = book(
        OpenOrder(side, Decimal(price), 0, f"{n}", size) for n, (side, price, size) in enumerate(orders)
    )
    found = clearing(bids, asks)

    def volume(price: Decimal) -> int:
        return min(
            sum(each.quantity_wh for each in bids if each.price >= price),
            sum(each.quantity_wh for each in asks if each.price <= price),
        )

    prices = [Decimal(half) / 2 for half in range(21)]
    assert found.quantity_wh == max(map(volume, prices))
    if found.lowest is None or found.highest is None:
        assert found.quantity_wh == 0
        return
    fair = [
        price
        for price in prices
        if sum(each.quantity_wh for each in bids if each.price > price) <= found.quantity_wh
        and sum(each.quantity_wh for each in asks if each.price < price) <= found.quantity_wh
        and volume(price) == found.quantity_wh
    ]
    assert [price for price in prices if found.lowest <= price <= found.highest] == fair


def test_what_is_a_day_behind_gives_nothing() -> None:
    """Identifiers are forgotten by then, so a second use could not be told from the first."""
    state = MarketState()
    late = order(occurred_at=BEGIN_US - DAY_US - 1, order_ref="b")
    assert check_order(state, MARKET_DAY, order()) == []
    assert check_order(state, MARKET_DAY, late) is None
    assert ({meter: set(own) for meter, own in state.seen.items()}, state.late) == (
        {"market-day-home-1": {"a"}},
        1,
    )


@pytest.mark.parametrize(
    ("unscaled", "price"), [(b"\x00", "0"), (b"\x02\xe6\x30", "190.000"), (b"\xff", "-0.001")]
)
def test_prices_are_read_as_avro_writes_them(unscaled: bytes, price: str) -> None:
    """Two's complement, big-endian, thousandths."""
    assert price_of(unscaled) == Decimal(price)


def test_the_market_days_noon_book_is_the_worked_example() -> None:
    """docs/fields/energy.md#uniform-price-auction: bids 190:3, 175:4, 160:5, 130:4; asks 125:4 … 180:3; 8 kWh match."""
    open_now = [
        each.event
        for each in run(agents.ORDER, scenario_orders())
        if each.event["state"] == "OPEN" and each.event["delivery_at"] == NOON_US
    ]
    bids, asks = book(
        OpenOrder(
            each["side"], price_of(each["price"]), each["occurred_at"], each["order_ref"], each["quantity_wh"]
        )
        for each in open_now
    )
    assert [(int(each.price), each.quantity_wh // 1000) for each in bids] == [
        (190, 3),
        (175, 4),
        (160, 5),
        (130, 4),
    ]
    assert [(int(each.price), each.quantity_wh // 1000) for each in asks] == [
        (125, 4),
        (140, 4),
        (165, 5),
        (180, 3),
    ]
    assert clearing(bids, asks) == Clearing(8000, Decimal(160), Decimal(160))
    demand = [each.price for each in bids for _ in range(each.quantity_wh // 1000)]
    supply = [each.price for each in asks for _ in range(each.quantity_wh // 1000)]
    assert sum(bid >= ask for bid, ask in zip(demand, supply, strict=True)) == 8


def test_equal_prices_stand_in_the_order_of_time_then_name() -> None:
    """Price, then time, then identifier."""
    entries = [OpenOrder("ASK", Decimal(1), given, name, 1) for given, name in ((2, "a"), (1, "c"), (1, "b"))]
    assert [each.order_ref for each in book(entries)[1]] == ["b", "c", "a"]


def test_the_market_day_shows_each_rule_that_an_order_can_break() -> None:
    """Six orders are rejected, each for another reason; the others are open; every order has a status."""
    found = run(agents.ORDER, scenario_orders())
    assert len(found) == len(scenario_orders())
    reasons = sorted(each.event["reasons"] for each in found if each.event["state"] == "REJECTED")
    assert reasons == [
        ["GATE_CLOSED"],
        ["NOT_A_MEMBER"],
        ["ORDER_EXISTS"],
        ["PRICE_ABOVE_RETAIL"],
        ["PRICE_BELOW_FEED_IN"],
        ["QUANTITY_NOT_POSITIVE"],
    ]
    assert {tuple(each.event["reasons"]) for each in found if each.event["state"] == "OPEN"} == {()}


def test_orders_that_come_again_change_nothing() -> None:
    """Redelivery at any place."""
    assert_repeats_change_nothing(CATALOG, HANDLERS, scenario_orders(), topic=agents.ORDER)
