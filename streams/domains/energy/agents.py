"""Runs the rules on their topics: readings → balances, shares → community balances, orders → order status.

The rules are pure functions of `rules`, `community` and `orders`; this module reads and writes events and state.
"""

from collections.abc import Iterator, Sequence

from schemas.names import topic_name
from streams.agents import Input, Output, Record, Rule, State, batched
from streams.domains.energy.communities import COMMUNITIES
from streams.domains.energy.community import ENERGY, CommunityDay, fold
from streams.domains.energy.orders import MarketState, check_order, price_of
from streams.domains.energy.rules import MeterState, assess
from streams.domains.energy.units import duration_text
from streams.identity.event_ids import derived_identity, is_simulated

DOMAIN = "energy"
READING = topic_name(DOMAIN, "reading")
BALANCE = topic_name(DOMAIN, "balance")
COMMUNITY_SHARE = topic_name(DOMAIN, "community-share")
COMMUNITY_BALANCE = topic_name(DOMAIN, "community-balance")
ORDER = topic_name(DOMAIN, "order")
ORDER_STATUS = topic_name(DOMAIN, "order-status")

BALANCE_RULE = "energy-balance@3"
COMMUNITY_RULE = "energy-community-balance@2"
ORDER_RULE = "energy-order-status@3"

NO_ENERGY = dict.fromkeys(ENERGY, 0)


def _first_output(inputs: Sequence[Input], rule: str) -> str:
    """Return the event_id of the first event that a rule derives from some inputs."""
    event_id, _ = derived_identity(tuple(inputs), Rule.parse(rule), 0)
    return event_id


@batched(READING, rule=BALANCE_RULE, outputs=(BALANCE, COMMUNITY_SHARE))
def balance(record: Record, state: State) -> Iterator[Output]:
    """Derive a reading's balance and the shares of its community."""
    event, stored = record.event, state.get()
    meter, assessment = assess(MeterState.from_value(stored) if stored else None, event)
    state.put(meter.to_value())
    found = assessment.balance
    if found is not None:
        community = COMMUNITIES.get(event["community"] or "")
        common = {name: event[name] for name in ("meter", "community", "duration", "quality")}
        corrected = assessment.corrects
        own = {
            "zone": event["zone"] or (community.zone if community else None),
            "rule": BALANCE_RULE,
            "reading_id": record.event_id,
            "self_consumption_wh": found.self_consumption,
            "net_wh": found.net,
            "basis": found.basis,
            "identity": found.identity,
            "revision": assessment.revision,
            "corrects": None if corrected is None else _first_output((corrected,), BALANCE_RULE),
            "corrects_reading_id": assessment.corrects_reading_id,
            "flags": list(assessment.flags),
        }
        begins_us = None
        if assessment.gap is not None:
            begins_us, length_us = assessment.gap
            own["duration"] = duration_text(length_us)
        yield Output(BALANCE, {**common, **found.fields(), **own}, key=record.key, occurred_us=begins_us)
    for share in assessment.shares:
        ends_day = share.balance is None
        fields = {
            "community_day": share.group(event["community"]),
            "community": event["community"],
            "meter": event["meter"],
            "kind": "DAY_END" if ends_day else "INTERVAL",
            "duration": "P1D" if ends_day else event["duration"],
            "watermark": share.watermark,
            "rule": BALANCE_RULE,
            "partial": share.balance is not None and share.balance.identity == "NET",
            "revision": share.revision,
            **(NO_ENERGY if share.balance is None else share.balance.fields()),
        }
        yield Output(COMMUNITY_SHARE, fields, occurred_us=share.begins_us if ends_day else None)


@batched(COMMUNITY_SHARE, rule=COMMUNITY_RULE, outputs=(COMMUNITY_BALANCE,), cross_source=True)
def community_balance(record: Record, state: State) -> Iterator[Output]:
    """Fold the shares of a community's day; derive the balance of each interval when it closes, and when it changes.

    An output does not depend on the share that closed the interval. Its inputs are all shares in the members' order;
    its source and original time are those of the first share.

    Raises:
        ValueError: The community is not declared.
    """
    community = COMMUNITIES.get(record.event["community"])
    if community is None:
        raise ValueError(f"no community {record.event['community']!r} is declared")
    day = CommunityDay.from_value(state.get())
    closed = fold(
        day,
        community,
        record.event,
        lambda inputs: _first_output(inputs, COMMUNITY_RULE),
        live=not is_simulated(record.source),
    )
    state.put(day.to_value())
    for each in closed:
        _, first = each.shares[0]
        envelope = {"source": first.source, "recorded_at": first.recorded_at}
        own = {
            "community": community.name,
            "zone": community.zone,
            "duration": community.interval,
            "rule": COMMUNITY_RULE,
        }
        yield Output(
            COMMUNITY_BALANCE,
            {**envelope, **own, **each.fields()},
            occurred_us=each.begins_us,
            inputs=each.inputs,
        )


@batched(ORDER, rule=ORDER_RULE, outputs=(ORDER_STATUS,))
def order_status(record: Record, state: State) -> Iterator[Output]:
    """Derive an order's status: open, or rejected with every rule that it violates."""
    order = {**record.event, "price": price_of(record.event["price"])}
    market = MarketState.from_value(state.get())
    violations = check_order(market, COMMUNITIES.get(order["market"]), order)
    state.put(market.to_value())
    if violations is None:
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
        "state": "REJECTED" if violations else "OPEN",
        "reasons": violations,
    }
    yield Output(ORDER_STATUS, {**{name: order[name] for name in common}, **own}, key=record.key)
