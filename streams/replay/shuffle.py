"""Puts the items of a file into an order that does not follow the file's, with bounded memory. Pure.

A recording of persons is sent in this order: by time, and at one time by a keyed number. Otherwise a holder of the file
could find a person's row by the position of the person's record in its topic (docs/privacy.md). The order depends on
the file and the key alone, so a replay that goes on has the same order.

The file is read once for the times of its items, and once more for each window of `WINDOW_ITEMS` items.
"""

from array import array
from collections.abc import Callable, Iterator

from streams.errors import RecordingError
from streams.readers.formats import Accepted, Item, size_of

WINDOW_ITEMS = 20_000
"""Most items of a window, which is kept in memory."""

WINDOW_BYTES = 1 << 26
"""Most source bytes of a window, if it has more than one item."""

BEFORE_ALL = -(1 << 63)
"""Time of the items in front of the first time of a file."""


def shuffled(
    items: Callable[[], Iterator[Item]],
    number: Callable[[int], int],
    begin: int = 0,
    *,
    window_items: int = WINDOW_ITEMS,
    window_bytes: int = WINDOW_BYTES,
) -> Iterator[Item]:
    """Yield the items of a file by time, and at one time by their keyed numbers.

    An item without a time has that of the previous one in the file.

    Args:
        items: Reads the file from its beginning. Yields the same items each time.
        number: Returns the keyed number of an item by its position in the file, 0 to 2^64 - 1.
        begin: Items of the order that are left out.
        window_items: Most items that are kept.
        window_bytes: Most source bytes that are kept, if there is more than one item.

    Raises:
        RecordingError: The file has changed meanwhile.
    """
    times, numbers, sizes = array("q"), array("Q"), array("Q")
    last = BEFORE_ALL
    for position, item in enumerate(items()):
        last = _time(item, last)
        times.append(last)
        numbers.append(number(position))
        sizes.append(size_of(item))
    order = array("Q", sorted(range(len(times)), key=lambda each: (times[each], numbers[each], each)))
    while begin < len(order):
        end = _window(order, sizes, begin, window_items, window_bytes)
        yield from _read(items, order[begin:end])
        begin = end


def _time(item: Item, last: int) -> int:
    return item.drafts[-1].occurred_at if isinstance(item, Accepted) and item.drafts else last


def _window(order: "array[int]", sizes: "array[int]", begin: int, most_items: int, most_bytes: int) -> int:
    """Return the end of the window that begins at a place of the order."""
    end, size = begin + 1, sizes[order[begin]]
    while end < min(len(order), begin + most_items) and size + sizes[order[end]] <= most_bytes:
        size += sizes[order[end]]
        end += 1
    return end


def _read(items: Callable[[], Iterator[Item]], positions: "array[int]") -> Iterator[Item]:
    """Yield the items at some positions of a file, in the order of these."""
    wanted = {position: place for place, position in enumerate(positions)}
    found: dict[int, Item] = {}
    last = max(positions)
    for position, item in enumerate(items()):
        if position in wanted:
            found[wanted[position]] = item
        if position == last:
            break
    for place in range(len(positions)):
        if place not in found:
            raise RecordingError("the file has changed while it was read: replay it again")
        yield found.pop(place)
