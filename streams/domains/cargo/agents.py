"""The cargo rules on their topics: container states and anomalies.

Grace is 0 for vessels: a position that is not newer makes no jump. For containers the last 200 events stay open: a late
event is inserted at its time, and the state is derived again with a higher `revision`. Nothing is pending at the end
of a recording, so no closing event is needed.

`container_history`, `anomalies` and `vessels` hold the rules (pure). This module maps events to them, and
their findings to `cargo.container-state` and `cargo.anomaly`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from schemas.names import topic_name
from streams.agents import Output, Record, State, batched
from streams.domains.cargo import anomalies
from streams.domains.cargo.container_history import ContainerStatus, History, apply_event, equipment_event
from streams.domains.cargo.vessels import Finding, Track, apply_position

SUPPLY = topic_name("cargo", "supply-event")
TRANSPORT = topic_name("cargo", "transport-event")
POSITION = topic_name("cargo", "vessel-position")
CONTAINER_STATE = topic_name("cargo", "container-state")
ANOMALY = topic_name("cargo", "anomaly")

STATE_RULE = "container-state@1"
TRACK_RULE = "vessel-track@2"
NUMBERS_RULE = "cargo-numbers@2"

MICROSECONDS = 1_000_000


@batched(TRANSPORT, rule=STATE_RULE, outputs=(CONTAINER_STATE, ANOMALY))
def container_state(record: Record, state: State) -> Iterator[Output]:
    """Derive a container's state after an actual equipment event or a retraction."""
    event = record.event
    counts = event["event_type"] == "EQUIPMENT" and event["classifier"] == "ACT"
    if not counts or event["subject_kind"] != "CONTAINER":
        return
    kept = state.get()
    history, status, flags = apply_event(
        History.from_value(kept) if kept else History(), equipment_event(event)
    )
    state.put(history.to_value())
    if status is None:
        return
    fields = {**_state_fields(status), "flags": [*event["flags"], *flags], "revision": history.revision}
    newest = status.newest
    occurred_us = None if newest is None or newest.occurred_at == record.occurred_us else newest.occurred_at
    yield Output(
        CONTAINER_STATE,
        {"container": record.key, "rule": STATE_RULE, "transport_event_id": record.event_id, **fields},
        key=record.key,
        occurred_us=occurred_us,
    )
    if newest is not None and newest.event_id == record.event_id:
        yield from (_anomaly(record, STATE_RULE, each, "CONTAINER") for each in _state_anomalies(status))


@batched(TRANSPORT, rule=NUMBERS_RULE, outputs=(ANOMALY,))
def transport_numbers(record: Record, state: State) -> Iterator[Output]:
    """Report container and IMO numbers whose form or check digit is wrong."""
    yield from _numbers(record, state, anomalies.check_transport_event, record.event["subject_kind"])


@batched(SUPPLY, rule=NUMBERS_RULE, outputs=(ANOMALY,))
def supply_numbers(record: Record, state: State) -> Iterator[Output]:
    """Report EPCs and GS1 Digital Links whose number has a wrong form or check digit."""
    yield from _numbers(record, state, anomalies.check_supply_event, "EPC")


@batched(POSITION, rule=NUMBERS_RULE, outputs=(ANOMALY,))
def vessel_numbers(record: Record, state: State) -> Iterator[Output]:
    """Report MMSI and IMO numbers whose form or check digit is wrong."""
    yield from _numbers(record, state, anomalies.check_vessel_position, "VESSEL")


@batched(POSITION, rule=TRACK_RULE, outputs=(ANOMALY,))
def vessel_track(record: Record, state: State) -> Iterator[Output]:
    """Report jumps of a vessel, and identities that two transmitters share."""
    kept = state.get()
    track, found = apply_position(Track(*kept) if kept else None, record.event)
    if track is not None:
        state.put(track.to_value())
    yield from (_anomaly(record, TRACK_RULE, each, "VESSEL") for each in found)


def _numbers(
    record: Record, state: State, check: Callable[[Any], anomalies.CheckedNumbers], kind: str
) -> Iterator[Output]:
    before = state.get() or {}
    reported, found = anomalies.new_findings(before, check(record.event), record.event_id)
    if reported != before:
        state.put(reported)
    yield from (_anomaly(record, NUMBERS_RULE, each, kind) for each in found)


def _state_anomalies(status: ContainerStatus) -> Iterator[Finding]:
    newest = status.newest
    if newest is not None and not status.legal:
        detail = f"{newest.code} in state {status.previous}: taken to be {status.state}"
        yield Finding("IMPOSSIBLE_TRANSITION", "ALARM", detail)
    if status.unsealed:
        yield Finding("SEAL_MISSING", "WARNING", "stuffed without telling a seal")


def _state_fields(status: ContainerStatus) -> dict[str, Any]:
    newest = status.newest
    gap = None if newest is None or status.before_at is None else newest.occurred_at - status.before_at
    return {
        "state": status.state,
        "previous_state": status.previous,
        "code": newest.code if newest else "",
        "legal": status.legal,
        "in_previous_s": None if gap is None else gap // MICROSECONDS,
        "un_location_code": newest.un_location_code if newest else None,
        "facility_type": newest.facility if newest else None,
        "vessel_imo": newest.vessel if newest and status.state == "ON_BOARD" else None,
        "empty_indicator": None
        if not newest or newest.empty is None
        else "EMPTY"
        if newest.empty
        else "LADEN",
        "seals": list(status.seals),
        "events": status.events,
        "illegal": status.illegal,
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
