"""State machine of a container, from depot to depot. Pure.

States and legal transitions are ours, made from DCSA's definitions of the equipment event codes
(docs/fields/cargo.md#container-states); the README lists them. Callers pass actual events (`ACT`) only. `AVPU`, `AVDO`
and `CROS` change no state. An event that the table does not allow is an illegal transition: the state becomes the one
that the event reports.
"""

from collections.abc import Mapping
from typing import NamedTuple

UNKNOWN = "UNKNOWN"
WITHOUT_EFFECT = frozenset(("AVPU", "AVDO", "CROS"))
"""Codes that change no state: available for pick-up or drop-off, border crossed."""

TRANSSHIPMENT = "TRANSSHIPMENT"


class Step(NamedTuple):
    """Fields of an equipment event that decide the transition.

    Attributes:
        code: Equipment event code.
        empty: Whether the container is empty; None if not reported.
        facility: Facility type code.
        phase: Transport phase.
    """

    code: str
    empty: bool | None = None
    facility: str | None = None
    phase: str | None = None


_TRANSITIONS: Mapping[tuple[str, str], str] = {
    ("EMPTY_IN_DEPOT", "GTOT"): "EMPTY_OUT",
    ("EMPTY_OUT", "DROP"): "EMPTY_AT_SHIPPER",
    ("EMPTY_AT_SHIPPER", "STUF"): "LADEN_AT_SHIPPER",
    ("LADEN_AT_SHIPPER", "PICK"): "LADEN_INLAND_OUT",
    ("LADEN_INLAND_OUT", "GTIN"): "IN_EXPORT_YARD",
    ("IN_EXPORT_YARD", "LOAD"): "ON_BOARD",
    ("IN_TRANSHIP_YARD", "LOAD"): "ON_BOARD",
    ("IN_IMPORT_YARD", "CUSS"): "CUSTOMS_HOLD",
    ("IN_IMPORT_YARD", "CUSI"): "CUSTOMS_HOLD",
    ("IN_IMPORT_YARD", "CUSR"): "RELEASED",
    ("CUSTOMS_HOLD", "CUSS"): "CUSTOMS_HOLD",
    ("CUSTOMS_HOLD", "CUSI"): "CUSTOMS_HOLD",
    ("CUSTOMS_HOLD", "INSP"): "CUSTOMS_HOLD",
    ("CUSTOMS_HOLD", "RMVD"): "CUSTOMS_HOLD",
    ("CUSTOMS_HOLD", "RSEA"): "CUSTOMS_HOLD",
    ("CUSTOMS_HOLD", "CUSR"): "RELEASED",
    ("RELEASED", "GTOT"): "LADEN_INLAND_IN",
    ("LADEN_INLAND_IN", "DROP"): "LADEN_AT_CONSIGNEE",
    ("LADEN_AT_CONSIGNEE", "STRP"): "EMPTY_AT_CONSIGNEE",
    ("EMPTY_AT_CONSIGNEE", "PICK"): "EMPTY_INLAND_IN",
    ("EMPTY_INLAND_IN", "GTIN"): "EMPTY_IN_DEPOT",
}
_LADEN_NOW = frozenset(("LADEN_INLAND_OUT", "IN_EXPORT_YARD", "LADEN_INLAND_IN"))
_EMPTY_NOW = frozenset(("EMPTY_OUT", "EMPTY_IN_DEPOT"))


class Transition(NamedTuple):
    """Effect of an event.

    Attributes:
        state: State after it.
        legal: Whether the table allows it. An event in state `UNKNOWN` is legal.
        moved: False if the code changes no state.
    """

    state: str
    legal: bool
    moved: bool = True


def transition(state: str, step: Step) -> Transition:
    """Return the transition that an actual event makes.

    Args:
        state: State before; `UNKNOWN` before the first event.
        step: The event.
    """
    if step.code in WITHOUT_EFFECT:
        return Transition(state, legal=True, moved=False)
    if state == UNKNOWN:
        return Transition(reported_state(step, state), legal=True)
    if state == "ON_BOARD" and step.code == "DISC":
        return Transition(reported_state(step, state), legal=True)
    found = _TRANSITIONS.get((state, step.code))
    if found is None or _contradicts(found, step):
        return Transition(reported_state(step, state), legal=False)
    return Transition(found, legal=True)


def reported_state(step: Step, state: str) -> str:
    """Return the state that an event reports, whatever the state before; that state if it reports none."""
    laden = step.empty is not True
    match step.code:
        case "GTOT":
            return "LADEN_INLAND_IN" if laden else "EMPTY_OUT"
        case "GTIN":
            return "IN_EXPORT_YARD" if laden else "EMPTY_IN_DEPOT"
        case "DROP":
            return "LADEN_AT_CONSIGNEE" if laden else "EMPTY_AT_SHIPPER"
        case "PICK":
            return "LADEN_INLAND_OUT" if laden else "EMPTY_INLAND_IN"
        case "DISC":
            return "IN_TRANSHIP_YARD" if step.phase == TRANSSHIPMENT else "IN_IMPORT_YARD"
        case _:
            return _STATE_AFTER.get(step.code, state)


_STATE_AFTER: Mapping[str, str] = {
    "STUF": "LADEN_AT_SHIPPER",
    "STRP": "EMPTY_AT_CONSIGNEE",
    "LOAD": "ON_BOARD",
    "CUSS": "CUSTOMS_HOLD",
    "CUSI": "CUSTOMS_HOLD",
    "CUSR": "RELEASED",
}


def _contradicts(found: str, step: Step) -> bool:
    """Return whether an event reports laden where the new state is an empty one, or the reverse."""
    if step.empty is None:
        return False
    return (found in _LADEN_NOW and step.empty) or (found in _EMPTY_NOW and not step.empty)
