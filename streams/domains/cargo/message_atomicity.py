"""A message whose events stand or fall together. Pure.

EPCIS 2.0 takes a capture as a whole unless asked otherwise (`GS1-Capture-Error-Behaviour: rollback`), and a DCSA
message is judged as a whole by the standard's conformance tests. So a message with one event that breaks a
rule is refused as a whole, event by event: the broken ones with their rule, the others with the rule of the
whole and the event that broke it. A message that cannot be cut into events is one refused record.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from streams.domains.cargo.rule_violation import BrokenRule
from streams.readers.formats import Accepted, EventDraft, Item, Refused

LARGEST_MESSAGE = 64 << 20
"""Bytes above which a message is not read; bounds memory, since a message is judged as a whole."""


class Piece(NamedTuple):
    """One event as it lies in its message."""

    line: int
    data: bytes
    event: object


def load(stream: BinaryIO, rule: str) -> bytes:
    """Read a message.

    Raises:
        BrokenRule: It is too large.
    """
    data = stream.read(LARGEST_MESSAGE + 1)
    if len(data) > LARGEST_MESSAGE:
        raise BrokenRule(rule, f"message of more than {LARGEST_MESSAGE} bytes")
    return data


def judged(pieces: Iterable[Piece], draft: Callable[[object], EventDraft], rule: str) -> Iterator[Item]:
    """Judge all events of a message, then let them in together or refuse them together.

    Args:
        pieces: The events.
        draft: Makes the draft of one event, or raises `BrokenRule`.
        rule: Rule that a sound event breaks by standing beside a broken one.
    """
    found: list[tuple[Piece, EventDraft | BrokenRule]] = []
    for piece in pieces:
        try:
            found.append((piece, draft(piece.event)))
        except BrokenRule as error:
            found.append((piece, error))
    first = next((number for number, (_, each) in enumerate(found, 1) if isinstance(each, BrokenRule)), None)
    for number, (piece, each) in enumerate(found, 1):
        if isinstance(each, BrokenRule):
            yield Refused(number, piece.line, piece.data, str(each), each.rule)
        elif first is not None:
            reason = f"the message is refused as a whole: its event {first} breaks a rule"
            yield Refused(number, piece.line, piece.data, reason, rule)
        else:
            yield Accepted(number, piece.line, piece.data, (each,))


def refused_whole(data: bytes, error: BrokenRule) -> Refused:
    """Refuse a message that has no events to be told apart."""
    return Refused(1, 1, data, str(error), error.rule)
