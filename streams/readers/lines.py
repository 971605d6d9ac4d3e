"""Cuts a byte stream into lines and keeps where each one lies. Pure.

A line ends with CR, LF, CRLF or LFCR, or with the source. Every byte of the source belongs to exactly one line. A line
without an end costs bounded memory: its bytes beyond `LONGEST_LINE` are counted, not kept.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from streams.readers.formats import Span

LONGEST_LINE = 1 << 20
"""Longest line that is kept whole, in bytes without its end."""

BOM = b"\xef\xbb\xbf"
"""Byte order mark of UTF-8."""

_END = re.compile(rb"\r\n|\n\r|\n|\r")
_CHUNK_BYTES = 1 << 20


class Line(NamedTuple):
    """A line of the source.

    Attributes:
        number: Its number, from 1.
        begin: Offset of its first byte.
        end: Offset behind its line end.
        data: Its bytes without the line end. The first `LONGEST_LINE + 1` bytes of a line that is longer.
    """

    number: int
    begin: int
    end: int
    data: bytes

    @property
    def spans(self) -> tuple[Span, ...]:
        """The bytes of the source that belong to it, with its line end."""
        return ((self.begin, self.end),)

    @property
    def text(self) -> bytes:
        """Its bytes without a byte order mark. Files that were joined have one in the middle."""
        return self.data.removeprefix(BOM)


def lines(stream: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a source.

    Args:
        stream: The source, at its beginning.
    """
    number, begin = 1, 0
    base, rest = 0, b""  # offset of the first byte of `rest`, less what was dropped from the line in `rest`
    while True:
        chunk = stream.read(_CHUNK_BYTES)
        buffer, at = rest + chunk, 0
        for match in _END.finditer(buffer, max(0, len(rest) - 1)):
            if chunk and match.end() == len(buffer) and match.end() - match.start() == 1:
                break  # the second byte of the line end may follow
            end = base + match.end()
            yield Line(number, begin, end, buffer[at : match.start()][: LONGEST_LINE + 1])
            number, begin, at = number + 1, end, match.end()
        rest, base = buffer[at:], base + at
        if not chunk:
            break
        if len(rest) > LONGEST_LINE + 2:
            kept = rest[: LONGEST_LINE + 1] + rest[-1:]
            base, rest = base + len(rest) - len(kept), kept
    if rest:
        yield Line(number, begin, base + len(rest), rest[: LONGEST_LINE + 1])
