"""Lines: every byte belongs to exactly one, whatever ends them and however the stream is cut."""

import io
import re

from hypothesis import given
from hypothesis import strategies as st

from streams.readers import lines as module
from streams.readers.lines import LONGEST_LINE, Line, lines


def read(data: bytes) -> list[Line]:
    """Read the lines of some bytes."""
    return list(lines(io.BytesIO(data)))


@given(
    st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"", b"\0", b"\xef\xbb\xbf"]), max_size=30).map(
        b"".join
    )
)
def test_the_lines_are_the_source(data: bytes) -> None:
    """Their bytes with their ends are the source, in order, and none holds a line end."""
    found = read(data)
    assert [each.begin for each in found] == [0, *(each.end for each in found)][: len(found)]
    assert (found[-1].end if found else 0) == len(data)
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    for line in found:
        assert data[line.begin : line.end].startswith(line.data)
        assert re.fullmatch(rb"(\r\n|\n\r|\r|\n)?", data[line.begin + len(line.data) : line.end])
        assert not set(line.data) & set(b"\r\n")


@given(
    st.lists(st.sampled_from([b"abc", b"\r", b"\n", b"\r\n"]), max_size=20).map(b"".join),
    st.integers(min_value=1, max_value=5),
)
def test_where_the_stream_is_cut_does_not_matter(data: bytes, chunk: int) -> None:
    """A line end may lie on both sides of a cut."""

    class Dripping(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            return super().read(chunk)

    assert list(lines(Dripping(data))) == read(data)


def test_a_line_without_end_is_bounded() -> None:
    """Its bytes are counted, not kept; the next line has its right place."""
    long = b"x" * (5 * LONGEST_LINE + 3)
    first, second = read(long + b"\r\ny")
    assert (first.begin, first.end) == (0, len(long) + 2)
    assert len(first.data) == LONGEST_LINE + 1
    assert second == Line(2, len(long) + 2, len(long) + 3, b"y")


def test_a_line_of_the_longest_length_is_whole() -> None:
    """One byte more is seen by its length."""
    for length in (LONGEST_LINE, LONGEST_LINE + 1):
        first, second = read(b"x" * length + b"\ny\n")
        assert len(first.data) == length
        assert (second.begin, second.end) == (length + 1, length + 3)
    assert module.LONGEST_LINE == LONGEST_LINE
