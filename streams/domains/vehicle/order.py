"""The order of a vehicle's signals: which of them the rules take, and which one closes what is open. Pure.

A recording need not be in the order of time: GPX 1.1 orders no `trkpt`, and a receiver may tell one time of another
era (the week number of IS-GPS-200 has 10 bits). The readers mark what is outside the longest run in order, the rules
leave it out. Otherwise one time in the future would silence all that follow.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from streams.domains.vehicle.signals import RECORDING_ENDED
from streams.readers.formats import Accepted, Item

OUT_OF_ORDER = "OUT_OF_ORDER"
"""Flag of a signal that is outside its vehicle's longest run in the order of time. The rules leave it out."""

SILENCE_US = 300_000_000
"""Time without a signal after which a trip is over."""

Stretch = Sequence[int | None]
"""What a closing signal closes: time of its first signal, and the newest time before that (None without), µs."""


def is_left_out(signal: Mapping[str, Any]) -> bool:
    """Return whether the rules leave a signal out, since its time cannot be that of its place."""
    return OUT_OF_ORDER in (signal.get("flags") or ())


def stretch_of(current: Stretch | None, frontier: int | None, at_us: int) -> Stretch:
    """Return the stretch that a new signal belongs to: the current one, or its own after a silence.

    Args:
        current: The stretch before; None at the beginning and behind a closing signal.
        frontier: The newest time so far, µs since 1970 UTC, or None.
        at_us: Time of the new signal.
    """
    if current is None or frontier is None or at_us - frontier > SILENCE_US:
        return [at_us, frontier]
    return current


def closes_late(signal: Mapping[str, Any], stretch: Stretch | None) -> bool:
    """Return whether a signal that is not newer than the last one closes the open stretch.

    `RECORDING_ENDED` stands at the last record, whatever its time. `IGNITION_OFF` ends what began before it. Neither
    does if it is not newer than what came before the stretch: then it is a repeat, and has closed that.

    Args:
        signal: Fields of `vehicle.signal`.
        stretch: The open stretch, or None.
    """
    ends, at = signal.get("ends"), signal["occurred_at"]
    if ends is None or stretch is None:
        return False
    begun_us, before_us = stretch
    if before_us is not None and at <= before_us:
        return False
    return ends == RECORDING_ENDED or begun_us is None or at >= begun_us


def in_order(times: Sequence[int]) -> list[int]:
    """Return the indices of the longest run of times that never go back.

    Of several it is the one that ends earliest, and whose other times are the latest: what lies far off is no part of
    it. Patience sorting: n·log n steps.
    """
    tails, levels = array("q"), array("q")
    for time in times:
        level = bisect_right(tails, time)
        levels.append(level)
        tails[level : level + 1] = array("q", [time])
    begins = array("q", [0] * (len(tails) + 1))
    for level in levels:
        begins[level + 1] += 1
    for level in range(len(tails)):
        begins[level + 1] += begins[level]
    free, by_level = begins[:], array("q", levels)
    for index, level in enumerate(levels):
        by_level[free[level]] = index
        free[level] += 1
    found = by_level[-1:].tolist()  # within a level times fall, so the last one is the earliest
    for level in range(len(tails) - 2, -1, -1):
        most, low, high = times[found[-1]], begins[level], begins[level + 1]
        found.append(by_level[bisect_left(by_level, -most, low, high, key=lambda index: -times[index])])
    return found[::-1]


def with_closing_signals(
    read: Callable[[], Iterable[Item]], begins: Callable[[Item], bool] = lambda _: False
) -> Iterator[Item]:
    """Yield the items of a recording of one or several vehicles, with the last signal of each closing.

    Its last accepted item in order has `ends` set; what is out of order has a flag. The recording is read twice, and
    four times if something is out of order. Why: docs/identity.md#closing-events.

    Args:
        read: Reads the items from the beginning.
        begins: Whether an item begins a further session, before which all vehicles are closed too.
    """
    closing, unordered = _survey(read(), begins, frozenset())
    left_out = frozenset[int]()
    if unordered:
        left_out = _left_out(read(), unordered)
        closing, _ = _survey(read(), begins, left_out)
    for item in read():
        if isinstance(item, Accepted) and item.record in left_out:
            yield _flagged(item)
        elif isinstance(item, Accepted) and item.record in closing:
            yield _closed(item)
        else:
            yield item


def _survey(
    items: Iterable[Item], begins: Callable[[Item], bool], left_out: frozenset[int]
) -> tuple[set[int], set[str]]:
    """Return the records that close, and the vehicles whose times go back."""
    newest, last = dict[str, int](), dict[str, int]()
    closing, unordered = set[int](), set[str]()
    for item in items:
        if begins(item):
            closing.update(last.values())
            last.clear()
        if not isinstance(item, Accepted) or not item.drafts or item.record in left_out:
            continue
        draft = item.drafts[-1]
        vehicle: str = draft.fields["vehicle"]
        if draft.occurred_at < newest.get(vehicle, draft.occurred_at):
            unordered.add(vehicle)
        newest[vehicle], last[vehicle] = draft.occurred_at, item.record
    return closing | set(last.values()), unordered


def _left_out(items: Iterable[Item], vehicles: set[str]) -> frozenset[int]:
    """Return the records of some vehicles that are outside their longest run in order."""
    times = {vehicle: array("q") for vehicle in vehicles}
    records = {vehicle: array("q") for vehicle in vehicles}
    for item in items:
        if isinstance(item, Accepted) and item.drafts:
            vehicle = item.drafts[-1].fields["vehicle"]
            if vehicle in times:
                times[vehicle].append(item.drafts[-1].occurred_at)
                records[vehicle].append(item.record)
    found = set[int]()
    for vehicle, numbers in records.items():
        kept = {numbers[index] for index in in_order(times[vehicle])}
        found.update(number for number in numbers if number not in kept)
    return frozenset(found)


def _closed(item: Accepted) -> Accepted:
    """Return an accepted item whose last signal closes its vehicle's recording."""
    last = item.drafts[-1]
    ended = replace(last, fields={**last.fields, "ends": RECORDING_ENDED})
    return replace(item, drafts=(*item.drafts[:-1], ended))


def _flagged(item: Accepted) -> Accepted:
    """Return an accepted item whose signals are out of order."""
    drafts = tuple(
        replace(each, fields={**each.fields, "flags": [*each.fields.get("flags", ()), OUT_OF_ORDER]})
        for each in item.drafts
    )
    return replace(item, drafts=drafts)
