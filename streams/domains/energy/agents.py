"""The rules on their topics: readings → balances, shares → community balances, orders → their status."""

from collections.abc import Iterator

from schemas.names import topic_name
from streams.agents import Output, Record, State, batched
from streams.domains.energy.communities import COMMUNITIES
from streams.domains.energy.community import Day, fold
from streams.domains.energy.orders import Desk, judge, price_of
from streams.domains.energy.rules import Memory, assess
from streams.identity.event_ids import is_simulated

DOMAIN = "energy"
READING = topic_name(DOMAIN, "reading")
BALANCE = topic_name(DOMAIN, "balance")
COMMUNITY_SHARE = topic_name(DOMAIN, "community-share")
COMMUNITY_BALANCE = topic_name(DOMAIN, "community-balance")
ORDER = topic_name(DOMAIN, "order")
ORDER_STATUS = topic_name(DOMAIN, "order-status")

BALANCE_RULE = "energy-balance@1"
COMMUNITY_RULE = "energy-community-balance@1"
ORDER_RULE = "energy-order-status@1"

NO_ENERGY = {"consumption_wh": 0, "generation_wh": 0, "import_wh": 0, "export_wh": 0}


@batched(READING, rule=BALANCE_RULE, outputs=(BALANCE, COMMUNITY_SHARE))
def balance(record: Record, state: State) -> Iterator[Output]:
    """Derive a reading's balance, and what its community is told."""
    event, kept = record.event, state.get()
    memory, verdict = assess(Memory.from_value(kept) if kept else None, event)
    state.put(memory.to_value())
    found = verdict.balance
    if found is not None:
        common = {name: event[name] for name in ("meter", "community", "duration", "quality")}
        own = {
            "rule": BALANCE_RULE,
            "reading_id": record.event_id,
            "self_consumption_wh": found.self_consumption,
            "basis": found.basis,
            "flags": list(verdict.flags),
        }
        yield Output(BALANCE, {**common, **found.fields(), **own}, key=record.key)
    for share in verdict.shares:
        ends_day = share.balance is None
        told = {
            "community_day": share.group(event["community"]),
            "community": event["community"],
            "meter": event["meter"],
            "kind": "DAY_END" if ends_day else "INTERVAL",
            "duration": "P1D" if ends_day else event["duration"],
            "watermark": share.watermark,
            "rule": BALANCE_RULE,
            **(NO_ENERGY if share.balance is None else share.balance.fields()),
        }
        yield Output(COMMUNITY_SHARE, told, occurred_us=share.begins_us if ends_day else None)


@batched(COMMUNITY_SHARE, rule=COMMUNITY_RULE, outputs=(COMMUNITY_BALANCE,), cross_source=True)
def community_balance(record: Record, state: State) -> Iterator[Output]:
    """Fold the shares of a community's day; each interval is told once, when all of it is there.

    Nothing of an output hangs on which share closed the interval: its inputs are all of them in the members' order,
    its source and original time are those of the first.
    """
    community = COMMUNITIES.get(record.event["community"])
    if community is None:
        raise ValueError(f"no community {record.event['community']!r} is declared")
    day = Day.from_value(state.get())
    closed = fold(day, community, record.event, live=not is_simulated(record.source))
    state.put(day.to_value())
    for each in closed:
        _, first = each.parts[0]
        envelope = {"source": first.source, "recorded_at": first.recorded_at}
        own = {"community": community.name, "duration": community.interval, "rule": COMMUNITY_RULE}
        yield Output(
            COMMUNITY_BALANCE,
            {**envelope, **own, **each.fields()},
            occurred_us=each.begins_us,
            inputs=each.inputs,
        )


@batched(ORDER, rule=ORDER_RULE, outputs=(ORDER_STATUS,))
def order_status(record: Record, state: State) -> Iterator[Output]:
    """Judge an order at the market's door."""
    order = {**record.event, "price": price_of(record.event["price"])}
    desk = Desk.from_value(state.get())
    broken = judge(desk, COMMUNITIES.get(order["market"]), order)
    state.put(desk.to_value())
    if broken is None:
        return
    common = (
        "market",
        "order_ref",
        "meter",
        "side",
        "price",
        "currency",
        "quantity_wh",
        "delivery_at",
        "duration",
    )
    own = {
        "order_id": record.event_id,
        "rule": ORDER_RULE,
        "state": "REJECTED" if broken else "OPEN",
        "reasons": broken,
    }
    yield Output(ORDER_STATUS, {**{name: order[name] for name in common}, **own}, key=record.key)
