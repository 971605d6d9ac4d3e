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
from streams.domains.cargo.container_history import (
    IMPOSSIBLE,
    UNSEALED,
    ContainerStatus,
    EventFinding,
    History,
    apply_event,
    equipment_event,
)
from streams.domains.cargo.vessels import Finding, Track, apply_position

SUPPLY = topic_name("cargo", "supply-event")
TRANSPORT = topic_name("cargo", "transport-event")
POSITION = topic_name("cargo", "vessel-position")
CONTAINER_STATE = topic_name("cargo", "container-state")
ANOMALY = topic_name("cargo", "anomaly")

STATE_RULE = "container-state@2"
TRACK_RULE = "vessel-track@1"
NUMBERS_RULE = "cargo-numbers@1"

MICROSECONDS = 1_000_000

WRONG_YEAR_US = 366 * 86_400 * MICROSECONDS
"""Time after its own making from which an event's date is taken to be wrong, and moves no container."""

SEVERITY = {IMPOSSIBLE: "ALARM", UNSEALED: "WARNING"}


@batched(TRANSPORT, rule=STATE_RULE, outputs=(CONTAINER_STATE, ANOMALY))
def container_state(record: Record, state: State) -> Iterator[Output]:
    """Derive a container's state after an equipment event that counts, and what contradicts it.

    An anomaly that the event resolves is sent again with `withdrawn`. An event more than `WRONG_YEAR_US` after
    its own making has no effect: it would be the newest event for years.
    """
    event = record.event
    if event["event_type"] != "EQUIPMENT" or event["subject_kind"] != "CONTAINER":
        return
    if event.get("told_at") is not None and event["occurred_at"] - event["told_at"] > WRONG_YEAR_US:
        return
    kept = state.get()
    history = History.from_value(kept) if kept else History()
    change = apply_event(history, equipment_event(event))
    if change.history is not history:
        state.put(change.history.to_value())
    status = change.status
    if status is None:
        return
    revision = change.history.revision
    fields = {**_state_fields(status), "flags": [*event["flags"], *change.flags], "revision": revision}
    newest = status.newest
    occurred_us = None if newest is None or newest.occurred_at == record.occurred_us else newest.occurred_at
    yield Output(
        CONTAINER_STATE,
        {"container": record.key, "rule": STATE_RULE, "transport_event_id": record.event_id, **fields},
        key=record.key,
        occurred_us=occurred_us,
    )
    yield from (_event_anomaly(record, each) for each in change.raised)
    yield from (_event_anomaly(record, each, withdrawn=True) for each in change.withdrawn)


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


def _event_anomaly(record: Record, finding: EventFinding, *, withdrawn: bool = False) -> Output:
    """Return the anomaly of an event that may have come before the record."""
    event = record.event if finding.event_id == record.event_id else {}
    fields = {
        "subject": record.key,
        "subject_kind": "CONTAINER",
        "rule": STATE_RULE,
        "kind": finding.kind,
        "severity": SEVERITY[finding.kind],
        "detail": finding.detail,
        "cause_event_id": finding.event_id,
        "latitude": event.get("latitude"),
        "longitude": event.get("longitude"),
        "withdrawn": withdrawn,
    }
    occurred_us = None if finding.occurred_at == record.occurred_us else finding.occurred_at
    return Output(ANOMALY, fields, key=record.key, occurred_us=occurred_us)
