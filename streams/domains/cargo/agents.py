"""The rules on their topics: where each container stands, and what cannot be as it was told.

Grace is 0 for ships (a position that is not newer is not judged for a jump) and unlimited, up to the last 200 events,
for containers: a late event is put in its place and the state told anew. Nothing is pending at the end of a
recording, so no closing event is needed.
"""

from collections.abc import Callable, Iterator
from typing import Any

from schemas.names import topic_name
from streams.agents import Output, Record, State, batched
from streams.domains.cargo import anomalies as oddities
from streams.domains.cargo.container_history import History, Standing, entry_of, tell
from streams.domains.cargo.vessels import Finding, Track, follow

SUPPLY = topic_name("cargo", "supply-event")
TRANSPORT = topic_name("cargo", "transport-event")
POSITION = topic_name("cargo", "vessel-position")
CONTAINER_STATE = topic_name("cargo", "container-state")
ANOMALY = topic_name("cargo", "anomaly")

STATE_RULE = "container-state@1"
TRACK_RULE = "vessel-track@1"
NUMBERS_RULE = "cargo-numbers@1"

MICROSECONDS = 1_000_000


@batched(TRANSPORT, rule=STATE_RULE, outputs=(CONTAINER_STATE, ANOMALY))
def container_state(record: Record, state: State) -> Iterator[Output]:
    """Derive where a container stands after an actual equipment event or a retraction."""
    event = record.event
    counts = event["event_type"] == "EQUIPMENT" and event["classifier"] == "ACT"
    if not counts or event["subject_kind"] != "CONTAINER":
        return
    kept = state.get()
    history, standing, flags = tell(History.from_value(kept) if kept else History(), entry_of(event))
    state.put(history.to_value())
    if standing is None:
        return
    fields = {**_standing(standing), "flags": [*event["flags"], *flags], "revision": history.revision}
    newest = standing.newest
    occurred_us = None if newest is None or newest.occurred_at == record.occurred_us else newest.occurred_at
    yield Output(
        CONTAINER_STATE,
        {"container": record.key, "rule": STATE_RULE, "transport_event_id": record.event_id, **fields},
        key=record.key,
        occurred_us=occurred_us,
    )
    if newest is not None and newest.event_id == record.event_id:
        yield from (_anomaly(record, STATE_RULE, each, "CONTAINER") for each in _about(standing))


@batched(TRANSPORT, rule=NUMBERS_RULE, outputs=(ANOMALY,))
def transport_numbers(record: Record, state: State) -> Iterator[Output]:
    """Tell container and IMO numbers that are wrong by their own check digit."""
    yield from _numbers(record, state, oddities.of_transport_event, record.event["subject_kind"])


@batched(SUPPLY, rule=NUMBERS_RULE, outputs=(ANOMALY,))
def supply_numbers(record: Record, state: State) -> Iterator[Output]:
    """Tell EPCs and Digital Links that are wrong by their own check digit."""
    yield from _numbers(record, state, oddities.of_supply_event, "EPC")


@batched(POSITION, rule=NUMBERS_RULE, outputs=(ANOMALY,))
def vessel_numbers(record: Record, state: State) -> Iterator[Output]:
    """Tell MMSI and IMO numbers that are wrong by their form or check digit."""
    yield from _numbers(record, state, oddities.of_vessel, "VESSEL")


@batched(POSITION, rule=TRACK_RULE, outputs=(ANOMALY,))
def vessel_track(record: Record, state: State) -> Iterator[Output]:
    """Tell jumps, and identities that two senders share."""
    kept = state.get()
    track, found = follow(Track(*kept) if kept else None, record.event)
    if track is not None:
        state.put(track.to_value())
    yield from (_anomaly(record, TRACK_RULE, each, "VESSEL") for each in found)


def _numbers(
    record: Record, state: State, judge: Callable[[Any], oddities.Numbers], kind: str
) -> Iterator[Output]:
    before = state.get() or {}
    told, found = oddities.fresh(before, judge(record.event), record.event_id)
    if told != before:
        state.put(told)
    yield from (_anomaly(record, NUMBERS_RULE, each, kind) for each in found)


def _about(standing: Standing) -> Iterator[Finding]:
    newest = standing.newest
    if newest is not None and not standing.legal:
        detail = f"{newest.code} in state {standing.previous}: taken to be {standing.state}"
        yield Finding("IMPOSSIBLE_TRANSITION", "ALARM", detail)
    if standing.unsealed:
        yield Finding("SEAL_MISSING", "WARNING", "stuffed without telling a seal")


def _standing(standing: Standing) -> dict[str, Any]:
    newest = standing.newest
    gap = None if newest is None or standing.before_at is None else newest.occurred_at - standing.before_at
    return {
        "state": standing.state,
        "previous_state": standing.previous,
        "code": newest.code if newest else "",
        "legal": standing.legal,
        "in_previous_s": None if gap is None else gap // MICROSECONDS,
        "un_location_code": newest.place if newest else None,
        "facility_type": newest.facility if newest else None,
        "vessel_imo": newest.vessel if newest and standing.state == "ON_BOARD" else None,
        "empty_indicator": None
        if not newest or newest.empty is None
        else "EMPTY"
        if newest.empty
        else "LADEN",
        "seals": list(standing.seals),
        "events": standing.events,
        "illegal": standing.illegal,
    }


def _anomaly(record: Record, rule: str, finding: Finding, kind: str) -> Output:
    event = record.event
    fields = {
        "subject": record.key,
        "subject_kind": kind,
        "rule": rule,
        **finding._asdict(),
        "cause_event_id": record.event_id,
        "latitude": event.get("latitude"),
        "longitude": event.get("longitude"),
    }
    return Output(ANOMALY, fields, key=record.key)
