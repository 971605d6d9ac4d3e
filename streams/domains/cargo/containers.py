"""Position of a container, and the transition that an actual equipment event makes. Pure.

The position says who holds the container, what it is on, whether it is laden, on which leg it moves, and whether
customs hold it. An event is refused as impossible only if it contradicts the position: DCSA's definitions of the codes
(docs/fields/cargo.md#container-states) are read together with facility type, mode of transport, empty indicator and
place. Codes that a version lacks (2.2 has none of customs) or that a carrier does not report (`DROP` and `PICK` in
merchant haulage, `STUF`, `STRP`) are not required. The state is a name of the position; the README lists them.

Callers pass actual events (`ACT`) only. `AVPU`, `AVDO` and `CROS` change no position. After an impossible event the
position is the one that the event reports.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from streams.domains.cargo.identifiers import imo_problem

UNKNOWN = "UNKNOWN"
WITHOUT_EFFECT = frozenset(("AVPU", "AVDO", "CROS"))
"""Codes that change no position: available for pick-up or drop-off, border crossed."""

EXPORT, IMPORT, TRANSSHIPMENT = "EXPORT", "IMPORT", "TRANSSHIPMENT"
VESSEL, RAIL, BARGE, TRUCK = "VESSEL", "RAIL", "BARGE", "TRUCK"
YARD, ROAD, CUSTOMER, ABOARD = "YARD", "ROAD", "CUSTOMER", "ABOARD"
HELD, SCAN, EXPORT_SCAN, RELEASED = "HELD", "SCAN", "EXPORT_SCAN", "RELEASED"

PORT_TERMINAL, DEPOT, CUSTOMER_LOCATION = "POTE", "DEPO", "CLOC"
GATED = frozenset((PORT_TERMINAL, DEPOT, "INTE", None))
"""Facilities that a container leaves through a gate, or on board. Others, such as a ramp, need not have one."""

SEALED_OFF = frozenset((PORT_TERMINAL, DEPOT, None))
"""Facilities where nobody stuffs or strips without reporting it. Inland terminals and freight stations do."""

_CUSTODY = frozenset(("GTIN", "GTOT", "LOAD", "DISC", "PICK", "DROP"))
_CUSTOMS = {"CUSS": SCAN, "CUSI": HELD, "CUSR": RELEASED}
_HOLDS = (HELD, SCAN, EXPORT_SCAN)


class Step(NamedTuple):
    """Fields of an equipment event that decide the transition.

    Attributes:
        code: Equipment event code.
        empty: Whether the container is empty; None if not reported.
        facility: Facility type code.
        phase: Transport phase.
        mode: Mode of transport.
        un_location_code: UN/LOCODE.
        vessel: IMO number of the transport call.
        facility_code: Code of the facility with its code list, such as `SMDG:ACT`.
    """

    code: str
    empty: bool | None = None
    facility: str | None = None
    phase: str | None = None
    mode: str | None = None
    un_location_code: str | None = None
    vessel: str | None = None
    facility_code: str | None = None


class Position(NamedTuple):
    """Where a container is. JSON stores it as an array.

    Attributes:
        where: `YARD` of a facility, `ROAD` (between places), `CUSTOMER` (shipper, consignee), `ABOARD`, or `UNKNOWN`.
        by: Code of the event that brought it there.
        mode: What it is on, or what it was lifted off last: a mode of transport.
        empty: Whether it is empty; None if unknown.
        facility: Facility type code of the last place.
        un_location_code: UN/LOCODE of the last place.
        leg: `EXPORT`, `IMPORT`, `TRANSSHIPMENT`, or None.
        customs: `HELD` after a selection for inspection, `SCAN` after one for a scan, `EXPORT_SCAN` after one that is
            reported for export, `RELEASED` after a release, or None.
        vessel: IMO number of the vessel that it is on, if reported.
        facility_code: Code of the last facility with its code list.
        presumed: Whether it is taken to be on a vessel because a port terminal loaded it and nothing says on what.
    """

    where: str = UNKNOWN
    by: str = ""
    mode: str | None = None
    empty: bool | None = None
    facility: str | None = None
    un_location_code: str | None = None
    leg: str | None = None
    customs: str | None = None
    vessel: str | None = None
    facility_code: str | None = None
    presumed: bool = False

    @property
    def state(self) -> str:
        """Name of the position, a `State` of `cargo.container-state`. A container of unknown load counts as laden."""
        if self.where == UNKNOWN:
            return "CUSTOMS_HOLD" if self.customs in _HOLDS else self.customs or UNKNOWN
        if self.where == ABOARD and self.mode == VESSEL:
            return "ON_BOARD"
        if self.where == YARD:
            return self._in_yard()
        load = "EMPTY" if self.empty else "LADEN"
        if self.where == CUSTOMER:
            return f"{load}_AT_{'CONSIGNEE' if self.leg == IMPORT else 'SHIPPER'}"
        if self.leg == IMPORT:
            return f"{load}_INLAND_IN"
        return "EMPTY_OUT" if self.empty else "LADEN_INLAND_OUT"

    def _in_yard(self) -> str:
        from_sea = self.by in ("DISC", "GTIN") and self.mode == VESSEL
        if self.customs in _HOLDS:
            return "CUSTOMS_HOLD"
        if self.leg == TRANSSHIPMENT:
            return "IN_TRANSHIP_YARD"
        if self.empty:
            at_port = self.facility == PORT_TERMINAL and self.leg == EXPORT
            return "IN_IMPORT_YARD" if from_sea else "IN_EXPORT_YARD" if at_port else "EMPTY_IN_DEPOT"
        if self.leg == IMPORT:
            if self.customs == RELEASED:
                return "RELEASED"
            return "IN_IMPORT_YARD" if from_sea or self.facility == PORT_TERMINAL else "LADEN_INLAND_IN"
        return "IN_EXPORT_YARD" if self.facility in (PORT_TERMINAL, None) else "LADEN_INLAND_OUT"


class Transition(NamedTuple):
    """Effect of an event.

    Attributes:
        position: Position after it.
        problem: Why it contradicts the position before, in words; None if it does not. Nothing contradicts `UNKNOWN`.
    """

    position: Position
    problem: str | None = None


def transition(position: Position, step: Step) -> Transition:
    """Return the transition that an actual event makes.

    Args:
        position: Position before; `Position()` before the first event.
        step: The event.
    """
    if step.code in WITHOUT_EFFECT:
        return Transition(position)
    return Transition(_moved(position, step), _contradiction(position, step))


def leaves_held(step: Step, problem: str | None) -> bool:
    """Return whether an event's only problem is that the container leaves under a hold: `hold_after` may explain it."""
    return problem == NOT_RELEASED and step.code in ("GTOT", "PICK")


def is_elsewhere(position: Position, step: Step) -> bool:
    """Return whether an event reports another place than the position.

    UN/LOCODEs, facility types, or facility codes of one code list differ.
    """
    places = (position.un_location_code, step.un_location_code), (position.facility, step.facility)
    return any(before and now and before != now for before, now in places) or is_other_facility(
        position.facility_code, step.facility_code
    )


def is_other_facility(one: str | None, other: str | None) -> bool:
    """Return whether two facility codes name two facilities: codes of two lists say nothing of each other."""
    if not one or not other or one == other:
        return False
    return one.partition(":")[0] == other.partition(":")[0]


def hold_after(position: Position, step: Step) -> bool | None:
    """Return what an event shows of a container that left a yard under a hold.

    Customs may examine a container elsewhere: it is moved there under the hold (19 CFR 118, centralized examination
    stations; 19 CFR 18, in-bond movements).

    Args:
        position: Position before the event.
        step: The event.

    Returns:
        True if it was examined or put under control elsewhere; False if it was delivered; None if nothing is shown.
    """
    if step.code in _CUSTOMS:
        return True if step.facility is None or is_elsewhere(position, step) else None
    if step.code in ("GTIN", "DISC"):
        return not step.empty and step.facility != CUSTOMER_LOCATION
    if step.code in ("DROP", "STRP", "STUF"):  # an examination may strip it, and stuff it again
        return step.facility not in (CUSTOMER_LOCATION, None)
    return False if step.code == "LOAD" and conveyance(position, step) == VESSEL else None


def conveyance(before: Position, step: Step) -> str | None:
    """Return what a `LOAD` or `DISC` is about.

    Returns:
        The reported mode of transport. Without one, what the container is discharged from; else a vessel, unless the
        facility lies inland; else None.
    """
    if step.mode in (VESSEL, RAIL, BARGE, TRUCK):
        return step.mode
    if step.code == "DISC" and before.where == ABOARD:
        return before.mode
    return VESSEL if step.facility in (PORT_TERMINAL, None) else None


NOT_RELEASED = "customs have not released it"


def _contradiction(before: Position, step: Step) -> str | None:
    if before.where == UNKNOWN and before.customs is None:
        return None
    check = _CHECKS.get(step.code)
    return (check(before, step) if check else None) or _load_problem(before, step)


def _aboard_problem(before: Position, step: Step) -> str | None:
    """A container leaves a vessel by `DISC` only. A train, barge or truck may be left without a report of it.

    If a port terminal did not say on what it loaded the container, it may have been a train, a barge, or a truck.
    """
    if before.where != ABOARD or before.mode != VESSEL:
        return None
    went_inland = step.code in ("GTOT", "DROP") or is_elsewhere(before, step)
    return None if before.presumed and went_inland else "it is on board a vessel"


def _twice_problem(before: Position, step: Step) -> str | None:
    """The same code twice at one place, and no move between.

    A UN/LOCODE is a town with many customers: `DROP` and `PICK` are repeated only at one facility that is named. A code
    of SMDG's list is that of a terminal, where 2.2 names the terminal of the transport call.
    """
    if before.by != step.code or is_elsewhere(before, step):
        return None
    if step.code not in ("DROP", "PICK"):
        return "it happened already"
    customer = (
        step.facility_code if step.facility_code and not step.facility_code.startswith("SMDG:") else None
    )
    return "it happened already" if customer and before.facility_code == customer else None


def _held_problem(before: Position) -> str | None:
    return NOT_RELEASED if before.customs in _HOLDS else None


def _remote_problem(before: Position, step: Step) -> str | None:
    """It is in a port terminal or depot, and the event happens in another place. Inland moves may go unseen."""
    if before.where != YARD or before.facility not in (PORT_TERMINAL, DEPOT):
        return None
    if not before.un_location_code or not step.un_location_code:
        return None
    other_place = before.un_location_code != step.un_location_code
    return f"it is in {before.un_location_code}" if other_place else None


def _loaded(before: Position, step: Step) -> str | None:
    if before.where == ABOARD:
        return f"it is on board already ({before.mode})"
    if conveyance(before, step) != VESSEL:
        return _twice_problem(before, step) or _remote_problem(before, step)
    if before.where in (ROAD, CUSTOMER):
        return "it is not in a terminal"
    if problem := _remote_problem(before, step):
        return problem
    placed = before.un_location_code and step.un_location_code
    if not placed and before.where == YARD and before.facility == DEPOT and step.facility != DEPOT:
        return "it is in a depot"
    return None if _may_load_held(before, step) else _held_problem(before)


def _may_load_held(before: Position, step: Step) -> bool:
    """Return whether a held container may be loaded.

    Loading for export shows that a scan has passed: few report it. An import may go on in bond, under the hold, by a
    train or truck that the port terminal does not name.
    """
    export_scan = before.customs == EXPORT_SCAN or (before.customs == SCAN and step.phase == EXPORT)
    return export_scan or (_is_presumed(step) and before.leg == IMPORT)


def _discharged(before: Position, step: Step) -> str | None:
    mode = conveyance(before, step)
    if before.where == ABOARD:
        known = {VESSEL if each == BARGE else each for each in (before.mode, mode) if each}
        if len(known) > 1:
            return None if before.presumed else f"it is on board {before.mode}, not {mode}"
        return _other_vessel_problem(before, step) if mode in (VESSEL, BARGE) else None
    if mode == VESSEL:
        return None if before.where == UNKNOWN else "it is not on board"
    return _twice_problem(before, step) if before.where == YARD else None


def _other_vessel_problem(before: Position, step: Step) -> str | None:
    """Two vessels, both named by valid IMO numbers, and no transshipment between."""
    if not before.vessel or not step.vessel or before.vessel == step.vessel:
        return None
    if imo_problem(before.vessel) or imo_problem(step.vessel):
        return None
    return f"it is on board IMO {before.vessel}, not IMO {step.vessel}"


def _gated_in(before: Position, step: Step) -> str | None:
    return _aboard_problem(before, step) or (_twice_problem(before, step) if before.where == YARD else None)


def _gated_out(before: Position, step: Step) -> str | None:
    if before.where == ROAD:
        return _twice_problem(before, step)
    return _aboard_problem(before, step) or _remote_problem(before, step) or _held_problem(before)


def _picked_up(before: Position, step: Step) -> str | None:
    if before.where == ROAD:
        return _twice_problem(before, step)
    return _aboard_problem(before, step) or _held_problem(before)


def _dropped(before: Position, step: Step) -> str | None:
    if before.where == CUSTOMER:
        return _twice_problem(before, step)
    lifted_off = before.by == "DISC" and before.mode != VESSEL
    if before.where == YARD and before.facility in GATED and not lifted_off:
        return "it has not left the terminal"
    return _aboard_problem(before, step)


def _stuffed(before: Position, step: Step) -> str | None:
    """A container may be stuffed in rounds, at several places, and be stripped unseen at the end of an import.

    In a yard that nobody strips in unseen, it is full.
    """
    if before.where == ABOARD:
        return f"it is on board ({before.mode})"
    station = before.facility is None and step.facility not in SEALED_OFF
    watched = before.where == YARD and before.facility in SEALED_OFF and not station
    return "it is laden" if before.empty is False and before.by != "STUF" and watched else None


def _stripped(before: Position, step: Step) -> str | None:
    del step
    if before.where == ABOARD:
        return f"it is on board ({before.mode})"
    return "it is empty" if before.empty else None


_CHECKS: Mapping[str, Callable[[Position, Step], str | None]] = {
    "LOAD": _loaded,
    "DISC": _discharged,
    "GTIN": _gated_in,
    "GTOT": _gated_out,
    "PICK": _picked_up,
    "DROP": _dropped,
    "STUF": _stuffed,
    "STRP": _stripped,
}


def _load_problem(before: Position, step: Step) -> str | None:
    """A container neither fills nor empties unseen on board, or in a yard that nobody strips in."""
    if step.empty is None or before.empty is None or step.empty == before.empty or step.code not in _CUSTODY:
        return None
    on_board = before.where == ABOARD and (before.mode == VESSEL or step.code == "DISC")
    in_yard = before.where == YARD and before.facility in SEALED_OFF and not is_elsewhere(before, step)
    if not (on_board or in_yard):
        return None
    return "it was empty, and nobody stuffed it" if before.empty else "it was laden, and nobody stripped it"


def _moved(before: Position, step: Step) -> Position:
    if step.code in _CUSTOMS:
        return before._replace(customs=_customs(before, step), leg=before.leg or step.phase)
    if step.code not in _CUSTODY and step.code not in ("STUF", "STRP"):
        return before
    where, mode = _where(before, step)
    empty = {"STUF": False, "STRP": True}.get(step.code, before.empty if step.empty is None else step.empty)
    stays = step.code in ("STUF", "STRP") and where == before.where
    cleared = empty or (where == ABOARD and mode == VESSEL)
    return Position(
        where=where,
        by=step.code,
        mode=mode,
        empty=empty,
        facility=step.facility or (before.facility if stays else None),
        un_location_code=step.un_location_code or (before.un_location_code if stays else None),
        leg=_leg(before, step, where, mode, empty),
        customs=None if cleared else before.customs,
        vessel=step.vessel if step.code == "LOAD" and mode in (VESSEL, BARGE) else None,
        facility_code=step.facility_code or (before.facility_code if stays else None),
        presumed=where == ABOARD and _is_presumed(step),
    )


def _customs(before: Position, step: Step) -> str:
    """Return what customs have reported last; a scan after a selection for inspection leaves the hold."""
    if step.code == "CUSS" and before.customs == HELD:
        return HELD
    return EXPORT_SCAN if step.code == "CUSS" and step.phase == EXPORT else _CUSTOMS[step.code]


def _is_presumed(step: Step) -> bool:
    """Return whether a `LOAD` says neither on what kind of transport nor on which vessel."""
    return step.code == "LOAD" and step.mode not in (VESSEL, RAIL, BARGE, TRUCK) and not step.vessel


def _where(before: Position, step: Step) -> tuple[str, str | None]:
    """Return who holds the container after an event, and what it is on or came off."""
    place = CUSTOMER if step.facility == CUSTOMER_LOCATION else YARD
    if step.code == "LOAD":
        mode = conveyance(before, step)
        return (ABOARD if mode in (VESSEL, RAIL, BARGE) else ROAD), mode
    if step.code in ("DISC", "GTIN"):
        came_off = conveyance(before, step) if step.code == "DISC" else before.mode
        return place, came_off if "DISC" in (step.code, before.by) else None
    if step.code in ("GTOT", "PICK"):
        on_train = before.where == ABOARD and before.mode in (RAIL, BARGE) and step.mode != TRUCK
        leaves_with_it = step.code == "GTOT" and on_train and not is_elsewhere(before, step)
        return (ABOARD, before.mode) if leaves_with_it else (ROAD, step.mode)
    if step.code == "DROP":
        return (CUSTOMER if step.facility in (CUSTOMER_LOCATION, None) else YARD), None
    packed_there = (step.facility or before.facility) in ("COFS", CUSTOMER_LOCATION)
    return (YARD if before.where == YARD and not packed_there else CUSTOMER), before.mode


def _leg(before: Position, step: Step, where: str, mode: str | None, empty: bool | None) -> str | None:
    """Return the leg after an event: none at sea and after the return, else the reported one, else the usual one."""
    at_sea = where == ABOARD and mode == VESSEL
    returned = step.code == "GTIN" and empty and step.facility != PORT_TERMINAL
    if at_sea or returned:
        return None
    if step.phase in (EXPORT, IMPORT, TRANSSHIPMENT):
        return step.phase
    from_sea = step.code == "DISC" and mode == VESSEL
    into_port = step.code == "GTIN" and not empty and step.facility == PORT_TERMINAL and before.by != "DISC"
    if step.code == "STRP" or from_sea:
        return IMPORT
    if step.code == "STUF" or into_port:
        return EXPORT
    if step.code == "GTOT" and empty:
        return IMPORT if before.leg == IMPORT and before.mode == VESSEL else EXPORT
    return before.leg or _usual_leg(step, empty)


def _usual_leg(step: Step, empty: bool | None) -> str | None:
    """Return the leg of an event whose container's leg is unknown."""
    laden = not empty
    at_port = step.facility == PORT_TERMINAL
    inbound = {
        "GTOT": True,
        "DROP": laden,
        "PICK": not laden,
        "LOAD": at_port,
        "DISC": not at_port,
    }.get(step.code, False)
    if inbound:
        return IMPORT
    return EXPORT if laden or step.code != "GTIN" else None
