"""The legal round of a container: which event moves it from which state to which. Pure.

Built from the definitions of DCSA's equipment events; codes and states are told in the package's README. Only actual
events move a container. `AVPU`, `AVDO` and `CROS` tell something and move nothing. An event that the table does not
allow in a state is a jump: the container is taken to be where the event says, and the event is marked.
"""

from collections.abc import Mapping
from typing import NamedTuple

UNKNOWN = "UNKNOWN"
TELLS_ONLY = frozenset(("AVPU", "AVDO", "CROS"))
AT_CUSTOMS = frozenset(("INSP", "RMVD", "RSEA"))
TRANSSHIPMENT = "TRANSSHIPMENT"


class Step(NamedTuple):
    """What of a transport event matters to the round.

    Attributes:
        code: DCSA code.
        empty: Whether the container is empty; None when not told.
        facility: Kind of facility.
        phase: Transport phase.
    """

    code: str
    empty: bool | None = None
    facility: str | None = None
    phase: str | None = None


_ROUND: Mapping[tuple[str, str], str] = {
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


class Move(NamedTuple):
    """Where an event leads.

    Attributes:
        state: State afterwards.
        legal: Whether the table allows it; always, where nothing was known before.
        moved: Whether it counts as a step of the round at all.
    """

    state: str
    legal: bool
    moved: bool = True


def move(state: str, step: Step) -> Move:
    """Take one actual event.

    Args:
        state: State before; `UNKNOWN` where nothing is known yet.
        step: The event.
    """
    if step.code in TELLS_ONLY:
        return Move(state, legal=True, moved=False)
    if state == UNKNOWN:
        return Move(claimed(step, state), legal=True)
    if state == "ON_BOARD" and step.code == "DISC":
        return Move(claimed(step, state), legal=True)
    found = _ROUND.get((state, step.code))
    if found is None or _contradicts(found, step):
        return Move(claimed(step, state), legal=False)
    return Move(found, legal=True)


def claimed(step: Step, state: str) -> str:
    """Tell where a container has to be after an event, whatever was known of it."""
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
            return _SAID.get(step.code, state)


_SAID: Mapping[str, str] = {
    "STUF": "LADEN_AT_SHIPPER",
    "STRP": "EMPTY_AT_CONSIGNEE",
    "LOAD": "ON_BOARD",
    "CUSS": "CUSTOMS_HOLD",
    "CUSI": "CUSTOMS_HOLD",
    "CUSR": "RELEASED",
}


def _contradicts(found: str, step: Step) -> bool:
    """Tell whether an event says laden where the round says empty, or gates into the wrong kind of place."""
    if step.empty is None:
        return False
    return (found in _LADEN_NOW and step.empty) or (found in _EMPTY_NOW and not step.empty)
