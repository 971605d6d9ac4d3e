"""One file of a replay: a reader that fails costs the rest of its file, not the run."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hypothesis import given
from hypothesis import strategies as st

from streams.readers.formats import Accepted, Format, Item, Refused, Skipped
from streams.replay.checkpoint import ReplayCheckpoint
from streams.replay.input import READER_RULE, Covered, Input
from streams.replay.recordings import Recording


def failing(stream: BinaryIO) -> Iterator[Item]:
    """Read four bytes, then fail."""
    del stream
    yield Skipped(1, "header", ((0, 2),))
    yield Accepted(1, 2, b"ab", (), ((2, 4),))
    raise OverflowError("date value out of range")


def test_the_rest_of_a_file_whose_reader_fails_is_refused(tmp_path: Path) -> None:
    """With its bytes, a number of its own, and the kind of the fault; nothing of the content."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * 10)
    form = Format("f", "air_quality", "one row", lambda _: True, failing)
    file = Input(Recording(path, "ab", form, size=10), ReplayCheckpoint("f", 0))
    *_, last = file.items()
    reason = "the reader failed here: OverflowError; report it with this file"
    assert last == Refused(2, None, b"", reason, READER_RULE, ((4, 10),))


@given(st.permutations(list(range(100))), st.integers(min_value=0, max_value=100))
def test_what_is_left_of_a_source_is_known(order: list[int], count: int) -> None:
    """In whatever order its bytes came."""
    covered = Covered()
    for at in order[:count]:
        covered.add(((at, at + 1),))
    left = {at for begin, end in covered.rest(100) for at in range(begin, end)}
    assert left == set(order[count:])
