"""The sequence of a source's events of one subject: its history, and the verdict on the next event. Pure.

A source numbers its events from 1, separately for each topic, key and signing key. So a subject's events lie in one
partition in their order, and the verdict does not depend on the number of partitions or batches.

- A number above the last one is accepted; the numbers passed over are reported as missing.
- A missing number that comes late is accepted and reported as arrived.
- The same bytes under the same number and signer are a repeat by Kafka. They are accepted and change no fact.
- The same event id with other bytes, number or signer is refused. So is another event under a used number.

The history keeps the last 64 events of a subject, 64 gaps and 8 signing keys. An older number that comes again is
refused, because nothing shows any more that it is a repeat.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

REMEMBERED: Final = 64
SIGNERS: Final = 8
_HALF: Final = 16  # hexadecimal digits of each digest kept


class Numbered(NamedTuple):
    """An event with its number.

    Attributes:
        event_id: Its id.
        value: The record's value.
        sequence: Its number, from 1, or None.
        signer: did:key that signed it, or None.
    """

    event_id: str
    value: bytes
    sequence: int | None
    signer: str | None


class SequenceGap(NamedTuple):
    """Numbers that are missing, or one missing number that came late.

    Attributes:
        first: First number.
        last: Last number.
        arrived: True for a number that came late.
    """

    first: int
    last: int
    arrived: bool


class Step(NamedTuple):
    """The result of one event.

    Attributes:
        refusal: Why it is refused, or None.
        history: The history after it, as JSON.
        gaps: Numbers to report.
    """

    refusal: str | None
    history: Mapping[str, Any]
    gaps: tuple[SequenceGap, ...] = ()


def step(history: Mapping[str, Any] | None, event: Numbered) -> Step:
    """Return the verdict on one event and the history after it.

    Args:
        history: History before it, as JSON; None for the first event of a subject.
        event: The event, whose signature was verified.
    """
    before = history or {"seen": [], "counts": {}}
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
    """Return the last number and the open gaps after a number, and the gap to report; None if it was used."""
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
    """Return the digest of the event id, and the digest of signer, number and value."""
    form = sha256(f"{event.signer or ''} {event.sequence or 0}\n".encode() + event.value)
    return sha256(event.event_id.encode()).hexdigest()[:_HALF], form.hexdigest()[:_HALF]
