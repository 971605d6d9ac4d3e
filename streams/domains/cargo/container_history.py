"""The actual events of one container, in the order they happened → where it stands. Pure.

- Events may come late: an event older than the newest one is put in its place, and the round is gone again.
- An event that its maker tells anew (same eventID, told later) replaces the older version; a retraction takes all
  versions away. An event that came before in the same version changes nothing.
- The last `KEPT` events are kept; what is older is settled. An event older than what is settled changes nothing but a
  count.

So what is derived depends on the order of one container's records alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from streams.domains.cargo.containers import UNKNOWN, Step, move

KEPT = 200
"""Events of a container that can still be put in order, replaced or retracted: some ten rounds."""

LATE, RETRACTED, REPLACED = "LATE_EVENT", "RETRACTED", "REPLACED"


class Entry(NamedTuple):
    """One event of a container; what the round needs of it, as JSON can hold it."""

    occurred_at: int
    name: str
    told_at: int
    retracted: bool
    code: str
    empty: bool | None
    facility: str | None
    phase: str | None
    place: str | None
    vessel: str | None
    seals: Sequence[str]
    event_id: str


def entry_of(event: Mapping[str, Any]) -> Entry:
    """Take from a transport event what the round needs."""
    empty = event.get("empty_indicator")
    return Entry(
        occurred_at=event["occurred_at"],
        name=event.get("dcsa_event_id") or event["event_id"],
        told_at=event.get("told_at") or 0,
        retracted=bool(event.get("retracted")),
        code=event["code"],
        empty=None if empty is None else empty == "EMPTY",
        facility=event.get("facility_type"),
        phase=event.get("transport_phase"),
        place=event.get("un_location_code"),
        vessel=event.get("vessel_imo"),
        seals=[each["number"] for each in event.get("seals") or () if each.get("number")],
        event_id=event["event_id"],
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a container stands.

    Attributes:
        state: Its state.
        previous: State before the newest event; None when there was none.
        newest: The newest event that counts; None when all were retracted.
        before_at: When the event before the newest one happened.
        legal: Whether the newest event was allowed.
        unsealed: Whether the newest event loaded goods without telling a seal.
        seals: Seal numbers told last.
        events: Events that count.
        illegal: Of these, those that were not allowed.
    """

    state: str = UNKNOWN
    previous: str | None = None
    newest: Entry | None = None
    before_at: int | None = None
    legal: bool = True
    unsealed: bool = False
    seals: Sequence[str] = ()
    events: int = 0
    illegal: int = 0

    def after(self, entry: Entry) -> "Standing":
        """Take one more event."""
        found = move(self.state, Step(entry.code, entry.empty, entry.facility, entry.phase))
        seals = [] if entry.code in ("STRP", "RMVD") else entry.seals or self.seals
        return Standing(
            state=found.state,
            previous=self.state if self.newest else None,
            newest=entry,
            before_at=self.newest.occurred_at if self.newest else None,
            legal=found.legal,
            unsealed=entry.code == "STUF" and not entry.seals,
            seals=seals,
            events=self.events + 1,
            illegal=self.illegal + (not found.legal),
        )


_NOTHING = Standing()


@dataclass(frozen=True, slots=True)
class History:
    """What is kept of a container.

    Attributes:
        entries: Its events in order, newest version each; retracted ones too, so that a repeat is known.
        settled: Where it stood before them.
        revision: How often something was told of it.
        too_late: Events that were older than what is settled.
    """

    entries: Sequence[Entry] = ()
    settled: Standing = field(default=_NOTHING)
    revision: int = 0
    too_late: int = 0

    def to_value(self) -> dict[str, Any]:
        """Spell the history as a JSON value."""
        base = self.settled
        newest = list(base.newest) if base.newest else None
        settled = [base.state, base.previous, newest, list(base.seals), base.events, base.illegal]
        return {
            "entries": [list(each) for each in self.entries],
            "settled": settled,
            "revision": self.revision,
            "too_late": self.too_late,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "History":
        """Read back what `to_value` spelled."""
        state, previous, newest, seals, events, illegal = value["settled"]
        base = Standing(
            state=state,
            previous=previous,
            newest=Entry(*newest) if newest else None,
            seals=seals,
            events=events,
            illegal=illegal,
        )
        return cls([Entry(*each) for each in value["entries"]], base, value["revision"], value["too_late"])

    def standing(self) -> Standing:
        """Go the round."""
        found = self.settled
        for each in self.entries:
            if not each.retracted:
                found = found.after(each)
        return found


def tell(history: History, entry: Entry) -> tuple[History, Standing | None, tuple[str, ...]]:
    """Let one event count.

    Args:
        history: What is kept of the container.
        entry: The event.

    Returns:
        What is to be kept; where the container stands, None when the event was known before; flags of this step.
    """
    known = next((each for each in history.entries if each.name == entry.name), None)
    if known is not None and (
        known.event_id == entry.event_id or known.told_at >= entry.told_at or known.retracted
    ):
        return history, None, ()
    flags = []
    last = history.settled.newest
    if known is None and last is not None and _order(entry) <= _order(last):
        return replace(history, too_late=history.too_late + 1), None, ()
    others = [each for each in history.entries if each.name != entry.name]
    if entry.retracted:
        flags.append(RETRACTED)
    elif known is not None:
        flags.append(REPLACED)
    elif others and _order(entry) < _order(others[-1]):
        flags.append(LATE)
    entries = sorted([*others, entry], key=_order)
    settled = history.settled
    while len(entries) > KEPT:
        oldest = entries.pop(0)
        settled = settled if oldest.retracted else settled.after(oldest)
    found = History(entries, settled, history.revision + 1, history.too_late)
    return found, found.standing(), tuple(flags)


def _order(entry: Entry) -> tuple[int, str, str]:
    return entry.occurred_at, entry.name, entry.event_id
