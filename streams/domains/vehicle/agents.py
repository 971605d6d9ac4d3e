"""The vehicle rules on their topic: signals → trips, hard braking, accidents. Each rule keeps its own state.

Grace is 0. A derived event is made from the signals that it describes, not from the one that completed it. So it is the
same however the recording continues. `trips`, `braking` and `accidents` hold the rules (pure).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.names import topic_name
from streams.agents import Input, Output, Record, State, batched
from streams.domains.vehicle import accidents, braking, trips
from streams.domains.vehicle.signals import DOMAIN, SIGNAL

TRIP = topic_name(DOMAIN, "trip")
HARD_BRAKING = topic_name(DOMAIN, "hard-braking")
ACCIDENT = topic_name(DOMAIN, "accident")
TRIP_RULE = "vehicle-trip@2"
BRAKING_RULE = "vehicle-hard-braking@2"
ACCIDENT_RULE = "vehicle-accident@2"


@batched(SIGNAL, rule=TRIP_RULE, outputs=(TRIP,))
def trip(record: Record, state: State) -> Iterator[Output]:
    """Derive a trip when it closes; it occurred at its last signal."""
    updated, finished = trips.apply_signal(state.get(), record.event)
    state.put(updated)
    for each in finished:
        yield Output(
            TRIP,
            _fields(record, TRIP_RULE, trips.summary(each)),
            key=record.key,
            occurred_us=each["last_us"],
            inputs=(_input(each["first"]), _input(each["last_input"])),
        )


@batched(SIGNAL, rule=BRAKING_RULE, outputs=(HARD_BRAKING,))
def hard_braking(record: Record, state: State) -> Iterator[Output]:
    """Derive a hard braking when it is over; it occurred at its beginning."""
    updated, finished = braking.apply_signal(state.get(), record.event)
    state.put(updated)
    for each in finished:
        yield Output(
            HARD_BRAKING,
            _fields(record, BRAKING_RULE, braking.fields(each)),
            key=record.key,
            occurred_us=each["first"][0],
            inputs=(_input(each["first"][2:]), _input(each["last"][2:])),
        )


@batched(SIGNAL, rule=ACCIDENT_RULE, outputs=(ACCIDENT,))
def accident(record: Record, state: State) -> Iterator[Output]:
    """Derive an accident when its delta-V is complete; it occurred at time zero."""
    updated, found = accidents.apply_signal(state.get(), record.event)
    state.put(updated)
    for each in found:
        inputs, occurred_us = each.pop("inputs"), each.pop("occurred_us")
        yield Output(
            ACCIDENT,
            _fields(record, ACCIDENT_RULE, each),
            key=record.key,
            occurred_us=occurred_us,
            inputs=tuple(_input(one) for one in inputs),
        )


def _fields(record: Record, rule: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"vehicle": record.event["vehicle"], "rule": rule, **fields}


def _input(kept: list[str]) -> Input:
    return Input(kept[0], bytes.fromhex(kept[1]))
