"""The order in which a recording of persons is sent."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import RecordingError
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.replay.checkpoint import CheckpointFolder, ReplayCheckpoint
from streams.replay.shuffle import BEFORE_ALL, shuffled

KINDS = st.one_of(st.integers(-3, 3), st.sampled_from(["refused", "skipped"]))


def number(position: int) -> int:
    """Return a keyed number."""
    return int.from_bytes(hashlib.sha256(b"%d" % position).digest()[:8])


def file_of(kinds: list[int | str]) -> list[Item]:
    """Make a file of records at some times, refused records and skipped parts, each with bytes of its own."""
    made: list[Item] = []
    for place, kind in enumerate(kinds):
        spans = ((place * 10, place * 10 + 10),)
        if kind == "skipped":
            made.append(Skipped(place, "blank", spans))
        elif isinstance(kind, str):
            made.append(Refused(place + 1, place, b"", "reason", "rule@1", spans))
        else:
            made.append(Accepted(place + 1, place, b"", (EventDraft("t", kind, {}),), spans))
    return made


class Reader:
    """A file that counts how often it is read."""

    def __init__(self, items: list[Item]) -> None:
        self.items, self.reads = items, 0

    def __call__(self) -> Iterator[Item]:
        """Read it from its beginning."""
        self.reads += 1
        return iter(self.items)


@given(
    kinds=st.lists(KINDS, max_size=40), window=st.integers(1, 50), size=st.integers(1, 500), data=st.data()
)
def test_every_window_and_every_restart_give_the_same_order(
    kinds: list[int | str], window: int, size: int, data: st.DataObject
) -> None:
    """Each item comes once; what was sent is a beginning of it, wherever a replay was stopped."""
    items = file_of(kinds)
    want = list(shuffled(lambda: iter(items), number))
    assert sorted(want, key=lambda each: each.spans) == items
    begin = data.draw(st.integers(0, len(items)))
    again = shuffled(lambda: iter(items), number, begin, window_items=window, window_bytes=size)
    assert list(again) == want[begin:]


@given(kinds=st.lists(KINDS, max_size=40))
def test_items_come_by_time_and_one_without_a_time_has_the_time_before_it(kinds: list[int | str]) -> None:
    """So a scenario of persons keeps the order of its time."""
    items, last, times = file_of(kinds), BEFORE_ALL, {}
    for item in items:
        last = item.drafts[0].occurred_at if isinstance(item, Accepted) else last
        times[item.spans] = last
    found = [times[item.spans] for item in shuffled(lambda: iter(items), number)]
    assert found == sorted(found)


def test_memory_holds_a_window_and_the_file_is_read_once_for_each() -> None:
    """And once more for the times."""
    reader = Reader(file_of([0] * 100))
    assert len(list(shuffled(reader, number, window_items=30))) == 100
    assert reader.reads == 1 + 4
    reader = Reader(file_of([0] * 100))
    assert len(list(shuffled(reader, number, 60, window_items=30))) == 40
    assert reader.reads == 1 + 2


def test_a_file_that_shrinks_while_it_is_read_is_an_error_and_no_silent_loss() -> None:
    """Its items would be missing."""
    reader = Reader(file_of([0] * 10))
    order = shuffled(reader, number, window_items=5)
    next(order)
    del reader.items[3:]
    with pytest.raises(RecordingError, match="changed"):
        list(order)


def test_progress_in_another_order_begins_again_and_a_finished_file_stays_finished(tmp_path: Path) -> None:
    """An earlier version sent the items of persons in the file's order."""
    folder = CheckpointFolder(tmp_path)
    folder.save("aa", ReplayCheckpoint("nhanes", 7, read=5, accepted=5))
    folder.save("bb", ReplayCheckpoint("nhanes", 7, read=5, accepted=5, finished=True))
    assert folder.load("aa", shuffled=True) == ReplayCheckpoint("nhanes", 7, shuffled=True)
    begun, finished = folder.load("aa"), folder.load("bb", shuffled=True)
    assert begun is not None
    assert begun.read == 5
    assert finished is not None
    assert finished.finished
    folder.save("aa", ReplayCheckpoint("nhanes", 7, read=5, accepted=5, shuffled=True))
    kept = folder.load("aa", shuffled=True)
    assert kept is not None
    assert kept.read == 5
