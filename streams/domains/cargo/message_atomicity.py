"""Messages whose events are accepted together or refused together. Pure.

EPCIS 2.0 rolls a capture back as a whole unless the sender asks otherwise (`GS1-Capture-Error-Behaviour: rollback`).
DCSA's conformance tests pass or fail whole messages. So one event that violates a rule refuses its whole message, event
by event: the invalid events under the rule that each violates, the valid ones under the atomicity rule, with the
number of the first invalid event. A message that cannot be cut into events is one refused record.

The format's reader cuts the message into events. This module knows no format.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from streams.domains.cargo.rule_violation import RuleViolation
from streams.readers.formats import Accepted, EventDraft, Item, Refused

LARGEST_MESSAGE = 64 << 20
"""Bytes above which a message is not read. It bounds memory, since a message is checked as a whole."""


class RawEvent(NamedTuple):
    """One event as it lies in its message.

    Attributes:
        line: Line where it starts, from 1.
        data: Its bytes.
        value: Its parsed value: what JSON holds, or an XML element.
    """

    line: int
    data: bytes
    value: object


def read_message(stream: BinaryIO, rule: str) -> bytes:
    """Return the bytes of a message.

    Args:
        stream: The whole file, decompressed.
        rule: Rule that a message above `LARGEST_MESSAGE` violates.

    Raises:
        RuleViolation: The message is too large.
    """
    data = stream.read(LARGEST_MESSAGE + 1)
    if len(data) > LARGEST_MESSAGE:
        raise RuleViolation(rule, f"message of more than {LARGEST_MESSAGE} bytes")
    return data


def accept_together(
    raw_events: Iterable[RawEvent], draft: Callable[[object], EventDraft], rule: str
) -> Iterator[Item]:
    """Check all events of a message, then accept all of them or refuse all of them.

    Args:
        raw_events: The events in the order of the message.
        draft: Makes the draft of an event's value, or raises `RuleViolation`.
        rule: The atomicity rule: refuses a valid event whose message has an invalid one.

    Yields:
        One item per event, numbered from 1.
    """
    checked: list[tuple[RawEvent, EventDraft | RuleViolation]] = []
    for raw_event in raw_events:
        try:
            checked.append((raw_event, draft(raw_event.value)))
        except RuleViolation as error:
            checked.append((raw_event, error))
    first = next(
        (number for number, (_, each) in enumerate(checked, 1) if isinstance(each, RuleViolation)), None
    )
    for number, (raw_event, each) in enumerate(checked, 1):
        if isinstance(each, RuleViolation):
            yield Refused(number, raw_event.line, raw_event.data, str(each), each.rule)
        elif first is not None:
            reason = f"the message is refused as a whole: its event {first} breaks a rule"
            yield Refused(number, raw_event.line, raw_event.data, reason, rule)
        else:
            yield Accepted(number, raw_event.line, raw_event.data, (each,))


def refuse_message(data: bytes, error: RuleViolation) -> Refused:
    """Return the one refused record of a message that cannot be cut into events."""
    return Refused(1, 1, data, str(error), error.rule)
