"""Yields a source's records in the order of each station's time. Pure.

Interfaces give the newest hour first, and the rules use a reading only if it is newer than the last one of its station.
A source that is in order is passed on as it is. In another one the records of sound readings come last, sorted by
time; each keeps its number, its line and its bytes. They are held in memory, so a source of more than `MOST_SORTED`
readings, or of more than `MOST_BYTES` in them, stays in its own order.
"""

from collections.abc import Callable, Iterator

from streams.readers.formats import Accepted, Item, size_of

MOST_SORTED = 300_000
"""Readings that are sorted, some 400 MB. A year of Seoul's hours has 440,000: those tables are in order."""

MOST_BYTES = 128 << 20
"""Bytes of the readings that are sorted: some 400 each."""


def in_time_order(read: Callable[[], Iterator[Item]]) -> Iterator[Item]:
    """Yield the records of a source, each station's in the order of time.

    Args:
        read: Yields the records from the beginning of the source. Called twice.
    """
    if _needs_no_sorting(read()):
        yield from read()
        return
    sound: list[Accepted] = []
    for item in read():
        if isinstance(item, Accepted) and item.drafts:
            sound.append(item)
        else:
            yield item
    yield from sorted(sound, key=_time)


def _time(item: Accepted) -> tuple[int, int]:
    return item.drafts[0].occurred_at, item.record


def _needs_no_sorting(items: Iterator[Item]) -> bool:
    """Return whether each station's readings come in the order of time, or are too many to be sorted."""
    newest: dict[str, int] = {}
    ordered, count, size = True, 0, 0
    for item in items:
        if isinstance(item, Accepted) and item.drafts:
            draft = item.drafts[0]
            station = str(draft.fields["station"])
            ordered = ordered and draft.occurred_at >= newest.get(station, draft.occurred_at)
            newest[station] = draft.occurred_at
            count += 1
            size += size_of(item)
    return ordered or count > MOST_SORTED or size > MOST_BYTES
