"""What is remembered of a source's events of one subject, and what the next one means. Pure.

A source numbers its events for each topic and key from 1 on, under each of its keys apart: so a subject's events lie in
one partition in their order, and what is found does not depend on how many partitions or batches there are.

- A number above the last one is new; those passed over are missing, and are reported.
- A missing number that comes late is taken, and reported as arrived.
- The same event again, byte for byte under the same signer, is a repeat of Kafka's, and is taken: it changes no fact.
- The same event id with other bytes, number or signer is refused; so is another event under a number that was used.

The last 64 events of a subject are remembered, 64 gaps, and 8 keys. A number beyond them that comes again is refused,
whatever it brings: nothing shows any more that it is a repeat.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

REMEMBERED: Final = 64
SIGNERS: Final = 8
_HALF: Final = 16  # hexadecimal digits of each digest kept


class Numbered(NamedTuple):
    """One event as the fold sees it.

    Attributes:
        event_id: Its id.
        value: The record's value.
        sequence: Its number, or None.
        signer: did:key that signed it, or None.
    """

    event_id: str
    value: bytes
    sequence: int | None
    signer: str | None


class SequenceGap(NamedTuple):
    """Numbers that were passed over, or (arrived) one that came late after all."""

    first: int
    last: int
    arrived: bool


class Step(NamedTuple):
    """What an event means: why it is refused, or the memory after it and the gaps to report."""

    refusal: str | None
    memory: Mapping[str, Any]
    gaps: tuple[SequenceGap, ...] = ()


def step(memory: Mapping[str, Any] | None, event: Numbered) -> Step:
    """Take one event.

    Args:
        memory: What was remembered, as JSON; None at the first.
        event: The event, whose signature was found right.
    """
    before = memory or {"seen": [], "counts": {}}
    name, form = _digests(event)
    known = next((each for each in reversed(before["seen"]) if each.startswith(name)), None)
    if known is not None:
        if known == name + form:
            return Step(None, before)
        return Step("this event came before with another value, number or signer", before)
    counts = before["counts"]
    gaps: tuple[SequenceGap, ...] = ()
    if event.sequence is not None:
        signer = event.signer or ""
        last, open_gaps = counts.get(signer, (0, []))
        counted = _count(last, open_gaps, event.sequence)
        if counted is None:
            return Step(
                f"number {event.sequence} came before, with another event or too long ago to tell", before
            )
        entry, gap = counted
        others = [(name, each) for name, each in counts.items() if name != signer]
        counts = dict([*others, (signer, entry)][-SIGNERS:])
        gaps = () if gap is None else (gap,)
    return Step(None, {"seen": [*before["seen"], name + form][-REMEMBERED:], "counts": counts}, gaps)


def _count(
    last: int, open_gaps: list[list[int]], number: int
) -> tuple[tuple[int, list[list[int]]], SequenceGap | None] | None:
    """Take a number: the last number and the open gaps after it, and what to report; None if it was used."""
    if number > last:
        if number == last + 1:
            return (number, open_gaps), None
        gap = SequenceGap(last + 1, number - 1, False)
        return (number, [*open_gaps, [gap.first, gap.last]][-REMEMBERED:]), gap
    for at, (first, end) in enumerate(open_gaps):
        if first <= number <= end:
            rest = [part for part in ([first, number - 1], [number + 1, end]) if part[0] <= part[1]]
            left = [*open_gaps[:at], *rest, *open_gaps[at + 1 :]]
            return (last, left[-REMEMBERED:]), SequenceGap(number, number, True)
    return None


def _digests(event: Numbered) -> tuple[str, str]:
    """Return what tells an event from others, and its form from other forms of it."""
    form = sha256(f"{event.signer or ''} {event.sequence or 0}\n".encode() + event.value)
    return sha256(event.event_id.encode()).hexdigest()[:_HALF], form.hexdigest()[:_HALF]
