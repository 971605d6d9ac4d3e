"""One container's actual equipment events, ordered by `eventDateTime` → its status. Pure.

- An event may come late. It is inserted at its time, and the status is computed again from the oldest kept event.
- A later version of an event (same `eventID`, later update time) replaces the older one. A retraction removes all
  versions. A version that came before changes nothing.
- The last `KEPT` events are kept. Older ones are folded into the settled status. An event older than the settled
  status changes a count only.

The result depends on the order of one container's records alone, so a repeat derives the same events.
`History.to_value` is what the rule keeps in its changelog: its order and names do not change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from streams.domains.cargo.containers import UNKNOWN, Step, transition

KEPT = 200
"""Events of a container that can still be ordered, replaced or retracted: about ten times depot to depot."""

LATE, RETRACTED, REPLACED = "LATE_EVENT", "RETRACTED", "REPLACED"


class EquipmentEvent(NamedTuple):
    """Fields of one equipment event that a container's status depends on. JSON stores it as an array.

    Attributes:
        occurred_at: DCSA `eventDateTime`, µs since 1970 UTC.
        name: DCSA `eventID`, equal for all versions of an event; the platform's `event_id` where it is missing.
        updated_at: When this version was made, µs since 1970 UTC; 0 if unknown.
        retracted: DCSA `isRetracted`.
        code: Equipment event code.
        empty: Whether the container is empty; None if not reported.
        facility: Facility type code.
        phase: Transport phase.
        un_location_code: UN/LOCODE.
        vessel: IMO number.
        seals: Seal numbers.
        event_id: The platform's `event_id` of this version.
    """

    occurred_at: int
    name: str
    updated_at: int
    retracted: bool
    code: str
    empty: bool | None
    facility: str | None
    phase: str | None
    un_location_code: str | None
    vessel: str | None
    seals: Sequence[str]
    event_id: str


def equipment_event(event: Mapping[str, Any]) -> EquipmentEvent:
    """Return the equipment event that a `cargo.transport-event` reports."""
    empty = event.get("empty_indicator")
    return EquipmentEvent(
        occurred_at=event["occurred_at"],
        name=event.get("dcsa_event_id") or event["event_id"],
        updated_at=event.get("told_at") or 0,
        retracted=bool(event.get("retracted")),
        code=event["code"],
        empty=None if empty is None else empty == "EMPTY",
        facility=event.get("facility_type"),
        phase=event.get("transport_phase"),
        un_location_code=event.get("un_location_code"),
        vessel=event.get("vessel_imo"),
        seals=[each["number"] for each in event.get("seals") or () if each.get("number")],
        event_id=event["event_id"],
    )


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """Status of a container after its events.

    Attributes:
        state: Its state, a name of the README's table or `UNKNOWN`.
        previous: State before the newest event; None if there was none.
        newest: The newest event that is not retracted; None if there is none.
        before_at: `occurred_at` of the event before the newest one, µs since 1970 UTC.
        legal: Whether the newest event was a legal transition.
        unsealed: Whether the newest event is stuffing (`STUF`) without a seal number.
        seals: Seal numbers in force.
        events: Number of events that are not retracted.
        illegal: Number of illegal transitions among them.
    """

    state: str = UNKNOWN
    previous: str | None = None
    newest: EquipmentEvent | None = None
    before_at: int | None = None
    legal: bool = True
    unsealed: bool = False
    seals: Sequence[str] = ()
    events: int = 0
    illegal: int = 0

    def after(self, event: EquipmentEvent) -> "ContainerStatus":
        """Return the status after one more event."""
        found = transition(self.state, Step(event.code, event.empty, event.facility, event.phase))
        seals = [] if event.code in ("STRP", "RMVD") else event.seals or self.seals
        return ContainerStatus(
            state=found.state,
            previous=self.state if self.newest else None,
            newest=event,
            before_at=self.newest.occurred_at if self.newest else None,
            legal=found.legal,
            unsealed=event.code == "STUF" and not event.seals,
            seals=seals,
            events=self.events + 1,
            illegal=self.illegal + (not found.legal),
        )


_NO_EVENTS = ContainerStatus()


@dataclass(frozen=True, slots=True)
class History:
    """Persisted state of one container.

    Attributes:
        events: Its events in order, the newest version of each. Retracted ones stay, so that a repeat is recognised.
        settled: Status before them.
        revision: Number of changes; the highest `revision` of a derived status is in force.
        too_late: Number of events that were older than the settled status.
    """

    events: Sequence[EquipmentEvent] = ()
    settled: ContainerStatus = field(default=_NO_EVENTS)
    revision: int = 0
    too_late: int = 0

    def to_value(self) -> dict[str, Any]:
        """Return the history as a JSON value."""
        base = self.settled
        newest = list(base.newest) if base.newest else None
        settled = [base.state, base.previous, newest, list(base.seals), base.events, base.illegal]
        return {
            "entries": [list(each) for each in self.events],
            "settled": settled,
            "revision": self.revision,
            "too_late": self.too_late,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "History":
        """Return the history that `to_value` stored."""
        state, previous, newest, seals, events, illegal = value["settled"]
        base = ContainerStatus(
            state=state,
            previous=previous,
            newest=EquipmentEvent(*newest) if newest else None,
            seals=seals,
            events=events,
            illegal=illegal,
        )
        return cls(
            [EquipmentEvent(*each) for each in value["entries"]], base, value["revision"], value["too_late"]
        )

    def status(self) -> ContainerStatus:
        """Return the status after all kept events."""
        found = self.settled
        for each in self.events:
            if not each.retracted:
                found = found.after(each)
        return found


def apply_event(
    history: History, event: EquipmentEvent
) -> tuple[History, ContainerStatus | None, tuple[str, ...]]:
    """Apply one event to a container's history.

    Args:
        history: State before.
        event: The event, in any order.

    Returns:
        State after; the new status, or None if the event changes none; flags of the change (`LATE_EVENT`,
        `REPLACED`, `RETRACTED`).
    """
    known = next((each for each in history.events if each.name == event.name), None)
    if known is not None and (
        known.event_id == event.event_id or known.updated_at >= event.updated_at or known.retracted
    ):
        return history, None, ()
    flags = []
    last = history.settled.newest
    if known is None and last is not None and _order(event) <= _order(last):
        return replace(history, too_late=history.too_late + 1), None, ()
    others = [each for each in history.events if each.name != event.name]
    if event.retracted:
        flags.append(RETRACTED)
    elif known is not None:
        flags.append(REPLACED)
    elif others and _order(event) < _order(others[-1]):
        flags.append(LATE)
    events = sorted([*others, event], key=_order)
    settled = history.settled
    while len(events) > KEPT:
        oldest = events.pop(0)
        settled = settled if oldest.retracted else settled.after(oldest)
    found = History(events, settled, history.revision + 1, history.too_late)
    return found, found.status(), tuple(flags)


def _order(event: EquipmentEvent) -> tuple[int, str, str]:
    return event.occurred_at, event.name, event.event_id
