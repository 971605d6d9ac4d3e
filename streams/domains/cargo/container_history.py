"""One container's equipment events, ordered by `eventDateTime` → its status and what contradicts it. Pure.

- An event may come late. It is inserted at its time, and the status is computed again from the oldest kept event.
- A later version of an event (same `eventID`, later update time) replaces the older one. A retraction removes all
  versions. A version that came before changes nothing. Planned and estimated versions count for nothing.
- Events of one instant, as in feeds that report days only, are taken in the order that contradicts least; of equal ones
  in that in which they were made.
- An event that reports again what another one reported (same instant, code, and place as far as both report it) counts
  once, whatever their ids: DCSA 2.2 makes `eventID` optional, and new for each message.
- The last `KEPT` events are kept. Older ones are folded into the settled status. An event older than the settled
  status changes a count only.

A finding is raised when an event contradicts the events before it, and withdrawn when a late, newer or retracted event
resolves the contradiction. So what is in force depends on the set of events, not on the order in which they came.
`History.to_value` is what the rule keeps in its changelog.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from streams.domains.cargo.containers import (
    Position,
    Step,
    hold_after,
    is_other_facility,
    leaves_held,
    transition,
)

KEPT = 200
"""Events of a container that can still be ordered, replaced or retracted: about ten times depot to depot."""

ORDERED = 8
"""Largest number of events of one instant that are put in order; more are taken by their ids."""

ORDERS = 32
"""Orders of the events of one instant that are followed at a time."""

LATE, RETRACTED, REPLACED, REPEATED = "LATE_EVENT", "RETRACTED", "REPLACED", "REPEATED"
IMPOSSIBLE, UNSEALED = "IMPOSSIBLE_TRANSITION", "SEAL_MISSING"


class EquipmentEvent(NamedTuple):
    """Fields of one equipment event that a container's status depends on. JSON stores it as an array.

    Attributes:
        occurred_at: DCSA `eventDateTime`, µs since 1970 UTC.
        name: DCSA `eventID`, equal for all versions of an event; the platform's `event_id` where it is missing.
        updated_at: When this version was made, µs since 1970 UTC; 0 if unknown.
        actual: Whether it has happened (`ACT`).
        retracted: DCSA `isRetracted`.
        code: Equipment event code.
        empty: Whether the container is empty; None if not reported.
        facility: Facility type code.
        phase: Transport phase.
        mode: Mode of transport.
        un_location_code: UN/LOCODE.
        vessel: IMO number.
        seals: Seal numbers.
        event_id: The platform's `event_id` of this version.
        facility_code: Code of the facility with its code list, such as `SMDG:ACT`.
    """

    occurred_at: int
    name: str
    updated_at: int
    actual: bool
    retracted: bool
    code: str
    empty: bool | None
    facility: str | None
    phase: str | None
    mode: str | None
    un_location_code: str | None
    vessel: str | None
    seals: Sequence[str]
    event_id: str
    facility_code: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it has happened and is not retracted."""
        return self.actual and not self.retracted

    @property
    def step(self) -> Step:
        """What decides the transition."""
        return Step(
            self.code,
            self.empty,
            self.facility,
            self.phase,
            self.mode,
            self.un_location_code,
            self.vessel,
            self.facility_code,
        )


def equipment_event(event: Mapping[str, Any]) -> EquipmentEvent:
    """Return the equipment event that a `cargo.transport-event` reports."""
    empty, facility_code = event.get("empty_indicator"), event.get("facility_code")
    return EquipmentEvent(
        occurred_at=event["occurred_at"],
        name=event.get("dcsa_event_id") or event["event_id"],
        updated_at=event.get("told_at") or 0,
        actual=event["classifier"] == "ACT",
        retracted=bool(event.get("retracted")),
        code=event["code"],
        empty=None if empty is None else empty == "EMPTY",
        facility=event.get("facility_type"),
        phase=event.get("transport_phase"),
        mode=event.get("mode_of_transport"),
        un_location_code=event.get("un_location_code"),
        vessel=event.get("vessel_imo"),
        seals=[each["number"] for each in event.get("seals") or () if each.get("number")],
        event_id=event["event_id"],
        facility_code=f"{event.get('facility_code_list') or ''}:{facility_code}" if facility_code else None,
    )


class EventFinding(NamedTuple):
    """What one event shows. JSON stores it as an array.

    Attributes:
        event_id: The platform's `event_id` of the event.
        occurred_at: When the event happened, µs since 1970 UTC.
        kind: `IMPOSSIBLE_TRANSITION` or `SEAL_MISSING`.
        detail: What was found, in one line.
    """

    event_id: str
    occurred_at: int
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """Status of a container after its events.

    Attributes:
        position: Where it is.
        previous: State before the newest event; None if there was none.
        newest: The newest event that counts; None if there is none.
        before_at: `occurred_at` of the event before the newest one, µs since 1970 UTC.
        legal: Whether the newest event was a legal transition.
        seals: Seal numbers in force.
        events: Number of events that count.
        illegal: Number of illegal transitions among them.
        left_held: Finding of an event that left a yard under a hold, while a later event may still explain it.
    """

    position: Position = Position()  # noqa: RUF009 - a NamedTuple does not change
    previous: str | None = None
    newest: EquipmentEvent | None = None
    before_at: int | None = None
    legal: bool = True
    seals: Sequence[str] = ()
    events: int = 0
    illegal: int = 0
    left_held: EventFinding | None = None

    @property
    def state(self) -> str:
        """Its state, a name of the README's table or `UNKNOWN`."""
        return self.position.state

    def to_value(self) -> list[Any]:
        """Return the status as a JSON value."""
        newest = list(self.newest) if self.newest else None
        counts = self.events, self.illegal
        return [
            list(self.position),
            self.previous,
            newest,
            self.before_at,
            self.legal,
            list(self.seals),
            *counts,
            list(self.left_held) if self.left_held else None,
        ]

    @classmethod
    def from_value(cls, value: Sequence[Any]) -> "ContainerStatus":
        """Return the status that `to_value` stored."""
        position, previous, newest, before_at, legal, seals, events, illegal, left_held = value
        return cls(
            Position(*position),
            previous,
            EquipmentEvent(*newest) if newest else None,
            before_at,
            legal,
            seals,
            events,
            illegal,
            EventFinding(*left_held) if left_held else None,
        )

    def after(
        self, event: EquipmentEvent
    ) -> "tuple[ContainerStatus, list[EventFinding], EventFinding | None]":
        """Return the status after one more event.

        Returns:
            The status, what the event shows, and the finding of an earlier event that it explains.
        """
        position, problem = transition(self.position, event.step)
        left_held, explained = self.left_held, None
        if left_held is not None and (shown := hold_after(self.position, event.step)) is not None:
            left_held, explained = None, left_held if shown else None
        seals = [] if event.code in ("STRP", "RMVD") else event.seals or self.seals
        found = ContainerStatus(
            position=position,
            previous=self.state if self.newest else None,
            newest=event,
            before_at=self.newest.occurred_at if self.newest else None,
            legal=problem is None,
            seals=seals,
            events=self.events + 1,
            illegal=self.illegal + (problem is not None) - (explained is not None),
            left_held=left_held,
        )
        findings = []
        if problem is not None:
            detail = f"{event.code} in state {self.state}: {problem}; taken to be {position.state}"
            findings.append(EventFinding(event.event_id, event.occurred_at, IMPOSSIBLE, detail))
            found = replace(found, left_held=findings[0]) if leaves_held(event.step, problem) else found
        if event.code == "STUF" and not event.seals:
            detail = "stuffed without a seal number"
            findings.append(EventFinding(event.event_id, event.occurred_at, UNSEALED, detail))
        return found, findings, explained


_NO_EVENTS = ContainerStatus()
_Order = tuple[ContainerStatus, list[EventFinding]]
"""Status after events in one of their orders, and what they show in it."""

_End = tuple[Position, EventFinding | None]
"""What of a status decides on later events: orders with equal ends are one."""


@dataclass(frozen=True, slots=True)
class History:
    """Persisted state of one container.

    Attributes:
        events: Its events in order, the newest version of each. Retracted ones stay, so that a repeat is recognised.
        settled: Status before them.
        latest: Status after them, to which a newer event is added; None if they have several orders to be followed.
        raised: Findings in force about `events`.
        revision: Number of changes; the highest `revision` of a derived status is in force.
        too_late: Number of events that were older than the settled status.
    """

    events: Sequence[EquipmentEvent] = ()
    settled: ContainerStatus = field(default=_NO_EVENTS)
    latest: ContainerStatus | None = field(default=_NO_EVENTS)
    raised: Sequence[EventFinding] = ()
    revision: int = 0
    too_late: int = 0

    def to_value(self) -> dict[str, Any]:
        """Return the history as a JSON value."""
        return {
            "entries": [list(each) for each in self.events],
            "settled": self.settled.to_value(),
            "latest": self.latest.to_value() if self.latest else None,
            "raised": [list(each) for each in self.raised],
            "revision": self.revision,
            "too_late": self.too_late,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "History":
        """Return the history that `to_value` stored."""
        latest = value["latest"]
        return cls(
            [EquipmentEvent(*each) for each in value["entries"]],
            ContainerStatus.from_value(value["settled"]),
            ContainerStatus.from_value(latest) if latest else None,
            [EventFinding(*each) for each in value["raised"]],
            value["revision"],
            value["too_late"],
        )

    def status(self) -> ContainerStatus:
        """Return the status after all kept events."""
        return _orders(self.settled, self.events)[0][0]


class Change(NamedTuple):
    """What one event changes.

    Attributes:
        history: State after it.
        status: The new status; None if the event changes none.
        flags: `LATE_EVENT`, `REPLACED`, `RETRACTED` or `REPEATED`.
        raised: Findings that are in force from now on.
        withdrawn: Findings that are no longer in force.
    """

    history: History
    status: ContainerStatus | None = None
    flags: tuple[str, ...] = ()
    raised: tuple[EventFinding, ...] = ()
    withdrawn: tuple[EventFinding, ...] = ()


def apply_event(history: History, event: EquipmentEvent) -> Change:
    """Apply one event to a container's history.

    Args:
        history: State before.
        event: The event, in any order, of any classifier.
    """
    known = next((each for each in history.events if each.name == event.name), None)
    if known is None and not (event.actual or event.retracted):
        return Change(history)
    if known is not None and (
        known.event_id == event.event_id or known.updated_at >= event.updated_at or known.retracted
    ):
        return Change(history)
    last = history.settled.newest
    if known is None and last is not None and event.occurred_at <= last.occurred_at:
        return Change(replace(history, too_late=history.too_late + 1))
    if known is None and event.counts and (added := _added(history, event)) is not None:
        return added
    others = [each for each in history.events if each.name != event.name]
    events = sorted([*others, event], key=_order)
    settled, settling = history.settled, list[EventFinding]()
    while len(events) > KEPT:
        oldest = list(next(itertools.groupby(events, _instant))[1])
        del events[: len(oldest)]
        settling = [each for each in settling if not _same(each, settled.left_held)]
        settled, found = _orders(settled, oldest)[0]
        settling += found
    settling = [each for each in settling if not _same(each, settled.left_held)]
    orders = _orders(settled, events)
    status, kept = orders[0]
    before = {(each.event_id, each.kind): each for each in history.raised}
    now = {(each.event_id, each.kind): each for each in (*settling, *kept)}
    return Change(
        History(
            events,
            settled,
            status if len(orders) == 1 else None,
            [before.get((each.event_id, each.kind), each) for each in kept],
            history.revision + 1,
            history.too_late,
        ),
        status,
        _flags(event, known, others),
        tuple(each for key, each in now.items() if key not in before),
        tuple(each for key, each in before.items() if key not in now),
    )


def _added(history: History, event: EquipmentEvent) -> Change | None:
    """Add an event that is newer than all kept ones, without taking these again. None if its place is to be found."""
    events, settled = list(history.events), history.settled
    if history.latest is None or (events and event.occurred_at <= events[-1].occurred_at):
        return None
    raised = list(history.raised)
    if len(events) == KEPT:
        oldest = events.pop(0)
        if events[0].occurred_at == oldest.occurred_at:
            return None
        settled = settled.after(oldest)[0] if oldest.counts else settled
        raised = [
            each for each in raised if each.event_id != oldest.event_id or _same(each, settled.left_held)
        ]
    status, found, explained = history.latest.after(event)
    withdrawn = tuple(each for each in raised if _same(each, explained))
    raised = [*(each for each in raised if not _same(each, explained)), *found]
    changed = History([*events, event], settled, status, raised, history.revision + 1, history.too_late)
    return Change(changed, status, raised=tuple(found), withdrawn=withdrawn)


def _same(one: EventFinding, other: EventFinding | None) -> bool:
    """Return whether two findings are one. A raised one keeps its first detail, which later events may change."""
    return other is not None and (one.event_id, one.kind) == (other.event_id, other.kind)


def _flags(
    event: EquipmentEvent, known: EquipmentEvent | None, others: Sequence[EquipmentEvent]
) -> tuple[str, ...]:
    if event.retracted:
        return (RETRACTED,)
    if known is not None:
        return (REPLACED,)
    if any(each.counts and _reports_the_same(each, event) for each in others):
        return (REPEATED,)
    return (LATE,) if others and event.occurred_at < others[-1].occurred_at else ()


def _instant(event: EquipmentEvent) -> int:
    return event.occurred_at


def _order(event: EquipmentEvent) -> tuple[int, int, str, str]:
    return event.occurred_at, event.updated_at, event.name, event.event_id


def _orders(status: ContainerStatus, events: Iterable[EquipmentEvent]) -> list[_Order]:
    """Return the orders of events that contradict least, the best one first.

    Only events of one instant may change places. Orders with equal ends are one; of the others the best
    `ORDERS` are followed.
    """
    orders: list[_Order] = [(status, [status.left_held] if status.left_held else [])]
    counting = (each for each in events if each.counts)
    for _, group in itertools.groupby(counting, _instant):
        orders = _after_instant(orders, _distinct(group))
    return orders


def _after_instant(orders: Sequence[_Order], events: Sequence[EquipmentEvent]) -> list[_Order]:
    """Return the best orders after all events of one instant, the best one first."""
    if len(events) == 1:
        return _best([_longer(each, events[0]) for each in orders])
    if len(events) > ORDERED:
        for event in events:
            orders = [_longer(each, event) for each in orders]
        return _best(orders)
    every = tuple(range(len(events)))
    open_orders = [(each, every) for each in orders]
    for _ in events:
        found: dict[tuple[_End, tuple[int, ...]], _Order] = {}
        for order, left in open_orders:
            for number in left:
                longer = _longer(order, events[number])
                key = _end(longer), tuple(other for other in left if other != number)
                if key not in found or longer[0].illegal < found[key][0].illegal:
                    found[key] = longer
        best = sorted(found.items(), key=lambda item: item[1][0].illegal)[:ORDERS]
        open_orders = [(order, left) for (_, left), order in best]
    return [order for order, _ in open_orders]


def _best(orders: Sequence[_Order]) -> list[_Order]:
    found: dict[_End, _Order] = {}
    for each in sorted(orders, key=lambda order: order[0].illegal):
        found.setdefault(_end(each), each)
    return list(found.values())[:ORDERS]


def _end(order: _Order) -> _End:
    return order[0].position, order[0].left_held


def _longer(order: _Order, event: EquipmentEvent) -> _Order:
    status, found, explained = order[0].after(event)
    return status, [*(each for each in order[1] if not _same(each, explained)), *found]


def _distinct(events: Iterable[EquipmentEvent]) -> list[EquipmentEvent]:
    """Return events of one instant without those that another one reports again; the version made last stays."""
    found: list[EquipmentEvent] = []
    for each in sorted(events, key=lambda event: (-event.updated_at, event.name, event.event_id)):
        if not any(_reports_the_same(each, other) for other in found):
            found.append(each)
    return sorted(found, key=_order)


def _reports_the_same(one: EquipmentEvent, other: EquipmentEvent) -> bool:
    """Return whether two events report one happening: instant and code are equal, and nothing else contradicts."""
    if (one.occurred_at, one.code) != (other.occurred_at, other.code):
        return False
    places = (
        (one.empty, other.empty),
        (one.facility, other.facility),
        (one.mode, other.mode),
        (one.un_location_code, other.un_location_code),
    )
    if is_other_facility(one.facility_code, other.facility_code):
        return False
    return all(a is None or b is None or a == b for a, b in places)
